"""Reads the settings: provisioned ones, /etc/hero365-edge/config.yaml, config.d/*.yaml, HERO365_EDGE_* variables.

Later wins, key by key: what a person wrote on this device stands above what the fleet provisioned. The board that
`panel.profile` means gives what nobody has said. Whatever is wrong
is told in one ConfigError, a line each: where, which key, what is allowed.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from hero365_edge.catalogue import Setting, catalogue
from hero365_edge.core.board import not_overruled
from hero365_edge.crosscheck import contradictions
from hero365_edge.errors import ConfigError
from hero365_edge.settings import Settings
from hero365_edge.strict_yaml import YamlError, parse

FOLDER = Path("/etc/hero365-edge")
PREFIX = "HERO365_EDGE_"
DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where each came from."""

    settings: Settings
    origin: Mapping[str, str]
    """By dotted key: `default`, `profile NAME`, a file's path, or `variable NAME`. Every setting is in it."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What one source says about one key, not yet judged."""

    key: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Provisioned:
    """The settings that came with the device's identity."""

    path: Path
    document: Mapping[str, object]
    """As a settings file would say it."""


@dataclass(frozen=True, slots=True)
class BoardDefaults:
    """What the board makes of settings that nobody has said anything about."""

    origin: str
    """As in `profile codec-zero`."""
    values: Mapping[str, object]
    """By dotted key."""


def no_board(_profile: str) -> BoardDefaults | None:
    """For who needs no button, lamp or card: whatever the profile, the settings' own defaults."""
    return None


def load(
    paths: Sequence[Path] | None,
    environ: Mapping[str, str],
    provisioned: Provisioned | None = None,
    board: Callable[[str], BoardDefaults | None] = no_board,
) -> Loaded:
    """The settings of these files, or of the system's (`None`), over `provisioned`, under the variables of `environ`.

    `board` is asked what `panel.profile` stands for. Raises ConfigError, with a line for everything that is wrong.
    """
    known = catalogue()
    said: list[_Said] = []
    problems: list[str] = []
    if provisioned is not None:
        said += _leaves(provisioned.document, str(provisioned.path), known)
    for path in system_files() if paths is None else paths:
        try:
            said += _said_in_file(path, known)
        except ConfigError as error:
            problems.append(str(error))
    said += _said_in_variables(environ, known)
    origin = dict.fromkeys(known, DEFAULT)
    values = _judged_all(said, known, origin, problems)
    if not problems:
        try:
            values |= _given_by(board, values, origin)
        except ConfigError as error:
            problems.append(f"{origin['panel.profile']}: {error}")
    if not problems:
        settings = msgspec.convert(_nested(values), Settings)
        for wrong in contradictions(settings):
            written = [origin[key] for key in (wrong.key, *wrong.others) if origin[key] != DEFAULT]
            problems.append(f"{(written or [DEFAULT])[0]}: {wrong.key} {wrong.why}")
    if problems:
        raise ConfigError("\n".join(problems))
    return Loaded(settings, origin)


def _judged_all(
    said: Sequence[_Said], known: Mapping[str, Setting], origin: dict[str, str], problems: list[str]
) -> dict[str, object]:
    """The values that may be, by key, their `origin` noted; what may not be is told in `problems`."""
    values: dict[str, object] = {}
    for one in said:
        try:
            values[one.key] = _judged(one, known)
            origin[one.key] = one.origin
        except ConfigError as error:
            problems.append(str(error))
    return values


def _given_by(
    board: Callable[[str], BoardDefaults | None], said: Mapping[str, object], origin: dict[str, str]
) -> Mapping[str, object]:
    """What the board gives beside what was `said`, its `origin` noted."""
    given = board(str(said.get("panel.profile", catalogue()["panel.profile"].default)))
    if given is None:
        return {}
    fresh = not_overruled(given.values, said)
    origin |= dict.fromkeys(fresh, given.origin)
    return fresh


def system_files(folder: Path = FOLDER) -> list[Path]:
    """The files of the system's configuration that exist, in the order they are read. Raises ConfigError."""
    main, more = folder / "config.yaml", folder / "config.d"
    try:
        pieces = sorted(path for path in more.iterdir() if path.suffix == ".yaml") if more.is_dir() else []
        return [main, *pieces] if main.exists() else pieces
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be read ({error.strerror})") from error


def schema() -> dict[str, Any]:
    """The JSON Schema of a configuration file."""
    return msgspec.json.schema(Settings)


def variable_of(key: str) -> str:
    """The environment variable that sets `key`."""
    return PREFIX + key.upper().replace(".", "__")


def _said_in_file(path: Path, known: Mapping[str, Setting]) -> list[_Said]:
    try:
        return list(_leaves(parse(path.read_bytes()), str(path), known))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except YamlError as error:
        raise ConfigError(f"{path}: {error}") from error


def _said_in_variables(environ: Mapping[str, str], known: Mapping[str, Setting]) -> Iterator[_Said]:
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        key = name.removeprefix(PREFIX).lower().replace("__", ".")
        value: object = environ[name]
        if key in known and not known[key].is_text:
            with suppress(YamlError):  # then it stays text, which the setting refuses in its own words
                value = parse(environ[name])
        yield _Said(key, value, f"variable {name}")


def _leaves(node: Any, origin: str, known: Mapping[str, Setting], prefix: str = "") -> Iterator[_Said]:
    """What a document says, key by key. A section with nothing in it (all commented out) says nothing."""
    if node is None:
        return
    if not isinstance(node, dict):
        raise ConfigError(f"{origin}: {prefix.rstrip('.') or 'the file'} must hold settings, `name: value` each")
    for name, value in node.items():
        key = f"{prefix}{name}"
        is_section = any(setting.startswith(f"{key}.") for setting in known)
        if is_section or (value and isinstance(value, dict) and key not in known):
            yield from _leaves(value, origin, known, f"{key}.")
        else:
            yield _Said(key, value, origin)


def _judged(said: _Said, known: Mapping[str, Setting]) -> object:
    setting = known.get(said.key)
    if setting is None:  # the value is not shown: a token put in the wrong place would be in the journal
        raise ConfigError(f"{said.origin}: {said.key} is not a setting{_did_you_mean(said.key, known)}")
    try:
        return msgspec.convert(said.value, setting.annotation)
    except msgspec.ValidationError as error:
        hint = ", in quotes" if setting.allowed == "text" and said.value is not None else ""
        is_shown = "token" not in said.key  # what stands there by mistake may be the token itself
        text = f"{said.key} {f'is {_shown(said.value)}; it ' * is_shown}must be {setting.allowed}{hint}"
        raise ConfigError(f"{said.origin}: {text}") from error


def _nested(values: Mapping[str, object]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in values.items():
        *sections, name = key.split(".")
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        branch[name] = value
    return tree


def _did_you_mean(key: str, known: Mapping[str, Setting]) -> str:
    """The nearest setting: by the whole key, else by its last part (a setting in the wrong section)."""
    by_name = {setting.rpartition(".")[2]: setting for setting in known}
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.8)
    near = near or [by_name[name] for name in difflib.get_close_matches(key.rpartition(".")[2], by_name, n=1)]
    return f"; did you mean {near[0]} ({variable_of(near[0])})?" if near else ""


def _shown(value: object) -> str:
    text = "empty" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
