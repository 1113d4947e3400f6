"""The house as ARCHITECTURE draws it: who may import whom, and what every module looks like."""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = "hero365_edge"

_BASIS = (
    *("codec_ports", "echo_ports", "location_ports", "shelf_ports", "speech_ports", "supervisor_ports"),
    *("ports", "core", "errors"),
)
_LANES = ("uplink", "downlink", "connection", "spoken")
_PARTS = ("call", "decoding", "player", "recording", "sending")
"""What a lane is made of, where that is too much for one file."""
_HANDS = ("aside", "button", "cards", "echo", "health", "loudness", "metering", "orders", "privacy", "surroundings")
"""What `app.py` has others do beside the conversation."""
_SETTINGS = ("config", "panel_settings", "settings", "catalogue", "crosscheck", "strict_yaml")

MAY_IMPORT: Mapping[str, tuple[str, ...]] = {
    "": (),
    "errors": (),
    "core": ("core", "errors"),
    "ports": ("core", "errors"),
    "codec_ports": ("core", "errors"),
    "echo_ports": ("ports", "core", "errors"),
    "location_ports": ("core", "errors"),
    "shelf_ports": ("core", "errors"),
    "speech_ports": ("core", "errors"),
    "supervisor_ports": (),
    "strict_yaml": (),
    "panel_settings": (),
    "settings": ("panel_settings", "core", "errors"),
    "catalogue": ("settings",),
    "crosscheck": ("panel_settings", "settings", "core"),
    "profiles": ("strict_yaml", "core", "errors"),
    "config": ("settings", "catalogue", "crosscheck", "strict_yaml", "core", "errors"),
    "fleet": ("fleet", *_SETTINGS, *_BASIS),
    **dict.fromkeys(_PARTS, _BASIS),
    "sending": ("recording", *_BASIS),
    **dict.fromkeys(_LANES, ("config", "settings", *_PARTS, *_BASIS)),
    "dialogue": ("config", "settings", *_LANES, *_BASIS),
    "aside": (),
    "button": _BASIS,
    "cards": ("aside", "recording", *_BASIS),
    "echo": ("recording", *_BASIS),
    "health": _BASIS,
    "loudness": (),
    "metering": (
        *("button", "cards", "health", "loudness", "privacy", "recording", "world", "dialogue", "fleet"),
        *(*_LANES, *_BASIS),
    ),
    "privacy": _BASIS,
    "surroundings": _BASIS,
    "orders": ("dialogue", "fleet", "loudness", "spoken", "surroundings", *_BASIS),
    "world": ("fleet", *_BASIS),
    "from_settings": ("settings", *_LANES, *_PARTS, *_BASIS),
    "app": ("world", "from_settings", *_HANDS, "dialogue", "fleet", "config", "settings", *_LANES, *_PARTS, *_BASIS),
    "devices": _BASIS,
    "fakes": ("fakes", *_BASIS),
    "backend": ("backend",),
    "bench": ("bench", "connection", "echo", "recording", *_BASIS),
    "cli": (
        *("cli", "app", "from_settings", "world", "dialogue", "devices", "fakes", "backend", "bench", "fleet"),
        *("profiles", *_HANDS, *_SETTINGS, *_LANES, *_PARTS, *_BASIS),
    ),
}
"""Place in the house (a folder, or a module beside `app.py`): the places it may import from."""

SHARED_DEVICES = ("alsanames", "apa102", "depth", "gpiobutton", "quiet", "realtime", "portaudio", "tls")
"""The modules of devices/ that others there stand on: one PortAudio serves microphone and speaker."""

PURE = frozenset(
    {
        "__future__",
        "abc",
        "base64",
        "binascii",
        "bisect",
        "collections",
        "contextlib",
        "copy",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "io",
        "ipaddress",
        "itertools",
        "json",
        "math",
        "operator",
        "random",
        "re",
        "statistics",
        "string",
        "struct",
        "textwrap",
        "types",
        "typing",
        "unicodedata",
        "urllib.parse",
        "uuid",
        "wave",
        "zlib",
    }
)
"""The standard library as far as it computes: no clock, file, socket, thread or log."""

MOST_LINES = 300
FORBIDDEN_NAMES = frozenset({"util", "utils", "helper", "helpers", "manager", "managers", "common", "base", "misc"})
_NOT_COUNTED = frozenset({"numpy"})
"""Samples are numpy arrays everywhere; what counts as a device's library is the one that reaches the world."""


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def place(self) -> str:
        top = self.name.partition(".")[2].partition(".")[0]
        return "cli" if top == "__main__" else top


@dataclass(frozen=True)
class Import:
    line: int
    target: str

    @property
    def top(self) -> str:
        return self.target.partition(".")[0]

    @property
    def place(self) -> str:
        return self.target.partition(".")[2].partition(".")[0]


def modules(root: Path) -> dict[str, Module]:
    """Every module below `root`, the folder that holds the package, by dotted name."""
    found = {}
    for path in sorted((root / PACKAGE).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        found[name] = Module(name, path, text, ast.parse(text))
    return found


def imports(module: Module, known: Mapping[str, Module]) -> Iterator[Import]:
    """What `module` imports, inside functions too; `from a import b` is `a.b` where that is a module."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                package = module.name if module.path.stem == "__init__" else module.name.rpartition(".")[0]
                above = package.split(".")[: len(package.split(".")) + 1 - node.level]
                origin = ".".join([*above, *([origin] if origin else [])])
            for alias in node.names:
                whole = f"{origin}.{alias.name}"
                yield Import(node.lineno, whole if whole in known else origin)


def violations(root: Path) -> list[str]:
    """Everything below `root` that is not as the house wants it."""
    known = modules(root)
    found: list[str] = []
    for module in known.values():
        imported = list(imports(module, known))
        wrongs = (*shape(module), *places(module, imported), *libraries(module, imported), *impure(module))
        found += [f"{module.path.relative_to(root)}: {wrong}" for wrong in wrongs]
    return found + list(cycles(known))


def shape(module: Module) -> Iterator[str]:
    lines = len(module.text.splitlines())
    if lines > MOST_LINES:
        yield f"has {lines} lines; {MOST_LINES} are allowed"
    if not ast.get_docstring(module.tree):
        yield "has no docstring"
    if module.path.stem.strip("_") in FORBIDDEN_NAMES:
        yield "has a name that says nothing"


def places(module: Module, imported: list[Import]) -> Iterator[str]:
    if module.place not in MAY_IMPORT:
        yield f"{module.place} has no place in the house yet: give it one in MAY_IMPORT"
        return
    for each in imported:
        if each.top != PACKAGE or each.target == PACKAGE or each.place in MAY_IMPORT[module.place]:
            continue
        if module.place == each.place == "devices" and each.target.rpartition(".")[2] in SHARED_DEVICES:
            continue
        yield f"line {each.line}: {module.place or PACKAGE} may not import {each.target}"


def libraries(module: Module, imported: list[Import]) -> Iterator[str]:
    foreign = {each.top for each in imported if each.top not in (PACKAGE, *sys.stdlib_module_names)}
    if module.place == "core":
        yield from (f"core may not import {name}" for name in sorted(foreign - {"numpy", "msgspec"}))
        for each in imported:
            standard = each.top in sys.stdlib_module_names
            if standard and each.target not in PURE and each.top not in PURE:
                yield f"line {each.line}: core may not import {each.target}, which is not pure"
    elif module.place == "devices" and len(foreign - _NOT_COUNTED) > 1:
        yield f"uses more than one library: {', '.join(sorted(foreign - _NOT_COUNTED))}"
    elif module.place == "fakes":
        yield from (f"a fake may not import {name}" for name in sorted(foreign - _NOT_COUNTED))


def impure(module: Module) -> Iterator[str]:
    """What core could do without importing anything."""
    for node in ast.walk(module.tree) if module.place == "core" else ():
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield f"line {node.lineno}: core does not await"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            *("open", "io.open", "print", "input"),
            *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
        ):
            yield f"line {node.lineno}: core does not call {ast.unparse(node.func)}"


def cycles(known: Mapping[str, Module]) -> Iterator[str]:
    """Each import that closes a circle, told as the circle."""
    graph = {name: sorted({i.target for i in imports(module, known)} & set(known)) for name, module in known.items()}
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> Iterator[str]:
        if name in trail:
            yield f"a circle of imports: {' -> '.join((*trail[trail.index(name) :], name))}"
        elif name not in done:
            for target in graph[name]:
                yield from walk(target, (*trail, name))
            done.add(name)

    for name in graph:
        yield from walk(name, ())


def test_the_package_is_as_the_house_wants_it() -> None:
    assert violations(Path(__file__).parents[1]) == []


def test_every_place_that_is_named_may_import_only_places_there_are() -> None:
    assert {place for places in MAY_IMPORT.values() for place in places} <= set(MAY_IMPORT)


def test_no_place_can_reach_itself_through_others() -> None:
    """So that the one-way rule is one: a table with a circle would allow both directions."""

    def reach(place: str) -> set[str]:
        below = set(MAY_IMPORT[place]) - {place}
        return below.union(*(reach(each) for each in below))

    assert not [place for place in MAY_IMPORT if place in reach(place)]


def plant(root: Path, files: Mapping[str, str]) -> list[str]:
    """The violations in a package of these files, each with a docstring, and the folders' own `__init__`."""
    for name, code in files.items():
        path = root / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""Planted."""\n{code}\n')
    for folder in {path.parent for path in (root / PACKAGE).rglob("*.py")} | {root / PACKAGE}:
        if not (folder / "__init__.py").exists():
            (folder / "__init__.py").write_text('"""Planted."""\n')
    return violations(root)


@pytest.mark.parametrize(
    "files",
    [
        {"core/a.py": "import math\nimport urllib.parse\nimport numpy\nfrom hero365_edge.errors import EdgeError"},
        {"core/a.py": "from hero365_edge.core import b", "core/b.py": ""},
        {"devices/a.py": "import numpy, pyaudio\nfrom hero365_edge.devices.quiet import q", "devices/quiet.py": ""},
        {"cli/a.py": "import hero365_edge.devices.a\nimport hero365_edge.backend", "devices/a.py": ""},
        {"backend/a.py": "from . import b\nfrom .b import c", "backend/b.py": ""},
        {"app.py": "from hero365_edge import __version__, downlink", "downlink.py": ""},
        {"__main__.py": "from hero365_edge.cli import main", "cli/__init__.py": ""},
    ],
)
def test_what_the_house_allows_is_let_pass(files: dict[str, str], tmp_path: Path) -> None:
    assert plant(tmp_path, files) == []


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"core/a.py": "import hero365_edge.ports", "ports.py": ""}, "core may not import hero365_edge.ports"),
        ({"core/a.py": "def f():\n    from hero365_edge import ports", "ports.py": ""}, "line 3: core may not import"),
        ({"core/a.py": "from .. import ports", "ports.py": ""}, "core may not import hero365_edge.ports"),
        ({"core/a.py": "from ..devices.b import c", "devices/b.py": ""}, "core may not import hero365_edge.devices.b"),
        ({"core/a.py": "import asyncio"}, "core may not import asyncio, which is not pure"),
        ({"core/a.py": "from os import path"}, "core may not import os"),
        ({"core/a.py": "import urllib.request"}, "core may not import urllib.request"),
        ({"core/a.py": "import logging"}, "core may not import logging"),
        ({"core/a.py": "from time import monotonic"}, "core may not import time"),
        ({"core/a.py": "import yaml"}, "core may not import yaml"),
        ({"core/a.py": "async def f(): pass"}, "line 2: core does not await"),
        ({"core/a.py": "x = open('a')"}, "line 2: core does not call open"),
        ({"core/a.py": "from datetime import datetime\nx = datetime.now(None)"}, "core does not call datetime.now"),
        ({"errors.py": "from hero365_edge.core import a", "core/a.py": ""}, "errors may not import"),
        ({"ports.py": "from hero365_edge import config", "config.py": ""}, "ports may not import"),
        ({"uplink.py": "import hero365_edge.downlink", "downlink.py": ""}, "uplink may not import"),
        ({"connection.py": "import hero365_edge.uplink", "uplink.py": ""}, "connection may not import"),
        ({"uplink.py": "import hero365_edge.dialogue", "dialogue.py": ""}, "uplink may not import"),
        ({"dialogue.py": "import hero365_edge.fleet.a", "fleet/a.py": ""}, "dialogue may not import"),
        ({"fleet/a.py": "import hero365_edge.uplink", "uplink.py": ""}, "fleet may not import"),
        ({"app.py": "from hero365_edge.devices import a", "devices/a.py": ""}, "app may not import"),
        ({"app.py": "from hero365_edge.fakes.a import b", "fakes/a.py": ""}, "app may not import"),
        ({"app.py": "from hero365_edge.backend import a", "backend/a.py": ""}, "app may not import"),
        ({"backend/a.py": "from hero365_edge.core import b", "core/b.py": ""}, "backend may not import"),
        ({"devices/a.py": "from hero365_edge import config", "config.py": ""}, "devices may not import"),
        ({"devices/a.py": "from hero365_edge.devices.b import c", "devices/b.py": ""}, "devices may not import"),
        ({"devices/a.py": "import pyaudio, soxr"}, "uses more than one library: pyaudio, soxr"),
        ({"fakes/a.py": "from hero365_edge.devices import b", "devices/b.py": ""}, "fakes may not import"),
        ({"fakes/a.py": "import gpiozero"}, "a fake may not import gpiozero"),
        ({"__init__.py": "from hero365_edge.core import a", "core/a.py": ""}, "hero365_edge may not import"),
        ({"attic.py": ""}, "attic has no place in the house yet"),
        ({"core/a.py": "import hero365_edge.core.b", "core/b.py": "import hero365_edge.core.a"}, "a circle of imports"),
        ({"core/a.py": "from hero365_edge.core import a"}, "hero365_edge.core.a -> hero365_edge.core.a"),
        ({"core/util.py": ""}, "has a name that says nothing"),
        ({"core/a.py": "\n" * 300}, "lines; 300 are allowed"),
    ],
)
def test_a_planted_violation_is_found(files: dict[str, str], found: str, tmp_path: Path) -> None:
    assert any(found in violation for violation in plant(tmp_path, files))


def test_a_module_without_a_docstring_is_found(tmp_path: Path) -> None:
    (tmp_path / PACKAGE).mkdir()
    (tmp_path / PACKAGE / "__init__.py").write_text("x = 1\n")
    assert violations(tmp_path) == [f"{PACKAGE}/__init__.py: has no docstring"]
