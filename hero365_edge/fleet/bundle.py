"""Packs a support archive: texts, each scrubbed, bounded in size, and failing on its own with its reason."""

import contextlib
import io
import os
import re
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hero365_edge.errors import EdgeError
from hero365_edge.fleet.secrets import MASK, scrub

PART_CHARACTERS = 2_000_000
"""Of a longer part the end is kept: in a journal, what happened last."""
ALL_CHARACTERS = 12_000_000
"""So much in all, before it is compressed (to about a tenth)."""

_REST = r"(?:.*\\\n(?:[ \t]*[#;].*\n)*)*.*$"
"""Of a unit's line, and of those that it goes on in, comments between them too (systemd.syntax(7))."""
_ENVIRONMENT = re.compile(rf"^(\s*Environment\s*=(?:\s*[\"']?\w+=)?){_REST}", re.MULTILINE)
"""A unit's variables: people put secrets there, whatever their names are."""
_CREDENTIAL = re.compile(rf"^(\s*SetCredential(?:Encrypted)?\s*=\s*[^:\s]+:){_REST}", re.MULTILINE)
"""A credential that stands in the unit (systemd.exec(5))."""
_BOOT_CREDENTIAL = re.compile(r"(set_credential(?:_binary)?=[^:\s]+:)\S+")
"""One handed over on the kernel's command line (systemd(1))."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the archive."""

    name: str
    what: str
    """For the person who sends it: what is in there."""
    make: Callable[[], str]
    """Raises EdgeError or OSError with the reason why there is nothing."""


@dataclass(frozen=True, slots=True)
class Packed:
    """What became of a part."""

    name: str
    what: str
    characters: int
    problem: str
    """Why it is not there; empty when it is."""


def pack(path: Path, parts: Iterable[Part], made_at: datetime) -> list[Packed]:
    """Write the archive at `path` (tar, gzip), readable for its owner alone, with a MANIFEST; what is in it.

    Raises EdgeError when it cannot be written, or is there already.
    """
    folder = path.name.removesuffix(".tar.gz")
    packed: list[Packed] = []
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise EdgeError(f"{path}: cannot be written ({error.strerror})") from error
    try:
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for part in parts:
                text, one = _made(part, ALL_CHARACTERS - sum(each.characters for each in packed))
                packed.append(one)
                _add(archive, f"{folder}/{part.name}", text, made_at)
            _add(archive, f"{folder}/MANIFEST.txt", manifest(packed, made_at), made_at)
    except BaseException as error:  # the half of an archive helps nobody
        with contextlib.suppress(OSError):
            path.unlink()
        if isinstance(error, OSError):
            raise EdgeError(f"{path}: cannot be written ({error.strerror})") from error
        raise
    return packed


def manifest(packed: Iterable[Packed], made_at: datetime) -> str:
    """What is in the archive, for whoever reads it."""
    lines = [f"hero365-edge support bundle of {made_at:%Y-%m-%d %H:%M:%S} UTC; secrets are masked as {MASK}", ""]
    for each in packed:
        told = f"not collected: {each.problem}" if each.problem else f"{each.characters} characters"
        lines.append(f"{each.name:22} {told}; {each.what}")
    return "\n".join(lines) + "\n"


def _made(part: Part, room: int) -> tuple[str, Packed]:
    try:
        text, problem = (disguised(part.make()), "") if room > 0 else ("", "the bundle is full")
    except (EdgeError, OSError) as error:
        text, problem = "", " ".join(disguised(str(error)).split())
    if problem:
        return f"not collected: {problem}\n", Packed(part.name, part.what, 0, problem)
    most = min(PART_CHARACTERS, room)
    if len(text) > most:
        text = f"(the last {most} of {len(text)} characters)\n{text[-most:]}"
    return text, Packed(part.name, part.what, len(text), "")


def disguised(text: str) -> str:
    """`text` without secrets, known or by their form."""
    for form in (_ENVIRONMENT, _CREDENTIAL, _BOOT_CREDENTIAL):
        text = form.sub(rf"\1{MASK}", text)
    return scrub(text)


def _add(archive: tarfile.TarFile, name: str, text: str, made_at: datetime) -> None:
    content = text.encode(errors="backslashreplace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mtime, entry.mode = len(content), int(made_at.timestamp()), 0o600
    archive.addfile(entry, io.BytesIO(content))
