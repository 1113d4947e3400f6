"""Events into the session, effects out: their order, the messages made into events, and the time limits."""

import asyncio
import base64
import contextlib
import logging
import typing
from collections.abc import AsyncIterator

import msgspec
import numpy as np
import pytest

from hero365_edge.core import effects as do
from hero365_edge.core import events as ev
from hero365_edge.core import gestures as g
from hero365_edge.core import messages as m
from hero365_edge.core.handshake import Agreement
from hero365_edge.core.lamp import Light
from hero365_edge.core.states import State
from hero365_edge.core.wav import wav_bytes
from hero365_edge.dialogue import Dialogue
from hero365_edge.settings import Session
from tests.appliance import QUICK, Van, answer, until

SEED = Agreement("seed", realtime=True)
V1 = Agreement("v1", realtime=True, uplink="opus")
SPOKEN = base64.b64encode(wav_bytes(answer(320))).decode()


class Desk:
    """A dialogue whose lanes, link and cards do not run: what it orders stays where it was put."""

    def __init__(self, **limits: float) -> None:
        settings = msgspec.structs.replace(QUICK, session=msgspec.structs.replace(QUICK.session, **limits))
        self.van = Van(settings)
        self.dialogue: Dialogue = self.van.appliance.dialogue
        self.seen: asyncio.Queue[ev.Event] = asyncio.Queue()
        self.van.appliance.listeners.append(self.seen)
        self.van.microphone.start()
        self.van.speaker.start()
        self.van.panel.start()

    @property
    def kinds(self) -> list[type]:
        """Of the events so far."""
        return [type(self.seen.get_nowait()) for _ in range(self.seen.qsize())]

    @property
    def state(self) -> State:
        return self.van.appliance.session.state

    def now(self) -> float:
        return self.van.clock.now()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    desk.van.appliance.cards.close()


@contextlib.asynccontextmanager
async def running(desk: Desk) -> AsyncIterator[Desk]:
    task = asyncio.create_task(desk.dialogue.run())
    await asyncio.sleep(0)
    yield desk
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    desk.van.appliance.cards.close()


# -- the lamp ------------------------------------------------------------------------------------------------------


async def test_the_lamp_says_listening_until_the_recording_has_its_last_block(desk: Desk) -> None:
    lamp, uplink = desk.van.panel.lights, desk.van.appliance.uplink
    desk.dialogue.edge_now(pressed=True)
    assert lamp[-1][1] is Light.LISTENING
    assert uplink.recording
    desk.dialogue.happen(g.HoldBegan(desk.now()))
    desk.dialogue.happen(g.Released(desk.now()))
    assert desk.state is not State.LISTENING, "the conversation has gone on"
    assert uplink.recording, "no block has come yet: the microphone's sound is still taken"
    assert lamp[-1][1] is Light.LISTENING
    uplink.discard()
    desk.dialogue.happen(ev.TimeUp(desk.now()))
    assert lamp[-1][1] is not Light.LISTENING


async def test_the_lamp_does_not_say_listening_when_nothing_is_recorded_whatever_the_conversation_believes(
    desk: Desk,
) -> None:
    desk.dialogue.edge_now(pressed=True)
    desk.van.appliance.uplink.discard()
    assert desk.state is State.LISTENING
    desk.dialogue.happen(ev.SpeechBegan(desk.now()))
    assert desk.state is State.LISTENING
    assert desk.van.panel.lights[-1][1] is Light.PROCESSING


# -- events and effects --------------------------------------------------------------------------------------------


async def test_every_effect_of_the_session_is_carried_out_by_somebody(desk: Desk) -> None:
    assert set(typing.get_args(do.Effect)) == set(desk.dialogue._carry_out)


async def test_an_event_that_follows_from_an_effect_comes_after_the_one_that_caused_it(desk: Desk) -> None:
    desk.dialogue.link_up(SEED)
    desk.dialogue.message(m.AgentResponse(response="Welcome.", audio_response=SPOKEN, audio_format="wav"))
    assert desk.kinds == [ev.LinkUp, ev.SpokenAnswered, ev.AnswerBegan]
    assert desk.state is State.SPEAKING


async def test_several_events_that_follow_from_effects_are_handled_in_their_order(desk: Desk) -> None:
    desk.dialogue.link_up(SEED)
    desk.dialogue.edge_now(pressed=True)
    desk.dialogue.happen(g.HoldBegan(desk.now()))
    desk.van.microphone.hear(np.full(320, 9_000, dtype=np.int16))
    desk.dialogue.happen(g.Released(desk.now()))
    desk.dialogue.edge_now(pressed=False)
    desk.dialogue.happen(g.Pressed(desk.now()))
    assert desk.kinds == [ev.LinkUp, g.Pressed, g.HoldBegan, g.Released, g.Pressed, ev.Recorded], (
        "the recording that the press cut short tells its end after the press was handled"
    )


async def test_an_effect_that_fails_does_not_leave_the_dialogue_deaf(desk: Desk) -> None:
    with pytest.raises(KeyError):
        desk.dialogue.happen("no event")  # type: ignore[arg-type]  # a mistake of ours
    desk.dialogue.link_up(SEED)
    assert desk.state is State.READY


async def test_the_lamp_follows_the_state(desk: Desk) -> None:
    desk.dialogue.link_up(SEED)
    desk.dialogue.edge_now(pressed=True)
    assert desk.dialogue.light is Light.LISTENING
    assert desk.van.appliance.uplink.recording
    assert [light for _, light in desk.van.panel.lights] == [Light.READY, Light.LISTENING]


async def test_a_turn_that_is_over_is_kept_as_the_last_one(desk: Desk) -> None:
    desk.dialogue.link_up(SEED)
    desk.dialogue.edge_now(pressed=True)
    desk.dialogue.happen(ev.SessionEndAsked(desk.now()))
    assert desk.dialogue.last_turn is not None
    assert desk.dialogue.last_turn.outcome == "discarded"


# -- messages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "event"),
    [
        (m.AgentResponse(response="Done."), ev.TextAnswered),
        (m.AgentResponse(response="Done.", audio_response="", audio_format="mp3"), ev.TextAnswered),
        (m.AgentResponse(response="Done.", audio_response="%%%", audio_format="mp3"), ev.TextAnswered),
        (m.AgentResponse(response="Done.", audio_response=SPOKEN), ev.SpokenAnswered),
        (m.AudioProcessing(status="processing"), ev.Received),
        (m.Error(error="no"), ev.Received),
        (m.ResponseStarted(response_id="r", utterance_id="u", ssrc=1), ev.Received),
        (m.ResponseEnded(response_id="r"), ev.Received),
        (m.SessionEnded(), ev.Received),
        (m.ContextUpdated(), ev.Received),
        (m.SessionStatus(), ev.Received),
        (m.TextInput(text="from the wrong side"), ev.Received),
    ],
)
async def test_each_message_becomes_its_event(desk: Desk, message: m.AnyMessage, event: type) -> None:
    desk.dialogue.message(message)
    assert desk.kinds[0] is event


async def test_sound_that_is_no_base64_is_told_once_a_series(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for _ in range(3):
        desk.dialogue.message(m.AgentResponse(response="Done.", audio_response="%%%"))
    levels = [record.levelno for record in caplog.records if "skipped" in record.message]
    assert levels == [logging.WARNING, logging.DEBUG, logging.DEBUG]
    assert desk.dialogue.last_text == "Done."


async def test_what_the_backend_complains_of_is_logged_but_not_at_any_length(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.dialogue.message(m.Error(error="x" * 100_000))
    assert "the backend says" in caplog.text
    assert len(caplog.text) < 1_000


async def test_in_v1_sound_without_a_response_is_not_wanted_and_in_the_seed_profile_it_is(desk: Desk) -> None:
    desk.dialogue.link_up(V1)
    desk.dialogue.sound(bytes(640))
    assert not desk.van.appliance.downlink.playing
    desk.dialogue.link_up(SEED)
    desk.dialogue.sound(bytes(640))
    assert desk.state is State.SPEAKING


# -- typed questions -----------------------------------------------------------------------------------------------


async def test_a_typed_question_needs_a_session_and_nothing_else_under_way(desk: Desk) -> None:
    assert not desk.dialogue.say("too early")
    desk.dialogue.link_up(SEED)
    assert desk.dialogue.say("what is next?")
    assert desk.state is State.PROCESSING
    assert not desk.dialogue.say("and then?")
    desk.dialogue.link_down(refused=False, tell=False, too_big=False, hung_up=True)
    assert not desk.dialogue.say("anybody there?")


# -- time limits ---------------------------------------------------------------------------------------------------


async def test_gestures_that_time_completes_are_told_in_time() -> None:
    async with running(Desk()) as desk:
        desk.dialogue.link_up(SEED)
        await asyncio.sleep(0.01)
        desk.kinds  # noqa: B018  forgets what was seen
        desk.dialogue.edge_now(pressed=True)
        began_at = desk.now()
        await until(lambda: desk.seen.qsize() >= 2)
        assert desk.kinds == [g.Pressed, g.HoldBegan]
        assert 0.35 <= desk.now() - began_at < 0.45


async def test_a_tap_is_told_when_no_second_one_came() -> None:
    async with running(Desk()) as desk:
        desk.dialogue.edge_now(pressed=True)
        desk.dialogue.edge_now(pressed=False)
        await until(lambda: desk.seen.qsize() >= 2)
        assert desk.kinds == [g.Pressed, g.Tapped]


async def test_a_time_limit_of_the_session_passes_by_itself() -> None:
    async with running(Desk(accept_timeout_s=0.05)) as desk:
        desk.dialogue.link_up(SEED)
        assert desk.dialogue.say("what is next?")
        await until(lambda: desk.dialogue.last_turn is not None, 0.3)
        assert desk.dialogue.last_turn is not None
        assert desk.dialogue.last_turn.outcome == "failed"
        assert desk.kinds[-1] is ev.TimeUp


async def test_a_limit_that_comes_nearer_is_kept_too() -> None:
    async with running(Desk(accept_timeout_s=5.0, idle_timeout_s=0.05)) as desk:
        await asyncio.sleep(0.02)
        desk.dialogue.link_up(SEED)
        await until(lambda: ev.TimeUp in desk.kinds, 0.3)
        assert desk.van.appliance.connection._ending, "the idle session was ended"


async def test_it_shows_that_it_starts_and_waits_without_spinning() -> None:
    async with running(Desk()) as desk:
        desk.van.appliance.cards.close()  # they read the clock too
        readings = 0
        clock, now = desk.van.clock, desk.van.clock.now

        def count() -> float:
            nonlocal readings
            readings += 1
            return now()

        clock.now = count  # type: ignore[method-assign]  # to count
        await asyncio.sleep(0.1)
        assert readings < 10
        assert [light for _, light in desk.van.panel.lights] == [Light.STARTING]


def test_the_settings_used_here_are_those_of_the_session() -> None:
    assert {"accept_timeout_s", "idle_timeout_s"} <= set(Session.__struct_fields__)
