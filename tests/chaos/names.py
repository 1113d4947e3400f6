"""A name server on loopback that knows one name, and fails as it is told."""

import asyncio
import struct
from typing import Any

_HEAD = struct.Struct("!HHHHHH")
_A, _NAME_ERROR, _SERVER_FAILURE = 1, 3, 2
FAILURES = ("no such name", "server failure", "silence")


class Names(asyncio.DatagramProtocol):
    """Every name is at `address`, by IPv4 alone, unless `failure` says otherwise."""

    def __init__(self, address: str) -> None:
        self._address = bytes(map(int, address.split(".")))
        self._transport: asyncio.DatagramTransport | None = None
        self.failure = ""
        """Empty, or one of FAILURES."""

    async def open(self, host: str) -> None:
        """Listen at port 53 of `host`, an address of loopback."""
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(host, 53))

    def close(self) -> None:
        """No more."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self.failure == "silence" or len(data) < _HEAD.size or self._transport is None:
            return
        number = _HEAD.unpack_from(data)[0]
        end = data.index(b"\0", _HEAD.size) + 5
        question = data[_HEAD.size : end]
        found = not self.failure and question[-4:-2] == struct.pack("!H", _A)
        code = {"no such name": _NAME_ERROR, "server failure": _SERVER_FAILURE}.get(self.failure, 0)
        head = _HEAD.pack(number, 0x8180 | code, 1, int(found), 0, 0)
        answer = b"\xc0\x0c" + struct.pack("!HHIH", _A, 1, 0, 4) + self._address if found else b""
        self._transport.sendto(head + question + answer, addr)
