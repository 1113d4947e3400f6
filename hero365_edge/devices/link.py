"""The WebSocket, by the library `websockets`."""

import asyncio
import socket
import ssl

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI

from hero365_edge.core.address import Address
from hero365_edge.core.messages import MAX_TEXT_BYTES
from hero365_edge.errors import LinkError, LinkRefused

PING_EVERY_S = 5.0
"""PRODUCT section 4: a websocket ping each 5 s; no pong in `PONG_WITHIN_S` drops the link."""
PONG_WITHIN_S = 10.0
CLOSE_S = 1.0
WRITE_LIMIT_BYTES = 4096
"""More in user space is speech that goes stale while the link stalls."""
USER_TIMEOUT_MS = 8000
"""TCP_USER_TIMEOUT: unacknowledged bytes for so long, and the kernel gives the link up (found in 9.6 s)."""
LONGEST_RETRY_S = 900.0
"""A captive portal may say a day; a van would be deaf for its shift. (A press dials at once all the same.)"""
REFUSED_STATUS = frozenset({401, 403})
REFUSED_CODES = frozenset({1008, 4401, 4403})
"""Close codes that mean the token: policy violation, and the private ones named after HTTP's."""


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
    """Opens WebSockets with the limits a moving vehicle needs."""

    async def dial(self, address: Address) -> WebSocketLink:
        """Open one. Errors name the host and path, never the query or a header."""
        try:
            connection = await _Connect(
                address.url,
                additional_headers=dict(address.headers),
                compression=None,
                max_size=MAX_TEXT_BYTES,
                write_limit=WRITE_LIMIT_BYTES,
                ping_interval=PING_EVERY_S,
                ping_timeout=PONG_WITHIN_S,
                close_timeout=CLOSE_S,
                open_timeout=None,  # the caller's time limit covers it
            )
        except InvalidStatus as error:
            raise _refused_status(error, address) from None
        except (InvalidURI, InvalidHandshake) as error:
            raise LinkError(f"{address} does not speak WebSocket ({type(error).__name__})") from None
        except (ImportError, ValueError, InvalidProxy) as error:
            # A proxy that the environment names and nobody here can speak to.
            raise LinkError(f"{address} cannot be dialled through the proxy: {type(error).__name__}") from None
        except ssl.SSLError as error:
            raise LinkError(f"{address}: TLS failed: {error.reason or type(error).__name__}") from None
        except (OSError, EOFError) as error:
            raise LinkError(f"{address} cannot be reached: {error.__class__.__name__}: {_reason(error)}") from None
        _give_up_early(connection)
        return WebSocketLink(connection)


def _give_up_early(connection: ClientConnection) -> None:
    raw = connection.transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or "the link broke"


def _closed(error: ConnectionClosed) -> LinkError:
    frame = error.rcvd or error.sent
    if frame is None:
        return LinkError("the link broke without a goodbye")
    text = f"the link was closed with code {frame.code}"
    return LinkRefused(text) if error.rcvd is not None and frame.code in REFUSED_CODES else LinkError(text)


def _refused_status(error: InvalidStatus, address: Address) -> LinkError:
    status = error.response.status_code
    text = f"{address} answered HTTP {status}"
    if status in REFUSED_STATUS:
        return LinkRefused(f"{text}: the token is refused")
    told = error.response.headers.get_all("Retry-After")  # a gateway may add its own to the backend's
    return LinkError(text, retry_after_s=_seconds(told[0]) if told else None)


def _seconds(retry_after: str) -> float | None:
    """`Retry-After` in its form of seconds; a date is not trusted without knowing the clock."""
    if not retry_after.isdecimal():
        return None
    return min(float(retry_after), LONGEST_RETRY_S)
