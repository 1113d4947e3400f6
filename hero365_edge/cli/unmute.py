"""`hero365-edge unmute`: let the speaker be heard again."""

import argparse

from hero365_edge.cli.options import add_config
from hero365_edge.cli.volume import in_words, order


def configure(parser: argparse.ArgumentParser) -> None:
    """Only the common option."""
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Unmute, and print the volume. Raises EdgeError when no daemon answers."""
    print(in_words(order(arguments, "unmute")))
    return 0
