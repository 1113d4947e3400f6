"""`hero365-edge phrases [warm]`: what answers without sound are heard as at once, and the usual ones made so."""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hero365_edge.cli.options import add_config, add_json, load_config
from hero365_edge.fleet.control import request

WARM_S = 120.0
"""Each phrase takes the local voice some 0.05 s here, half a second on a small Pi; there are 100 at the most."""
MEBIBYTE = 1024 * 1024

_WHO = {"agent": "as the agent said it", "local": "by the local voice", None: "not known"}


def configure(parser: argparse.ArgumentParser) -> None:
    """`warm`, and the common ones."""
    add_config(parser)
    add_json(parser)
    parser.add_argument(
        "action",
        metavar="warm",
        nargs="?",
        choices=("warm",),
        help="have the local voice say the usual phrases (speech.phrases) that the agent was not heard to say yet",
    )


def run(arguments: argparse.Namespace) -> int:
    """Ask the daemon, and print. Raises EdgeError when none answers, or when phrases cannot be said or kept."""
    socket = Path(load_config(arguments).settings.control.socket)
    if arguments.action == "warm":
        facts = request(socket, {"do": "phrases_warm"}, WARM_S)
    else:
        facts = request(socket, {"do": "phrases"})
    print(json.dumps(facts) if arguments.json else "\n".join(in_words(facts)))
    return 0


def in_words(facts: Mapping[str, Any]) -> Iterator[str]:
    """The lines for a person."""
    if trouble := facts.get("trouble"):
        yield f"trouble: {trouble}"
    if "phrases" in facts:
        yield (
            f"{facts['phrases']} phrases in {facts['bytes'] / MEBIBYTE:.1f} MiB; "
            f"of those asked for {facts['hits']} were known and {facts['misses']} were not"
        )
    usual = facts.get("usual", {})
    for text, who in usual.items():
        yield f"{_WHO.get(who, who):20} {text}"
    if None in usual.values():
        yield "-> `hero365-edge phrases warm` has the local voice say what is not known"
