"""`hero365-edge volume [N]`: how loud the speaker is, or make it so, until the next restart."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hero365_edge.cli.options import add_config, add_json, load_config
from hero365_edge.fleet.control import request


def configure(parser: argparse.ArgumentParser) -> None:
    """The loudness."""
    add_config(parser)
    add_json(parser)
    parser.add_argument(
        "percent",
        metavar="N",
        nargs="?",
        type=_percent,
        help="percent of full scale, 0 to 100; it also ends `mute`, and holds until the program starts again",
    )


def run(arguments: argparse.Namespace) -> int:
    """Set it when a number is given, and print it. Raises EdgeError when no daemon answers."""
    wanted = {} if arguments.percent is None else {"percent": arguments.percent}
    volume = order(arguments, "volume", **wanted)
    print(json.dumps(volume) if arguments.json else in_words(volume))
    return 0


def order(arguments: argparse.Namespace, what: str, **details: object) -> dict[str, Any]:
    """Have the daemon do `what`; its answer. Raises EdgeError."""
    return request(Path(load_config(arguments).settings.control.socket), {"do": what, **details})


def in_words(volume: Mapping[str, Any]) -> str:
    """The loudness for a person."""
    muted = "; muted, `hero365-edge unmute` ends that" if volume.get("muted") else ""
    return f"{volume.get('percent', '?')} %{muted}"


def _percent(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of percent from 0 to 100")
    return int(text)
