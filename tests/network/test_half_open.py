"""Links that are dead and do not say so, bad ones and thin ones, over roads in the real kernel."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable

import pytest
from websockets.asyncio.server import ServerConnection, serve

from hero365_edge.connection import Backend, Connection
from hero365_edge.core.handshake import Limits
from hero365_edge.core.messages import AudioData
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.link import WebSocketDialer
from hero365_edge.errors import LinkError
from hero365_edge.fakes.tokens import FakeTokens
from tests.appliance import until
from tests.network.road import Road, missing, road
from tests.test_connection import Diary

WHY_NOT = missing()
pytestmark = [pytest.mark.network, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]

FOUND_S = 10.3
"""Ten seconds, and what a busy computer takes to notice."""
REPLIES = {
    "start_session": {"type": "session_started", "session_id": "s", "status": "active"},
    "enable_realtime": {"type": "realtime_enabled", "session_id": "s", "status": "enabled"},
}


class FarHost:
    """A backend at the other end of a road: opens sessions, and counts what comes."""

    def __init__(self) -> None:
        self.whole_messages = 0
        self.calls = 0

    async def take(self, connection: ServerConnection) -> None:
        self.calls += 1
        hello = {"type": "connection_confirmed", "session_id": "s", "realtime_available": True}
        with contextlib.suppress(Exception):  # the road is bad: that is what it is for
            await connection.send(json.dumps(hello))
            async for message in connection:
                kind = json.loads(message)["type"] if isinstance(message, str) else ""
                self.whole_messages += kind == "audio_data"
                if kind in REPLIES:
                    await connection.send(json.dumps(REPLIES[kind]))


class Trip:
    """A connection over a road of its own."""

    def __init__(self, way: Road, port: int, host: FarHost) -> None:
        self.road = way
        self.host = host
        self.diary = Diary()
        url = f"ws://{way.address}:{port}/ws"
        backend = Backend(url, "u", "b", "both", "seed", "pcm16", 5.0, Limits())
        self.connection = Connection(SystemClock(), WebSocketDialer(), backend, FakeTokens(), self.diary)

    async def down(self) -> float:
        """How long it takes from now until the link is known to be gone."""
        began_at = asyncio.get_running_loop().time()
        await until(lambda: bool(self.diary.downs), 60.0)
        return asyncio.get_running_loop().time() - began_at


@contextlib.asynccontextmanager
async def trip() -> AsyncIterator[Trip]:
    with road() as way:
        host = FarHost()
        listener = way.listen()
        async with serve(host.take, sock=listener, max_size=None, ping_interval=None, close_timeout=0.1) as server:
            made = Trip(way, listener.getsockname()[1], host)
            task = asyncio.create_task(made.connection.run())
            try:
                await until(lambda: bool(made.diary.ups))
                yield made
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                server.close(close_connections=True)


async def keep_speaking(connection: Connection) -> None:
    with contextlib.suppress(LinkError):
        while True:
            await connection.send(bytes(640))
            await asyncio.sleep(0.02)


async def found_half_open(fault: Callable[[Road], None], speaks: bool) -> None:
    async with trip() as here:
        speaking = asyncio.create_task(keep_speaking(here.connection)) if speaks else None
        await asyncio.sleep(1.3)
        fault(here.road)
        assert await here.down() <= FOUND_S, (fault, speaks)
        assert here.connection.trouble, (fault, speaks)
        if speaking is not None:
            await speaking


async def test_a_half_open_link_is_found_in_ten_seconds() -> None:
    """Four roads side by side, for each takes its ten seconds: swallowed packets or a cut link, silent or speaking."""
    async with asyncio.TaskGroup() as tasks:
        for fault in (Road.swallow, Road.cut):
            for speaks in (False, True):
                tasks.create_task(found_half_open(fault, speaks))


async def test_when_the_road_is_there_again_a_press_has_a_session_at_once() -> None:
    async with trip() as here:
        here.road.swallow()
        here.connection.redial("for this test")
        # Not whole seconds: a dial's packet is sent again then, and a dial that is cancelled just as it gets through
        # loses its socket to the garbage collector (asyncio's staggered_race in Python 3.11).
        await asyncio.sleep(2.5)
        here.road.mend()
        mended_at = asyncio.get_running_loop().time()
        here.connection.dial_now()
        await until(lambda: len(here.diary.ups) == 2)
        assert asyncio.get_running_loop().time() - mended_at < 0.5


async def test_what_a_dropped_link_had_not_delivered_does_not_arrive_behind_its_copy() -> None:
    async with trip() as here:
        here.road.swallow()
        await here.connection.send(AudioData(audio="A" * 1000, format="wav", size=750))
        here.connection.redial("for this test")
        await asyncio.sleep(1.7)  # the goodbye's limit is over: the link is let go
        here.road.mend()
        here.connection.dial_now()
        await until(lambda: len(here.diary.ups) == 2)
        await asyncio.sleep(4.0)  # the kernel would try again after 1.6 s and 3.2 s
        assert here.host.whole_messages == 0


async def test_a_link_that_loses_much_is_seen_to_be_bad() -> None:
    async with trip() as here:
        here.diary.at_rest = False
        here.road.lose(25)
        speaking = asyncio.create_task(keep_speaking(here.connection))
        await until(lambda: here.connection.counts.degraded > 0 or bool(here.diary.downs), 20.0)
        assert here.diary.downs == []
        facts = here.connection.facts()
        assert facts["degraded"] is True
        speaking.cancel()
        await asyncio.wait([speaking])


async def test_a_minute_of_speech_gets_through_a_thin_link_that_answers_no_ping_meanwhile() -> None:
    async with trip() as here:
        here.road.narrow(400)
        began_at = asyncio.get_running_loop().time()
        await here.connection.send(AudioData(audio="A" * 700_000, format="wav", size=525_000))
        await until(lambda: here.host.whole_messages == 1, 40.0)
        assert asyncio.get_running_loop().time() - began_at > 10.5, "longer than a silent link may be silent"
        assert here.diary.downs == []
        assert here.host.calls == 1
