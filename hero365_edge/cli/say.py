"""`hero365-edge say TEXT`: a question without a microphone; the appliance speaks the answer."""

import argparse
from pathlib import Path

from hero365_edge.cli.options import add_config, load_config
from hero365_edge.fleet.control import request


def configure(parser: argparse.ArgumentParser) -> None:
    """The text."""
    add_config(parser)
    parser.add_argument("text", metavar="TEXT", help="what to say to the voice agent, in quotes")


def run(arguments: argparse.Namespace) -> int:
    """Hand the text to the daemon. Raises EdgeError when it does not take it."""
    request(Path(load_config(arguments).settings.control.socket), {"do": "say", "text": arguments.text})
    return 0
