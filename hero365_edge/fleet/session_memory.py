"""The session's id, kept across restarts of the process and of the computer in one small file.

The backend knows a copy of an utterance only within its session: what a crash made us send twice, it executes once.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from hero365_edge.fleet.durable import write_durably
from hero365_edge.ports import Clock

log = logging.getLogger(__name__)

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
REFRESH_S = 120.0
"""The same session is written again only so often: a write costs the card some 20 kB with its journal, so that an hour
without a pause costs 0.6 MB. What is remembered may be so much older than the truth, and then a new session begins."""
LOOK_EVERY_S = 10.0
"""After so long a change is found that nobody told."""
DAMAGED = ".damaged"
LONGEST_BYTES = 4096


class SessionMemory:
    """Reads the file once, and writes it when the session changes or has been used."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._boot_id = BOOT_ID.read_text(encoding="ascii").strip()
        self._active_at = clock.now()
        self._written = ("", -REFRESH_S)
        self._changed = asyncio.Event()
        self.writes = 0
        self.trouble = ""
        """Why the session would not outlive the process; empty while it would."""

    def recall(self, idle_s: float) -> str | None:
        """The id of the session that was used less than `idle_s` ago. A file that makes no sense is set aside."""
        try:
            with self._path.open("rb") as file:
                said = json.loads(file.read(LONGEST_BYTES))
            session_id = str(UUID(said["session_id"]))
            age_s = self._age_s(said)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._cannot(error)
            return None
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            log.warning("the session's file makes no sense and is set aside: %s: %s", self._path, error)
            with contextlib.suppress(OSError):
                self._path.rename(self._path.with_name(self._path.name + DAMAGED))
            return None
        if not 0.0 <= age_s < idle_s:
            return None
        log.info("the session of %.0f s ago goes on", age_s)
        self._active_at = self._clock.now() - age_s  # a crash loop must neither write at each start nor keep it alive
        self._written = (session_id, self._active_at)
        return session_id

    def active(self) -> None:
        """The session was used."""
        self._active_at = self._clock.now()
        self._changed.set()

    def look(self) -> None:
        """The session may be another."""
        self._changed.set()

    async def run(self, session_id: Callable[[], str]) -> None:
        """Write what changed, for ever; on the way out once more."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._changed.wait()
                self._changed.clear()
                await asyncio.to_thread(self.keep, session_id())
        finally:
            self.keep(session_id())

    def keep(self, session_id: str) -> None:
        """Write this id down, unless that was done lately. May block as long as the card does."""
        known, written_at = self._written
        if session_id != known:
            self._active_at = self._clock.now()
        elif self._active_at < written_at + REFRESH_S:
            return
        said = {
            "session_id": session_id,
            "boot_id": self._boot_id,
            "active_at": self._active_at,
            "active_utc": self._clock.utc().isoformat(timespec="seconds"),
        }
        try:
            write_durably(self._path, json.dumps(said).encode() + b"\n")
        except OSError as error:
            self._cannot(error)
            return
        self.writes += 1
        self.trouble = ""
        self._written = (session_id, self._active_at)

    def _cannot(self, error: OSError) -> None:
        if not self.trouble:
            log.warning("the session would not outlive the program: %s: %s", self._path, error.strerror)
        self.trouble = f"{self._path}: {error.strerror}"

    def _age_s(self, said: dict[str, object]) -> float:
        """Since it was used: by the monotonic clock of this boot, or by the wall clock where that was another."""
        active_at, active_utc = float(str(said["active_at"])), datetime.fromisoformat(str(said["active_utc"]))
        if said["boot_id"] == self._boot_id:
            return self._clock.now() - active_at
        return (self._clock.utc() - active_utc) / timedelta(seconds=1)
