"""`hero365-edge session end`: what holding the button for 8 seconds does."""

import argparse
from pathlib import Path

from hero365_edge.cli.options import add_config, load_config
from hero365_edge.fleet.control import request


def configure(parser: argparse.ArgumentParser) -> None:
    """`end`."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    end = actions.add_parser("end", help="end it; the next press begins a new one")
    add_config(end)


def run(arguments: argparse.Namespace) -> int:
    """End it, and print what was given up with it. Raises EdgeError when no daemon answers."""
    answer = request(Path(load_config(arguments).settings.control.socket), {"do": "session_end"})
    given_up = answer.get("given_up", 0)
    print("the session is ended" + (f"; {given_up} kept utterance(s) given up" if given_up else ""))
    return 0
