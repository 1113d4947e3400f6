"""`hero365-edge mute`: silence the speaker until `unmute`, `volume N` or the next restart."""

import argparse

from hero365_edge.cli.options import add_config
from hero365_edge.cli.volume import in_words, order


def configure(parser: argparse.ArgumentParser) -> None:
    """Only the common option."""
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Mute, and print the volume. Raises EdgeError when no daemon answers."""
    print(in_words(order(arguments, "mute")))
    return 0
