"""The door: who is let in, what is never told, and what a test can wait for."""

import asyncio
import logging
import socket
import ssl
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus

from hero365_edge.backend.options import Options
from hero365_edge.backend.records import Answer, Utterance
from hero365_edge.backend.server import SimulatedBackend
from tests.backend.caller import call, silence, tone, voice
from tests.lab.certificates import make_authority, server_context

TOKEN = "a secret/ü&="  # noqa: S105  it guards nothing
TOKEN_IN_QUERY = "a%20secret%2F%C3%BC%26%3D"  # noqa: S105  the same
BOTH = "user_id=u1&business_id=b1"


def quick(**more: Any) -> Options:
    return Options(**{"answer_pcm": tone(0.1), "pacing": "instant", **more})


async def status(url: str) -> int:
    """The HTTP status a dial ends with."""
    try:
        async with connect(url):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/{uuid.uuid4()}?{BOTH}", 101),
        (f"/{uuid.uuid4()}?{BOTH}&token=anything", 101),
        (f"/{uuid.uuid4()}?user_id=u1", 400),
        (f"/{uuid.uuid4()}?user_id=&business_id=b1", 400),
        (f"/{uuid.uuid4()}", 400),
        (f"/?{BOTH}", 400),
    ],
)
async def test_the_query_must_name_user_and_business(path: str, expected: int) -> None:
    async with SimulatedBackend(quick()) as backend:
        assert await status(backend.url + path) == expected


async def test_any_path_will_do() -> None:
    async with SimulatedBackend(quick()) as backend:
        root = backend.url.removesuffix("/v1/voice/ws")
        assert await status(f"{root}/api/v1/voice/ws/{uuid.uuid4()}?{BOTH}") == 101
        assert await status(f"{root}/{uuid.uuid4()}?{BOTH}") == 101
        assert backend.violations == []


@pytest.mark.parametrize(
    ("query", "header", "expected"),
    [
        (f"&token={TOKEN_IN_QUERY}", None, 101),
        ("", f"Bearer {TOKEN}", 101),
        (f"&token={TOKEN_IN_QUERY}", f"Bearer {TOKEN}", 101),
        ("&token=wrong", None, 401),
        ("", "Bearer wrong", 401),
        ("", None, 401),
        ("&token=", None, 401),
    ],
)
async def test_the_token_is_checked_wherever_it_comes(query: str, header: str | None, expected: int) -> None:
    token = TOKEN.replace("ü", "u") if header else TOKEN  # a header holds only ASCII
    async with SimulatedBackend(quick(token=token)) as backend:
        headers = {"Authorization": header.replace("ü", "u")} if header else None
        try:
            async with connect(f"{backend.url}/{uuid.uuid4()}?{BOTH}{query}", additional_headers=headers):
                got = 101
        except InvalidStatus as refused:
            got = refused.response.status_code
        assert got == expected


async def test_the_token_reaches_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="websockets.client")  # the caller's own log is the caller's
    caplog.set_level(logging.DEBUG)
    async with SimulatedBackend(quick(token="s3cret")) as backend:  # noqa: S106  it guards nothing
        for token in ("s3cret", "s3cre"):
            await status(f"{backend.url}/{uuid.uuid4()}?{BOTH}&token={token}")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(backend.url.split(":")[2].split("/")[0]))
        writer.write(b"GET /v1/voice/ws/x?token=s3cret HTTP/0.9\r\n\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
    assert "s3cre" not in caplog.text
    assert "user_id" not in caplog.text


async def test_a_session_id_that_is_no_uuid4_is_noted() -> None:
    async with SimulatedBackend(quick()) as backend:
        for session_id in ("session-1", str(uuid.uuid1()), uuid.uuid4().hex):
            async with call(backend.url, session_id=session_id) as caller:
                await caller.hear("connection_confirmed")
        assert ["UUID4" in told for told in backend.violations] == [True] * 3


async def test_connections_of_one_session_are_counted() -> None:
    session_id = str(uuid.uuid4())
    async with SimulatedBackend(quick()) as backend, call(backend.url, session_id=session_id) as first:
        await first.start()
        async with call(backend.url, session_id=session_id) as second:
            await second.start()
            await first.tell("session_status")
            assert (await first.hear("session_status"))["data"]["active_connections"] == 2


async def test_dropped_links_are_cut_without_a_goodbye() -> None:
    async with SimulatedBackend(quick()) as backend, call(backend.url) as caller:
        await caller.start()
        await backend.drop_links()
        with pytest.raises(ConnectionClosedError):
            await caller.next()
        async with call(backend.url) as again:
            await again.start()


async def test_leaving_says_goodbye_and_frees_the_port() -> None:
    backend = SimulatedBackend(quick())
    async with backend, asyncio.timeout(5):
        connection = connect(f"{backend.url}/{uuid.uuid4()}?{BOTH}")
        socket = await connection
        await socket.recv()
    with pytest.raises((ConnectionClosedOK, ConnectionClosedError)):
        await socket.recv()
    assert socket.close_code == 1001
    port = int(backend.url.split(":")[2].split("/")[0])
    async with SimulatedBackend(quick(port=port)) as other:
        assert other.url == backend.url


async def test_a_port_that_is_taken_is_an_os_error() -> None:
    async with SimulatedBackend(quick()) as backend:
        port = int(backend.url.split(":")[2].split("/")[0])
        with pytest.raises(OSError, match="address already in use"):
            async with SimulatedBackend(quick(port=port)):
                pass


async def test_waiting_in_vain_tells_what_happened_instead() -> None:
    async with SimulatedBackend(quick()) as backend, call(backend.url) as caller:
        await caller.start()
        with pytest.raises(TimeoutError, match=r"0 utterances.*start_session"):
            await backend.wait_for(lambda: len(backend.utterances) == 1, 0.05)


async def test_turns_are_told_when_they_are_over() -> None:
    told: list[tuple[Utterance, Answer | None]] = []
    options = quick(fault="silent", fault_count=1)
    backend = SimulatedBackend(options, on_turn=lambda *turn: told.append(turn))
    async with backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(np.concatenate([voice(0.2), silence(0.6)]))
        await backend.wait_for(lambda: len(told) == 1, 2.0)
        await caller.speak(np.concatenate([voice(0.2, seed=2), silence(0.6)]))
        await backend.wait_for(lambda: len(told) == 2, 2.0)
    assert [turn[0] for turn in told] == backend.utterances
    assert [turn[1] for turn in told] == [None, backend.answers[0]]


async def test_a_client_that_vanishes_while_it_is_answered_does_no_harm() -> None:
    async with SimulatedBackend(quick(answer_pcm=tone(20), pacing="realtime")) as backend:
        async with call(backend.url) as caller:
            await caller.start()
            await caller.speak(np.concatenate([voice(0.2), silence(0.6)]))
            await caller.hear("agent_response")
            caller.socket.transport.abort()
        await backend.wait_for(lambda: backend.answers[0].ended_at is not None, 2.0)
        assert (backend.answers[0].complete, backend.answers[0].cancelled) == (False, False)
        async with call(backend.url) as caller:
            await caller.start()


async def test_it_speaks_tls_on_a_socket_that_listens_already(tmp_path: Path) -> None:
    make_authority(tmp_path)
    tls = server_context(tmp_path, tmp_path, host="localhost")
    listener = socket.create_server(("127.0.0.1", 0))
    trusting = ssl.create_default_context(cafile=tmp_path / "ca.crt")
    async with SimulatedBackend(quick(listener=listener, tls=tls)) as backend:
        port = listener.getsockname()[1]
        assert backend.url == f"wss://127.0.0.1:{port}/v1/voice/ws"
        url = f"wss://localhost:{port}/v1/voice/ws/{uuid.uuid4()}?{BOTH}"
        async with connect(url, ssl=trusting) as link:
            assert '"connection_confirmed"' in str(await link.recv())
        with pytest.raises(ssl.SSLCertVerificationError):
            await status(url)
