"""The whole appliance over fakes, in real time: turns in each profile, what goes wrong in a van, and the way out."""

import asyncio
import base64
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import pytest

from hero365_edge.catalogue import catalogue
from hero365_edge.core import events as ev
from hero365_edge.core import messages as m
from hero365_edge.core import rtp
from hero365_edge.core.backoff import Backoff
from hero365_edge.core.earcons import Earcon, earcon
from hero365_edge.core.handshake import LinkState
from hero365_edge.core.lamp import Light
from hero365_edge.core.latency import STAGES
from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm, from_bytes, silence
from hero365_edge.core.text_alone import UNKNOWN_S
from hero365_edge.core.wav import wav_bytes
from hero365_edge.errors import ConfigError, LinkError, LinkRefused
from hero365_edge.fakes.codec import FakeOpusEncoder
from hero365_edge.fakes.link import FakeLink
from hero365_edge.fakes.voice import FakeVoice, spoken
from hero365_edge.fleet import control
from hero365_edge.fleet.phrases import Phrases
from hero365_edge.panel_settings import Panel
from hero365_edge.settings import Audio, AudioInput, AudioOutput, Control, Log, Playback
from tests.appliance import (
    QUICK,
    TAIL_SAMPLES,
    TOKEN,
    HangingDialer,
    Van,
    answer,
    confirm,
    heard,
    kept_sent,
    running,
    say,
    sound_sent,
    until,
    words,
)


@pytest.fixture
async def van() -> AsyncIterator[Van]:
    async with running(Van()) as van:
        yield van


def holds(pcm: Pcm, part: Pcm) -> bool:
    """Whether `part` stands in `pcm` in one piece; its first sample is told by its value."""
    return any(
        np.array_equal(pcm[start : start + len(part)], part) for start in np.flatnonzero(pcm == part[0]) if len(part)
    )


async def ask(van: Van) -> Pcm:
    """Hold the button and speak; returns what was said, once it is on its way."""
    said = words(1_600)
    await van.hold_and_say(said)
    await van.shows(Light.PROCESSING, 0.2)
    return said


async def tap_and_say(van: Van, said: Pcm) -> None:
    """Tap and speak; the pause behind it ends the recording."""
    await van.tap()
    van.speak(said)
    await van.shows(Light.LISTENING)


def take(link: FakeLink, status: str = "processing", **fields: object) -> None:
    say(link, "audio_processing", session_id="s", status=status, audio_size=1, buffer_size=1, **fields)


PREROLL_S = 0.32
"""After so long nothing of what was said before is in the next utterance."""
HELD_S = 0.4
"""So long is push-to-talk."""


# -- a turn --------------------------------------------------------------------------------------------------------


async def test_a_turn_by_tap_in_the_seed_profile(van: Van) -> None:
    link = await van.session()
    await van.shows(Light.READY)
    said = words(3_200)
    await tap_and_say(van, said)
    await van.shows(Light.PROCESSING)
    await until(lambda: not sound_sent(link)[-TAIL_SAMPLES:].any())
    assert holds(sound_sent(link), said)
    take(link)
    say(link, "agent_response", session_id="s", response="Two jobs today.")
    link.say(answer(3_000).tobytes())
    await van.shows(Light.SPEAKING)
    turn = await van.turn_last("answered")
    assert np.array_equal(van.heard(), answer(3_000))
    assert van.light is Light.READY
    assert van.lights[-5:] == [Light.READY, Light.LISTENING, Light.PROCESSING, Light.SPEAKING, Light.READY]
    times = [getattr(turn, stage) for stage in STAGES]
    assert None not in times
    assert times == sorted(times)
    assert turn.heard == "Two jobs today."
    assert van.appliance.session.waiting == 0
    assert van.shelf.leftovers() == []


async def test_a_turn_by_hold_ends_at_the_release(van: Van) -> None:
    link = await van.session()
    van.panel.press()
    van.speak(words(16_000))
    await asyncio.sleep(0.5)
    assert van.light is Light.LISTENING
    van.panel.release()
    await van.shows(Light.PROCESSING, 0.2)
    await until(lambda: not sound_sent(link)[-TAIL_SAMPLES:].any(), 0.2)
    take(link)
    link.say(answer(800).tobytes())
    turn = await van.turn_last("answered")
    assert turn.speech_end is not None
    assert turn.press is not None
    assert turn.speech_end - turn.press == pytest.approx(0.5, abs=0.05)
    assert turn.committed is not None
    assert turn.committed - turn.speech_end < 0.1


async def test_a_link_whose_round_trips_differ_is_expected_to_be_late_from_the_first_answer_on(van: Van) -> None:
    link = await van.session()
    link.rtt_s = 0.05
    health = van.appliance.connection.health
    assert health is not None
    await until(lambda: health.vitals.rtt_s == 0.05, 3.0)
    link.rtt_s = 0.35
    await until(lambda: health.rtt_spread_s > 0.2, 3.0)
    await ask(van)
    model = van.appliance.downlink._player._jitter.model
    assert model.target_s == pytest.approx(0.32)


async def test_a_word_just_before_the_press_is_intact(van: Van) -> None:
    link = await van.session()
    van.speak(words(8_000))
    await asyncio.sleep(0.2)
    van.panel.press()
    await asyncio.sleep(0.5)
    van.panel.release()
    await van.shows(Light.PROCESSING)
    await until(lambda: not sound_sent(link)[-TAIL_SAMPLES:].any())
    assert holds(sound_sent(link), words(8_000)), "it began 200 ms before the press"


async def test_a_turn_in_v1_goes_up_and_comes_down_in_rtp(van: Van) -> None:
    link = await van.session("v1")
    await ask(van)
    await until(lambda: isinstance(heard(link)[-1], m.UtteranceEnded))
    messages = heard(link)[2:]
    started, ended = messages[0], messages[-1]
    assert isinstance(started, m.UtteranceStarted)
    assert isinstance(ended, m.UtteranceEnded)
    packets = [rtp.unpack(message) for message in messages[1:-1] if isinstance(message, bytes)]
    assert len(packets) == len(messages) - 2
    assert {packet.ssrc for packet in packets} == {started.ssrc}
    take(link, utterance_id=started.utterance_id)
    say(link, "response_started", response_id="r1", utterance_id=started.utterance_id, ssrc=9)
    pcm = answer(10 * FRAME_SAMPLES)
    packetizer = rtp.Packetizer(rtp.OPUS, 9, 0, 0)
    for frame in pcm.reshape(-1, FRAME_SAMPLES):
        link.say(packetizer.packet(FakeOpusEncoder().encode(frame)))
    say(link, "response_ended", response_id="r1")
    await van.turn_last("answered")
    assert np.array_equal(van.heard(), pcm)


async def test_a_turn_with_a_backend_that_takes_no_realtime_audio(van: Van) -> None:
    link = await van.session("buffered")
    said = await ask(van)
    await until(lambda: bool(kept_sent(link)))
    assert sound_sent(link).size == 0
    assert holds(kept_sent(link)[0], said)
    take(link)
    audio = base64.b64encode(wav_bytes(answer(1_600))).decode()
    say(link, "agent_response", session_id="s", response="Done.", audio_response=audio, audio_format="wav")
    turn = await van.turn_last("answered")
    assert turn.heard == "Done."
    assert np.array_equal(van.heard(), answer(1_600))


@pytest.mark.parametrize("profile", ["seed", "v1", "buffered"])
async def test_an_answer_of_text_alone_ends_the_turn(van: Van, profile: str) -> None:
    link = await van.session(profile)
    await ask(van)
    take(link)
    say(link, "agent_response", session_id="s", response="Done.")
    await van.turn_last("text")
    assert van.light is Light.READY


async def answered_with_sound(van: Van, link: FakeLink, text: str, pcm: Pcm) -> None:
    """A turn whose answer is a text and a stream."""
    await ask(van)
    take(link)
    say(link, "agent_response", session_id="s", response=text)
    link.say(pcm.tobytes())
    await van.turn_last("answered")


async def answered_in_text(van: Van, link: FakeLink, text: str) -> Pcm:
    """A turn whose answer is a text alone; what was heard from there on, until nothing more is."""
    before = len(van.heard())
    await ask(van)
    take(link)
    say(link, "agent_response", session_id="s", response=text)
    await van.turn_last("text")
    await until(lambda: len(van.heard()) > before)
    await until(lambda: van.light is Light.READY and not van.appliance.downlink.playing)
    return van.heard()[before:]


async def test_a_text_that_was_heard_once_is_heard_again_when_it_comes_alone_also_after_a_restart(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "phrases"
    async with running(Van(phrases=Phrases(folder))) as van:
        link = await van.session()
        await answered_with_sound(van, link, "Done.", answer(1_600))
        await until(lambda: van.appliance.spoken.figures["phrases"] == 1)
    async with running(Van(phrases=Phrases(folder))) as van:
        link = await van.session("buffered")
        assert np.array_equal(await answered_in_text(van, link, "Done."), answer(1_600))
        assert Light.SPEAKING in van.lights
        assert np.array_equal(await answered_in_text(van, link, "Not done."), earcon(Earcon.TEXT))


async def test_an_answer_that_was_interrupted_is_not_remembered(tmp_path: Path) -> None:
    async with running(Van(phrases=Phrases(tmp_path / "phrases"))) as van:
        link = await van.session()
        await ask(van)
        take(link)
        say(link, "agent_response", session_id="s", response="A long story.")
        link.say(answer(16_000).tobytes())
        await van.shows(Light.SPEAKING)
        await until(lambda: len(van.heard()) > 0)
        await ask(van)
        await van.turn_last("interrupted")
        assert van.appliance.spoken.figures["phrases"] == 0


async def test_a_text_alone_is_spoken_by_a_voice_of_this_computer() -> None:
    async with running(Van(voice=FakeVoice())) as van:
        link = await van.session("buffered")
        assert np.array_equal(await answered_in_text(van, link, "Done."), spoken("Done."))


async def test_a_text_alone_is_heard_at_once_where_answers_bring_their_sound() -> None:
    async with running(Van(voice=FakeVoice())) as van:
        link = await van.session()
        await ask(van)
        take(link)
        audio = base64.b64encode(wav_bytes(answer(800))).decode()
        say(link, "agent_response", session_id="s", response="Done.", audio_response=audio, audio_format="wav")
        await van.turn_last("answered")
        await ask(van)
        take(link)
        said_at, before = van.clock.now(), len(van.heard())
        say(link, "agent_response", session_id="s", response="Not done.")
        await until(lambda: len(van.heard()) > before)
        assert van.clock.now() - said_at < UNKNOWN_S / 2


async def test_a_stream_that_begins_later_than_ever_before_is_heard_in_place_of_the_local_voice() -> None:
    async with running(Van(voice=FakeVoice())) as van:
        link = await van.session()
        text = "That takes a while to say, so there is much of it left when the agent says it. " * 3
        for sound, unknown in ((answer(1_600), True), (answer(2_400), False)):
            before = len(van.heard())
            await ask(van)
            take(link)
            say(link, "agent_response", session_id="s", response=text)
            await asyncio.sleep(UNKNOWN_S + 0.2)
            link.say(sound.tobytes())
            await until(lambda: np.array_equal(van.heard()[-len(sound) :], sound))  # noqa: B023  awaited right here
            of_local_voice = len(van.heard()) - before - len(sound)
            assert (of_local_voice > 0) is unknown, "how late it comes was learned"
            assert of_local_voice < len(spoken(text)) / 2
            await until(lambda: not van.appliance.downlink.playing)


async def test_the_seeds_welcome_is_heard_once_a_session_though_it_is_a_text_alone() -> None:
    async with running(Van(voice=FakeVoice())) as van:
        link = await van.session()
        say(link, "agent_response", session_id="s", response="Hello!", context={})
        await until(lambda: len(van.heard()) >= len(spoken("Hello!")))
        link.drop()
        link = await van.session()
        say(link, "agent_response", session_id="s", response="Hello!", context={})
        await asyncio.sleep(UNKNOWN_S + 0.2)
        await until(lambda: not van.appliance.downlink.playing)
        assert np.array_equal(van.heard(), spoken("Hello!"))


async def test_a_press_silences_the_welcome() -> None:
    # Patient: an utterance that is not accepted in time is held, and that has an earcon.
    session = msgspec.structs.replace(QUICK.session, accept_timeout_s=10.0)
    async with running(Van(msgspec.structs.replace(QUICK, session=session), voice=FakeVoice())) as van:
        link = await van.session()
        say(link, "agent_response", session_id="s", response="Hello!", context={})
        await ask(van)
        await asyncio.sleep(UNKNOWN_S + 0.2)
        assert len(van.heard()) == 0


async def test_a_press_in_the_middle_of_the_welcome_stops_it_and_is_a_turn() -> None:
    session = msgspec.structs.replace(QUICK.session, accept_timeout_s=10.0)
    async with running(Van(msgspec.structs.replace(QUICK, session=session), voice=FakeVoice())) as van:
        link = await van.session()
        welcome = "Hello! " * 20
        say(link, "agent_response", session_id="s", response=welcome, context={})
        await until(lambda: len(van.heard()) > 0)
        await ask(van)
        heard = len(van.heard())
        assert heard < len(spoken(welcome)) / 2
        await asyncio.sleep(0.2)
        assert len(van.heard()) == heard
        take(link)


async def test_a_typed_question_is_answered(van: Van) -> None:
    link = await van.session()
    assert van.appliance.dialogue.say("what is next?")
    await until(lambda: isinstance(heard(link)[-1], m.TextInput))
    audio = base64.b64encode(wav_bytes(answer(800))).decode()
    say(link, "agent_response", response="The boiler.", audio_response=audio, audio_format="wav")
    await van.turn_last("answered")
    assert np.array_equal(van.heard(), answer(800))


async def test_an_answer_that_comes_before_the_endpoint_is_held_and_then_heard_whole(van: Van) -> None:
    link = await van.session()
    await van.tap()
    van.speak(words(1_600))
    await asyncio.sleep(0.25)
    assert van.light is Light.LISTENING
    take(link)
    link.say(answer(1_600).tobytes())
    await asyncio.sleep(0.05)
    assert van.speaker.heard == []
    await van.turn_last("answered")
    assert np.array_equal(van.heard(), answer(1_600))


async def test_an_answer_to_half_a_sentence_is_never_heard(van: Van) -> None:
    link = await van.session()
    await van.tap()
    van.speak(np.concatenate([words(1_600), silence(3_200), words(1_600, 7_000)]))
    await until(lambda: van.appliance.session._here.recording.spoke)
    await until(lambda: not van.appliance.session._here.recording.speaking)
    take(link)
    link.say(answer(8_000).tobytes())
    await van.shows(Light.PROCESSING)
    link.say(answer(8_000).tobytes())
    assert holds(sound_sent(link), words(1_600, 7_000))
    take(link)
    link.say(answer(800)[::-1].tobytes())
    await van.turn_last("answered")
    assert np.array_equal(van.heard(), answer(800)[::-1])


async def test_an_idle_session_is_ended_and_the_next_press_begins_a_new_one() -> None:
    idle = msgspec.structs.replace(QUICK.session, idle_timeout_s=0.1)
    async with running(Van(msgspec.structs.replace(QUICK, session=idle))) as van:
        first = await van.session()
        await until(lambda: any(isinstance(message, m.EndSession) for message in heard(first)))
        say(first, "session_ended", session_id="s", status="ended")
        await until(lambda: first.closed)
        assert van.light is Light.READY, "nothing is wrong"
        said = words(3_200)
        await tap_and_say(van, said)
        second = await van.session()
        await van.shows(Light.PROCESSING)
        await until(lambda: bool(kept_sent(second)) or not sound_sent(second)[-TAIL_SAMPLES:].any())
        sent = kept_sent(second)[0] if kept_sent(second) else sound_sent(second)
        assert holds(sent, said), "the press that woke it is recorded from its first word on"
        assert len({address.url for address in van.dialer.addresses}) == 2


async def test_nothing_leaves_the_device_while_nobody_asked_it_to_listen(van: Van) -> None:
    link = await van.session()
    van.speak(words(8_000))
    await asyncio.sleep(0.3)
    assert sound_sent(link).size == 0
    van.panel.press()
    await asyncio.sleep(0.2)
    assert van.light is Light.LISTENING
    assert sound_sent(link).size == 0, "it may become a double tap"


async def test_a_double_tap_plays_the_last_answer_again_and_sends_nothing(van: Van) -> None:
    link = await van.session()
    await ask(van)
    take(link)
    link.say(answer(1_600).tobytes())
    await van.turn_last("answered")
    sent = len(link.sent)
    await asyncio.sleep(PREROLL_S)
    await van.panel.double_tap()
    await van.shows(Light.SPEAKING)
    await van.shows(Light.READY)
    assert np.array_equal(van.heard_of_answers(), np.tile(answer(1_600), 2))
    assert len(link.sent) == sent


async def test_the_last_answer_is_heard_again_without_a_link(van: Van) -> None:
    link = await van.session()
    await ask(van)
    take(link)
    link.say(answer(1_600).tobytes())
    await van.turn_last("answered")
    link.drop()
    van.appliance.connection._backoff.failures = 10
    await van.shows(Light.OFFLINE)
    await asyncio.sleep(PREROLL_S)
    await van.panel.double_tap()
    await until(lambda: np.array_equal(van.heard_of_answers(), np.tile(answer(1_600), 2)))


async def test_that_recording_began_is_heard_where_it_is_asked_for() -> None:
    settings = msgspec.structs.replace(QUICK, playback=Playback(start_earcon=True))
    async with running(Van(settings)) as van:
        link = await van.session()
        await ask(van)
        assert np.array_equal(van.heard(), earcon(Earcon.START))
        take(link)


async def test_nobody_speaking_ends_the_recording_and_is_told(van: Van) -> None:
    link = await van.session()
    await van.tap()
    await van.turn_last("no_speech")
    assert van.light is Light.READY
    await until(lambda: np.array_equal(van.heard(), earcon(Earcon.END)))
    assert link.closed is False


async def test_the_welcome_is_heard_at_the_first_connection_too(van: Van) -> None:
    link = await van.dialer.dialled()
    say(link, "connection_confirmed", session_id="s", realtime_available=True, buffered_available=True)
    say(link, "session_started", session_id="s", status="active")
    audio = base64.b64encode(wav_bytes(answer(800))).decode()
    say(link, "agent_response", session_id="s", response="Welcome.", audio_response=audio, audio_format="wav")
    say(link, "realtime_enabled", session_id="s", status="enabled")
    await until(lambda: len(van.heard()) == 800, 1.0)


# -- interrupting --------------------------------------------------------------------------------------------------


async def test_a_press_while_speaking_silences_at_once_and_old_sound_is_dropped_until_the_new_turn(van: Van) -> None:
    link = await van.session()
    await ask(van)
    take(link)
    link.say(answer(16_000).tobytes())
    await until(lambda: bool(van.speaker.heard))
    await asyncio.sleep(PREROLL_S)
    pressed_at = van.clock.now()
    van.panel.press()
    await van.shows(Light.LISTENING, 0.1)
    van.speak(words(8_000))
    await asyncio.sleep(0.4)
    link.say(answer(16_000).tobytes())
    van.panel.release()
    await van.shows(Light.PROCESSING)
    link.say(answer(16_000).tobytes())
    await asyncio.sleep(0.05)
    last = van.speaker.heard[-1]
    assert last.at + len(last.pcm) / 16_000 < pressed_at + 0.05
    before = len(van.heard())
    take(link)
    link.say(answer(800)[::-1].tobytes())
    await van.turn_last("answered")
    assert np.array_equal(van.heard()[before:], answer(800)[::-1])


async def test_in_v1_the_backend_is_told_what_was_heard_of_an_interrupted_response(van: Van) -> None:
    link = await van.session("v1")
    await ask(van)
    mine = next(message.utterance_id for message in heard(link) if isinstance(message, m.UtteranceStarted))
    say(link, "response_started", response_id="r1", utterance_id=mine, ssrc=9)
    packetizer = rtp.Packetizer(rtp.OPUS, 9, 0, 0)
    for frame in answer(50 * FRAME_SAMPLES).reshape(-1, FRAME_SAMPLES):
        link.say(packetizer.packet(FakeOpusEncoder().encode(frame)))
    await until(lambda: len(van.heard()) >= 3_200)
    van.panel.press()
    await until(lambda: any(isinstance(message, m.ResponseCancelled) for message in heard(link)))
    [cancelled] = [message for message in heard(link) if isinstance(message, m.ResponseCancelled)]
    assert cancelled.response_id == "r1"
    the_cards_last_period_ms = 20  # taken, and not heard yet
    assert 200 - the_cards_last_period_ms <= cancelled.played_ms <= len(van.heard()) // 16


async def test_a_turn_that_is_interrupted_while_it_is_processed_goes_up_whole_and_first(van: Van) -> None:
    link = await van.session("v1")
    for first in (0, 7_000):
        van.panel.press()
        van.speak(words(3_200, first))
        await asyncio.sleep(0.4)
        assert van.light is Light.LISTENING
        van.panel.release()
        await van.shows(Light.PROCESSING, 0.1)
    await until(lambda: sum(isinstance(message, m.UtteranceEnded) for message in heard(link)) == 2)
    named = [getattr(message, "utterance_id", "") for message in heard(link) if not isinstance(message, bytes)]
    first_id, second_id = named[-1], named[-3]
    assert named[-4:] == [second_id, second_id, first_id, first_id]
    packets = [rtp.unpack(message) for message in heard(link) if isinstance(message, bytes)]
    pcm = np.concatenate([from_bytes(packet.payload) for packet in packets if len(packet.payload) > 1])
    assert holds(pcm, words(3_200))
    assert holds(pcm, words(3_200, 7_000))


# -- the road ------------------------------------------------------------------------------------------------------


async def test_a_press_without_a_link_is_recorded_held_and_sent_when_the_link_is_there() -> None:
    async with running(Van(dialer=HangingDialer())) as van:
        assert isinstance(van.dialer, HangingDialer)
        said = words(3_200)
        await van.tap()
        van.speak(said)
        await van.shows(Light.HOLDING)
        van.dialer.free.set()
        link = await van.session()
        await van.shows(Light.PROCESSING)
        await until(lambda: bool(kept_sent(link)))
        assert holds(kept_sent(link)[0], said)
        assert sound_sent(link).size == 0
        take(link)
        link.say(answer(800).tobytes())
        await van.turn_last("answered")
        assert np.array_equal(van.heard_of_answers(), answer(800))


async def never_reached(van: Van) -> None:
    """The first dial hangs: `connecting`."""
    await until(lambda: van.appliance.connection.state is LinkState.CONNECTING)


async def confirmed_only(van: Van) -> None:
    """The door is open, and nothing more comes: `confirmed`."""
    assert isinstance(van.dialer, HangingDialer)
    van.dialer.free.set()
    await confirm(await van.dialer.dialled())
    assert van.appliance.connection.state is LinkState.CONFIRMED


async def backing_off(van: Van) -> None:
    """The last dial failed, and the next is far away."""
    assert isinstance(van.dialer, HangingDialer)
    van.appliance.connection._backoff = Backoff(lambda: 1.0)
    van.dialer.refuse(LinkError("HTTP 429", retry_after_s=600.0))
    van.dialer.free.set()
    await until(lambda: van.appliance.connection.reconnects == 1)
    van.dialer.free.clear()


@pytest.mark.parametrize("reach", [never_reached, confirmed_only, backing_off])
async def test_whatever_the_link_is_at_a_press_is_recorded_at_once_and_nothing_of_it_is_lost(
    reach: Callable[[Van], Awaitable[None]],
) -> None:
    async with running(Van(dialer=HangingDialer())) as van:
        assert isinstance(van.dialer, HangingDialer)
        await reach(van)
        dials = van.dialer.begun
        said = words(3_200)
        van.panel.press()
        await van.shows(Light.LISTENING, 0.1)
        if reach is backing_off:
            await until(lambda: isinstance(van.dialer, HangingDialer) and van.dialer.begun == dials + 1, 0.1)
        van.speak(said)
        await asyncio.sleep(HELD_S)
        van.panel.release()
        await van.shows(Light.HOLDING)
        van.dialer.free.set()
        if reach is confirmed_only:
            van.dialer.links[-1].drop()
        link = await van.session()
        await until(lambda: bool(kept_sent(link)))
        assert holds(kept_sent(link)[0], said)


async def test_an_utterance_that_waits_has_no_time_for_the_place_of_its_device_in_a_fleet_that_is_spread() -> None:
    async with running(Van(dialer=HangingDialer())) as van:
        assert isinstance(van.dialer, HangingDialer)
        van.dialer.free.set()
        link = await van.session()
        await van.shows(Light.READY)
        van.appliance.connection._backoff = Backoff(lambda: 0.05, 3_600.0)
        van.dialer.free.clear()
        link.drop(LinkError("closed with code 1001", by_backend=True))
        await van.shows(Light.OFFLINE)
        await van.tap()
        van.speak(words(3_200))
        await van.shows(Light.HOLDING)
        await until(lambda: not van.appliance.downlink.playing)  # the earcon that tells it
        van.dialer.refuse(LinkError("it is not up again yet"))
        van.dialer.free.set()
        link = await van.session()
        await until(lambda: bool(kept_sent(link)))
        assert van.appliance.connection.reconnects == 2


async def test_two_utterances_that_waited_go_up_in_order_one_after_the_other() -> None:
    async with running(Van(dialer=HangingDialer())) as van:
        assert isinstance(van.dialer, HangingDialer)
        for first in (0, 7_000):
            await van.hold_and_say(words(1_920, first))
            await van.shows(Light.HOLDING)
        assert van.appliance.session.waiting == 2
        van.dialer.free.set()
        link = await van.session()
        await until(lambda: len(kept_sent(link)) == 1)
        take(link)
        link.say(answer(400).tobytes())
        await until(lambda: len(kept_sent(link)) == 2)
        take(link)
        link.say(answer(400).tobytes())
        await until(lambda: van.appliance.session.waiting == 0)
        assert holds(kept_sent(link)[0], words(1_920))
        assert holds(kept_sent(link)[1], words(1_920, 7_000))


async def test_a_link_that_breaks_while_it_is_spoken_to_costs_nothing(van: Van) -> None:
    first = await van.session()
    said = words(8_000)
    await van.tap()
    van.speak(said)
    await until(lambda: len(sound_sent(first)) > 2_000)
    first.drop()
    second = await van.session()
    await van.shows(Light.PROCESSING)
    await until(lambda: bool(kept_sent(second)))
    assert holds(kept_sent(second)[0], said)
    assert sound_sent(second).size == 0, "half an utterance on a new link would be another utterance"
    take(second)
    second.say(answer(800).tobytes())
    await van.turn_last("answered")


async def test_an_utterance_that_was_not_accepted_is_sent_again_and_one_that_was_is_not(van: Van) -> None:
    first = await van.session()
    said = await ask(van)
    first.drop()
    second = await van.session()
    await until(lambda: bool(kept_sent(second)))
    assert holds(kept_sent(second)[0], said)
    take(second, "skipped_duplicate")
    await van.shows(Light.READY)
    second.drop()
    third = await van.session()
    await asyncio.sleep(0.05)
    assert kept_sent(third) == []


async def test_the_end_of_an_utterance_does_not_go_up_on_the_next_link() -> None:
    async with running(Van(period_ms=60)) as van:
        first = await van.session()
        van.panel.press()
        van.speak(words(16_000))
        await until(lambda: len(sound_sent(first)) > 4_000)
        van.panel.release()
        await van.shows(Light.PROCESSING, 0.1)
        first.drop()
        second = await van.session()
        await until(lambda: bool(kept_sent(second)))
        await asyncio.sleep(0.1)
        assert sound_sent(second).size == 0


async def test_a_link_that_breaks_while_the_answer_is_heard_lets_it_be_heard_to_its_end(van: Van) -> None:
    link = await van.session()
    await ask(van)
    take(link)
    link.say(answer(4_800).tobytes())
    await until(lambda: bool(van.speaker.heard))
    link.drop()
    await van.turn_last("answered")
    assert np.array_equal(van.heard(), answer(4_800))


async def test_an_utterance_that_nobody_accepts_is_sent_again_on_another_link(van: Van) -> None:
    first = await van.session()
    said = await ask(van)
    await until(lambda: first.closed)
    second = await van.session()
    await until(lambda: bool(kept_sent(second)))
    assert holds(kept_sent(second)[0], said)
    assert van.appliance.connection.session_id in van.dialer.addresses[0].url


async def test_a_refused_token_is_a_fault_and_a_press_is_still_recorded() -> None:
    van = Van()
    van.dialer.refuse(LinkRefused("HTTP 401"))
    async with running(van):
        await van.shows(Light.FAULT)
        await van.tap()
        link = await van.session()
        van.speak(words(1_600))
        await van.shows(Light.PROCESSING)
        await until(lambda: holds(sound_sent(link), words(1_600)))


async def test_in_v1_a_sentence_that_a_tunnel_cuts_arrives_whole_under_one_name(van: Van) -> None:
    first = await van.session("v1")
    said = words(16_000)
    van.panel.press()
    van.speak(said)
    await until(lambda: len([message for message in first.sent if isinstance(message, bytes)]) > 10)
    first.drop()
    second = await van.session("v1")
    await asyncio.sleep(0.9)
    van.panel.release()
    await until(lambda: isinstance(heard(second)[-1], m.UtteranceEnded))
    named = [getattr(message, "utterance_id", "") for link in (first, second) for message in heard(link)[2:3]]
    assert named[0] == named[1] != ""
    packets = [rtp.unpack(message) for message in second.sent if isinstance(message, bytes)]
    assert holds(np.concatenate([from_bytes(packet.payload) for packet in packets if len(packet.payload) > 1]), said)
    assert kept_sent(second) == []
    take(second, utterance_id=named[0])
    await until(lambda: van.appliance.session.waiting == 0)


# -- the cards and the panel ---------------------------------------------------------------------------------------


async def test_without_a_microphone_it_runs_says_so_and_recovers() -> None:
    van = Van()
    van.microphone.unplug()
    async with running_deaf(van):
        link = await van.session()
        await van.shows(Light.FAULT)
        assert "microphone" in van.appliance.describe()
        van.panel.press()
        await until(lambda: len(van.heard()) > 0)
        assert van.light is Light.FAULT, "a deaf box does not claim to listen"
        van.panel.release()
        van.microphone.plug()
        await van.shows(Light.READY)
        await ask(van)
        assert sound_sent(link).size


@contextlib.asynccontextmanager
async def running_deaf(van: Van) -> AsyncIterator[Van]:
    """As `running`, where the microphone is not there."""
    task = asyncio.create_task(van.appliance.run(van.stop))
    yield van
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_button_that_is_down_at_power_on_is_recorded() -> None:
    van = Van()
    van.microphone.rate_hz = 0  # as with PortAudio's until it was opened
    start = van.microphone.start

    def starting() -> None:
        van.microphone.rate_hz = 16_000
        start()

    van.microphone.start = starting  # type: ignore[method-assign]  # to know the rate no earlier
    van.panel.press()
    async with running(van):
        link = await van.session()
        van.speak(words(3_200))
        await asyncio.sleep(HELD_S)
        assert van.light is Light.LISTENING
        van.panel.release()
        await until(lambda: holds(sound_sent(link), words(3_200)))


async def test_a_microphone_that_is_lost_while_it_is_spoken_to_loses_nothing_that_was_said(van: Van) -> None:
    link = await van.session()
    said = words(6_400)
    await tap_and_say(van, said)
    await until(lambda: holds(sound_sent(link), said))
    van.microphone.unplug()
    await van.shows(Light.PROCESSING, 2.5)
    assert holds(sound_sent(link), said)
    take(link)
    link.say(answer(800).tobytes())
    await van.turn_last("answered")
    assert van.light is Light.FAULT


async def test_without_a_speaker_what_is_said_is_recorded_without_a_hole() -> None:
    van = Van()
    van.speaker.unplug()
    closed: list[Light] = []
    close = van.microphone.close

    def closing() -> None:
        closed.append(van.light)
        close()

    van.microphone.close = closing  # type: ignore[method-assign]  # to see when it is closed
    async with running(van):
        link = await van.session()
        said = words(round(1.2 * 16_000))
        await van.tap()
        van.speak(said)
        await van.shows(Light.PROCESSING, 3.0)
        assert holds(sound_sent(link), said)
        assert Light.LISTENING not in closed


async def test_without_a_microphone_an_answer_is_heard_without_a_hole() -> None:
    van = Van()
    van.microphone.unplug()
    async with running_deaf(van):
        link = await van.session()
        assert van.appliance.dialogue.say("what is next?")
        link.say(answer(round(1.2 * 16_000)).tobytes())
        await van.turn_last("answered", 3.0)
        assert np.array_equal(van.heard_of_answers(), answer(round(1.2 * 16_000)))


@pytest.mark.parametrize("was_open", [False, True])
async def test_a_missing_speaker_is_said_and_a_turn_ends_all_the_same(was_open: bool) -> None:
    van = Van()
    van.speaker.unplug()
    if not was_open:
        van.speaker.rate_hz = 0  # as with PortAudio's
    async with running(van):
        link = await van.session()
        assert "speaker" in van.appliance.describe()
        await ask(van)
        take(link)
        link.say(answer(1_600).tobytes())
        turn = await van.turn_last("failed", 1.0)
        assert turn.first_sample is None
        assert van.light is Light.FAULT


async def test_without_a_panel_the_button_can_be_pressed_from_afar() -> None:
    van = Van()
    van.panel.unplug()
    async with running(van):
        link = await van.session()
        assert "panel" in van.appliance.describe()
        van.appliance.dialogue.edge_now(pressed=True)
        van.speak(words(8_000))
        await asyncio.sleep(0.5)
        van.appliance.dialogue.edge_now(pressed=False)
        await van.shows(Light.PROCESSING)
        assert sound_sent(link).size


async def test_a_panel_that_is_lost_while_the_button_is_down_does_not_record_for_ever(van: Van) -> None:
    link = await van.session()
    van.panel.press()
    van.speak(words(8_000))
    await asyncio.sleep(0.5)
    van.panel.unplug()
    await van.shows(Light.PROCESSING, 0.2)
    assert sound_sent(link).size


@pytest.mark.parametrize(("does", "percent", "muted"), [("mute", 100, True), ("volume", 20, False)])
async def test_a_second_button_works_while_it_listens_and_the_recording_does_not_hear_of_it(
    does: Literal["mute", "volume"], percent: int, muted: bool
) -> None:
    async with running(Van(msgspec.structs.replace(QUICK, panel=Panel(second_does=does)))) as van:
        began_at = van.clock.now()
        link = await van.session()
        said = words(8_000)
        van.panel.press()
        await van.shows(Light.LISTENING)
        van.speak(said)
        await asyncio.sleep(0.1)
        van.panel.press_second()
        await until(lambda: van.appliance.loudness.facts() == {"percent": percent, "muted": muted})
        assert van.lights[-1] is Light.LISTENING
        await asyncio.sleep(HELD_S)
        van.panel.release()
        await until(lambda: holds(sound_sent(link), said))
        assert not van.speaker.sound(began_at, van.clock.now()).any()


async def test_a_press_of_mute_shows_on_the_lamp_and_the_next_is_heard() -> None:
    async with running(Van(msgspec.structs.replace(QUICK, panel=Panel(second_does="mute")))) as van:
        began_at = van.clock.now()
        await van.session()
        await van.shows(Light.READY)
        van.panel.press_second()
        await until(lambda: van.lights[-1] is Light.MUTED)
        await asyncio.sleep(0.3)
        pressed_at = van.clock.now()
        assert not van.speaker.sound(began_at, pressed_at).any(), "muted is muted"
        van.panel.press_second()
        await until(lambda: van.lights[-1] is Light.READY)
        await until(lambda: bool(van.speaker.sound(pressed_at, van.clock.now()).any()))


async def test_a_second_button_or_a_lamp_that_does_nothing_is_told_in_the_status(van: Van) -> None:
    link = await van.session()
    van.panel.troubles |= {"second_button": "GPIO27 is taken", "lamp": "no /dev/spidev0.1"}
    status = van.appliance.status()
    assert status["why"] == {"second_button": "GPIO27 is taken", "lamp": "no /dev/spidev0.1"}
    devices = status["devices"]
    assert isinstance(devices, dict)
    assert devices["panel"] == "GPIO27 is taken; no /dev/spidev0.1"
    await ask(van)
    take(link)


async def test_a_second_button_lets_an_answer_be_heard_to_its_end(van: Van) -> None:
    link = await van.session()
    await ask(van)
    take(link)
    link.say(answer(16_000).tobytes())
    await van.shows(Light.SPEAKING)
    van.panel.press_second()
    await van.turn_last("answered")
    assert van.appliance.loudness.facts() == {"percent": 20, "muted": False}
    assert van.heard().size == 16_000


# -- the way out ---------------------------------------------------------------------------------------------------

Reach = Callable[[Van], Awaitable[object]]


async def starting(_van: Van) -> None:
    """At once."""


async def opened(van: Van) -> None:
    """The microphone works."""
    await until(lambda: not van.appliance.cards.microphone_trouble)


async def dialling(van: Van) -> None:
    await opened(van)
    van.panel.press()
    await van.shows(Light.LISTENING)


async def offline(van: Van) -> None:
    (await van.session()).drop()
    van.appliance.connection._backoff.failures = 10
    await van.shows(Light.OFFLINE)


async def holding(van: Van) -> None:
    await opened(van)
    await van.tap()
    van.speak(words(1_600))
    await van.shows(Light.HOLDING)


async def fault(van: Van) -> None:
    (await van.session()).drop(LinkRefused("closed with code 4401"))
    await van.shows(Light.FAULT)


async def ready(van: Van) -> None:
    await van.session()
    await van.shows(Light.READY)


async def listening(van: Van) -> None:
    await ready(van)
    await van.tap()
    van.speak(words(16_000))
    await asyncio.sleep(0.05)


async def processing(van: Van) -> FakeLink:
    link = await van.session()
    await ask(van)
    return link


async def speaking(van: Van) -> None:
    link = await processing(van)
    take(link)
    link.say(answer(32_000).tobytes())
    await until(lambda: bool(van.speaker.heard))


STATES: dict[str, Reach] = {
    each.__name__: each
    for each in (starting, dialling, offline, holding, fault, ready, listening, processing, speaking)
}


async def test_it_stops_within_5_s_in_every_state_with_a_backend_that_says_nothing() -> None:
    async def stop(reach: Reach) -> float:
        van = Van(dialer=HangingDialer() if reach in (dialling, holding) else None)
        running = asyncio.create_task(van.appliance.run(van.stop))
        await reach(van)
        began_at = van.clock.now()
        van.stop.set()
        async with asyncio.timeout(5.0):
            await running
        assert van.supervisor.heard[:1] == ["READY=1"]
        assert "STOPPING=1" in van.supervisor.heard
        assert van.lights[-1:] == [None] or reach is starting
        assert not van.speaker.awake
        return van.clock.now() - began_at

    took = dict(zip(STATES, await asyncio.gather(*map(stop, STATES.values())), strict=True))
    assert max(took.values()) < 4.0
    assert [left for left in asyncio.all_tasks() if left is not asyncio.current_task()] == []


async def test_on_the_way_out_the_session_is_ended_and_the_goodbye_waited_for(van: Van) -> None:
    link = await van.session()
    van.stop.set()
    await until(lambda: any(isinstance(message, m.EndSession) for message in heard(link)))
    say(link, "session_ended", session_id="s", status="ended")
    await until(lambda: link.closed, 0.3)
    await until(lambda: van.lights[-1] is None, 0.3)


def test_a_card_that_hangs_while_it_is_opened_does_not_hold_up_the_exit() -> None:
    async def life() -> None:
        van = Van()
        van.dialer.refuse(LinkRefused("nothing to say goodbye to"))

        def hang() -> None:
            time.sleep(2.0)

        van.microphone.start = hang  # type: ignore[method-assign]  # a card that hangs
        running = asyncio.create_task(van.appliance.run(van.stop))
        await asyncio.sleep(0.1)
        van.stop.set()
        await running

    began_at = time.monotonic()
    asyncio.run(life())
    assert time.monotonic() - began_at < 1.5


async def test_what_cannot_listen_on_its_control_socket_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = msgspec.structs.replace(QUICK, control=Control(socket=str(tmp_path / "file" / "control.sock")))
    van = Van(settings)
    with pytest.raises(ExceptionGroup) as caught:
        await van.appliance.run(van.stop)
    assert caught.group_contains(ConfigError)
    assert [left for left in asyncio.all_tasks() if left is not asyncio.current_task()] == []


# -- what it tells -------------------------------------------------------------------------------------------------


async def test_status_says_what_is_asked_of_it_and_is_plain_json(van: Van) -> None:
    link = await van.session()
    await ask(van)
    take(link)
    link.say(answer(800).tobytes())
    await van.turn_last("answered")
    status = msgspec.json.decode(msgspec.json.encode(van.appliance.status()))
    assert status["state"] == "ready"
    assert status["link"]["state"] == "active"
    assert status["link"]["rtt_ms"] == 50
    assert status["session_id"] in van.dialer.addresses[0].url
    assert status["devices"] == {"microphone": "default", "speaker": "default", "panel": "works"}
    assert set(STAGES) <= set(status["last_turn"])
    assert status["last_turn"]["outcome"] == "answered"
    assert status["last_turn"]["speech_end"] == 0
    assert status["last_text"] is None
    assert van.appliance.describe() == "ready, link active"


async def test_the_control_socket_answers(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    async with running(Van(msgspec.structs.replace(QUICK, control=Control(socket=str(path))))) as van:
        await van.session()
        status = await asyncio.to_thread(control.request, path, {"do": "status"})
        assert status["state"] == "ready"
        pressing = asyncio.create_task(asyncio.to_thread(control.request, path, {"do": "press", "hold_s": 0.4}))
        await van.shows(Light.LISTENING)
        await pressing
    assert not path.exists()


async def test_no_token_no_query_and_no_text_reaches_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    van = Van()
    van.dialer.refuse(LinkError("no road"))
    async with running(van):
        link = await van.session()
        await ask(van)
        take(link)
        say(link, "agent_response", session_id="s", response="Mrs Miller, 12 Mill Lane")
        link.say("{")
        link.say(answer(400).tobytes())
        await van.turn_last("answered")
        link.drop()
        await van.session()
    assert "turn answered" in caplog.text
    for word in (TOKEN, "user-1", "business-1", "Miller"):
        assert word not in caplog.text


async def test_the_text_is_logged_where_the_settings_allow_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running(Van(msgspec.structs.replace(QUICK, log=Log(transcripts=True)))) as van:
        link = await van.session()
        say(link, "agent_response", session_id="s", response="Hello!")
        await until(lambda: "Hello!" in caplog.text)
        assert van.appliance.status()["last_text"] == "Hello!"
        # One line each, under a name by which a support bundle leaves them out.
        say(link, "agent_response", session_id="s", response="two\nlines")
        await until(lambda: ("hero365_edge.transcripts", "the agent says: two lines") in said(caplog))


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.name, record.getMessage()) for record in caplog.records]


async def test_the_journal_gets_a_turns_times_as_fields(van: Van, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    link = await van.session()
    await ask(van)
    take(link)
    link.say(answer(800).tobytes())
    await van.turn_last("answered")
    (fields,) = [vars(record)["fields"] for record in caplog.records if record.getMessage().startswith("turn ")]
    assert fields["turn"] == "answered"
    assert set(fields) == {"turn", *(f"{stage}_ms" for stage in STAGES)}
    assert fields["speech_end_ms"] == 0


async def test_reloading_takes_what_it_can_and_names_the_rest(van: Van) -> None:
    audio = msgspec.structs.replace(QUICK.audio, output=msgspec.structs.replace(QUICK.audio.output, volume=0.25))
    changed = msgspec.structs.replace(QUICK, audio=audio, log=Log(transcripts=True))
    assert van.appliance.reload(changed) == []
    assert van.appliance.downlink._player.volume == 0.25
    backend = msgspec.structs.replace(QUICK.backend, user_id="another")
    assert van.appliance.reload(msgspec.structs.replace(changed, backend=backend)) == ["backend"]


TAKEN_WHILE_RUNNING = {"audio.output.volume", "speech.phrases", "log.level", "log.transcripts"}


def with_another(settings: msgspec.Struct, key: str) -> Any:
    """`settings` with another value at this dotted key; it is only compared, never used."""
    name, _, rest = key.partition(".")
    value = with_another(getattr(settings, name), rest) if rest else "another"
    return msgspec.structs.replace(settings, **{name: value})


async def test_reloading_names_every_other_setting_and_each_time_until_it_is_as_it_was(van: Van) -> None:
    for key in catalogue().keys() - TAKEN_WHILE_RUNNING:
        section = key.partition(".")[0]
        assert [van.appliance.reload(with_another(QUICK, key)) for _ in range(2)] == [[section], [section]], key
    assert van.appliance.reload(QUICK) == []


async def test_what_needs_a_restart_stays_as_it_was_until_then() -> None:
    async with running(Van(msgspec.structs.replace(QUICK, panel=Panel(second_does="volume")))) as van:
        await van.session()
        await van.shows(Light.READY)
        opened = van.appliance.status()["devices"]
        assert opened == {"microphone": "default", "speaker": "default", "panel": "works"}
        audio = Audio(AudioInput(device="hw:CARD=New"), AudioOutput(device="hw:CARD=New", volume=1.0))
        changed = msgspec.structs.replace(QUICK, audio=audio, panel=Panel(second_does="mute"))
        assert van.appliance.reload(changed) == ["audio", "panel"]
        assert van.appliance.status()["devices"] == opened
        van.panel.press_second()
        await until(lambda: van.appliance.loudness.facts() == {"percent": 20, "muted": False})


async def test_whoever_watches_sees_every_event_and_may_be_slow(van: Van) -> None:
    watching: asyncio.Queue[ev.Event] = asyncio.Queue(1)
    van.appliance.listeners.append(watching)
    await van.session()
    await asyncio.sleep(0.05)
    assert watching.full()
    assert from_bytes(b"").size == silence(0).size
