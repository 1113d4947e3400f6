"""`hero365-edge run` as a process of its own: its settings with shortened limits, its folders, its cards, its clock."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hero365_edge.errors import EdgeError
from hero365_edge.fleet.control import request

ROOT = Path(__file__).parents[2]
MAX_AGE_S = 12.0
ACCEPT_S = 2.0
"""The fast profile: limits as short as the settings allow them, and this machine."""
RUNTIME_BYTES = 4 * 2**20
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_FAKETIME = Path("/usr/lib")
# A mount namespace of its own, in which the name server is ours; the process keeps its number all the way. Without
# realtime priority: its cards are programs with none, and would be starved by whoever waits for them.
_OWN_NAMES = 'mount --bind "$1" /etc/resolv.conf && shift && exec setpriv --bounding-set=-sys_nice "$@"'


def faketime() -> Path | None:
    """The library that lets a process see another wall clock (Debian: libfaketime); None where it is missing."""
    return next(_FAKETIME.glob("*/faketime/libfaketime.so.1"), None)


class Daemon:
    """The process. `run` is its runtime directory, a small disk in memory of its own."""

    def __init__(self, folder: Path, environ: Mapping[str, str], backend: dict[str, Any], *, own_clock: bool) -> None:
        self._folder = folder
        self.run = folder / "run"
        self._socket = self.run / "control.sock"
        self._log = folder / "stderr"
        self._clock = folder / "clock"
        self._token = folder / "token"
        self._process: subprocess.Popen[bytes] | None = None
        self._ballast = self.run / "ballast"
        state = folder / "state"
        for made in (self.run, state):
            made.mkdir()
        subprocess.run(  # noqa: S603  the system's own
            ["mount", "-t", "tmpfs", "-o", f"size={RUNTIME_BYTES},mode=700", "tmpfs", self.run],  # noqa: S607  as above
            check=True,
        )
        self.set_clock("+0")
        self.new_token()
        self._environ = {
            **environ,
            "RUNTIME_DIRECTORY": str(self.run),
            "STATE_DIRECTORY": str(state),
            "RES_OPTIONS": "timeout:1 attempts:1",
        }
        if own_clock and (library := faketime()) is not None:
            self._environ |= {
                "LD_PRELOAD": str(library),
                "FAKETIME_TIMESTAMP_FILE": str(self._clock),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        settings = {
            "backend": {
                **backend,
                "user_id": "u",
                "business_id": "b",
                "token_file": str(self._token),
                "connect_timeout_s": 2,
                "confirm_timeout_s": 1.5,
                "start_timeout_s": 1.5,
                "realtime_timeout_s": 1.5,
            },
            "audio": {"input": {"device": "hero_mic"}, "output": {"device": "hero_spk"}},
            "capture": {"no_speech_timeout_s": 1},
            "session": {"accept_timeout_s": ACCEPT_S, "answer_timeout_s": 4, "response_gap_ms": 100},
            "outbox": {"max_age_s": MAX_AGE_S},
            "panel": {"profile": "none"},
            "control": {"socket": str(self._socket)},
            "tls": {"ca_file": str(folder / "authority.pem")},
        }
        (folder / "config.yaml").write_text(json.dumps(settings))

    def serve_names_from(self, address: str) -> None:
        """Which name server it asks."""
        (self._folder / "resolv.conf").write_text(f"nameserver {address}\n")

    def start(self) -> None:
        """Start it, or start it again."""
        python = [sys.executable, "-m", "hero365_edge", "run", "--config", str(self._folder / "config.yaml")]
        command = ["unshare", "--mount", "sh", "-c", _OWN_NAMES, "sh", str(self._folder / "resolv.conf"), *python]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  all of it is written here
                command, env=self._environ, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=log
            )

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and it is gone when this returns."""
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(5)

    @property
    def died(self) -> bool:
        """Whether it ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def close(self) -> None:
        """End it, and give its disk back."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(8)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
        subprocess.run(["umount", "-l", self.run], check=False)  # noqa: S603, S607  the system's own

    async def asked(self, timeout_s: float = 5.0, **message: object) -> dict[str, Any] | None:
        """Its answer over the control socket; None when it gives none."""
        try:
            return await asyncio.to_thread(request, self._socket, message, timeout_s)
        except EdgeError:
            return None

    def log(self) -> str:
        """Everything that it wrote so far."""
        return self._log.read_text(errors="replace")

    @property
    def resident_bytes(self) -> int:
        """How much memory it has."""
        assert self._process is not None
        try:
            return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            return 0

    # -- its world

    def set_clock(self, offset: str) -> None:
        """Its wall clock, as faketime(1) takes it: `+0`, `+3650d`, `-20y`."""
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(f"{offset}\n")
        fresh.rename(self._clock)

    def new_token(self) -> None:
        """Put another token into its file."""
        fresh = self._token.with_suffix(".new")
        fresh.write_text(f"token-{time.monotonic_ns()}")
        fresh.rename(self._token)

    def fill_disk(self) -> None:
        """Not one byte more finds room in the runtime directory."""
        with self._ballast.open("wb", buffering=0) as file:
            piece = bytes(65_536)
            try:
                while True:
                    file.write(piece)
            except OSError:
                pass

    def free_disk(self) -> None:
        """There is room again."""
        self._ballast.unlink(missing_ok=True)
