"""Reads the profiles of boards, `hardware/profiles/*.yaml`, which travel inside the package."""

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable

import msgspec

from hero365_edge.core.board import Board
from hero365_edge.errors import ConfigError
from hero365_edge.strict_yaml import YamlError, parse

GENERIC = "generic"
"""The profile of a board that is none of the others: a button and LEDs on wires of one's own."""


def packaged() -> Traversable:
    """The folder of the profiles: `hardware` in the package is a link to the one above it, in a wheel a copy."""
    return resources.files("hero365_edge") / "hardware" / "profiles"


def load_boards(folder: Traversable | None = None) -> Mapping[str, Board]:
    """Every profile by its name, in the order of the names. Raises ConfigError that says which file, where and what."""
    files = {path.name: path for path in (folder or packaged()).iterdir() if path.name.endswith(".yaml")}
    return {name.removesuffix(".yaml"): _load(files[name]) for name in sorted(files)}


def _load(path: Traversable) -> Board:
    try:
        return msgspec.convert(parse(path.read_bytes()), Board)
    except (YamlError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from error
