"""Identity, token, name and the backend's door, against a backend of any behaviour."""

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from hero365_edge.cli.probes.finding import Finding, Verdict
from hero365_edge.settings import Backend, Settings
from tests.cli.probes.taking import taken

Behaviour = Callable[[ServerConnection], Awaitable[None]]


async def test_who_speaks_is_asked_for() -> None:
    finding, _ = await taken("identity", Settings(backend=Backend(user_id="anna")))
    assert finding.verdict is Verdict.WARN
    assert "backend.business_id not set" in finding.text
    finding, _ = await taken("identity", Settings(backend=Backend(user_id="anna", business_id="b1")))
    assert finding == Finding(Verdict.OK, "user anna, business b1")


async def test_the_token_is_measured_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "token"
    finding, code = await taken("token", Settings(backend=Backend(token_file=str(file))))
    assert (finding.verdict, code) == (Verdict.FAIL, 78)
    file.write_text("canary-of-check")
    finding, code = await taken("token", Settings(backend=Backend(token_file=str(file))))
    assert (finding.verdict, code) == (Verdict.OK, 0)
    assert finding.text.startswith(f"15 characters from {file}, fingerprint ")
    assert "canary" not in finding.text


@pytest.mark.parametrize(
    ("expires", "verdict", "text"),
    [
        (1, Verdict.WARN, "expired at 1970-01-01 00:00:01 UTC"),
        (4102444800, Verdict.OK, "expires at 2100-01-01 00:00:00 UTC, in "),
        (None, Verdict.OK, "says nothing about its end"),
    ],
)
async def test_the_tokens_end_is_told(tmp_path: Path, expires: int | None, verdict: Verdict, text: str) -> None:
    file = tmp_path / "token"
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires}).encode()).decode().rstrip("=")
    file.write_text(f"eyJhbGciOiJub25lIn0.{claims}.c2ln")
    finding, _ = await taken("token", Settings(backend=Backend(token_file=str(file))))
    assert finding.verdict is verdict
    assert text in finding.text
    assert claims not in finding.text


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "socks_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.usefixtures("no_proxy")
@pytest.mark.parametrize(
    ("url", "verdict", "text", "code"),
    [
        ("wss://nowhere.invalid/ws", Verdict.FAIL, "nowhere.invalid: ", 69),
        ("ws://localhost:9/ws", Verdict.OK, "localhost is ", 0),
        ("ws://127.0.0.1:9/ws", Verdict.OK, "127.0.0.1 is an address: nothing to look up", 0),
        ("ws://[::1]:9/ws", Verdict.OK, "::1 is an address", 0),
    ],
)
async def test_a_name_without_an_address_is_a_failure_of_the_network(
    url: str, verdict: Verdict, text: str, code: int
) -> None:
    finding, found = await taken("name", Settings(backend=Backend(url=url)))
    assert (finding.verdict, found) == (verdict, code)
    assert text in finding.text


@pytest.mark.usefixtures("no_proxy")
async def test_with_a_proxy_the_name_is_the_proxys_matter_and_its_password_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://anna:canary@proxy.invalid:3128")
    finding, code = await taken("name", Settings(backend=Backend(url="wss://nowhere.invalid/ws")))
    assert (finding.verdict, code) == (Verdict.NOT_CHECKED, 0)
    assert finding.text == "the environment's proxy does it (proxy.invalid)"


async def confirm(connection: ServerConnection) -> None:
    await connection.send('{"type": "who_knows"}')
    await connection.send('{"type": "connection_confirmed", "session_id": "s", "realtime_available": true}')
    await connection.wait_closed()


async def complain(connection: ServerConnection) -> None:
    await connection.send('{"type": "error", "session_id": "s", "error": "no such business"}')
    await connection.wait_closed()


async def stay_silent(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def send_away(connection: ServerConnection) -> None:
    await connection.close(4401, "token expired")


def refuse(connection: ServerConnection, request: Request) -> Response:
    return connection.respond(HTTPStatus.UNAUTHORIZED, "")


@asynccontextmanager
async def listening(behaviour: Behaviour, refusing: bool = False) -> AsyncIterator[Settings]:
    """A backend of this behaviour, as settings that name it."""
    async with serve(behaviour, "127.0.0.1", 0, process_request=refuse if refusing else None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
        yield Settings(backend=Backend(url=url, confirm_timeout_s=1.0, connect_timeout_s=1.0))


@pytest.mark.parametrize(
    ("backend", "verdict", "text"),
    [
        (listening(confirm), Verdict.OK, "confirmed, real-time audio"),
        (listening(complain), Verdict.FAIL, "the backend says: no such business"),
        (listening(stay_silent), Verdict.FAIL, "did not say connection_confirmed in time"),
        (listening(send_away), Verdict.FAIL, "closed with code 4401"),
        (listening(confirm, refusing=True), Verdict.FAIL, "the token is refused"),
    ],
    ids=["confirms", "complains", "stays silent", "sends away", "refuses"],
)
async def test_the_backend_is_good_only_when_it_confirms(
    backend: AbstractAsyncContextManager[Settings], verdict: Verdict, text: str
) -> None:
    async with backend as settings:
        finding, code = await taken("backend", settings)
    assert (finding.verdict, code) == (verdict, 0 if verdict is Verdict.OK else 69)
    assert text in finding.text


async def test_a_backend_that_is_not_there_is_a_failure_of_the_network() -> None:
    async with listening(confirm) as settings:
        pass
    finding, code = await taken("backend", settings)
    assert (finding.verdict, code) == (Verdict.FAIL, 69)
    assert "cannot be reached" in finding.text
