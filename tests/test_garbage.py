"""Garbage from the backend, thousands of messages of it: the appliance goes on, and the next good turn works."""

import asyncio
import base64
import json
import os
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Literal, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from websockets.asyncio.server import ServerConnection, serve

from hero365_edge.app import Appliance
from hero365_edge.cli.world import NativeCodecs
from hero365_edge.core.address import address
from hero365_edge.core.secret import Secret
from hero365_edge.core.states import RESTING, State
from hero365_edge.core.wav import wav_bytes
from hero365_edge.decoding import MAX_BACKLOG_BYTES
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.link import WebSocketDialer
from hero365_edge.errors import LinkError
from hero365_edge.fakes.detector import FakeDetector
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.panel import FakePanel
from hero365_edge.fakes.shelf import FakeShelf
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.fakes.supervisor import FakeSupervisor
from hero365_edge.fakes.tokens import FakeTokens
from hero365_edge.settings import Audio, AudioOutput, Backend, Capture, Control, Session, Settings
from hero365_edge.world import World
from tests.appliance import until
from tests.appliance_on_fakes import (
    Agent,
    CountedLink,
    Scene,
    accept,
    begin_response,
    in_virtual_time,
    noise,
    packets,
    say_streamed,
    say_whole,
    scene,
)
from tests.devices.memory import resident_bytes
from tests.garbage import FILES, MESSAGES, UTTERANCE, Message

BATCH = 50
PROFILES = ("seed", "v1")
Downlink = Literal["auto", "pcm16", "mp3", "opus"]
LANES = {"connection", "uplink", "downlink", "dialogue", "button", "cards", "health", "link listener", "link poster"}
SETTINGS = replace(
    Settings(),
    backend=Backend(url="ws://127.0.0.1/v1/voice/ws", user_id="u", business_id="b"),
    audio=Audio(output=AudioOutput(volume=1.0)),
    capture=Capture(max_utterance_s=20.0),
    session=Session(accept_timeout_s=3.0, answer_timeout_s=3.0, response_gap_ms=200),
    control=Control(socket=""),
)
"""Short waits, so that little virtual time goes by; no volume, so that samples arrive as they are."""
SETTLED_S = 600.0
"""Garbage that is sound is played to its end, and valid RTP can hold 5 s of silence in each packet."""
WORDS = noise(30.0, seed=1)
ANSWER_S = 0.4
_numbers = count(100)


@dataclass(frozen=True)
class Dose:
    """What is said to the appliance, and when."""

    messages: list[tuple[Message, bool]]
    """Each with whether 20 ms pass behind it."""
    sounding_as: str
    """`speaking`: the kind of the answer under way."""
    whole: bool
    """Whether the good answer comes in one piece."""
    at_once: bool
    """Whether the technician presses at once, or when the appliance rests."""
    downlink: Downlink = "auto"
    """The setting: what streams are taken for."""

    @property
    def settings(self) -> Settings:
        return replace(SETTINGS, backend=replace(SETTINGS.backend, downlink=self.downlink))


DOSES = st.builds(
    Dose,
    st.lists(st.tuples(MESSAGES, st.booleans()), min_size=BATCH, max_size=BATCH),
    st.sampled_from(sorted(FILES)),
    st.booleans(),
    st.booleans(),
    st.sampled_from(get_args(Downlink)),
)


# -- the states in which garbage comes -----------------------------------------------------------------------------


async def in_ready(_here: Scene, _dose: Dose) -> None:
    """Nobody speaks."""


async def in_listening(here: Scene, _dose: Dose) -> None:
    here.panel.press()
    here.microphone.hear(WORDS)
    await until(lambda: here.appliance.uplink.recording)
    await asyncio.sleep(0.6)


async def in_processing(here: Scene, dose: Dose) -> None:
    here.agent.mute = True
    await in_listening(here, dose)
    here.panel.release()
    await until(lambda: bool(here.agent.unanswered))


async def in_speaking(here: Scene, dose: Dose) -> None:
    await in_processing(here, dose)
    agent = here.agent
    utterance_id = agent.unanswered.pop()
    accept(agent, utterance_id)
    agent.tell("agent_response", response="Here.")
    if agent.profile == "v1":
        begin_response(agent, utterance_id)
        for packet in packets(noise(0.2, seed=2)):
            agent.say(packet)
    else:
        agent.say(FILES[dose.sounding_as][:4000])
    await until(lambda: here.appliance.session.state is State.SPEAKING)


STATES: dict[str, Callable[[Scene, Dose], Awaitable[None]]] = {
    "ready": in_ready,
    "listening": in_listening,
    "processing": in_processing,
    "speaking": in_speaking,
}


# -- what must hold behind it --------------------------------------------------------------------------------------


def assert_legal(here: Scene) -> None:
    """The appliance runs, all its lanes do, and its parts agree with one another."""
    appliance = here.appliance
    assert not here.running.done()
    assert {task.get_name() for task in asyncio.all_tasks()} >= LANES
    session, facts = appliance.session, appliance.session._here
    assert appliance.dialogue.light is session.state.value
    assert appliance.uplink.recording == (session.state is State.LISTENING)
    assert facts.facts.agreement == appliance.connection.agreement
    assert session.turn is not None or session.state not in {State.LISTENING, State.PROCESSING}
    assert session.turn is None or session.state not in RESTING
    assert session.deadline is not None
    assert not appliance.dialogue._events


def assert_bounded(here: Scene) -> None:
    """Nothing that garbage fills grows without end."""
    appliance = here.appliance
    assert sum(answer.backlog_bytes for answer in appliance.downlink._answers) <= MAX_BACKLOG_BYTES
    assert appliance.session.waiting <= SETTINGS.outbox.max_utterances
    assert len(appliance.uplink._kept) <= SETTINGS.outbox.max_utterances + 1


async def feed(here: Scene, dose: Dose) -> int:
    """Say it all; how many messages were received. Only an end of the session costs the link, and is waited for."""
    link, before, fed = here.agent.link, here.agent.link.received, 0
    turn = here.appliance.session.turn
    named = turn.utterance_id if turn is not None else "none"
    for message, pause in dose.messages:
        link.say(message.replace(UTTERANCE, named) if isinstance(message, str) else message)
        if pause:
            await asyncio.sleep(0.02)
        if ends_the_session(message):
            await read_all(link)
            if link.closed and not here.agent.shy:
                fed += link.received - before
                await until(lambda: here.agent.link.closed is False and linked(here), 10.0)
                link = here.agent.link
                await read_all(link)
                before = link.received
    await read_all(link)
    await asyncio.sleep(0.05)
    if not here.agent.shy:
        assert here.agent.link is link
        assert linked(here)
    return fed + link.received - before


def ends_the_session(message: Message) -> bool:
    """Whether it could be a `session_ended`."""
    return "session_ended" in (message if isinstance(message, str) else message.decode(errors="replace"))


def linked(here: Scene) -> bool:
    return here.appliance.connection.agreement is not None


async def read_all(link: CountedLink) -> None:
    await until(lambda: link.closed or not link.unread)


async def come_to_rest(here: Scene) -> None:
    """The technician has said it all; whatever is under way ends by itself."""
    here.agent.mute = False
    here.panel.release()
    await until(lambda: here.appliance.session.state is State.READY, SETTLED_S)


async def turn_works(here: Scene, said: list[bytes]) -> None:
    """Press, speak, release: the answer is heard, to the last sample and with nothing in it."""
    pressed_at = here.clock.now()
    here.panel.press()
    here.microphone.hear(WORDS[:16_000])
    await asyncio.sleep(0.9)
    here.panel.release()
    await until(lambda: _last_press(here) == pressed_at, 30.0)
    turn = here.appliance.dialogue.last_turn
    assert turn is not None
    assert turn.outcome == "answered"
    assert None not in (turn.committed, turn.accepted, turn.first_byte, turn.first_sample)
    assert said[-1] in here.heard_since(pressed_at).tobytes()


def _last_press(here: Scene) -> float | None:
    turn = here.appliance.dialogue.last_turn
    return None if turn is None else turn.press


def answering(dose: Dose, said: list[bytes]) -> Callable[[Agent, str], None]:
    """Answers each utterance with noise of its own, noted in `said`."""

    def answer(agent: Agent, utterance_id: str) -> None:
        pcm = noise(ANSWER_S, seed=next(_numbers))
        said.append(pcm.tobytes())
        named = bool(utterance_id) or agent.profile == "seed"
        whole = dose.whole or not named or dose.downlink in {"mp3", "opus"}
        (say_whole if whole else say_streamed)(agent, utterance_id, pcm)

    return answer


async def a_batch(dose: Dose, state: str, profile: str) -> int:
    """Garbage in a state; then a good turn. How many messages were received."""
    said: list[bytes] = []
    async with scene(dose.settings, profile, answering(dose, said)) as here:
        await until(lambda: here.appliance.session.state is State.READY, 10.0)
        await STATES[state](here, dose)
        fed = await feed(here, dose)
        assert_legal(here)
        assert_bounded(here)
        if not dose.at_once or state in {"listening", "processing"}:
            await come_to_rest(here)
        here.agent.mute = False
        await turn_works(here, said)
        assert_legal(here)
        return fed


async def a_batch_in_the_handshake(dose: Dose, profile: str) -> int:
    """Garbage before the backend has said a word. It may refuse the session, or choose what the backend did not."""
    said: list[bytes] = []
    async with scene(dose.settings, profile, answering(dose, said)) as here:
        here.agent.shy = True
        await until(lambda: bool(here.road.opened))
        fed = await feed(here, dose)
        assert not here.running.done()
        here.agent.shy = False
        await until(lambda: here.appliance.session.state is State.READY, SETTLED_S)
        await asyncio.sleep(1.0)  # the rest of the handshake, if garbage took its part in it
        await until(lambda: here.appliance.session.state is State.READY, SETTLED_S)
        agreement = here.appliance.connection.agreement
        assert agreement is not None
        here.agent.profile = agreement.profile
        await turn_works(here, said)
        assert_legal(here)
        return fed


def examples(profile: str = os.environ.get("HYPOTHESIS_PROFILE", "default")) -> int:
    """How many batches each test below makes, by the profile that tests/conftest.py loads."""
    return settings.get_profile(profile).max_examples // 4


@pytest.mark.parametrize(("profile", "wanted"), [("default", 2_000), ("nightly", 100_000)])
def test_enough_garbage_is_fed(profile: str, wanted: int) -> None:
    assert examples(profile) * BATCH * len(STATES) * len(PROFILES) >= wanted


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("state", STATES)
def test_garbage_harms_no_turn(state: str, profile: str) -> None:
    fed = 0

    @settings(max_examples=examples())
    @given(DOSES)
    def batch(dose: Dose) -> None:
        nonlocal fed
        fed += in_virtual_time(a_batch(dose, state, profile))

    batch()
    assert fed >= examples() * BATCH


@pytest.mark.parametrize("profile", PROFILES)
def test_garbage_in_the_handshake_harms_no_turn(profile: str) -> None:
    fed = 0

    @settings(max_examples=examples())
    @given(DOSES)
    def batch(dose: Dose) -> None:
        nonlocal fed
        fed += in_virtual_time(a_batch_in_the_handshake(dose, profile))

    batch()
    assert fed >= examples()  # some of it makes the backend refuse the session


# -- floods: the backend sends what it should, but without end -----------------------------------------------------

MEMORY_BYTES = 64 * 2**20


async def grown_by(here: Scene, flood: Callable[[], None], times: int) -> int:
    """How much more memory the process holds after `times` of it, with nothing heard of it yet."""
    flood()
    await asyncio.sleep(0.01)
    before = resident_bytes()
    for _ in range(times):
        flood()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return resident_bytes() - before


async def a_flood(flood: Callable[[Agent], None], times: int) -> None:
    said: list[bytes] = []
    dose = Dose([], "pcm", whole=True, at_once=True)
    async with scene(SETTINGS, "seed", answering(dose, said)) as here:
        await until(lambda: here.appliance.session.state is State.READY, 10.0)
        await in_processing(here, dose)
        accept(here.agent, "")
        here.agent.mute = False
        assert await grown_by(here, lambda: flood(here.agent), times) < MEMORY_BYTES
        await turn_works(here, said)


def response(text: str, audio: bytes = b"", audio_format: str = "") -> str:
    sound = base64.b64encode(audio).decode()
    fields = {"response": text, "audio_response": sound, "audio_format": audio_format}
    return json.dumps({"type": "agent_response", **fields})


@pytest.mark.parametrize(
    ("flood", "times"),
    [
        pytest.param(response("r" * 2**20), 128, id="texts without end"),
        pytest.param(response("", wav_bytes(noise(30.0, seed=3)), "wav"), 128, id="long answers without end"),
        pytest.param(response("", FILES["mp3"], "mp3"), 3000, id="short answers without end"),
        pytest.param(b"\x00" * 2**20, 128, id="a stream without end"),
    ],
)
def test_a_flood_does_not_fill_the_memory(flood: Message, times: int) -> None:
    in_virtual_time(a_flood(lambda agent: agent.say(flood), times))


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param("{", id="malformed JSON"),
        pytest.param('{"type": "interpretive_dance"}', id="an unknown type"),
        pytest.param(response("x", b"", "mp3").replace('_response": ""', '_response": "%"'), id="bad base64"),
        pytest.param('{"type": "error", "error": "again"}', id="the same error"),
    ],
)
def test_a_series_is_told_once(garbage: Message, caplog: pytest.LogCaptureFixture) -> None:
    async def feed_it() -> None:
        async with scene(SETTINGS) as here:
            await until(lambda: here.appliance.session.state is State.READY, 10.0)
            for _ in range(100):
                here.agent.say(garbage)
            await asyncio.sleep(0.1)

    in_virtual_time(feed_it())
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1


# -- below the messages: real sockets ------------------------------------------------------------------------------

CANARY = "canary-token"
MOVED = "HTTP/1.1 302 Found\r\nLocation: "
HTTP = [
    "",
    "\r\n\r\n",
    "\x00" * 100,
    "HTTP/9.9 101 x\r\n\r\n",
    "HTTP/1.1 -1 x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: zzz\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: " + "y" * 100_000,
    "HTTP/1.1 200 OK\r\n" + "X: y\r\n" * 1000,
    "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n",
    *(
        f"{MOVED}{to}\r\n\r\n"
        for to in ("http://portal.example/", "ws://[", "ws://a..b/", "ws://127.0.0.1:x/", "", "\xff")
    ),
    *(f"HTTP/1.1 429 x\r\nRetry-After: {wait}\r\n\r\n" for wait in ("\xb2", "-1", "9" * 30, "1\r\nRetry-After: 2")),
]


@pytest.mark.parametrize("answer", HTTP, ids=range(len(HTTP)))
async def test_a_garbled_handshake_is_an_ordinary_link_error(answer: str) -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer.encode("latin-1"))
        writer.close()

    async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        target = address(f"ws://127.0.0.1:{port}/v1", "s", "u", "b", Secret(CANARY), "both")
        with pytest.raises(LinkError) as raised:
            async with asyncio.timeout(5):
                await WebSocketDialer().dial(target)
        assert CANARY not in repr(raised.value)


FRAMES = {
    "text that is not UTF-8": b"\x81\x02\xff\xfe",
    "a surrogate in UTF-8": b"\x81\x03\xed\xa0\x80",
    "reserved bits": b"\xf1\x00",
    "an unknown opcode": b"\x8b\x00",
    "a masked frame": b"\x81\x81\x00\x00\x00\x00x",
    "a long ping": b"\x89\x7e\x00\x7e" + b"x" * 126,
    "a broken ping": b"\x09\x00",
    "a continuation of nothing": b"\x80\x00",
    "a length of 2^63": b"\x82\x7f" + b"\xff" * 8,
    "17 MiB": b"\x82\x7f" + struct.pack("!Q", 17 * 2**20) + b"\x00" * 100,
    "a close code that is none": b"\x88\x02\x00\x01",
    "half a close code": b"\x88\x01\x03",
    "a reason that is not UTF-8": b"\x88\x04\x03\xe8\xff\xfe",
    "noise": bytes(range(255, 200, -1)),
}


async def test_broken_frames_cost_the_link_and_no_more() -> None:
    """Each drops the link; the next one is dialled, and at the end a turn works."""
    visits: asyncio.Queue[ServerConnection] = asyncio.Queue()
    clock = SystemClock()
    speaker = FakeSpeaker(clock, paced=True)

    async def serve_badly(socket: ServerConnection) -> None:
        await socket.send('{"type": "connection_confirmed", "realtime_available": false}')
        await socket.recv()
        await socket.send('{"type": "session_started"}')
        visits.put_nowait(socket)
        async for message in socket:
            if json.loads(message)["type"] == "text_input":
                await socket.send(response("Here.", wav_bytes(noise(0.1, seed=4)), "wav"))

    async with serve(serve_badly, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        here = replace(SETTINGS, backend=replace(SETTINGS.backend, url=f"ws://127.0.0.1:{port}/v1"))
        world = World(
            clock=clock,
            microphone=FakeMicrophone(clock, paced=True),
            speaker=speaker,
            detector=FakeDetector(),
            codecs=NativeCodecs(),
            panel=FakePanel(clock),
            dialer=WebSocketDialer(),
            supervisor=FakeSupervisor(),
            tokens=FakeTokens(CANARY),
            shelf=FakeShelf(),
        )
        appliance, stop = Appliance(here, world), asyncio.Event()
        running = asyncio.create_task(appliance.run(stop))
        for frame in FRAMES.values():
            async with asyncio.timeout(5):
                socket = await visits.get()
            await until(lambda: appliance.session.state is State.READY)
            socket.transport.write(frame)
        async with asyncio.timeout(5):
            await visits.get()
        await until(lambda: appliance.session.state is State.READY)
        assert appliance.dialogue.say("Hello?")
        await until(lambda: appliance.dialogue.last_turn is not None)
        assert appliance.dialogue.last_turn is not None
        assert appliance.dialogue.last_turn.outcome == "answered"
        stop.set()
        await running
