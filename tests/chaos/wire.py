"""The bytes' way to the backend: a TCP relay at the far end of a road, to be cut at any byte, reset or stalled."""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable

from tests.network.road import Road

PIECE_BYTES = 4096
_LINGER_NOT = struct.pack("ii", 1, 0)


class Wire:
    """Relays each connection to whichever port on loopback `behind` names at that moment."""

    def __init__(self, road: Road, behind: Callable[[], int]) -> None:
        self._road = road
        self._behind = behind
        self._server: asyncio.Server | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._ends: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._budget: dict[str, int] = {}
        self.hangs = False
        """New connections are taken, and nobody answers."""
        self.port = 0
        self.cut_at = 0.0
        """When it was last cut, on the monotonic clock."""
        self.dials: list[float] = []
        """When each connection came, on the monotonic clock."""

    async def open(self) -> None:
        """Take connections, at the same port as before."""
        if self._server is None:
            listener = self._road.listen(self.port)
            self.port = listener.getsockname()[1]
            self._server = await asyncio.start_server(self._took, sock=listener)

    def refuse(self) -> None:
        """The port is closed; what is open stays open."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def close(self) -> None:
        """No more."""
        self.refuse()
        self.drop()
        for task in self._tasks:
            task.cancel()

    def stall(self) -> None:
        """Nothing moves, and nobody says so, until `flow`."""
        self._flowing.clear()

    def flow(self) -> None:
        """Everything moves again."""
        self._flowing.set()

    def cut_after(self, direction: str, count: int) -> None:
        """So many bytes later (`up` or `down`) the connection is dropped, in the middle of whatever it is."""
        self._budget = {direction: count}

    def whole(self) -> None:
        """No cut is due any more."""
        self._budget = {}

    def drop(self, *, reset: bool = False) -> None:
        """End every connection now: as a program that exits does, or by RST."""
        self.cut_at = time.monotonic()
        for ends in self._ends:
            for writer in ends:
                raw = writer.get_extra_info("socket")
                if reset and raw is not None:
                    with contextlib.suppress(OSError):
                        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
                writer.transport.abort()

    def _took(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dials.append(time.monotonic())
        task = asyncio.create_task(self._relay(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.hangs:
            ends = (writer, writer)
            self._ends.add(ends)
            with contextlib.suppress(OSError):
                await reader.read(-1)
            self._ends.discard(ends)
            writer.transport.abort()
            return
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._behind())
        except OSError:
            writer.transport.abort()
            return
        ends = (writer, inner_writer)
        self._ends.add(ends)
        try:
            up = asyncio.create_task(self._pump("up", reader, inner_writer))
            down = asyncio.create_task(self._pump("down", inner_reader, writer))
            self._tasks |= {up, down}
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({up, down}, timeout=0.2)  # what is on its way may arrive
            for each in (up, down):
                each.cancel()
            await asyncio.wait({up, down})
            self._tasks -= {up, down}
        finally:
            self._ends.discard(ends)
            for each_end in ends:
                each_end.transport.abort()

    async def _pump(self, direction: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE_BYTES):
                await self._flowing.wait()
                if (left := self._budget.get(direction)) is not None:
                    self._budget[direction] = left - len(data)
                    if left <= len(data):
                        writer.write(data[:left])
                        self.whole()
                        self.drop()
                        return
                writer.write(data)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
