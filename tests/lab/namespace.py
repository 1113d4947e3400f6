"""A network of the lab's own: two wires to the guest, in a namespace that ends with this process.

| wire | host end, guest end | carries |
|---|---|---|
| lab0, eth0 | 198.18.0.1, 198.18.0.2 | the USB stick's stream |
| lab1, eth1 | 198.18.1.1 (`lab-backend`), 198.18.1.2 | the appliance's link, which tests make slow, lossy or dead |

The host's own network is left alone, several labs can run at once, and at both ends of a connection is Linux's own TCP.
"""

import ctypes
import os
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TypeVar

R = TypeVar("R")

GUEST = "198.18.0.2"
BACKEND = "198.18.1.1"
WIRES = ("lab0", "lab1")
_CLONE_NEWNET = 0x40000000
_LIMIT_S = 20.0


class Namespace:
    """Sockets made and programs started by it are in the namespace. Raises OSError if the system forbids it.

    All of them are made by one thread, which moved there: a thread's children and sockets are where the thread is.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "lab-network")
        self._call(_move)
        for wire in WIRES:
            self._run("tuntap", "add", wire, "mode", "tap")
        for index, wire in enumerate(WIRES):
            self._run("address", "add", f"198.18.{index}.1/24", "dev", wire)
            self._run("link", "set", wire, "up")
        self._run("link", "set", "lo", "up")

    def start(
        self, command: list[str], output: IO[bytes], *, folder: Path | None = None, stdin: int = subprocess.DEVNULL
    ) -> "subprocess.Popen[bytes]":
        """Start a program that ends with this process, however that ends."""
        # The signal comes when the parent's thread ends, and this one ends with the process. Before all others, for
        # what is started here has to keep real time.
        command = ["nice", "-n", "-10", "setpriv", "--pdeathsig", "KILL", *command]
        return self._call(lambda: subprocess.Popen(command, stdin=stdin, stdout=output, stderr=output, cwd=folder))  # noqa: S603  both callers write all of it

    def listen(self, port: int) -> socket.socket:
        """A TCP socket that `lab-backend` listens on; port 0 takes any."""
        return self._call(lambda: socket.create_server((BACKEND, port)))

    def close(self) -> None:
        """End the programs that were started."""
        self._thread.shutdown()

    def _run(self, *words: str) -> None:
        command = ["ip", *words]
        self._call(lambda: subprocess.run(command, check=True, timeout=_LIMIT_S, capture_output=True))  # noqa: S603  constant

    def _call(self, work: Callable[[], R]) -> R:
        return self._thread.submit(work).result(_LIMIT_S)


def _move() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), f"no network namespace: {os.strerror(ctypes.get_errno())}")
