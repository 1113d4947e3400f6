"""What stands before a backend: ends TLS, answers dials by HTTP, and puts frames of its own between the backend's."""

import asyncio
import contextlib
import json
import ssl
import struct
import time
from collections.abc import Mapping
from typing import Any

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
_HEAD_BYTES = 65_536


def frame(opcode: int, payload: bytes, first: int = 0x80) -> bytes:
    """A frame of a server; `first` holds FIN and the reserved bits."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first | opcode, size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first | opcode, 126, size)
    else:
        head = struct.pack("!BBQ", first | opcode, 127, size)
    return head + payload


def text(**fields: Any) -> bytes:
    """A JSON message as a frame."""
    return frame(TEXT, json.dumps({"session_id": "s", "timestamp": "2024-01-15T10:30:00Z", **fields}).encode())


class Gate:
    """Listens with each certificate of `contexts` at a port of its own; `port` is that of the one shown now."""

    def __init__(self, contexts: Mapping[str, ssl.SSLContext], backend_port: int) -> None:
        self._contexts = contexts
        self._backend_port = backend_port
        self._servers: list[asyncio.Server] = []
        self._ports: dict[str, int] = {}
        self._clients: set[asyncio.StreamWriter] = set()
        self._muted: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.certificate = "good"
        """Which one new connections are shown."""
        self.refusal = b""
        """The HTTP answer instead of a WebSocket; empty while the door is open."""
        self.sessions: list[float] = []
        """When a `session_started` passed, on the monotonic clock."""
        self.last_answer = b""
        """The newest `agent_response` with its frame."""

    async def open(self) -> None:
        """Listen."""
        for name, context in self._contexts.items():
            server = await asyncio.start_server(self._took, "127.0.0.1", 0, ssl=context)
            self._servers.append(server)
            self._ports[name] = server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """No more."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()

    @property
    def port(self) -> int:
        """Where TLS with the certificate of now is."""
        return self._ports[self.certificate]

    def turn_away(self, status: str, *headers: str) -> None:
        """Answer every dial with this HTTP status."""
        lines = [f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", ""]
        self.refusal = "\r\n".join(lines).encode()

    def say(self, data: bytes) -> None:
        """Put this between two frames of each open connection."""
        for writer in self._clients:
            if not writer.is_closing():
                writer.write(data)

    def mute(self) -> None:
        """Of what is open now, nothing of the backend's passes any more; what is dialled later is not concerned."""
        self._muted |= self._clients

    def _took(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._take(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await self._serve(reader, writer)
        finally:
            self._clients.discard(writer)
            self._muted.discard(writer)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if self.refusal:
            writer.write(self.refusal)
            await writer.drain()
            async with asyncio.timeout(2.0):  # it hangs up by itself, or is hung up on
                await reader.read(-1)
            return
        backend_reader, backend_writer = await asyncio.open_connection("127.0.0.1", self._backend_port)
        try:
            backend_writer.write(request)
            answer = await backend_reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            self._clients.add(writer)
            async with asyncio.TaskGroup() as tasks:
                up = tasks.create_task(_up(reader, backend_writer))
                down = tasks.create_task(self._down(backend_reader, writer))
                await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
                up.cancel()
                down.cancel()
        finally:
            backend_writer.transport.abort()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(2)
                size = head[1]
                if size >= 126:
                    more = await reader.readexactly(2 if size == 126 else 8)
                    head, size = head + more, int.from_bytes(more)
                payload = await reader.readexactly(size)
                if b'"session_started"' in payload[:40]:
                    self.sessions.append(time.monotonic())
                if b'"agent_response"' in payload[:40]:
                    self.last_answer = head + payload
                if writer not in self._muted:
                    writer.write(head + payload)
                    await writer.drain()


async def _up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_HEAD_BYTES):
            writer.write(data)
            await writer.drain()
