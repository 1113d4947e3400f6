"""What the WebSocket over TLS does beyond what every link does."""

import asyncio
import base64
import errno
import gc
import hashlib
import logging
import re
import socket
import ssl
import struct
import threading
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosedError

from hero365_edge.core.address import address
from hero365_edge.core.secret import Secret
from hero365_edge.devices.link import WebSocketDialer, WebSocketLink
from hero365_edge.devices.tls import Trust
from hero365_edge.errors import LinkError
from hero365_edge.ports import Link
from tests.authority import Authority

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class FarHost(threading.Thread):
    """Takes one WebSocket, and resets it when told; in a thread, for an event loop at work must not notice."""

    def __init__(self, listening: socket.socket, tls: ssl.SSLContext) -> None:
        super().__init__()
        self._listening = listening
        self._tls = tls
        self._go, self._done = threading.Event(), threading.Event()

    def reset(self) -> None:
        """Returns when it is done."""
        self._go.set()
        assert self._done.wait(5)

    def run(self) -> None:
        plain, _ = self._listening.accept()
        with self._tls.wrap_socket(plain, server_side=True) as line:
            request = line.recv(65_536)
            key = re.search(rb"Sec-WebSocket-Key: (\S+)", request)
            assert key is not None
            accept = base64.b64encode(hashlib.sha1(key[1] + MAGIC).digest())  # noqa: S324  as RFC 6455 has it
            line.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
            )
            self._go.wait(5)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._done.set()


async def burst(link: Link) -> None:
    for _ in range(100):
        await link.send(bytes(640))


async def test_a_burst_into_a_broken_link_ends_soon_and_floods_no_journal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    authority = Authority(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listening, caplog.at_level(logging.WARNING, "asyncio"):
        host = FarHost(listening, authority.sign().served())
        host.start()
        there = address(f"wss://localhost:{listening.getsockname()[1]}/v1", "s", "u", "b", Secret(""), "both")
        link = await WebSocketDialer(Trust(ca_file=str(authority.root.file))).dial(there)
        host.reset()
        with pytest.raises(LinkError):
            await burst(link)
        await link.close()
        host.join()
    assert caplog.messages == []


class Ended:
    """A connection of `websockets` that ended in this way."""

    def __init__(self, cause: OSError | None) -> None:
        self._cause = cause

    async def recv(self) -> str:
        raise ConnectionClosedError(None, None) from self._cause


@pytest.mark.parametrize(
    ("cause", "by_backend"),
    [
        (None, True),
        (ConnectionResetError(errno.ECONNRESET, "reset"), True),
        (TimeoutError(errno.ETIMEDOUT, "TCP_USER_TIMEOUT"), False),
        (OSError(errno.EHOSTUNREACH, "no route"), False),
    ],
    ids=["FIN", "RST", "nothing acknowledged", "no route"],
)
async def test_a_link_that_the_road_broke_is_told_from_one_that_the_other_side_ended(
    cause: OSError | None, by_backend: bool
) -> None:
    link = WebSocketLink(Ended(cause))  # type: ignore[arg-type]  # all that is looked at
    with pytest.raises(LinkError) as caught:
        await link.receive()
    assert caught.value.by_backend == by_backend


async def turn_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


async def test_a_dial_that_failed_is_forgotten_at_the_next_though_python_collects_nothing_by_itself() -> None:
    server = await asyncio.start_server(turn_away, "127.0.0.1", 0)
    there = address(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", "s", "u", "b", Secret(""), "both")
    dialer = WebSocketDialer()
    gc.collect()
    gc.disable()
    try:
        for _ in range(4):
            with pytest.raises(LinkError):
                await dialer.dial(there)
            await asyncio.sleep(0.02)  # the loop lets the socket go; the daemon waits longer before it dials again
        left = sum(type(each) is ClientConnection for each in gc.get_objects())
    finally:
        gc.enable()
        server.close()
    assert left <= 1
