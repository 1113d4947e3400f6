"""The whole appliance in a room with an echo: its answers are not heard, and whoever speaks into them is."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial, wraps
from typing import Any

import numpy as np
import pytest

from hero365_edge.core import gestures as g
from hero365_edge.core.pcm import EMPTY, FRAME_SAMPLES, RATE_HZ, Pcm, from_bytes, samples_of, silence
from hero365_edge.core.reference import LEAD_MS
from hero365_edge.core.states import State
from hero365_edge.devices.canceller import WebrtcCanceller
from hero365_edge.devices.referee import SileroReferee
from hero365_edge.echo_ports import Echo
from hero365_edge.fakes.canceller import FakeCanceller
from hero365_edge.fakes.referee import FakeReferee
from hero365_edge.settings import Audio, AudioOutput, Backend, Capture, Control, Settings
from tests.appliance_on_fakes import Agent, Scene, in_virtual_time, noise, say_whole, scene

SETTINGS = Settings(
    backend=Backend(url="wss://h/ws", user_id="u", business_id="b"),
    audio=Audio(output=AudioOutput(volume=1.0)),
    capture=Capture(echo_cancel=True, barge_in="voice"),
    control=Control(socket=""),
)
SHARE = 0.5
DELAY_MS = 40.0
QUESTION = noise(0.5, seed=1)


def in_no_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Each test of this file is a coroutine in virtual time."""

    @wraps(test)
    def run(**arguments: Any) -> None:
        in_virtual_time(test(**arguments))

    return run


def echoing(here: Scene, delay_ms: float = DELAY_MS) -> None:
    """What the speaker plays comes back to the microphone."""

    def room(since: float, until: float) -> Pcm:
        played = here.speaker.sound(since - delay_ms / 1000, until - delay_ms / 1000)
        return np.round(played * SHARE).astype(np.int16)

    here.microphone.room = room


def perfect(here: Scene, *, referee: bool = True) -> Echo:
    """Against the echo of that room, and of no other."""
    echoing(here)
    canceller = FakeCanceller(samples_of(DELAY_MS + LEAD_MS), SHARE)
    return Echo(canceller, here.speaker, FakeReferee if referee else None)


def answering(seconds: float) -> Callable[[Agent, str], None]:
    """Whole, and with pauses, as speech has them."""
    words = noise(seconds, seed=2)
    words *= (np.arange(len(words)) % 8_000 < 6_000).astype(np.int16)
    return lambda agent, utterance_id: say_whole(agent, utterance_id, words)


async def until(here: Scene, true: Callable[[], bool], limit_s: float = 20.0) -> None:
    async with asyncio.timeout(limit_s):
        while not true():  # noqa: ASYNC110  what is waited for has no event of its own
            await asyncio.sleep(0.001)


async def ask(here: Scene) -> None:
    """Wait for the link, ask, and wait for the answer's first sample."""
    await until(here, lambda: here.appliance.session.state is State.READY)
    here.appliance.dialogue.happen(g.Pressed(here.clock.now()))
    here.appliance.dialogue.happen(g.Tapped(here.clock.now()))
    here.microphone.hear(QUESTION)
    await until(here, lambda: here.appliance.session.state is State.SPEAKING)
    await until(here, lambda: bool(here.speaker.heard))


def sent(here: Scene) -> Pcm:
    """All the frames that went up."""
    return from_bytes(b"".join(message for message in here.agent.link.sent if isinstance(message, bytes)))


def place_of(part: Pcm, whole: Pcm) -> int:
    """Where `part` stands in `whole`, in one piece; its first sample is told by its value. Raises AssertionError."""
    for begin in np.flatnonzero(whole[: len(whole) - len(part) + 1] == part[0]):
        if np.array_equal(whole[begin : begin + len(part)], part):
            return int(begin)
    raise AssertionError("it is not there in one piece")


@in_no_time
async def test_a_voice_in_an_answer_interrupts_it_and_goes_up_whole_and_without_the_echo() -> None:
    async with scene(SETTINGS, answer=answering(10.0), echo=perfect) as here:
        await ask(here)
        await asyncio.sleep(4.0)
        asked = len(sent(here))
        words = noise(1.0, seed=3)
        spoken_at = here.clock.now()
        here.microphone.hear(words)
        await until(here, lambda: here.appliance.session.state is State.LISTENING)
        assert here.clock.now() - spoken_at < 0.4
        assert not here.speaker.awake, "the answer is silent at once"
        await until(here, lambda: here.appliance.session.state is not State.LISTENING)
        utterance = sent(here)[asked:]
        begin = place_of(words, utterance)
        assert begin >= samples_of(SETTINGS.capture.preroll_ms), "the pre-roll is before the first word"
        assert not utterance[:begin].any(), "and holds nothing of the answer"
        assert here.appliance.sound.unasked_bytes == 0
        assert here.appliance.ear is not None
        assert here.appliance.ear.interruptions == 1


class Greedy(FakeCanceller):
    """Takes a voice for echo: of both an 18th is left, which the referee does not hear."""

    def cancel(self, heard: Pcm, played: Pcm) -> Pcm:
        super().cancel(heard, played)
        return (heard // 18).astype(np.int16)


@in_no_time
@pytest.mark.parametrize("spoken_into", [False, True])
async def test_a_voice_that_the_canceller_takes_for_echo_interrupts_all_the_same(spoken_into: bool) -> None:
    def greedy(here: Scene) -> Echo:
        echoing(here)
        return Echo(Greedy(samples_of(DELAY_MS + LEAD_MS), SHARE), here.speaker, FakeReferee)

    async with scene(SETTINGS, answer=answering(12.0), echo=greedy) as here:
        await ask(here)
        await asyncio.sleep(6.0)
        ear = here.appliance.ear
        assert ear is not None
        assert (ear.suspicions, ear.interruptions) == (0, 0)
        if spoken_into:
            spoken_at = here.clock.now()
            here.microphone.hear(noise(1.0, seed=3))
            await until(here, lambda: here.appliance.session.state is State.LISTENING)
            assert 0.18 < here.clock.now() - spoken_at < 0.4
        else:
            await until(here, lambda: here.appliance.session.state is State.READY)
        assert (ear.suspicions > 0, ear.interruptions) == (spoken_into, int(spoken_into))


@in_no_time
async def test_an_answer_does_not_interrupt_itself() -> None:
    async with scene(SETTINGS, answer=answering(30.0), echo=perfect) as here:
        await ask(here)
        await until(here, lambda: here.appliance.session.state is not State.SPEAKING, limit_s=40.0)
        assert here.appliance.dialogue.last_turn is not None
        assert here.appliance.dialogue.last_turn.outcome == "answered"
        assert here.appliance.sound.unasked_bytes == 0


@in_no_time
async def test_without_the_canceller_it_would() -> None:
    """So that the test above can fail: the same room, and a canceller that thinks the echo comes a sample later."""

    def imperfect(here: Scene) -> Echo:
        echoing(here)
        return Echo(FakeCanceller(samples_of(DELAY_MS + LEAD_MS) + 1, SHARE), here.speaker, FakeReferee)

    async with scene(SETTINGS, answer=answering(10.0), echo=imperfect) as here:
        await ask(here)
        await until(here, lambda: here.appliance.session.state is State.LISTENING, limit_s=5.0)


@in_no_time
async def test_a_canceller_that_has_to_learn_the_room_is_given_the_time() -> None:
    """In the first three seconds an echo may pass for a voice, and so may nobody."""
    async with scene(SETTINGS, answer=answering(10.0), echo=perfect) as here:
        await ask(here)
        here.microphone.hear(noise(2.0, seed=3))
        await asyncio.sleep(2.5)
        assert here.appliance.session.state is State.SPEAKING
        await asyncio.sleep(2.0)
        here.microphone.hear(noise(0.5, seed=4))
        await until(here, lambda: here.appliance.session.state is State.LISTENING, limit_s=0.5)


@in_no_time
async def test_where_only_the_button_interrupts_the_pre_roll_is_without_the_echo_too() -> None:
    async with scene(SETTINGS, answer=answering(10.0), echo=partial(perfect, referee=False)) as here:
        await ask(here)
        await asyncio.sleep(1.0)
        here.microphone.hear(noise(0.5, seed=4))
        await asyncio.sleep(1.0)
        assert here.appliance.session.state is State.SPEAKING
        asked = len(sent(here))
        here.appliance.dialogue.happen(g.Pressed(here.clock.now()))
        here.appliance.dialogue.happen(g.Tapped(here.clock.now()))
        words = noise(0.5, seed=5)
        here.microphone.hear(words)
        await until(here, lambda: here.appliance.session.state is not State.LISTENING)
        utterance = sent(here)[asked:]
        assert not utterance[: place_of(words, utterance)].any()


@in_no_time
async def test_what_is_clipped_is_counted_as_the_card_gave_it_and_not_as_the_canceller_left_it() -> None:
    def greedy(here: Scene) -> Echo:
        return Echo(Greedy(samples_of(DELAY_MS + LEAD_MS), SHARE), here.speaker)

    async with scene(SETTINGS, answer=answering(10.0), echo=greedy) as here:
        await ask(here)
        await asyncio.sleep(1.0)
        here.microphone.hear(np.full(samples_of(1_000), 32_767, np.int16))
        await asyncio.sleep(1.5)
        meter = here.appliance.uplink.level.meter
        assert meter.clipped_s == 0.0, "it is only counted in what is recorded"
        here.microphone.hear(np.full(samples_of(1_000), 32_767, np.int16))
        await asyncio.sleep(0.5)
        here.appliance.dialogue.happen(g.Pressed(here.clock.now()))
        here.appliance.dialogue.happen(g.Tapped(here.clock.now()))
        await asyncio.sleep(1.0)
        pressed_after_s = 0.5
        expected_s = 1.0 - pressed_after_s + SETTINGS.capture.preroll_ms / 1000
        assert meter.clipped_s == pytest.approx(expected_s, abs=0.041)


@in_no_time
async def test_each_answer_of_many_is_cancelled_and_can_be_spoken_into() -> None:
    """The card sleeps between them, and wakes at another time within its period."""
    async with scene(SETTINGS, answer=answering(4.0), echo=perfect) as here:
        for number in range(4):
            here.speaker.heard.clear()
            await ask(here)
            if number % 2:
                await asyncio.sleep(0.5)
                here.microphone.hear(noise(0.7, seed=10 + number))
                await until(here, lambda: here.appliance.session.state is State.LISTENING)
            await until(here, lambda: here.appliance.session.state is State.READY)
            await asyncio.sleep(0.0313 * number)
        assert here.appliance.ear is not None
        assert here.appliance.ear.interruptions == 2


@in_no_time
async def test_what_is_said_while_nothing_is_played_is_not_touched_and_a_resting_appliance_does_not_listen() -> None:
    async with scene(SETTINGS, answer=answering(0.5), echo=perfect) as here:
        await ask(here)
        place_of(QUESTION, sent(here))
        await until(here, lambda: here.appliance.session.state is State.READY)
        await asyncio.sleep(2.0)
        assert here.microphone._unread is None


@in_no_time
async def test_an_echo_later_than_the_cards_say_is_found_by_correlation_and_taken_out() -> None:
    """A card with a buffer that no driver tells of: 250 ms."""
    cancellers = []

    def late(here: Scene) -> Echo:
        echoing(here, delay_ms=250.0)
        cancellers.append(FakeCanceller(samples_of(30.0), SHARE))  # what the reference is moved to
        return Echo(cancellers[0], here.speaker)

    async with scene(SETTINGS, answer=answering(10.0), echo=late) as here:
        await ask(here)
        ear = here.appliance.ear
        assert ear is not None
        await until(here, lambda: ear.delay_s is not None, limit_s=4.0)
        assert ear.delay_s == pytest.approx(0.25, abs=0.0005)
        assert cancellers[0].resets == 1
        await asyncio.sleep(2.0)
        newest = np.concatenate([EMPTY, *(block.pcm[:, 0] for block in list(ear._ring)[-25:])])
        assert len(newest) == 25 * FRAME_SAMPLES
        assert float(np.abs(newest).max()) <= 1.0


@in_no_time
async def test_an_answer_is_softer_while_somebody_may_be_speaking_into_it_and_then_as_loud_as_before() -> None:

    class Doubting(FakeReferee):
        """Never sure."""

        def likelihood(self, chunk: Pcm) -> float:
            return min(super().likelihood(chunk), 0.09)

    def doubting(here: Scene) -> Echo:
        echoing(here)
        return Echo(FakeCanceller(samples_of(DELAY_MS + LEAD_MS), SHARE), here.speaker, Doubting)

    async with scene(SETTINGS, answer=answering(12.0), echo=doubting) as here:
        await ask(here)
        await asyncio.sleep(4.0)
        ear = here.appliance.ear
        assert ear is not None
        assert ear.suspicions == 0
        here.microphone.hear(noise(0.06, seed=3))
        await until(here, lambda: ear.suspicions == 1, limit_s=0.2)
        suspected_at = here.clock.now()
        await asyncio.sleep(2.0)
        assert (ear.suspicions, ear.interruptions) == (1, 0)
        assert here.appliance.session.state is State.SPEAKING
        sounding = [piece for piece in here.speaker.heard if np.abs(piece.pcm).max() > 500]
        softer = [piece.at for piece in sounding if np.abs(piece.pcm).max() < 2_000]
        assert suspected_at < softer[0] < suspected_at + 0.1
        assert 0.2 < softer[-1] - softer[0] < 0.7
        assert len(softer) < len([piece for piece in sounding if piece.at > suspected_at]) / 2


@in_no_time
async def test_a_real_voice_interrupts_a_real_answer_in_a_room(speech: Callable[[str], Pcm]) -> None:
    """WebRTC's canceller, Silero, an answer of real speech and its echo through a room that fades."""
    answer = speech("demo-congrats")[: 20 * RATE_HZ]
    click = np.arange(samples_of(80))
    fading = np.random.default_rng(5).standard_normal(len(click)) * np.exp(-click / samples_of(15))
    fading *= SHARE / np.sqrt(np.sum(np.square(fading)))

    def real(here: Scene) -> Echo:
        def room(since: float, until: float) -> Pcm:
            played = here.speaker.sound(since - 0.15, until - 0.05).astype(np.float64)
            echo = np.convolve(played, fading)[samples_of(100) : samples_of(100) + samples_of(1000 * (until - since))]
            return np.round(echo).astype(np.int16)

        here.microphone.room = room
        return Echo(WebrtcCanceller(), here.speaker, SileroReferee)

    async with scene(SETTINGS, answer=lambda agent, name: say_whole(agent, name, answer), echo=real) as here:
        await ask(here)
        await asyncio.sleep(12.0)
        assert here.appliance.session.state is State.SPEAKING, "it did not interrupt itself"
        here.microphone.hear(np.concatenate([silence(FRAME_SAMPLES), speech("0930")]))
        spoken_at = here.clock.now()
        await until(here, lambda: here.appliance.session.state is State.LISTENING, limit_s=2.0)
        assert here.clock.now() - spoken_at < 1.0
