"""`scripts/chaos`: speaks to the real daemon while backend and path misbehave, and counts what became of each word."""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from pathlib import Path

from tests import alsa_rig, speech
from tests.chaos.faults import plan
from tests.chaos.lane import Lane, lane
from tests.chaos.process import faketime
from tests.chaos.report import report, table
from tests.chaos.tally import pool
from tests.network import road

LANES = (("seed", False), ("v1", False), ("seed", True), ("v1", True))
"""The profile of each daemon, and whether it may be killed."""
MANY = 1_000_000
CLIPS = ("0870", "0880", "0890", "0920", "0930")


def missing() -> str:
    """Why there can be no chaos here; empty when there can."""
    return road.missing() or alsa_rig.missing() or speech.missing() or ("" if faketime() else "libfaketime is missing")


async def chaos(seed: int, turns: int, folder: Path) -> list[Lane]:
    """Suffer `turns` turns, each with a fault; the lanes, with all their episodes."""
    words = pool([speech.speech(name) for name in CLIPS + speech.long_prompts()])
    dealt = plan(seed, turns, [mortal for _, mortal in LANES])
    async with contextlib.AsyncExitStack() as stack:
        lanes = []
        for number, (profile, mortal) in enumerate(LANES):
            home = folder / str(number)
            home.mkdir()
            made = lane(home, number, profile, words, number * MANY, mortal=mortal)
            lanes.append(await stack.enter_async_context(made))
        async with asyncio.TaskGroup() as tasks:
            for each, faults in zip(lanes, dealt, strict=True):
                tasks.create_task(each.run(faults))
        await asyncio.sleep(1.0)  # a second copy would come late
    return lanes


def main() -> int:
    """Run it, print the table, write the JSON. 0 when nothing was lost, doubled or stuck."""
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="draws the plan (%(default)s)")
    parser.add_argument("--turns", type=int, default=60, help="how many utterances are spoken (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="an empty folder for the daemons' logs and files")
    arguments = parser.parse_args()
    if why := missing():
        print(f"chaos: {why}", file=sys.stderr)
        return 1
    began_at = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="c")))
        lanes = asyncio.run(chaos(arguments.seed, arguments.turns, folder))
    figures = report(lanes)
    figures["took_s"] = round(time.monotonic() - began_at, 1)
    print(table(figures))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0 if not any(figures[bad] for bad in ("lost", "doubled", "stuck")) else 1


if __name__ == "__main__":
    sys.exit(main())
