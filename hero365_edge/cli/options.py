"""The options that several commands share."""

import argparse
import logging
import os
from pathlib import Path
from typing import Any

import msgspec

from hero365_edge.cli.boards import board_defaults
from hero365_edge.config import Loaded, Provisioned, load, no_board, variable_of
from hero365_edge.errors import ConfigError
from hero365_edge.fleet.identity import DamagedError, IdentityStore, state_folder
from hero365_edge.fleet.secrets import MASK
from hero365_edge.settings import Settings

log = logging.getLogger(__name__)


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config FILE`: this file instead of the system's."""
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="take the settings of this file instead of the system's"
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`: facts for a program."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def told(settings: Settings) -> dict[str, Any]:
    """The settings for people to read: the token command without its arguments, among which somebody puts a secret."""
    values: dict[str, Any] = msgspec.to_builtins(settings)
    backend = values["backend"]
    backend["token_command"] = [*backend["token_command"][:1], *(MASK for _ in backend["token_command"][1:])]
    return values


def load_config(
    arguments: argparse.Namespace, *, as_daemon: bool = False, with_board: bool = False, profile: str | None = None
) -> Loaded:
    """The settings that the identity, `--config` and the environment ask for. Raises ConfigError.

    Only the daemon must be able to read the identity: it is no business of whoever asks for the status. Nor does a
    damaged one stop the daemon, which nobody in a van could start again. What board it is counts (`with_board`) where
    button, lamp or cards are wanted: finding it out takes a moment. `profile` stands above what `panel.profile` says.
    """
    store = IdentityStore(state_folder(os.environ))
    provisioned = None
    try:
        if identity := store.load():
            provisioned = Provisioned(store.path, identity.settings())
    except DamagedError as error:
        if not as_daemon:
            raise
        store.set_aside()
        log.error("set aside, and on without it: %s", error)  # noqa: TRY400  the trace says nothing more
    except ConfigError as error:
        if as_daemon or not isinstance(error.__cause__, PermissionError):
            raise
        log.warning("without what was provisioned: %s", error)
    return load(
        [arguments.config] if arguments.config else None,
        os.environ if profile is None else {**os.environ, variable_of("panel.profile"): profile},
        provisioned,
        board_defaults if with_board else no_board,
    )
