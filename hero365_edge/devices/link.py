"""The WebSocket, by the library `websockets`."""

import asyncio
import fcntl
import gc
import socket
import ssl
import struct
import termios
import time
from email.utils import parsedate_to_datetime

from websockets.asyncio.client import ClientConnection, connect
from websockets.datastructures import Headers
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidProxy,
    InvalidProxyStatus,
    InvalidStatus,
    InvalidURI,
)

from hero365_edge.core.address import Address
from hero365_edge.core.health import PING_EVERY_S, Vitals
from hero365_edge.core.messages import MAX_TEXT_BYTES
from hero365_edge.core.remedy import close_error, door_error, proxy_error
from hero365_edge.devices.tls import Trust, cause_of, in_words
from hero365_edge.errors import ConfigError, LinkError

CLOSE_S = 1.0
WRITE_LIMIT_BYTES = 4096
"""More in user space is speech that goes stale while the link stalls."""
USER_TIMEOUT_MS = 8000
"""TCP_USER_TIMEOUT: unacknowledged bytes for so long, and the kernel gives the link up (found in 9.6 s)."""
UNSENT_BYTES = 16_384
"""TCP_NOTSENT_LOWAT: the kernel takes no more than this ahead of what it can send, so that what was handed over is
nearly gone. Its own buffer would take megabytes, and call a minute of speech sent that is on the way for a minute."""
LET_GO = struct.pack("ii", 1, 0)
"""SO_LINGER: what is not delivered when the link is let go, or the process dies, is not delivered later either. The
kernel would go on trying, and an utterance could arrive behind the copy that was sent on the next link."""
IPV6_HEAD_START_S = 0.25
"""RFC 8305: where IPv6 leads nowhere, IPv4 is tried so much later, not after a time-out."""

_TCP_INFO = struct.Struct("8B24I4Q6I")
"""The head of `struct tcp_info` (linux/tcp.h, 4.6 and later), to `tcpi_data_segs_out`."""
_RTT_US, _RETRANSMITS, _BYTES_RECEIVED, _DATA_SEGMENTS = 23, 31, 35, 41


class WebSocketLink:
    """One open WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    async def send(self, message: str | bytes) -> None:
        """Hand a message to the socket, waiting while its buffer is full."""
        try:
            await self._connection.send(message)
        except ConnectionClosed as error:
            raise _closed(error) from None
        # So that the next of many hears that the link broke: asyncio drops each, and complains of it in the journal.
        await asyncio.sleep(0)

    async def receive(self) -> str | bytes:
        """The next message."""
        try:
            return await self._connection.recv()
        except ConnectionClosed as error:
            raise _closed(error) from None

    @property
    def rtt_s(self) -> float | None:
        """The newest round trip of a ping."""
        return self._connection.latency or None

    def vitals(self) -> Vitals:
        """What the pings and the kernel tell of it just now; a link that is gone has none."""
        transport = self._connection.transport
        raw = transport.get_extra_info("socket")
        if raw is None or transport.is_closing():
            return Vitals(rtt_s=self.rtt_s)
        try:
            info = _TCP_INFO.unpack(raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
            (in_kernel,) = struct.unpack("i", fcntl.ioctl(raw.fileno(), termios.TIOCOUTQ, bytes(4)))
        except (OSError, struct.error):  # a kernel before 4.6, or a socket that was closed meanwhile
            return Vitals(rtt_s=self.rtt_s)
        return Vitals(
            rtt_s=self.rtt_s,
            kernel_rtt_s=info[_RTT_US] / 1e6,
            segments=info[_DATA_SEGMENTS],
            retransmits=info[_RETRANSMITS],
            unsent_bytes=in_kernel + transport.get_write_buffer_size(),
            received_bytes=info[_BYTES_RECEIVED],
        )

    async def round_trip_s(self) -> float:
        """Of one ping, now. Raises LinkError."""
        try:
            return await (await self._connection.ping())
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def burst_s(self, frames: int, *, come_back: bool) -> float:
        """How long so many full control frames, and a ping behind them, take to be through. Raises LinkError.

        Pings come back with their filling; pongs that nobody asked for are dropped by the other side (RFC 6455, 5.5.3).
        """
        began_at = time.monotonic()
        try:
            for index in range(frames):
                filling = index.to_bytes(125, "big")
                await (self._connection.ping(filling) if come_back else self._connection.pong(filling))
            await (await self._connection.ping())
        except ConnectionClosed as error:
            raise _closed(error) from None
        return time.monotonic() - began_at

    async def close(self) -> None:
        """The closing handshake, for a second at most; then the socket goes."""
        try:
            async with asyncio.timeout(CLOSE_S + 0.5):
                await self._connection.close()
        except TimeoutError:
            # Somebody's `send` waits for the full socket and keeps the goodbye from being said: free them both.
            self._connection.transport.abort()


class _Connect(connect):
    """Follows no redirect: a voice backend has none, and the token must not go to whatever host one names."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """The redirect is an answer like any other that is no WebSocket."""
        return exc


class WebSocketDialer:
    """Opens WebSockets with the limits a moving vehicle needs, to whom `trust` trusts."""

    def __init__(self, trust: Trust = Trust()) -> None:  # noqa: B008  it is frozen
        self._trust = trust
        self._known: tuple[object, ssl.SSLContext] | None = None
        """The last context, and the stamp of what it was read from."""

    async def dial(self, address: Address) -> WebSocketLink:
        """Open one. Errors name the host and path, never the query or a header."""
        # What ended before left cycles, with all that it had received: a few messages of 16 MB are few objects, and
        # Python counts objects. It takes 10 us in the daemon (`heap.keep_what_is_there`).
        gc.collect()
        context = await self._context() if address.url.startswith("wss:") else None
        try:
            connection = await _Connect(
                address.url,
                ssl=context,
                additional_headers=dict(address.headers),
                proxy=None if address.on_this_computer else True,
                compression=None,
                max_size=MAX_TEXT_BYTES,
                write_limit=WRITE_LIMIT_BYTES,
                ping_interval=PING_EVERY_S,
                ping_timeout=None,  # core/health.py tells a dead link, by more than that
                close_timeout=CLOSE_S,
                open_timeout=None,  # the caller's time limit covers it
                happy_eyeballs_delay=IPV6_HEAD_START_S,
            )
        except InvalidStatus as error:
            response = error.response
            raise door_error(str(address), response.status_code, _retry_after_s(response.headers)) from None
        except InvalidProxyStatus as error:
            response = error.response
            raise proxy_error(str(address), response.status_code, _retry_after_s(response.headers)) from None
        except (InvalidURI, InvalidHandshake) as error:
            if context is not None and isinstance(error.__cause__, EOFError):
                raise LinkError(f"{address} hung up instead of answering; {self._trust.hint}") from None
            raise LinkError(f"{address} does not speak WebSocket ({type(error).__name__})") from None
        except ssl.SSLError as error:  # before ValueError, which a refused certificate is too
            raise LinkError(f"{address}: {in_words(error)}", cause=cause_of(error)) from None
        except (ImportError, ValueError, InvalidProxy) as error:
            # A proxy that the environment names and nobody here can speak to.
            raise LinkError(f"{address} cannot be dialled through the proxy: {type(error).__name__}") from None
        except (OSError, EOFError) as error:
            raise LinkError(f"{address} cannot be reached: {error.__class__.__name__}: {_reason(error)}") from None
        _give_up_early(connection)
        return WebSocketLink(connection)

    async def _context(self) -> ssl.SSLContext:
        """Made anew when a file was mended or renewed meanwhile, and only then. Raises LinkError.

        A context holds every authority of the system: a megabyte, which a dial that fails leaves to Python's collector
        of cycles, and that comes seldom.
        """
        stamp = await asyncio.to_thread(self._trust.stamp)
        if self._known is None or self._known[0] != stamp:
            try:
                self._known = stamp, await asyncio.to_thread(self._trust.context)
            except ConfigError as error:
                raise LinkError(str(error), cause="tls") from None
        return self._known[1]


def _give_up_early(connection: ClientConnection) -> None:
    raw = connection.transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LET_GO)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "the link broke"


def _closed(error: ConnectionClosed) -> LinkError:
    frame = error.rcvd or error.sent
    if frame is None:
        # The kernel's own verdict on a road that carries nothing any more; else the other side reset or ended it.
        road = isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, ConnectionError)
        return LinkError("the link broke without a goodbye", by_backend=not road)
    return close_error(frame.code, by_backend=error.rcvd is not None)


def _retry_after_s(headers: Headers) -> float | None:
    """`Retry-After` in either of its forms. A date is read against the server's own `Date`: our clock may be wrong."""
    told = headers.get_all("Retry-After")  # a gateway may add its own to the backend's
    if not told or told[0].isdecimal():
        return float(told[0]) if told else None
    try:
        wait = parsedate_to_datetime(told[0]) - parsedate_to_datetime(headers["Date"])
    except (KeyError, ValueError, TypeError):  # no date at all, one that is none, or one without a time zone
        return None
    return max(0.0, wait.total_seconds())
