"""A bench's desk: what is recorded while something is played, and cards that lose samples or go away."""

import asyncio

import numpy as np
import pytest

from hero365_edge.bench.hardware.cards import CardLost, Desk, SamplesLost, opened, pcm_of
from hero365_edge.errors import DeviceError
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.ports import Block
from tests.bench.hardware.wire import WiredMicrophone, desk
from tests.impairment import Impairment, Loop

RATE_HZ = 16_000


class Unlucky(WiredMicrophone):
    """Loses samples in each of its first recordings."""

    recordings = 0

    def listen(self, since: float) -> None:
        super().listen(since)
        self.stumbles = self.recordings > 0
        self.recordings -= 1

    async def read(self) -> Block:
        if self.stumbles:
            self.xruns += 1
        self.stumbles = False
        return await super().read()


def unlucky(recordings: int) -> Desk:
    """A desk whose first so many recordings have a hole."""
    clock = FakeClock()
    speaker = FakeSpeaker(clock)
    microphone = Unlucky(clock, speaker, Loop(Impairment()))
    microphone.recordings = recordings
    microphone.start()
    speaker.start()
    return Desk(clock, microphone, speaker)


async def test_what_is_played_is_heard_as_late_as_the_loop_makes_it() -> None:
    at = desk(Impairment(delay_samples=500))
    take = await at.play(np.full(1600, 0.5), tail_s=0.2)
    assert len(take.pcm) == 1600 + 3200
    begin = int(np.argmax(take.pcm[:, 0] != 0))
    assert take.taken_at is not None
    assert take.handed_at + begin / RATE_HZ - take.taken_at == pytest.approx(500 / RATE_HZ, abs=1e-6)


@pytest.mark.parametrize("volume", [1.0, 0.8, 0.1])
async def test_what_is_played_is_as_loud_as_the_volume_says(volume: float) -> None:
    at = desk(Impairment())
    softer = Desk(at.clock, at.microphone, at.speaker, volume=volume)
    take = await softer.play(np.full(1600, 0.5), tail_s=0.2)
    assert take.pcm.max() == round(volume * 16384)


async def test_a_second_piece_has_times_of_its_own() -> None:
    at = desk(Impairment(delay_samples=500))
    await at.play(np.full(1600, 0.5))
    await at.record(0.33)
    take = await at.play(np.full(1600, 0.5))
    begin = int(np.argmax(take.pcm[:, 0] != 0))
    assert take.taken_at is not None
    assert take.handed_at + begin / RATE_HZ - take.taken_at == pytest.approx(500 / RATE_HZ, abs=1e-6)


async def test_the_seconds_that_pass_are_told() -> None:
    passed: list[float] = []
    at = desk(Impairment())
    at.progress = passed.append
    await at.record(1.0)
    assert sum(passed) == pytest.approx(1.0)


async def test_what_lost_samples_is_done_again_twice() -> None:
    assert len((await unlucky(2).record(0.2)).pcm) == 3200
    assert len((await unlucky(2).play(np.full(1600, 0.5))).pcm) == 1600 + RATE_HZ


async def test_what_lost_samples_three_times_is_an_error() -> None:
    with pytest.raises(SamplesLost):
        await unlucky(3).record(0.2)
    with pytest.raises(SamplesLost):
        await unlucky(3).play(np.full(1600, 0.5))


async def test_a_speaker_that_stops_taking_is_lost() -> None:
    at = desk(Impairment())
    assert isinstance(at.speaker, FakeSpeaker)
    assert isinstance(at.microphone, WiredMicrophone)
    playing = asyncio.create_task(at.play(np.full(80_000, 0.5)))
    while at.speaker.handed_over < 8000:
        await at.speaker.progress()
    at.microphone.deaf_to_the_speaker = True
    with pytest.raises(CardLost, match="the speaker took nothing"):
        await playing


async def test_without_a_speaker_nothing_can_be_played() -> None:
    at = desk(Impairment())
    with pytest.raises(DeviceError, match="no speaker"):
        await Desk(at.clock, at.microphone).play(np.zeros(10))


async def test_cards_are_closed_again_even_when_the_second_does_not_open() -> None:
    clock = FakeClock()
    microphone, speaker = FakeMicrophone(clock), FakeSpeaker(clock)
    speaker.unplug()
    with pytest.raises(DeviceError, match="speaker"):
        async with opened(microphone, speaker):
            pytest.fail("it is not open")
    microphone.start()  # would raise were it still open


def test_what_is_louder_than_the_scale_is_cut() -> None:
    assert list(pcm_of(np.array([0.0, 0.5, 2.0, -2.0]))) == [0, 16384, 32767, -32768]
