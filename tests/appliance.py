"""A whole appliance on fakes, with verbs of the technician and of the backend."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import numpy as np

from hero365_edge.app import Appliance
from hero365_edge.core import gestures as g
from hero365_edge.core import messages as m
from hero365_edge.core.address import Address
from hero365_edge.core.backoff import Backoff
from hero365_edge.core.gestures import DOUBLE_TAP_MS
from hero365_edge.core.lamp import Light
from hero365_edge.core.latency import Turn
from hero365_edge.core.pcm import EMPTY, Pcm, from_bytes
from hero365_edge.core.wav import WavDecoder
from hero365_edge.devices.clock import SystemClock
from hero365_edge.fakes.codec import FakeCodecs
from hero365_edge.fakes.detector import FakeDetector
from hero365_edge.fakes.link import FakeDialer, FakeLink
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.panel import FakePanel
from hero365_edge.fakes.shelf import FakeShelf
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.fakes.supervisor import FakeSupervisor
from hero365_edge.fakes.tokens import FakeTokens
from hero365_edge.fleet.session_memory import SessionMemory
from hero365_edge.settings import Audio, AudioOutput, Backend, Capture, Control, Session, Settings
from hero365_edge.shelf_ports import Shelf
from hero365_edge.speech_ports import PhraseBook, Voice
from hero365_edge.world import World
from tests.played import without_soft_ends


async def until(true: Callable[[], bool], limit_s: float = 2.0) -> None:
    """Wait for something that has no event of its own. Raises TimeoutError."""
    async with asyncio.timeout(limit_s):
        while not true():  # noqa: ASYNC110  what is waited for has no event of its own
            await asyncio.sleep(0.002)


# -- the backend ---------------------------------------------------------------------------------------------------


def heard(link: FakeLink) -> list[m.AnyMessage | bytes]:
    """What the backend got so far, its JSON read."""
    return [message if isinstance(message, bytes) else m.decode(message) for message in link.sent]


def say(link: FakeLink, kind: str, **fields: object) -> None:
    """The backend sends a message of this type."""
    link.say(msgspec.json.encode({"type": kind, **fields}).decode())


async def confirm(link: FakeLink, *, realtime: bool = True) -> None:
    """The backend opens its door; returns once the session is asked for."""
    say(link, "connection_confirmed", session_id="s", realtime_available=realtime, buffered_available=True)
    await until(lambda: any(isinstance(message, m.StartSession) for message in heard(link)))


async def start(link: FakeLink) -> None:
    """It starts the session; returns once realtime audio is asked for."""
    say(link, "session_started", session_id="s", status="active")
    await until(lambda: any(isinstance(message, m.EnableRealtime) for message in heard(link)))


async def open_session(link: FakeLink, profile: str = "seed") -> None:
    """The whole opening: `seed`, `v1`, or `buffered` for a backend that takes no realtime audio."""
    await confirm(link, realtime=profile != "buffered")
    if profile == "buffered":
        say(link, "session_started", session_id="s", status="active")
        return
    await start(link)
    audio = {"audio": {"profile": "v1", "uplink": "opus", "downlink": "opus"}} if profile == "v1" else {}
    say(link, "realtime_enabled", session_id="s", status="enabled", **audio)


class HangingDialer(FakeDialer):
    """Answers no dial until `free` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()
        self.begun = 0

    async def dial(self, address: Address) -> FakeLink:
        self.begun += 1
        await self.free.wait()
        return await super().dial(address)


# -- the van -------------------------------------------------------------------------------------------------------

QUICK = Settings(
    backend=Backend(url="wss://h/ws", user_id="user-1", business_id="business-1", tail_silence_ms=40),
    capture=Capture(hangover_ms=240, no_speech_timeout_s=0.5),
    session=Session(response_gap_ms=60, accept_timeout_s=1.0, answer_timeout_s=1.5),
    audio=Audio(output=AudioOutput(volume=1.0)),
    control=Control(socket=""),
)
TAIL_SAMPLES = 640
TOKEN = "s3cr3t-t0ken"  # noqa: S105  nobody's


def words(samples: int, first: int = 0) -> Pcm:
    """Speech, to the fake detector: loud, and each sample tells its number."""
    return (np.arange(first, first + samples) % 20_000 + 5_000).astype(np.int16)


def answer(samples: int) -> Pcm:
    """What the agent says; unlike any earcon or word, and never silent."""
    return (-(np.arange(samples) % 8_000) - 20_000).astype(np.int16)


class Van:
    """An appliance that runs in real time on fakes: a technician, a backend and a workbench."""

    def __init__(
        self,
        settings: Settings = QUICK,
        dialer: FakeDialer | None = None,
        period_ms: int = 20,
        shelf: Shelf | None = None,
        session_file: Path | None = None,
        phrases: PhraseBook | None = None,
        voice: Voice | None = None,
    ) -> None:
        self.clock = SystemClock()
        self.microphone = FakeMicrophone(self.clock, period_ms=period_ms, paced=True)
        self.speaker = FakeSpeaker(self.clock, paced=True)
        self.panel = FakePanel(self.clock)
        self.dialer = dialer or FakeDialer()
        self.supervisor = FakeSupervisor()
        self.shelf = shelf or FakeShelf()
        self.stop = asyncio.Event()
        world = World(
            self.clock,
            self.microphone,
            self.speaker,
            FakeDetector(),
            FakeCodecs(),
            self.panel,
            self.dialer,
            self.supervisor,
            FakeTokens(TOKEN),
            self.shelf,
            None if session_file is None else SessionMemory(session_file, self.clock),
            phrases=phrases,
            voice=voice,
        )
        self.appliance = Appliance(settings, world)
        self.appliance.connection._backoff = Backoff(lambda: 0.0)

    # the technician

    def speak(self, pcm: Pcm) -> None:
        """Say something; it takes as long as it is."""
        self.microphone.hear(pcm)

    async def tap(self) -> None:
        """Tap the button, and wait until that is known to be no double tap."""
        await self.panel.tap()
        await asyncio.sleep(DOUBLE_TAP_MS / 1000)

    async def hold_and_say(self, said: Pcm) -> None:
        """Push-to-talk for as long as it takes to say this; as gestures, for the button has tests of its own."""
        happen, now = self.appliance.dialogue.happen, self.clock.now
        happen(g.Pressed(now()))
        happen(g.HoldBegan(now()))
        self.speak(said)
        await until(lambda: not self.microphone.to_hear_s)
        happen(g.Released(now()))
        await until(lambda: not self.appliance.uplink.recording)

    @property
    def light(self) -> Light:
        """What the lamp shows."""
        return self.appliance.dialogue.light

    async def shows(self, light: Light, limit_s: float = 2.0) -> None:
        """Wait for the lamp."""
        try:
            await until(lambda: self.light is light, limit_s)
        except TimeoutError:
            raise AssertionError(f"the lamp shows {self.light}, not {light}") from None

    @property
    def lights(self) -> list[Light | None]:
        """What the lamp has shown so far."""
        return [light for _, light in self.panel.lights]

    def heard(self) -> Pcm:
        """Everything that came out of the speaker, but for soft ends."""
        return without_soft_ends(np.concatenate([EMPTY, *(heard.pcm for heard in self.speaker.heard)]))

    def heard_of_answers(self) -> Pcm:
        """Without the earcons."""
        heard = self.heard()
        return heard[heard <= -20_000]

    # the backend

    async def session(self, profile: str = "seed") -> FakeLink:
        """The next link, with a session on it."""
        link = await self.dialer.dialled()
        await open_session(link, profile)
        await until(lambda: self.appliance.dialogue._agreement is not None)
        return link

    async def turn_last(self, outcome: str, limit_s: float = 2.0) -> Turn:
        """Wait for a turn that ended like this."""

        def turn() -> Turn | None:
            return self.appliance.dialogue.last_turn

        await until(lambda: getattr(turn(), "outcome", "") == outcome, limit_s)
        found = turn()
        assert found is not None
        return found


def sound_sent(link: FakeLink) -> Pcm:
    """The bare PCM that went up."""
    return from_bytes(b"".join(message for message in link.sent if isinstance(message, bytes)))


def kept_sent(link: FakeLink) -> list[Pcm]:
    """The utterances that went up whole, in order."""
    return [
        WavDecoder().decode(base64.b64decode(message.audio))
        for message in heard(link)
        if isinstance(message, m.AudioData)
    ]


@contextlib.asynccontextmanager
async def running(van: Van) -> AsyncIterator[Van]:
    """From power on to power off, and nothing is left behind."""
    task = asyncio.create_task(van.appliance.run(van.stop), name="appliance")
    try:
        await until(lambda: not van.appliance.cards.microphone_trouble or task.done())
        yield van
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert [left for left in asyncio.all_tasks() if left is not asyncio.current_task()] == []
