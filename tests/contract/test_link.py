"""What every link does: the fake one, and a real WebSocket on loopback."""

import asyncio
import base64
import contextlib
import hashlib
import logging
import socket
import struct
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Protocol

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from hero365_edge.core.address import Address, address
from hero365_edge.core.messages import MAX_TEXT_BYTES
from hero365_edge.core.remedy import LATER_S, LONGEST_WAIT_S, close_error
from hero365_edge.core.secret import Secret
from hero365_edge.devices.link import WebSocketDialer
from hero365_edge.errors import LinkError, LinkRefused, LinkTooBig
from hero365_edge.fakes.link import FakeDialer, FakeLink
from hero365_edge.ports import Link
from tests.appliance import until

SECRET = "s3cr3t-t0ken"  # noqa: S105  nobody's
SESSION = "0b5e0d6e-1f0c-4f0e-9f8e-000000000000"


def target(port: int, scheme: str = "ws") -> Address:
    return address(f"{scheme}://127.0.0.1:{port}/v1/voice/ws", SESSION, "user-1", "business-1", Secret(SECRET), "both")


def tells_no_secret(error: BaseException) -> bool:
    """Neither its text nor what a traceback would print of it holds the token or the query."""
    printed = "".join(traceback.format_exception(error)) + repr(error) + str(error)
    return not any(word in printed for word in (SECRET, "user_id=", "business_id=", "user-1", "Bearer"))


class End(Protocol):
    """The backend's end of an open link."""

    async def heard(self, count: int) -> list[str | bytes]: ...

    async def say(self, message: str | bytes) -> None: ...

    async def hang_up(self, code: int) -> None:
        """Close with this code."""
        ...

    async def drop(self) -> None:
        """The connection is reset."""
        ...


class FakeEnd:
    def __init__(self, link: FakeLink) -> None:
        self._link = link

    async def heard(self, count: int) -> list[str | bytes]:
        await until(lambda: len(self._link.sent) >= count)
        return self._link.sent

    async def say(self, message: str | bytes) -> None:
        self._link.say(message)

    async def hang_up(self, code: int) -> None:
        self._link.drop(close_error(code))

    async def drop(self) -> None:
        self._link.drop(LinkError("the link was reset", by_backend=True))


class RealEnd:
    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._heard: list[str | bytes] = []

    async def heard(self, count: int) -> list[str | bytes]:
        while len(self._heard) < count:
            self._heard.append(await self._connection.recv())
        return self._heard

    async def say(self, message: str | bytes) -> None:
        await self._connection.send(message)

    async def hang_up(self, code: int) -> None:
        await self._connection.close(code)

    async def drop(self) -> None:
        reset(self._connection.transport)


def reset(transport: asyncio.BaseTransport) -> None:
    """End the TCP connection by RST, not FIN."""
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert isinstance(transport, asyncio.Transport)
    transport.abort()


class Loopback:
    """A WebSocket server that hands its connections to the test."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[ServerConnection, Request], Response | None] = lambda _connection, _request: None
        self._opened: asyncio.Queue[ServerConnection] = asyncio.Queue()
        self._over = asyncio.Event()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["Loopback"]:
        quiet = logging.getLogger("tests.loopback")
        async with serve(
            self._take, "127.0.0.1", 0, process_request=self._look, max_size=None, close_timeout=0.1, logger=quiet
        ) as server:
            self.port = port_of(server)
            yield self
            self._over.set()
            server.close()

    async def dial(self) -> tuple[Link, ServerConnection]:
        link = await WebSocketDialer().dial(target(self.port))
        return link, await self.opened()

    async def opened(self) -> ServerConnection:
        return await self._opened.get()

    def _look(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        return self.answer(connection, request)

    async def _take(self, connection: ServerConnection) -> None:
        self._opened.put_nowait(connection)
        await self._over.wait()


def port_of(server: Server | asyncio.Server) -> int:
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port


@pytest.fixture
async def loopback() -> AsyncIterator[Loopback]:
    async with Loopback().serving() as loopback:
        yield loopback


Pair = tuple[Link, End]


@pytest.fixture(params=["fake", "real"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[Pair]:
    if request.param == "fake":
        dialer = FakeDialer()
        link = await dialer.dial(target(1))
        yield link, FakeEnd(link)
        return
    async with Loopback().serving() as loopback:
        real, connection = await loopback.dial()
        yield real, RealEnd(connection)
        await real.close()


# -- fake and real -------------------------------------------------------------------------------------------------


async def test_messages_go_up_once_in_order_and_keep_their_kind(pair: Pair) -> None:
    link, end = pair
    messages: list[str | bytes] = [f"text {n} ä" if n % 3 else bytes([n]) * n for n in range(200)]
    for message in messages:
        await link.send(message)
    assert await end.heard(200) == messages


async def test_messages_come_down_once_in_order_and_keep_their_kind(pair: Pair) -> None:
    link, end = pair
    messages: list[str | bytes] = [f"text {n} ä" if n % 3 else bytes([n]) * n for n in range(200)]
    for message in messages:
        await end.say(message)
    assert [await link.receive() for _ in messages] == messages


async def test_a_receive_that_is_given_up_loses_no_message(pair: Pair) -> None:
    link, end = pair
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await link.receive()
    await end.say("the first")
    assert await link.receive() == "the first"


@pytest.mark.parametrize("code", [1000, 1001, 1011, 4000])
async def test_a_link_that_the_backend_closes_is_an_error_of_the_link(pair: Pair, code: int) -> None:
    link, end = pair
    await end.hang_up(code)
    with pytest.raises(LinkError, match=str(code)) as receiving:
        await link.receive()
    with pytest.raises(LinkError) as sending:
        await link.send("too late")
    assert not isinstance(receiving.value, LinkRefused)
    assert not isinstance(sending.value, LinkRefused)


@pytest.mark.parametrize("code", [1008, 3000, 4401, 4403])
async def test_a_link_that_is_closed_for_the_token_is_a_refusal(pair: Pair, code: int) -> None:
    link, end = pair
    await end.hang_up(code)
    with pytest.raises(LinkRefused, match=str(code)):
        await link.receive()
    with pytest.raises(LinkRefused):
        await link.send("too late")


@pytest.mark.parametrize(("code", "least_s"), [(1012, 5.0), (1013, 10.0), (4429, 10.0)])
async def test_a_backend_that_asks_for_patience_is_given_it(pair: Pair, code: int, least_s: float) -> None:
    link, end = pair
    await end.hang_up(code)
    with pytest.raises(LinkError) as caught:
        await link.receive()
    assert caught.value.retry_after_s == least_s


async def test_a_message_that_is_too_big_for_the_backend_is_told_from_one_that_is_too_big_for_us(pair: Pair) -> None:
    link, end = pair
    await end.hang_up(1009)
    with pytest.raises(LinkTooBig):
        await link.receive()


async def test_what_was_said_before_the_goodbye_is_still_heard(pair: Pair) -> None:
    link, end = pair
    await end.say("first")
    await end.say(b"second")
    await end.hang_up(1000)
    assert [await link.receive(), await link.receive()] == ["first", b"second"]
    for _ in range(2):
        with pytest.raises(LinkError):
            await link.receive()


async def test_a_reset_wakes_who_waits_for_a_message(pair: Pair) -> None:
    link, end = pair
    waiting = asyncio.create_task(link.receive())
    await asyncio.sleep(0.01)
    await end.drop()
    async with asyncio.timeout(1.0):
        with pytest.raises(LinkError) as caught:
            await waiting
    assert not isinstance(caught.value, LinkRefused)
    assert caught.value.by_backend
    assert tells_no_secret(caught.value)
    with pytest.raises(LinkError):
        await link.send("too late")


async def test_closing_wakes_who_waits_and_can_be_repeated(pair: Pair) -> None:
    link, _ = pair
    waiting = asyncio.create_task(link.receive())
    await asyncio.sleep(0.01)
    async with asyncio.timeout(1.5):
        await link.close()
        await link.close()
        with pytest.raises(LinkError):
            await waiting
    with pytest.raises(LinkError):
        await link.send("too late")


async def test_the_round_trip_is_a_time_or_not_known_yet(pair: Pair) -> None:
    link, _ = pair
    assert link.rtt_s is None or 0 < link.rtt_s < 1


async def test_each_look_at_a_working_link_shows_a_round_trip_or_a_sign_of_life(pair: Pair) -> None:
    link, end = pair
    before = link.vitals()
    await end.say(b"a sign of life")
    await link.receive()
    after = link.vitals()
    assert after.received_bytes > before.received_bytes
    assert after.retransmits == 0
    assert after.unsent_bytes == 0


async def test_a_fake_dial_fails_as_often_as_it_was_told_to() -> None:
    dialer = FakeDialer()
    dialer.refuse(LinkRefused("no"), times=2)
    for _ in range(2):
        with pytest.raises(LinkRefused):
            await dialer.dial(target(1))
    assert await dialer.dial(target(1)) is await dialer.dialled()
    assert len(dialer.addresses) == 3


# -- the real one: what goes over the wire -------------------------------------------------------------------------


async def test_the_request_holds_what_the_seed_asks_for_and_the_token_as_a_header(loopback: Loopback) -> None:
    link, _ = await loopback.dial()
    [request] = loopback.requests
    query = f"user_id=user-1&business_id=business-1&token={SECRET}"
    assert request.path == f"/v1/voice/ws/{SESSION}?{query}"
    assert request.headers["Authorization"] == f"Bearer {SECRET}"
    assert "Sec-WebSocket-Extensions" not in request.headers, "compressing sound costs time and gains nothing"
    await link.close()


async def test_a_message_of_16_mib_comes_through(loopback: Loopback) -> None:
    link, connection = await loopback.dial()
    sending = asyncio.create_task(connection.send("x" * MAX_TEXT_BYTES))
    assert len(await link.receive()) == MAX_TEXT_BYTES
    await sending
    await link.close()


async def test_a_longer_message_breaks_the_link_and_nothing_else(loopback: Loopback) -> None:
    link, connection = await loopback.dial()

    async def send() -> None:
        with contextlib.suppress(Exception):  # the other side hangs up in the middle of it
            await connection.send("x" * (MAX_TEXT_BYTES + 1024 * 1024))

    sending = asyncio.create_task(send())
    with pytest.raises(LinkError, match="1009") as caught:
        await link.receive()
    assert not isinstance(caught.value, LinkTooBig), "it was not ours that was too big"
    await sending
    await link.close()


async def test_the_kernel_tells_what_went_up_and_how_long_it_takes(loopback: Loopback) -> None:
    link, connection = await loopback.dial()
    before = link.vitals()
    for _ in range(50):
        await link.send(bytes(640))
        await connection.recv()
    await until(lambda: link.vitals().unsent_bytes == 0)
    after = link.vitals()
    assert after.segments - before.segments >= 50
    assert after.kernel_rtt_s is not None
    assert 0 < after.kernel_rtt_s < 0.5
    await link.close()
    assert link.vitals().kernel_rtt_s is None, "what is gone has no vitals, and is no error"


async def test_what_the_other_side_does_not_take_is_counted_as_unsent(loopback: Loopback) -> None:
    link, connection = await loopback.dial()
    sending = asyncio.create_task(send_for_ever(link))
    await until(lambda: link.vitals().unsent_bytes > 256 * 1024)
    reset(connection.transport)
    with pytest.raises(LinkError):
        await sending
    await link.close()


async def test_sending_waits_while_the_backend_does_not_read(loopback: Loopback) -> None:
    link, connection = await loopback.dial()
    sending = asyncio.create_task(send_for_ever(link))
    await asyncio.sleep(0.1)
    assert not sending.done(), "what waits, waits with its speaker and not in a buffer without end"
    reset(connection.transport)
    with pytest.raises(LinkError):
        await sending
    await link.close()


async def send_for_ever(link: Link) -> None:
    while True:
        await link.send(bytes(256 * 1024))


async def test_closing_a_link_that_is_stuck_frees_who_waits_to_send(loopback: Loopback) -> None:
    link, _ = await loopback.dial()
    sending = asyncio.create_task(send_for_ever(link))
    await asyncio.sleep(0.1)
    async with asyncio.timeout(2.0):
        await link.close()
    done, _ = await asyncio.wait({sending}, timeout=0.5)
    sending.cancel()
    with contextlib.suppress(asyncio.CancelledError, LinkError):
        await sending
    assert done, "the sender is free"


# -- the real one: what goes wrong at the door ---------------------------------------------------------------------


def answer_with(status: HTTPStatus, **headers: str) -> Callable[[ServerConnection, Request], Response]:
    def answer(connection: ServerConnection, _request: Request) -> Response:
        response = connection.respond(status, "<html>whatever it says, e.g. token=s3cr3t-t0ken</html>")
        for name, value in headers.items():
            with contextlib.suppress(KeyError):
                del response.headers[name]
            response.headers[name.replace("_", "-")] = value
        return response

    return answer


async def failure(port: int, scheme: str = "ws") -> LinkError:
    """How a dial fails."""
    with pytest.raises(LinkError) as caught:
        await WebSocketDialer().dial(target(port, scheme))
    assert tells_no_secret(caught.value)
    assert "127.0.0.1" in str(caught.value), "it says where"
    return caught.value


@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN])
async def test_a_token_refused_at_the_door_is_a_refusal(loopback: Loopback, status: HTTPStatus) -> None:
    loopback.answer = answer_with(status)
    error = await failure(loopback.port)
    assert isinstance(error, LinkRefused)
    assert str(status.value) in str(error)


@pytest.mark.parametrize(
    "status", [HTTPStatus.OK, HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY]
)
async def test_any_other_answer_at_the_door_is_an_error_of_the_link(loopback: Loopback, status: HTTPStatus) -> None:
    loopback.answer = answer_with(status)
    error = await failure(loopback.port)
    assert not isinstance(error, LinkRefused)
    assert str(status.value) in str(error)
    assert error.retry_after_s is None


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("7", 7.0), ("0", 0.0), ("-5", None), ("1.5", None), ("soon", None), ("99999999", LONGEST_WAIT_S)],
)
@pytest.mark.parametrize("status", [HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE])
async def test_retry_after_is_told_where_it_is_a_number_of_seconds(
    loopback: Loopback, status: HTTPStatus, retry_after: str, seconds: float | None
) -> None:
    loopback.answer = answer_with(status, Retry_After=retry_after)
    otherwise = LATER_S if status is HTTPStatus.TOO_MANY_REQUESTS else None
    assert (await failure(loopback.port)).retry_after_s == (otherwise if seconds is None else seconds)


@pytest.mark.parametrize(("after_s", "seconds"), [(120, 120.0), (-5, 0.0)])
async def test_a_date_to_retry_after_is_read_by_the_servers_own_clock(
    loopback: Loopback, after_s: int, seconds: float
) -> None:
    at = datetime(2004, 2, 29, 10, 30, tzinfo=UTC)
    dates = {"Date": format_datetime(at, usegmt=True), "Retry_After": format_datetime(at + timedelta(seconds=after_s))}
    loopback.answer = answer_with(HTTPStatus.SERVICE_UNAVAILABLE, **dates)
    assert (await failure(loopback.port)).retry_after_s == seconds


async def test_a_redirect_is_not_followed(loopback: Loopback) -> None:
    async with Loopback().serving() as elsewhere:
        elsewhere.answer = answer_with(HTTPStatus.INTERNAL_SERVER_ERROR)
        loopback.answer = answer_with(HTTPStatus.FOUND, Location=f"ws://localhost:{elsewhere.port}/")
        error = await failure(loopback.port)
        assert elsewhere.requests == []
        assert "302" in str(error)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def tcp(handle: Handler) -> AsyncIterator[int]:
    """A server that is no WebSocket server; its port."""

    async def handling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await handle(reader, writer)
        writer.close()

    async with await asyncio.start_server(handling, "127.0.0.1", 0) as server:
        yield port_of(server)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>log in to this wireless network</html>",
        bytes(range(256)) * 8,
    ],
    ids=["nothing", "ssh", "no accept key", "too many headers", "captive portal", "noise"],
)
async def test_a_server_that_speaks_something_else_is_an_error_of_the_link(said: bytes) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()

    async with tcp(handle) as port:
        assert not isinstance(await failure(port), LinkRefused)


async def test_a_reset_during_the_handshake_is_an_error_of_the_link() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        reset(writer.transport)

    async with tcp(handle) as port:
        await failure(port)


async def test_a_closed_port_is_an_error_of_the_link() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "ConnectionRefusedError" in str(await failure(port))


async def test_tls_to_a_server_without_it_is_an_error_of_the_link() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with tcp(handle) as port:
        assert "TLS" in str(await failure(port, "wss"))


async def test_a_server_that_never_answers_is_given_up_by_the_callers_time_limit() -> None:
    async def handle(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    async with tcp(handle) as port:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await WebSocketDialer().dial(target(port))


async def test_a_backend_that_goes_silent_does_not_hold_up_the_goodbye() -> None:
    over = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        writer.write(accepting(key.split(b": ")[1].decode()))
        await over.wait()

    async with tcp(handle) as port:
        link = await WebSocketDialer().dial(target(port))
        began_at = asyncio.get_running_loop().time()
        await link.close()
        assert asyncio.get_running_loop().time() - began_at < 1.6
        with pytest.raises(LinkError):
            await link.receive()
        over.set()


def accepting(key: str) -> bytes:
    """The answer that opens a WebSocket (RFC 6455 section 4.2.2)."""
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
    accept = base64.b64encode(digest).decode()
    lines = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")
    return "\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept}", "", ""]).encode()


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9", "foo://127.0.0.1:9", "http://["])
async def test_a_proxy_that_cannot_be_used_is_a_broken_link_and_not_the_end(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "socks_proxy", "wss_proxy"):
        monkeypatch.setenv(name, proxy)
    with pytest.raises(LinkError):
        async with asyncio.timeout(5):
            await WebSocketDialer().dial(address("wss://backend.invalid/v1", "s", "u", "b", Secret(), "query"))


async def test_a_proxy_of_the_environment_is_asked_for_the_way_and_told_nothing_more(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        beyond_reader, beyond_writer = await asyncio.open_connection("127.0.0.1", loopback.port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(pour(reader, beyond_writer))
            tasks.create_task(pour(beyond_reader, writer))

    async with tcp(handle) as port:
        monkeypatch.setenv("ws_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "")
        far = address(f"ws://backend.invalid:{loopback.port}/v1", SESSION, "u", "b", Secret(SECRET), "both")
        link = await WebSocketDialer().dial(far)
        await link.send("through the proxy")
        assert await (await loopback.opened()).recv() == "through the proxy"
        assert link.vitals().segments > 0
        await link.close()
    [request] = asked
    assert request.startswith(f"CONNECT backend.invalid:{loopback.port} ".encode())
    for word in (SECRET, "user_id", "Authorization"):
        assert word.encode() not in request


@pytest.mark.parametrize(
    ("status", "said", "cause", "wait_s"),
    [
        ("407 Proxy Authentication Required", "the environment's proxy right", "no_backend", None),
        ("403 Forbidden", "the environment's proxy does not let it through", "no_backend", None),
        ("503 Service Unavailable\r\nRetry-After: 7", "the proxy answered HTTP 503", "lost", 7.0),
    ],
)
async def test_a_proxy_that_refuses_is_told_as_a_proxy_and_is_no_refused_token(
    status: str, said: str, cause: str, wait_s: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    async with tcp(handle) as port:
        # The library reads the proxies from the process's own environment, and from nowhere else.
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "")
        with pytest.raises(LinkError, match=said) as refused:
            await WebSocketDialer().dial(address("wss://backend.invalid/v1", "s", "u", "b", Secret(), "query"))
    assert not isinstance(refused.value, LinkRefused)
    assert (refused.value.cause, refused.value.retry_after_s) == (cause, wait_s)


async def test_this_computer_is_dialled_past_every_proxy(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ws_proxy", "http_proxy", "all_proxy"):  # as above: the process's own environment
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    link, _ = await loopback.dial()
    await link.close()


async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


@pytest.mark.skipif(not socket.has_ipv6, reason="this computer knows no IPv6")
async def test_an_ipv6_address_is_dialled() -> None:
    async def echo(connection: ServerConnection) -> None:
        await connection.send(await connection.recv())

    async with serve(echo, "::1", 0, close_timeout=0.1) as server:
        link = await WebSocketDialer().dial(
            address(f"ws://[::1]:{port_of(server)}/v1", SESSION, "u", "b", Secret(SECRET), "both")
        )
        await link.send("hello")
        assert await link.receive() == "hello"
        await link.close()
