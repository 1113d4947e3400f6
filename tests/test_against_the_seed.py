"""The whole appliance, over real WebSockets, against a backend that knows the seed to the letter and nothing else."""

import asyncio
import base64
import contextlib
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from msgspec.structs import replace

from hero365_edge.app import Appliance
from hero365_edge.cli.world import NativeCodecs
from hero365_edge.core import events as ev
from hero365_edge.core.address import Address
from hero365_edge.core.earcons import Earcon, earcon
from hero365_edge.core.latency import Turn
from hero365_edge.core.pcm import EMPTY, Pcm
from hero365_edge.core.states import State
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.link import WebSocketDialer, WebSocketLink
from hero365_edge.errors import LinkError
from hero365_edge.fakes.detector import FakeDetector
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.panel import FakePanel
from hero365_edge.fakes.shelf import FakeShelf
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.fakes.supervisor import FakeSupervisor
from hero365_edge.fakes.tokens import FakeTokens
from hero365_edge.fleet.control import request
from hero365_edge.settings import Audio, AudioOutput, Backend, Control, Session, Settings
from hero365_edge.world import World
from tests.appliance import until
from tests.appliance_on_fakes import noise
from tests.played import begins, played
from tests.strict_seed import StrictSeedBackend

TOKEN = "to&k=e%n/+?#"  # noqa: S105  of no backend in the world
WORDS = noise(0.3, seed=5)
HOLD_S = 0.45
"""Longer than a tap."""


class Road:
    """The network: it can be cut and mended (port Dialer)."""

    def __init__(self) -> None:
        self.mended = True
        self.dialled: list[Address] = []
        self._links: list[WebSocketLink] = []

    async def dial(self, address: Address) -> WebSocketLink:
        if not self.mended:
            raise LinkError("there is no network")
        self.dialled.append(address)
        self._links.append(await WebSocketDialer().dial(address))
        return self._links[-1]

    def cut(self) -> None:
        self.mended = False
        self._links[-1]._connection.transport.abort()

    @property
    def session_ids(self) -> list[str]:
        return [urlsplit(address.url).path.rpartition("/")[2] for address in self.dialled]


class Van:
    """An appliance that runs against the strict backend."""

    def __init__(self, strict: StrictSeedBackend, settings: Settings) -> None:
        clock = SystemClock()
        self.strict = strict
        self.clock = clock
        self.road = Road()
        self.panel = FakePanel(clock)
        self.microphone = FakeMicrophone(clock, paced=True)
        self.speaker = FakeSpeaker(clock, paced=True)
        self.settings = settings
        world = World(
            clock=clock,
            microphone=self.microphone,
            speaker=self.speaker,
            detector=FakeDetector(),
            codecs=NativeCodecs(),
            panel=self.panel,
            dialer=self.road,
            supervisor=FakeSupervisor(),
            tokens=FakeTokens(TOKEN),
            shelf=FakeShelf(),
        )
        self.appliance = Appliance(settings, world)

    @property
    def state(self) -> State:
        return self.appliance.session.state

    async def ask(self) -> float:
        """Push to talk; when the button was pressed."""
        pressed_at = self.clock.now()
        self.panel.press()
        self.microphone.hear(WORDS)
        await asyncio.sleep(HOLD_S)
        self.panel.release()
        return pressed_at

    async def turn_over(self, since: float) -> Turn:
        """The record of the turn that began at `since` or later."""

        def over() -> bool:
            turn = self.appliance.dialogue.last_turn
            return turn is not None and (turn.press or turn.committed or 0.0) >= since

        await until(over, 5.0)
        assert self.appliance.dialogue.last_turn is not None
        return self.appliance.dialogue.last_turn

    def heard_since(self, at: float) -> Pcm:
        return np.concatenate([EMPTY, *(heard.pcm for heard in self.speaker.heard if heard.at >= at)])

    async def assert_answered(self, since: float, *, earcons: bool = False) -> None:
        """The turn since then was answered; the answer, behind `earcons`, is all that was heard.

        A stream without realtime is more than the seed promises: there the text already ends the turn, and the
        sound is heard all the same.
        """
        turn, answer = await self.turn_over(since), self.strict.answer_pcm
        if self.strict.realtime_available or self.strict.answer == "whole":
            assert turn.outcome == "answered"
        else:
            await until(lambda: self.heard_since(since).size >= answer.size and self.state is State.READY, 5.0)
        heard = self.heard_since(since)
        begin = begins(heard, answer)
        assert begin == 0 or earcons
        assert played(heard[begin:], answer) == answer.size

    async def held_told(self, since: float) -> None:
        """The technician has heard that the utterance is held."""
        await until(lambda: self.state is State.HOLDING and self.heard_since(since).size >= earcon(Earcon.HELD).size)

    def sent(self, kind: str) -> int:
        return sum(message["type"] == kind for message in self.strict.messages)


@contextlib.asynccontextmanager
async def van(strict: StrictSeedBackend, socket: Path | str = "", profile: str = "auto") -> AsyncIterator[Van]:
    """Ready to be asked; on leaving it says goodbye, and the backend has found nothing wrong with any of it."""
    expected = strict.expect_query
    settings = replace(
        Settings(),
        backend=Backend(
            url=strict.url,
            user_id=expected.get("user_id", "user"),
            business_id=expected.get("business_id", "business"),
            profile="seed" if profile == "seed" else "auto",
        ),
        audio=Audio(output=AudioOutput(volume=1.0)),
        session=Session(response_gap_ms=200),
        control=Control(socket=str(socket)),
    )
    here = Van(strict, settings)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(here.appliance.run(stop))
        await until(lambda: here.state is State.READY, 5.0)
        yield here
        stop.set()
    assert strict.violations == []
    assert len(strict.queries) == len(here.road.dialled)


@pytest.mark.parametrize("answer", ["whole", "streamed"])
@pytest.mark.parametrize("realtime", [True, False], ids=["realtime", "buffered"])
@pytest.mark.parametrize("on_extra", ["ignore", "error"])
async def test_a_day_with_a_backend_of_the_seed(on_extra: str, realtime: bool, answer: str, tmp_path: Path) -> None:
    strict = StrictSeedBackend(
        on_extra="error" if on_extra == "error" else "ignore",
        realtime_available=realtime,
        answer="streamed" if answer == "streamed" else "whole",
        expect_query={"user_id": "user", "business_id": "business", "token": TOKEN},
    )
    if answer == "streamed":
        strict.answer_pcm = noise(0.9, seed=6)  # the rest of it still comes when the next utterance has gone up
    async with strict, van(strict, tmp_path / "control.sock") as here:
        await here.assert_answered(await here.ask())

        interrupted_at = await here.ask()
        await until(lambda: bool(here.heard_since(interrupted_at).size), 5.0)
        pressed_at = await here.ask()
        before = here.heard_since(interrupted_at).size - here.heard_since(pressed_at).size
        assert 0 < before < strict.answer_pcm.size
        await here.assert_answered(pressed_at)

        said_at = here.clock.now()
        await asyncio.to_thread(request, tmp_path / "control.sock", {"do": "say", "text": "What's next? 😀 ü"})
        await here.assert_answered(said_at)

    assert strict.answered == 4
    assert here.sent("end_session") == 1
    assert here.sent("audio_data") == (0 if realtime else 3)
    assert strict.extras == (["enable_realtime.audio"] if realtime else [])
    assert here.sent("enable_realtime") == (0 if not realtime else 2 if on_extra == "error" else 1)
    assert all(uuid.UUID(session_id).version == 4 for session_id in here.road.session_ids)


@pytest.mark.parametrize("realtime", [True, False], ids=["realtime", "buffered"])
async def test_an_utterance_is_held_while_there_is_no_road(realtime: bool) -> None:
    async with StrictSeedBackend(realtime_available=realtime) as strict, van(strict) as here:
        here.road.cut()
        await until(lambda: here.state is State.OFFLINE)
        asked_at = await here.ask()
        await here.held_told(asked_at)
        here.road.mended = True
        here.appliance.connection.dial_now()
        await here.assert_answered(asked_at, earcons=True)
        assert (here.sent("audio_data"), strict.answered) == (1, 1)
        assert WORDS.tobytes() in said(strict)
        assert len(set(here.road.session_ids)) == 1


async def test_an_utterance_that_the_road_cuts_in_two_arrives_whole_and_once() -> None:
    async with StrictSeedBackend() as strict, van(strict) as here:
        asked_at = here.clock.now()
        here.panel.press()
        here.microphone.hear(WORDS)
        await until(lambda: len(strict.frames) >= 5)
        here.road.cut()
        await until(lambda: here.appliance.connection.agreement is None)
        here.panel.release()
        await here.held_told(asked_at)
        here.road.mended = True
        here.appliance.connection.dial_now()
        await here.assert_answered(asked_at, earcons=True)
        assert (here.sent("audio_data"), strict.answered) == (1, 1)
        assert WORDS.tobytes() in said(strict)


async def test_a_session_that_ended_is_followed_by_one_of_another_name() -> None:
    async with StrictSeedBackend() as strict, van(strict) as here:
        await here.assert_answered(await here.ask())
        here.appliance.dialogue.happen(ev.SessionEndAsked(here.clock.now()))
        await strict.wait_for(lambda: here.sent("end_session") == 1, 2.0)
        assert here.state is State.READY
        await here.assert_answered(await here.ask())
        assert (here.sent("start_session"), strict.answered) == (2, 2)
        assert len(set(here.road.session_ids)) == 2


async def test_with_the_seed_profile_set_nothing_is_added_at_all() -> None:
    async with StrictSeedBackend(on_extra="error") as strict, van(strict, profile="seed") as here:
        await here.assert_answered(await here.ask())
    assert (strict.extras, here.sent("enable_realtime")) == ([], 1)


HOSTILE = [
    "a b/ü&=?#%25+\n\x00\U0001f4a5",
    "&token=other&user_id=other",
    "../../%2e%2e/;@:[]{}|\\^`\"'<>",
    "\uff06\uff1d\u202e\ufeff\u0301",
    " ",
    "x" * 2000,
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
async def test_any_name_arrives_as_it_is(name: str) -> None:
    expected = {"user_id": name, "business_id": name[::-1], "token": TOKEN}
    async with StrictSeedBackend(expect_query=expected) as strict, van(strict):
        pass
    assert strict.queries == [expected]


def said(strict: StrictSeedBackend) -> bytes:
    """The sound of the last utterance that came whole."""
    return base64.b64decode(next(m["audio"] for m in reversed(strict.messages) if m["type"] == "audio_data"))
