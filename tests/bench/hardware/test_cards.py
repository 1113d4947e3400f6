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


class Stumbling(WiredMicrophone):
    """Loses samples once in each of its first readings."""

    stumbles = 0

    async def read(self) -> Block:
        if self.stumbles:
            self.stumbles -= 1
            self.xruns += 1
        return await super().read()


def stumbling(times: int) -> Desk:
    """A desk whose microphone loses samples `times` times, in the first block of a recording each."""
    clock = FakeClock()
    speaker = FakeSpeaker(clock)
    microphone = Stumbling(clock, speaker, Loop(Impairment()))
    microphone.stumbles = times
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


async def test_a_hole_in_a_recording_is_an_error() -> None:
    with pytest.raises(SamplesLost):
        await stumbling(1).record(0.2)


async def test_what_is_played_is_played_again_twice_where_samples_were_lost() -> None:
    class Unlucky(Stumbling):
        """Loses samples at the beginning of each of so many recordings."""

        def listen(self, since: float) -> None:
            super().listen(since)
            if self.recordings:
                self.recordings -= 1
                self.stumbles = 1

        recordings = 0

    async def played(unlucky: int) -> None:
        clock = FakeClock()
        speaker = FakeSpeaker(clock)
        microphone = Unlucky(clock, speaker, Loop(Impairment()))
        microphone.recordings = unlucky
        microphone.start()
        speaker.start()
        await Desk(clock, microphone, speaker).play(np.full(1600, 0.5))

    await played(2)
    with pytest.raises(SamplesLost):
        await played(3)


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
