"""Utterances as files of the runtime directory, which is memory (tmpfs): SIGKILL does not touch them.

One file each: a line of JSON that says what it is, then its frames as PCM16LE, each written as it comes. That needs no
fsync, for nothing here is meant to survive the computer; and what is cut anywhere is still read up to there.
"""

import contextlib
import errno
import json
import logging
import math
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from hero365_edge.core.pcm import Pcm, duration_s, from_bytes
from hero365_edge.shelf_ports import Leftover

log = logging.getLogger(__name__)

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""The monotonic clock begins anew with each boot; this tells whether it did."""
SET_ASIDE = "damaged"
"""The newest file that could not be read is kept under this name, for whoever wants to know why."""
LONGEST_BYTES = 130 * 32_000
"""An utterance has two minutes at most; whatever is longer is not ours."""

_UNREADABLE = (OSError, ValueError, LookupError, TypeError, RecursionError)
_OPEN, _WHOLE = ".open", ".whole"
_NAME = re.compile(rf"([A-Za-z0-9-]{{1,64}})({re.escape(_OPEN)}|{re.escape(_WHOLE)})")


@dataclass(slots=True)
class _File:
    path: Path
    descriptor: int = -1
    """-1 while it is not being written."""


class FolderShelf:
    """The Shelf port over a folder, which is made when it is missing and must be ours alone.

    Where it cannot be written (`trouble` says why), utterances are kept by the process alone, as long as it lives.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, _File] = {}
        self._given_up = ""
        self._boot_id = BOOT_ID.read_text(encoding="ascii").strip()
        self.trouble = ""
        """Why utterances would not outlive the process; empty while they would."""
        self._ours = False
        try:
            self._own()
        except OSError as error:
            self._cannot(error)
        else:
            self._ours = True

    @property
    def lasts(self) -> bool:
        """Whether a next process will find what this one leaves."""
        return not self.trouble

    def add(self, utterance_id: str, frame: Pcm, at: float) -> None:
        """One more frame; the first makes the file. An utterance of which one could not be written has none."""
        if not self._ours or utterance_id == self._given_up:
            return
        try:
            file = self._files.get(utterance_id)
            if file is None:
                file = self._begin(utterance_id, at - duration_s(len(frame)))
            _write(file.descriptor, frame.astype("<i2", copy=False).tobytes())
        except OSError as error:
            self.remove(utterance_id)
            self._given_up = utterance_id
            self._cannot(error)
        else:
            self.trouble = ""

    def complete(self, utterance_id: str) -> None:
        """The file's name says that it is whole from here on."""
        if (file := self._files.get(utterance_id)) is not None:
            _close(file)
            with contextlib.suppress(OSError):
                file.path = file.path.rename(file.path.with_suffix(_WHOLE))

    def remove(self, utterance_id: str) -> None:
        """Delete the file."""
        if (file := self._files.pop(utterance_id, None)) is not None:
            _close(file)
            with contextlib.suppress(OSError):
                file.path.unlink()

    def leftovers(self) -> list[Leftover]:
        """Every file that can be read, oldest first; one that cannot is set aside, and told."""
        found: list[Leftover] = []
        try:
            paths = sorted(self._folder.iterdir()) if self._ours else []
        except OSError as error:
            self._cannot(error)
            return []
        for path in paths:
            if path.name == SET_ASIDE:
                continue
            try:
                found.append(self._read(path))
            except _UNREADABLE as error:
                self._set_aside(path, error)
        return sorted(found, key=lambda left: -1.0 if left.spoken_at is None else left.spoken_at)

    def _own(self) -> None:
        """Raises OSError when the folder cannot be made, is a link, or is somebody else's to write."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self._folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise PermissionError(0, "it is a link, or others may write there")

    def _begin(self, utterance_id: str, began_at: float) -> _File:
        path = self._folder / f"{utterance_id}{_OPEN}"
        file = _File(path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600))
        self._files[utterance_id] = file
        _write(file.descriptor, json.dumps({"boot_id": self._boot_id, "began_at": began_at}).encode() + b"\n")
        return file

    def _read(self, path: Path) -> Leftover:
        """Raises OSError, or another of `_UNREADABLE` for what is none of our files."""
        name = _NAME.fullmatch(path.name)
        if name is None:
            raise ValueError("it is not one of ours, by its name")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            head, _, sound = file.read(LONGEST_BYTES).partition(b"\n")
        said = json.loads(head)
        boot_id, began_at = said["boot_id"], float(said["began_at"])
        if not math.isfinite(began_at):
            raise ValueError("it began at no time")
        pcm = from_bytes(sound[: len(sound) // 2 * 2])
        spoken_at = began_at + duration_s(len(pcm)) if boot_id == self._boot_id else None
        self._files[name[1]] = _File(path)
        return Leftover(name[1], pcm, spoken_at, whole=name[2] == _WHOLE)

    def _set_aside(self, path: Path, error: Exception) -> None:
        log.warning("a file of held speech cannot be read and is set aside: %s", error)
        with contextlib.suppress(OSError):
            path.rename(self._folder / SET_ASIDE)

    def _cannot(self, error: OSError) -> None:
        if not self.trouble:
            log.warning("held speech would not outlive the program: %s: %s", self._folder, error.strerror)
        self.trouble = f"{self._folder}: {error.strerror}"


def _write(descriptor: int, data: bytes) -> None:
    """Raises OSError also when only a part of it found room."""
    if os.write(descriptor, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _close(file: _File) -> None:
    if file.descriptor >= 0:
        os.close(file.descriptor)
        file.descriptor = -1
