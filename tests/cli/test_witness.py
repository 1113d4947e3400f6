"""The witness keeps what really passed: not what was meant to pass."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.cli.witness import Track, WitnessedMicrophone, WitnessedSpeaker
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.speaker import FakeSpeaker


def ramp(samples: int, start: int = 1) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.arange(start, start + samples, dtype=np.int16)


def test_a_track_puts_each_piece_where_its_time_says_and_silence_between() -> None:
    track = Track()
    track.add(10.0, ramp(160), 16000)
    track.add(10.02, ramp(160), 16000)
    assert (track.since, track.until) == (10.0, 10.03)
    sound = track.sound(10.0, 10.03)
    assert np.array_equal(sound[:160], ramp(160))
    assert not sound[160:320].any()
    assert np.array_equal(sound[320:], ramp(160))


def test_pieces_that_follow_each_other_are_joined_though_their_times_wobble() -> None:
    track = Track()
    track.add(10.0, ramp(160), 16000)
    track.add(10.01 + 0.0001, ramp(160, 161), 16000)
    assert np.array_equal(track.sound(10.0, 10.02), ramp(320))


def test_a_track_where_nothing_passed_is_empty() -> None:
    assert Track().since is None
    assert len(Track().sound(0.0, 1.0)) == 0


async def test_only_what_left_the_microphones_ring_is_seen() -> None:
    clock = FakeClock()
    inner = FakeMicrophone(clock)
    microphone = WitnessedMicrophone(inner)
    microphone.start()
    inner.hear(ramp(320))
    seen_before = microphone.track.since
    microphone.listen(clock.now())
    block = await microphone.read()
    assert (seen_before, microphone.track.since) == (None, block.captured_at)
    assert np.array_equal(microphone.track.sound(block.captured_at, block.captured_at + 0.02), ramp(320))


@pytest.mark.parametrize("stop", [WitnessedSpeaker.flush, WitnessedSpeaker.sleep])
async def test_what_was_dropped_was_never_heard(stop: Callable[[WitnessedSpeaker], object]) -> None:
    clock = FakeClock()
    inner = FakeSpeaker(clock)
    speaker = WitnessedSpeaker(inner)
    speaker.start()
    speaker.write(ramp(640))
    inner.take(320)
    async with asyncio.timeout(1):
        await speaker.progress()
    stop(speaker)
    speaker.write(ramp(320, 5000))
    clock.advance(1.0)
    inner.take(320)
    async with asyncio.timeout(1):
        await speaker.progress()
    since = speaker.track.since
    assert since is not None
    assert np.array_equal(speaker.track.sound(since, since + 0.02), ramp(320))
    assert np.array_equal(speaker.track.sound(since + 1.0, since + 1.02), ramp(320, 5000))
    assert np.count_nonzero(speaker.track.sound(since, since + 1.02)) == 640


async def test_writing_nothing_does_not_end_the_record() -> None:
    inner = FakeSpeaker(FakeClock())
    speaker = WitnessedSpeaker(inner)
    speaker.start()
    speaker.write(ramp(0))
    speaker.write(ramp(320))
    inner.take(320)
    async with asyncio.timeout(1):
        await speaker.progress()
    since = speaker.track.since
    assert since is not None
    assert np.array_equal(speaker.track.sound(since, since + 0.02), ramp(320))
