"""The phrase cache: the sound of short answers by their text, the least recently used thrown away first.

Of a text only its hash is kept, and who says it, as a file's name. A file holds one phrase with a check sum: one that
a power cut or a worn card has damaged is a miss and goes. What is in memory is one line for each file, which is counted
too.
"""

import asyncio
import hashlib
import logging
import os
from collections import OrderedDict
from pathlib import Path

from hero365_edge.core.pcm import RATE_HZ, Pcm, from_bytes
from hero365_edge.fleet.durable import make_folder, sweep_folder, write_durably
from hero365_edge.speech_ports import LONGEST_PHRASE_S, Whose

log = logging.getLogger(__name__)

LIMIT_BYTES = 50 * 1024 * 1024
"""On disk and in memory together (PRODUCT section 6)."""
LINE_BYTES = 512
"""What a phrase costs in memory, and at most what its name costs on disk."""
BLOCK_BYTES = 4096

_MAGIC = b"hero365 phrase 1"
_HEAD = len(_MAGIC) + hashlib.sha256().digest_size
_SUFFIXES = {Whose.AGENT: ".phrase", Whose.LOCAL: ".local"}
"""The better one first."""


class Phrases:
    """A folder of phrases. Whatever the disk does, nothing is raised: a phrase is then not there."""

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self.bytes = 0
        """What all phrases take, on disk and in memory."""
        self.hits = 0
        self.misses = 0
        self._writing = asyncio.Lock()
        self.trouble = ""
        """Why nothing can be kept; empty when it can."""
        self._read_folder()

    @property
    def figures(self) -> dict[str, int]:
        """`phrases` kept, `bytes` they take, `hits` and `misses`."""
        return {"phrases": len(self._sizes), "bytes": self.bytes, "hits": self.hits, "misses": self.misses}

    def find(self, text: str) -> Pcm | None:
        """The sound of this text at 16 kHz, if it is known and whole."""
        while (whose := self.whose(text)) is not None:
            if (pcm := self._read(_name(text, whose))) is not None:
                self.hits += 1
                return pcm
        self.misses += 1
        return None

    def whose(self, text: str) -> Whose | None:
        """Who says this text, if it is known; to look is no use of it."""
        return next((whose for whose in _SUFFIXES if _name(text, whose) in self._sizes), None)

    async def keep(self, text: str, pcm: Pcm, whose: Whose = Whose.AGENT) -> None:
        """Remember how this text sounds, unless it is long or known; the agent takes the local voice's place."""
        if not text.strip() or not 0 < len(pcm) <= LONGEST_PHRASE_S * RATE_HZ:
            return
        async with self._writing:
            if self.whose(text) in {whose, Whose.AGENT}:
                return
            await self._write(_name(text, whose), _packed(pcm))
            if self.whose(text) is Whose.AGENT and (worse := _name(text, Whose.LOCAL)) in self._sizes:
                self._remove(worse)

    def _read(self, name: str) -> Pcm | None:
        """What this file holds; a damaged one goes."""
        path = self._folder / name
        try:
            pcm = _unpacked(path.read_bytes())
            os.utime(path)  # the order of use outlives the process
        except (OSError, ValueError) as error:
            log.warning("a phrase in the cache is damaged and goes: %s", error)
            self._remove(name)
            return None
        self._sizes.move_to_end(name)
        return pcm

    async def _write(self, name: str, content: bytes) -> None:
        cost = _cost(len(content))
        if cost > self._limit:
            return
        while self.bytes + cost > self._limit:
            self._remove(next(iter(self._sizes)))
        try:
            await asyncio.to_thread(write_durably, self._folder / name, content)
        except OSError as error:
            self._cannot(error)
            return
        self.trouble = ""
        self._sizes[name] = cost
        self.bytes += cost

    def _read_folder(self) -> None:
        try:
            make_folder(self._folder)
            sweep_folder(self._folder)
            paths = [path for path in self._folder.iterdir() if path.suffix in _SUFFIXES.values()]
            found = [(path.stat(), path.name) for path in paths]
        except OSError as error:
            self._cannot(error)
            return
        for facts, name in sorted(found, key=lambda each: each[0].st_mtime_ns):
            self._sizes[name] = _cost(facts.st_size)
        self.bytes = sum(self._sizes.values())
        while self.bytes > self._limit:
            self._remove(next(iter(self._sizes)))

    def _remove(self, name: str) -> None:
        self.bytes -= self._sizes.pop(name)
        try:
            (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            self._cannot(error)

    def _cannot(self, error: OSError) -> None:
        if not self.trouble:
            log.warning("the phrase cache does not work: %s: %s", self._folder, error.strerror)
        self.trouble = f"{self._folder}: {error.strerror}"


def _name(text: str, whose: Whose) -> str:
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest() + _SUFFIXES[whose]


def _cost(size: int) -> int:
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES + LINE_BYTES


def _packed(pcm: Pcm) -> bytes:
    content = pcm.astype("<i2").tobytes()
    return _MAGIC + hashlib.sha256(content).digest() + content


def _unpacked(file: bytes) -> Pcm:
    """Raises ValueError on anything that `_packed` did not make."""
    content = file[_HEAD:]
    if not file.startswith(_MAGIC) or hashlib.sha256(content).digest() != file[len(_MAGIC) : _HEAD] or not content:
        raise ValueError(f"{len(file)} bytes that are no whole phrase")
    return from_bytes(content)
