"""The options that several commands share."""

import argparse
import os
from pathlib import Path

from hero365_edge.config import Loaded, load


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config FILE`: this file instead of the system's."""
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="take the settings of this file instead of the system's"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`: facts for a program."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def load_config(arguments: argparse.Namespace) -> Loaded:
    """The settings that `--config` and the environment ask for. Raises ConfigError."""
    return load([arguments.config] if arguments.config else None, os.environ)
