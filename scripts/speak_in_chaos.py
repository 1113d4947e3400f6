"""Speaks to the real daemon while backend and path misbehave, and counts at the backend what became of each word.

Prints a table by kind of fault: what was accepted, told as expired, lost, executed twice, stuck; and how many seconds
after the road was good again there was a session (the back-off included).
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.lanes import chaos, missing
from tests.chaos.report import missed, report, table


def main() -> int:
    """Run it, print the table, write the JSON. 0 when all that was asked is so."""
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="draws the plan (%(default)s)")
    parser.add_argument("--turns", type=int, default=60, help="how many utterances are spoken (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="an empty folder for the daemons' logs and files")
    arguments = parser.parse_args()
    if why := missing():
        print(f"chaos: {why}", file=sys.stderr)
        return 1
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        if any(arguments.keep.iterdir()):
            parser.error(f"argument --keep: {arguments.keep} must be empty")
    began_at = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="c")))
        lanes = asyncio.run(chaos(arguments.seed, arguments.turns, folder))
    figures = report(lanes)
    figures["took_s"] = round(time.monotonic() - began_at, 1)
    print(table(figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    for line in missed(figures):
        print(f"MISSED: {line}")
    return 1 if missed(figures) else 0


if __name__ == "__main__":
    sys.exit(main())
