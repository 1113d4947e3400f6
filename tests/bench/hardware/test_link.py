"""`bench link` over a road of known delay and known rate, to the simulated backend on a real socket."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import msgspec
import pytest

from hero365_edge import from_settings
from hero365_edge.backend.options import Options, Profile
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.bench.hardware import link
from hero365_edge.bench.hardware.figures import Figure, Verdict
from hero365_edge.core.board import Limits
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.link import WebSocketDialer
from hero365_edge.fakes.tokens import FakeTokens
from hero365_edge.settings import Settings

CHUNK_BYTES = 2048
PROFILES: tuple[Profile, ...] = ("seed", "v1")


@asynccontextmanager
async def road(url: str, delay_s: float = 0.0, up_kbit_s: float = 0.0) -> AsyncIterator[str]:
    """Another URL of the same backend, with `delay_s` each way, and no more than so much up."""
    parts = urlsplit(url)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kbit_s: float) -> None:
        due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)
        loop = asyncio.get_running_loop()

        async def put_down() -> None:
            while True:
                at, data = await due.get()
                await asyncio.sleep(max(0.0, at - loop.time()))
                writer.write(data)
                await writer.drain()

        putting = asyncio.create_task(put_down())
        free_at = loop.time()
        try:
            while data := await reader.read(CHUNK_BYTES):
                free_at = max(free_at, loop.time()) + (len(data) * 8 / 1000 / kbit_s if kbit_s else 0.0)
                await asyncio.sleep(free_at - loop.time())
                await due.put((loop.time() + delay_s, data))
        finally:
            putting.cancel()
            writer.transport.abort()

    async def drive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond, across = await asyncio.open_connection(parts.hostname, parts.port)
        async with asyncio.TaskGroup() as both:
            both.create_task(carry(reader, across, up_kbit_s))
            both.create_task(carry(beyond, writer, 0.0))

    server = await asyncio.start_server(drive, "127.0.0.1", 0, limit=CHUNK_BYTES)
    async with server:
        yield f"{parts.scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}{parts.path}"


async def measured(url: str, limits: Limits = Limits()) -> Mapping[str, Figure]:  # noqa: B008  it is frozen
    there = msgspec.structs.replace(Settings().backend, url=url, user_id="u", business_id="b")
    backend = from_settings.backend(msgspec.structs.replace(Settings(), backend=there))
    clock = SystemClock()
    result = await link.measure(
        clock, WebSocketDialer(), backend, FakeTokens("token"), limits, lambda _: None, {"TCP": 0.012}, str.upper
    )
    assert result.notes == ("the way there: TCP 12 ms",)
    return {figure.name: figure for figure in result.figures}


async def test_a_road_of_known_delay_is_told_and_nothing_reaches_the_agent() -> None:
    """In both profiles, side by side: a long road is mostly waiting."""
    await asyncio.gather(*(a_known_delay_is_told(profile) for profile in PROFILES))


async def a_known_delay_is_told(profile: Profile) -> None:
    async with SimulatedBackend(Options(welcome=False, profile=profile)) as backend, road(backend.url, 0.06) as url:
        told = await measured(url)
        rtt, session = told["rtt"].value, told["session"].value
        assert rtt is not None
        assert session is not None
        assert 120 <= rtt <= 120 + told["rtt"].error + 12, "a busy computer is late, never early"
        assert told["rtt"].verdict is Verdict.BAD, "the limit is 100 ms"
        assert 0.36 <= session < 2.0, "three round trips at the least"
        assert (backend.utterances, backend.binary_received, backend.violations) == ([], 0, [])
        assert [message["type"] for message in backend.received][-1] == "end_session"


async def test_a_road_of_known_rate_is_told_and_too_thin_a_one_is_bad() -> None:
    async with SimulatedBackend(Options(welcome=False)) as backend, road(backend.url, up_kbit_s=200) as url:
        told = await measured(url)
    up = told["up"].value
    assert up == pytest.approx(200, rel=told["up"].error / up if up else 0)
    assert (told["up"].verdict, told["down"].verdict) == (Verdict.BAD, Verdict.BAD)


async def test_a_backend_that_is_not_there_is_not_measured_and_says_why() -> None:
    told = await measured("ws://127.0.0.1:1/ws")
    assert {figure.verdict for figure in told.values()} == {Verdict.NOT_MEASURED}
    remark = told["session"].remark
    assert "127.0.0.1" in remark
    assert remark == remark.upper(), "it was scrubbed"
