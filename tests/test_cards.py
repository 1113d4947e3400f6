"""The keeper of the sound cards: opens them, notices a deaf or dead one, opens it again; the clock is in hand."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from hero365_edge.cards import LOOK_EVERY_S, LOST_AFTER_S, STUCK_S, TRY_EVERY_S, TRY_SPEAKER_EVERY_S, Cards
from hero365_edge.core import events as ev
from hero365_edge.core.pcm import Pcm, silence
from hero365_edge.core.period import XRUNS
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.speaker import FakeSpeaker
from tests.appliance import until, words

LOOKED_S = LOOK_EVERY_S + 0.2
BOTH_FOUND = [ev.MicrophoneFound, ev.SpeakerFound]


class CountedMicrophone(FakeMicrophone):
    """Counts how often it is opened and closed."""

    opened = closed = 0

    def start(self) -> None:
        self.opened += 1
        super().start()

    def close(self) -> None:
        self.closed += 1
        super().close()


class NotedSpeaker(FakeSpeaker):
    """Calls `closing` before it is closed."""

    closing: Callable[[], None] = staticmethod(lambda: None)

    def close(self) -> None:
        self.closing()
        super().close()


class Keeper:
    """Cards, what they told, and whether something is recorded or played."""

    def __init__(
        self,
        zeros_allowed: bool | None = None,
        channel: int | None = None,
        channels: int = 1,
        *,
        always_on: bool = True,
    ) -> None:
        self.clock = FakeClock()
        self.microphone = CountedMicrophone(self.clock, channels=channels)
        self.speaker = NotedSpeaker(self.clock)
        self.told: list[type] = []
        self.speaker_lost = 0
        self.openings: list[bool] = []
        self.recording = self.playing = False
        self.cards = Cards(
            self.clock,
            self.microphone,
            self.speaker,
            lambda event: self.told.append(type(event)),
            self._lose_speaker,
            self._note_opening,
            recording=lambda: self.recording,
            playing=lambda: self.playing,
            channel=channel,
            zeros_allowed=zeros_allowed,
            always_on=always_on,
        )

    def _lose_speaker(self) -> None:
        self.speaker_lost += 1

    def _note_opening(self, opening: bool) -> None:
        self.openings.append(opening)

    async def looked(self) -> None:
        """They looked after the cards once more."""
        before = self.cards._looked_at
        self.clock.advance(0.001)
        await until(lambda: self.cards._looked_at > before, LOOKED_S)


    async def opened(self, times: int) -> None:
        """The microphone was tried so often, and what followed from it has happened."""
        await until(lambda: self.microphone.opened == times, LOOKED_S)
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def running(keeper: Keeper) -> AsyncIterator[Keeper]:
    task = asyncio.create_task(keeper.cards.run())
    await keeper.opened(1)
    yield keeper
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_both_cards_are_opened_and_the_microphone_is_told() -> None:
    async with running(Keeper()) as keeper:
        assert (keeper.cards.microphone_trouble, keeper.cards.speaker_trouble) == ("", "")
        assert keeper.told == BOTH_FOUND
        assert keeper.microphone.opened == 1
        keeper.cards.close()
        keeper.speaker.wake()
        assert not keeper.speaker.awake


async def test_the_speaker_is_open_before_the_microphone_runs() -> None:
    speaker_was_ready: list[bool] = []

    class Noting(CountedMicrophone):
        def start(self) -> None:
            speaker_was_ready.append(keeper.speaker.is_open and not keeper.speaker.awake)
            super().start()

    keeper = Keeper()
    keeper.microphone = Noting(keeper.clock)
    keeper.cards._microphone = keeper.microphone
    async with running(keeper):
        keeper.microphone.xruns = XRUNS
        await keeper.opened(2)
    assert speaker_was_ready == [True, True]


async def test_a_microphone_that_falls_silent_is_lost_told_and_opened_again() -> None:
    async with running(Keeper()) as keeper:
        keeper.microphone.unplug()
        keeper.clock.advance(LOST_AFTER_S + 0.1)
        await until(lambda: ev.MicrophoneLost in keeper.told, LOOKED_S)
        await keeper.opened(2)
        assert "is not there" in keeper.cards.microphone_trouble
        keeper.microphone.plug()
        keeper.clock.advance(TRY_EVERY_S)
        await until(lambda: keeper.told[-1] is ev.MicrophoneFound, LOOKED_S)
        assert keeper.cards.microphone_trouble == ""


async def test_a_microphone_that_gives_blocks_is_left_alone() -> None:
    async with running(Keeper()) as keeper:
        for _ in range(20):
            keeper.clock.advance(LOST_AFTER_S - 0.1)
            keeper.microphone.hear(words(320))
        await keeper.looked()
        assert keeper.told == BOTH_FOUND
        assert keeper.microphone.opened == 1


async def test_a_speaker_that_takes_nothing_of_what_waits_is_lost_and_opened_again() -> None:
    async with running(Keeper()) as keeper:
        keeper.speaker.write(words(3200))
        keeper.clock.advance(LOST_AFTER_S + 0.1)
        keeper.microphone.hear(words(320))
        await until(lambda: keeper.speaker_lost == 1, LOOKED_S)
        await keeper.opened(2)
        assert keeper.cards.speaker_trouble == "", "it opened again at once"
        assert keeper.told == [*BOTH_FOUND, ev.SpeakerLost, ev.SpeakerFound], "the microphone was never gone for long"


async def test_a_speaker_that_is_missing_is_told_until_it_is_there() -> None:
    keeper = Keeper()
    keeper.speaker.unplug()
    async with running(keeper):
        assert keeper.told == [ev.MicrophoneFound, ev.SpeakerLost]
        keeper.speaker.plug()
        keeper.clock.advance(TRY_SPEAKER_EVERY_S)
        keeper.microphone.hear(words(320))
        await keeper.opened(2)
        assert keeper.told[-1] is ev.SpeakerFound


async def test_it_is_told_when_the_cards_are_about_to_be_opened_and_when_they_are() -> None:
    async with running(Keeper()) as keeper:
        assert keeper.openings == [True, False]
        closed_when: list[list[bool]] = []
        keeper.speaker.closing = lambda: closed_when.append(keeper.openings.copy())
        keeper.speaker.xruns = XRUNS
        await keeper.opened(2)
        assert closed_when == [[True, False, True]]
        assert keeper.openings == [True, False, True, False]


async def test_a_speaker_that_sleeps_is_not_lost() -> None:
    async with running(Keeper()) as keeper:
        keeper.clock.advance(100)
        keeper.microphone.hear(words(320))
        await keeper.looked()
        assert keeper.speaker_lost == 0


async def test_a_missing_speaker_is_tried_seldom_and_never_while_something_is_recorded() -> None:
    keeper = Keeper()
    keeper.speaker.unplug()
    async with running(keeper):
        assert "speaker" in keeper.cards.speaker_trouble
        assert keeper.told == [ev.MicrophoneFound, ev.SpeakerLost]
        keeper.clock.advance(TRY_SPEAKER_EVERY_S / 2)
        keeper.microphone.hear(words(320))
        await keeper.looked()
        assert keeper.microphone.opened == 1, "each try makes the microphone deaf for a moment"
        keeper.recording = True
        keeper.clock.advance(TRY_SPEAKER_EVERY_S)
        keeper.microphone.hear(words(320))
        await keeper.looked()
        assert keeper.microphone.opened == 1
        keeper.speaker.plug()
        keeper.recording = False
        await until(lambda: keeper.cards.speaker_trouble == "", LOOKED_S)
        assert keeper.microphone.opened == 2



async def test_a_recording_that_waits_for_the_microphone_does_not_keep_it_from_being_opened() -> None:
    keeper = Keeper()
    keeper.recording = True
    async with running(keeper):
        assert keeper.told == BOTH_FOUND


async def test_a_missing_microphone_is_not_tried_while_an_answer_is_played() -> None:
    keeper = Keeper()
    keeper.microphone.unplug()
    async with running(keeper):
        keeper.playing = True
        keeper.clock.advance(TRY_EVERY_S)
        await keeper.looked()
        await keeper.looked()
        assert keeper.microphone.opened == 1
        keeper.playing = False
        await keeper.opened(2)


async def test_a_trouble_that_stays_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    keeper = Keeper()
    keeper.microphone.unplug()
    async with running(keeper):
        for tries in (2, 3):
            keeper.clock.advance(TRY_EVERY_S)
            await keeper.opened(tries)
        warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert len(warnings) == 1


async def test_cards_that_move_and_a_speaker_that_sleeps_are_no_reason_for_a_new_process() -> None:
    async with running(Keeper()) as keeper:
        keeper.clock.advance(STUCK_S - 0.1)
        keeper.microphone.hear(words(320))
        await keeper.looked()
        assert keeper.cards.stuck(keeper.clock.now()) == ""


async def test_a_missing_card_is_no_reason_for_a_new_process_while_it_is_tried() -> None:
    keeper = Keeper()
    keeper.microphone.unplug()
    keeper.speaker.unplug()
    async with running(keeper):
        for tries in range(2, 5):
            keeper.clock.advance(STUCK_S - 0.1)
            await keeper.opened(tries)
            assert keeper.cards.stuck(keeper.clock.now()) == ""


def test_nobody_looking_after_the_cards_is_a_reason_for_a_new_process() -> None:
    keeper = Keeper()
    keeper.clock.advance(STUCK_S + 1)
    assert keeper.cards.stuck(keeper.clock.now()) == "a sound card hangs: opening it takes 7 s by now"


async def test_a_card_that_hangs_is_a_reason_for_a_new_process_only_when_it_does_not_let_go() -> None:
    async with running(Keeper()) as keeper:
        keeper.microphone.hang()
        keeper.clock.advance(LOST_AFTER_S + 0.1)
        await keeper.opened(2)
        assert "still open: it hangs" in keeper.cards.microphone_trouble
        assert keeper.cards.stuck(keeper.clock.now()) == ""
        keeper.clock.advance(STUCK_S + 1)
        await keeper.looked()
        assert keeper.cards.stuck(keeper.clock.now()) == "the microphone hangs: it has not stopped for 7 s"


async def test_a_card_that_opens_for_ever_does_not_look_as_if_it_were_looked_after() -> None:
    class Endless(CountedMicrophone):
        free = threading.Event()

        def start(self) -> None:
            self.opened += 1
            self.free.wait(10)

    keeper = Keeper()
    keeper.cards._microphone = microphone = Endless(keeper.clock)
    task = asyncio.create_task(keeper.cards.run())
    await until(lambda: microphone.opened == 1)
    keeper.clock.advance(STUCK_S + 1)
    await asyncio.sleep(LOOKED_S)
    assert keeper.cards.stuck(keeper.clock.now()) == "a sound card hangs: opening it takes 7 s by now"
    microphone.free.set()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_card_that_takes_long_to_open_does_not_stop_the_event_loop() -> None:
    class SlowMicrophone(CountedMicrophone):
        def start(self) -> None:
            time.sleep(0.2)
            super().start()

    keeper = Keeper()
    keeper.microphone = SlowMicrophone(keeper.clock)
    keeper.cards._microphone = keeper.microphone
    task = asyncio.create_task(keeper.cards.run())
    ticks = 0
    while keeper.microphone.opened == 0:
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks > 5
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_cards_that_lose_sound_again_and_again_are_opened_with_a_longer_period() -> None:
    async with running(Keeper()) as keeper:
        keeper.microphone.xruns = XRUNS
        await keeper.opened(2)
        assert (keeper.microphone.period_ms, keeper.speaker.period_ms) == (40, 40)
        assert not keeper.cards.microphone_trouble
        await keeper.looked()
        assert keeper.microphone.opened == 2


async def test_a_longer_period_waits_for_the_end_of_the_turn() -> None:
    async with running(Keeper()) as keeper:
        keeper.playing = True
        keeper.speaker.xruns = XRUNS
        await keeper.looked()
        await keeper.looked()
        assert keeper.microphone.opened == 1
        keeper.playing = False
        await keeper.opened(2)


async def test_a_microphone_that_is_gone_when_the_cards_are_opened_again_is_told_as_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(Keeper()) as keeper:
        keeper.microphone.unplug()
        keeper.speaker.xruns = XRUNS
        await keeper.opened(2)
        assert keeper.told[-1] is ev.MicrophoneLost
        assert [message for message in caplog.messages if "the microphone is lost: " in message]


# -- a microphone that gives samples and hears nothing --------------------------------------------------------------


async def give(keeper: Keeper, pcm: Pcm, times: int) -> None:
    """So many half seconds of this, looked at after each."""
    for _ in range(times):
        keeper.microphone.hear(pcm)
        keeper.clock.advance(LOOK_EVERY_S)
        keeper.cards._look()


def hiss(samples: int, seed: int = 1) -> Pcm:
    return np.random.default_rng(seed).integers(-3, 4, samples).astype(np.int16)


async def test_a_card_that_gives_only_zeros_is_a_fault_and_opened_again_until_it_hears() -> None:
    keeper = Keeper()
    keeper.microphone.is_hardware = True
    async with running(keeper):
        await give(keeper, hiss(8_000, seed=1), 1)
        await give(keeper, hiss(8_000, seed=2), 1)
        await give(keeper, silence(8_000), 4)
        assert keeper.told == BOTH_FOUND, "they may be 2.5 s old"
        await give(keeper, silence(8_000), 1)
        assert keeper.told == [*BOTH_FOUND, ev.MicrophoneLost]
        assert keeper.cards.microphone_trouble == "it gives nothing but zeros"
        await keeper.opened(2)
        assert keeper.cards.microphone_trouble == "it gives nothing but zeros", "that it opens is no sign that it hears"
        await give(keeper, silence(8_000), 2)
        assert ev.MicrophoneFound not in keeper.told[1:]
        await give(keeper, hiss(8_000), 1)
        assert keeper.told.index(ev.MicrophoneFound, 1) == len(keeper.told) - 1
        assert keeper.cards.microphone_trouble == ""


async def test_a_deaf_microphone_that_is_pulled_out_is_missing_from_then_on() -> None:
    async with running(Keeper()) as keeper:
        await give(keeper, np.full(8_000, 5, np.int16), 6)
        assert keeper.cards.microphone_trouble == "it gives one value and no other"
        keeper.microphone.unplug()
        await keeper.opened(2)
        assert "is not there" in keeper.cards.microphone_trouble


async def test_software_may_give_zeros_and_so_may_a_card_with_a_noise_gate() -> None:
    async with running(Keeper()) as keeper:
        await give(keeper, silence(8_000), 10)
        assert keeper.cards.microphone_trouble == ""
    gated = Keeper(zeros_allowed=True)
    gated.microphone.is_hardware = True
    async with running(gated):
        await give(gated, silence(8_000), 10)
        assert gated.cards.microphone_trouble == ""


async def test_a_channel_that_the_card_does_not_have_is_told_once_and_its_last_is_looked_at(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running(Keeper(channel=1)) as keeper:
        await give(keeper, np.full(8_000, 5, np.int16), 6)
        assert keeper.cards.microphone_trouble == "it gives one value and no other"
    told = [message for message in caplog.messages if "audio.input.channel" in message]
    assert told == ["audio.input.channel is 1, and the microphone has 1 (from 0)"]


async def test_only_the_channel_that_is_used_is_looked_at() -> None:
    for channel, trouble in ((0, ""), (1, "it gives one value and no other")):
        async with running(Keeper(channel=channel, channels=2)) as keeper:
            for look in range(6):
                await give(keeper, np.stack([hiss(8_000, look), np.full(8_000, 5, np.int16)], axis=1), 1)
            assert keeper.cards.microphone_trouble == trouble


async def test_what_the_end_of_one_recording_looked_like_is_no_fault_of_the_next_where_it_is_closed_between() -> None:
    async with running(Keeper(always_on=False)) as keeper:
        for recording, opened in ((True, 2), (False, 2), (True, 3)):
            keeper.recording = recording
            keeper.cards.wanted()
            await keeper.opened(opened)
            keeper.clock.advance(60)
            keeper.microphone.hear(np.full(8_000, 5, np.int16))
            keeper.cards.listen()
        assert keeper.cards.microphone_trouble == ""
