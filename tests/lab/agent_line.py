"""The line to the agent in the guest (`guest/usr/local/lib/lab/agent.py`, which tells the format)."""

import json
import queue
import socket
import threading
from itertools import count
from pathlib import Path
from typing import Any


class GuestError(Exception):
    """The guest did not do what was asked of it, or not in time; the text says what."""


class AgentLine:
    """Requests to the guest; safe to use from several threads at once. Raises OSError if there is no such socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._stream = self._socket.makefile("rb")
        self._ids = count(1)
        self._writing = threading.Lock()
        self._waiting: dict[int, queue.SimpleQueue[tuple[dict[str, Any], list[bytes]]]] = {}
        threading.Thread(target=self._read, daemon=True).start()

    def ask(self, do: str, payload: bytes = b"", *, limit_s: float = 10.0, **more: object) -> dict[str, Any]:
        """What the agent answers, with what it sent along as `payload`, a list of bytes. Raises GuestError."""
        number = next(self._ids)
        answer = self._waiting[number] = queue.SimpleQueue()
        head = json.dumps({"id": number, "do": do, "sizes": [len(payload)], **more})
        try:
            with self._writing:
                self._socket.sendall(head.encode() + b"\n" + payload)
            told, parts = answer.get(timeout=limit_s)
        except queue.Empty:
            raise GuestError(f"no answer within {limit_s:.0f} s to {do} {more}") from None
        finally:
            del self._waiting[number]
        if "error" in told:
            raise GuestError(f"{do} {more}: {told['error']}")
        return {**told, "payload": parts}

    def close(self) -> None:
        """Hang up; whoever waits for an answer has waited in vain."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _read(self) -> None:
        with self._stream:
            while line := self._next_line():
                try:
                    told = json.loads(line)
                except ValueError:
                    continue  # what was under way when the machine went back to a snapshot
                parts = [self._stream.read(size) for size in told["sizes"]]
                if answer := self._waiting.get(told["id"]):
                    answer.put((told, parts))

    def _next_line(self) -> bytes:
        try:
            return self._stream.readline()
        except OSError:  # hung up
            return b""
