"""`hero365-edge press`: what the button does, from a keyboard."""

import argparse
from pathlib import Path

from hero365_edge.cli.options import add_config, load_config
from hero365_edge.fleet.control import request

LONGEST_HOLD_S = 60.0
ANSWER_S = 5.0


def configure(parser: argparse.ArgumentParser) -> None:
    """How long to hold it."""
    add_config(parser)
    parser.add_argument(
        "--hold",
        metavar="S",
        type=_seconds,
        default=0.0,
        help="keep it pressed for so many seconds (push-to-talk from 0.35 on); without it: a tap",
    )


def run(arguments: argparse.Namespace) -> int:
    """Press, and return when it is released. Raises EdgeError when the daemon does not take it."""
    path = Path(load_config(arguments).settings.control.socket)
    length = {"hold_s": arguments.hold} if arguments.hold else {}
    request(path, {"do": "press", **length}, timeout_s=arguments.hold + ANSWER_S)
    return 0


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_HOLD_S:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds from 0 to {LONGEST_HOLD_S:g}")
    return seconds
