"""The whole appliance on fakes and in virtual time, and a well-behaved backend in memory for it.

Virtual time: the event loop's clock jumps to the next deadline instead of waiting for it, so that a minute of
conversation takes a tenth of a second, paced microphone and speaker included.
"""

import asyncio
import base64
import contextlib
import json
import selectors
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import numpy as np

from hero365_edge.app import Appliance
from hero365_edge.cli.world import NativeCodecs
from hero365_edge.core import rtp
from hero365_edge.core.address import Address
from hero365_edge.core.pcm import EMPTY, FRAME_SAMPLES, RATE_HZ, Pcm
from hero365_edge.core.wav import wav_bytes
from hero365_edge.echo_ports import Echo
from hero365_edge.fakes.detector import FakeDetector
from hero365_edge.fakes.link import FakeDialer, FakeLink
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.panel import FakePanel
from hero365_edge.fakes.shelf import FakeShelf
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.fakes.supervisor import FakeSupervisor
from hero365_edge.fakes.tokens import FakeTokens
from hero365_edge.settings import Settings
from hero365_edge.world import World

T = TypeVar("T")
LOOK_EVERY_S = 0.01
"""How often the backend looks what came."""
QUIET_FRAMES = 30
"""600 ms: what the seed's backend takes for the end of an utterance."""
THREAD_POLL_S = 0.001
SSRC = 0x51CA0DE


class _Impatient(selectors.DefaultSelector):
    """Never waits for a timer: it lets the loop's clock jump there. Only for a thread at work it waits."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self._threads = threading.active_count()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready."""
        if timeout != 0 and threading.active_count() > self._threads:
            return super().select(THREAD_POLL_S)
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("the event loop waits for nothing and nobody: a deadlock")
            self.now += timeout
        return ready


class VirtualTime(asyncio.SelectorEventLoop):
    """An event loop in virtual time. `unhandled` is what was given to its exception handler."""

    def __init__(self) -> None:
        self._impatient = _Impatient()
        super().__init__(self._impatient)
        self.unhandled: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _, context: self.unhandled.append(context))

    def time(self) -> float:
        """Virtual seconds."""
        return self._impatient.now


def in_virtual_time(main: Coroutine[Any, Any, T]) -> T:
    """Run it to its end. Raises what it raises, and AssertionError for what only the event loop got to hear."""
    with asyncio.Runner(loop_factory=VirtualTime) as runner:
        loop = runner.get_loop()
        result = runner.run(main)
        assert isinstance(loop, VirtualTime)
        assert loop.unhandled == []
        return result


class LoopClock:
    """The clock of the event loop that runs where it is made."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def now(self) -> float:
        return self._loop.time()

    def utc(self) -> datetime:
        return datetime(2024, 1, 15, 10, 30, tzinfo=UTC) + timedelta(seconds=self.now())

    def synchronised(self) -> bool:
        return True


class CountedLink(FakeLink):
    """Counts what was received from it."""

    def __init__(self) -> None:
        super().__init__()
        self.received = 0

    async def receive(self) -> str | bytes:
        message = await super().receive()
        self.received += 1
        return message

    @property
    def unread(self) -> int:
        """How many messages were said and not received yet."""
        return self._spoken.qsize()


class Road(FakeDialer):
    """Each dial opens a counted link."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[CountedLink] = []

    async def dial(self, address: Address) -> FakeLink:
        self.addresses.append(address)
        link = CountedLink()
        self.opened.append(link)
        return link


class Agent:
    """The backend: shakes hands, hears where utterances end, and answers each one unless it is `mute`."""

    def __init__(self, road: Road, profile: str, answer: Callable[["Agent", str], None]) -> None:
        """`answer` is told the utterance's id in `v1`, else an empty string."""
        self.road = road
        self.profile = profile
        self.answer = answer
        self.mute = False
        self.shy = False
        """Does not even shake hands."""
        self.utterance_id = ""
        """`v1`: the newest utterance."""
        self.unanswered: list[str] = []
        self.said = 0
        self._read = 0
        self._link: CountedLink | None = None
        self._spoke = False
        self._quiet = 0

    @property
    def link(self) -> CountedLink:
        return self.road.opened[-1]

    def tell(self, kind: str, **fields: Any) -> None:
        stamp = "2024-01-15T10:30:00Z"
        self.say(json.dumps({"type": kind, "session_id": "s", **fields, "timestamp": stamp}))

    def say(self, message: str | bytes) -> None:
        self.said += 1
        self.link.say(message)

    async def run(self) -> None:
        while True:
            if self.road.opened and not self.shy:
                self._look()
            await asyncio.sleep(LOOK_EVERY_S)

    def _look(self) -> None:
        if self._link is not self.link:
            self._link, self._read, self._spoke, self._quiet = self.link, 0, False, 0
            self.tell("connection_confirmed", realtime_available=True, buffered_available=True)
        while self._read < len(self.link.sent):
            message = self.link.sent[self._read]
            self._read += 1
            if isinstance(message, bytes):
                self._frame(message)
            else:
                self._message(json.loads(message))

    def _frame(self, frame: bytes) -> None:
        if self.profile == "v1":
            return
        if any(frame):
            self._spoke, self._quiet = True, 0
        elif self._spoke:
            self._quiet += 1
            if self._quiet >= QUIET_FRAMES:
                self._spoke = False
                self._heard("")

    def _message(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "start_session":
                self.tell("session_started", status="active", realtime_available=True)
                self.tell("agent_response", response="Hello!")
            case "enable_realtime":
                chosen = {"profile": "v1", "uplink": "pcm16", "downlink": "pcm16"}
                self.tell("realtime_enabled", **({"audio": chosen} if self.profile == "v1" else {}))
            case "utterance_started":
                self.utterance_id = message["utterance_id"]
            case "utterance_ended":
                self._heard(message["utterance_id"])
            case "audio_data":
                self._heard("")
            case "end_session":
                self.tell("session_ended")

    def _heard(self, utterance_id: str) -> None:
        if self.mute:
            self.unanswered.append(utterance_id)
        else:
            self.answer(self, utterance_id)


def accept(agent: Agent, utterance_id: str) -> None:
    """Say that the utterance is being worked on."""
    named = {"utterance_id": utterance_id} if utterance_id else {}
    agent.tell("audio_processing", status="processing", audio_size=1, buffer_size=1, **named)


def say_whole(agent: Agent, utterance_id: str, pcm: Pcm) -> None:
    """Answer in one piece, WAV in base64."""
    accept(agent, utterance_id)
    sound = base64.b64encode(wav_bytes(pcm)).decode()
    agent.tell("agent_response", response="Here.", audio_response=sound, audio_format="wav")


def say_streamed(agent: Agent, utterance_id: str, pcm: Pcm) -> None:
    """Answer as the profile streams: PCM, or RTP of L16 in `v1`, which needs the utterance's name."""
    accept(agent, utterance_id)
    agent.tell("agent_response", response="Here.")
    if agent.profile != "v1":
        for start in range(0, len(pcm), 2 * FRAME_SAMPLES):
            agent.say(pcm[start : start + 2 * FRAME_SAMPLES].tobytes())
        return
    begin_response(agent, utterance_id)
    for packet in packets(pcm):
        agent.say(packet)
    agent.tell("response_ended", response_id="r")


def begin_response(agent: Agent, utterance_id: str) -> None:
    """`v1`: packets of `SSRC` follow."""
    agent.tell("response_started", response_id="r", utterance_id=utterance_id, ssrc=SSRC)


def packets(pcm: Pcm) -> list[bytes]:
    """RTP of L16 under `SSRC`."""
    packetizer = rtp.Packetizer(rtp.L16, SSRC, 7, 0xFFFFFF00)
    starts = range(0, len(pcm), FRAME_SAMPLES)
    return [packetizer.packet(pcm[at : at + FRAME_SAMPLES].astype(">i2").tobytes()) for at in starts]


def noise(seconds: float, seed: int) -> Pcm:
    """White noise of its own: it is found nowhere else, and its first bytes look like no format."""
    pcm = np.random.default_rng(seed).integers(-8000, 8000, round(seconds * RATE_HZ)).astype(np.int16)
    pcm[0] = 1
    return pcm


class Scene:
    """A running appliance and everything around it."""

    def __init__(
        self,
        settings: Settings,
        profile: str,
        answer: Callable[[Agent, str], None],
        echo: Callable[["Scene"], Echo] | None = None,
    ) -> None:
        """`echo` is asked for when all but the appliance is there."""
        clock = LoopClock()
        self.clock = clock
        self.road = Road()
        self.agent = Agent(self.road, profile, answer)
        self.panel = FakePanel(clock)
        self.microphone = FakeMicrophone(clock, paced=True)
        self.speaker = FakeSpeaker(clock, paced=True)
        self.supervisor = FakeSupervisor()
        world = World(
            clock=clock,
            microphone=self.microphone,
            speaker=self.speaker,
            detector=FakeDetector(),
            codecs=NativeCodecs(),
            panel=self.panel,
            dialer=self.road,
            supervisor=self.supervisor,
            tokens=FakeTokens(),
            shelf=FakeShelf(),
            echo=echo and echo(self),
        )
        self.appliance = Appliance(settings, world)
        self.stop = asyncio.Event()
        self.running: asyncio.Task[None]

    def heard_since(self, at: float) -> Pcm:
        """All content that left the speaker from `at` on, without the silence between."""
        return np.concatenate([EMPTY, *(heard.pcm for heard in self.speaker.heard if heard.at >= at)])


@contextlib.asynccontextmanager
async def scene(
    settings: Settings,
    profile: str = "seed",
    answer: Callable[[Agent, str], None] = accept,
    echo: Callable[[Scene], Echo] | None = None,
) -> AsyncIterator[Scene]:
    """An appliance that runs, until left; it has to end then within its own time limits."""
    here = Scene(settings, profile, answer, echo)
    here.running = asyncio.create_task(here.appliance.run(here.stop), name="appliance")
    backend = asyncio.create_task(here.agent.run(), name="backend")
    try:
        yield here
        here.stop.set()
        async with asyncio.timeout(10):
            await here.running
    finally:
        for task in (here.running, backend):
            task.cancel()
        await asyncio.wait([here.running, backend])
