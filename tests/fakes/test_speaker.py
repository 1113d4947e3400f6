"""The fake speaker's own verbs; what it shares with the real one is in tests/contract."""

import asyncio

import numpy as np
import pytest

from hero365_edge.devices.clock import SystemClock
from hero365_edge.errors import DeviceError
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.speaker import FakeSpeaker


def _started(clock: FakeClock, latency_s: float = 0.0) -> FakeSpeaker:
    speaker = FakeSpeaker(clock, latency_s=latency_s)
    speaker.start()
    return speaker


async def test_taken_by_hand_it_gives_what_was_written_and_then_silence() -> None:
    speaker = _started(FakeClock())
    speaker.write(np.arange(1, 401, dtype=np.int16))
    assert speaker.take(320).tolist() == list(range(1, 321))
    assert speaker.take(320).tolist() == list(range(321, 401)) + [0] * 240
    assert (speaker.handed_over, speaker.silent_samples, speaker.queued_samples) == (400, 240, 0)


async def test_a_sample_is_heard_its_latency_after_it_was_taken() -> None:
    clock = FakeClock(now=50.0)
    speaker = _started(clock, latency_s=0.040)
    first = speaker.write(np.ones(640, np.int16))
    clock.advance(1.0)
    speaker.take(320)
    assert speaker.heard_at(first) == pytest.approx(51.040)
    assert speaker.heard_at(first + 160) == pytest.approx(51.050)
    assert speaker.heard_at(first + 320) is None


async def test_everything_heard_can_be_laid_out_on_the_time_axis() -> None:
    clock = FakeClock(now=50.0)
    speaker = _started(clock)
    speaker.write(np.full(320, 7, np.int16))
    speaker.take(320)
    clock.advance(0.5)
    speaker.write(np.full(320, 9, np.int16))
    speaker.take(320)
    sound = speaker.sound(since=49.9, until=50.51)
    assert sound.size == 9760
    assert np.flatnonzero(sound == 7).tolist() == list(range(1600, 1920))
    assert np.flatnonzero(sound == 9).tolist() == list(range(9600, 9760)), "the rest lies behind the end"


async def test_what_the_writer_does_to_its_array_afterwards_is_not_heard() -> None:
    speaker = _started(FakeClock())
    pcm = np.ones(320, np.int16)
    speaker.write(pcm)
    pcm[:] = 5
    assert speaker.take(320).tolist() == [1] * 320


async def test_a_card_that_is_asleep_or_unplugged_asks_for_nothing() -> None:
    speaker = _started(FakeClock())
    with pytest.raises(ValueError, match="asks for nothing"):
        speaker.take(320)
    speaker.wake()
    speaker.take(320)
    speaker.unplug()
    with pytest.raises(ValueError, match="asks for nothing"):
        speaker.take(320)


async def test_an_unplugged_speaker_stops_asking_and_is_found_again() -> None:
    clock = SystemClock()
    speaker = FakeSpeaker(clock, paced=True)
    speaker.start()
    speaker.write(np.ones(16_000, np.int16))
    await asyncio.sleep(0.05)
    speaker.unplug()
    asked_at = speaker.last_callback_at
    await asyncio.sleep(0.05)
    assert speaker.last_callback_at == asked_at
    speaker.close()
    with pytest.raises(DeviceError, match="not there"):
        speaker.start()
    speaker.plug()
    speaker.start()
    speaker.wake()
    assert speaker.last_callback_at > asked_at
    speaker.close()


async def test_a_paced_speaker_takes_a_period_each_period() -> None:
    clock = SystemClock()
    speaker = FakeSpeaker(clock, paced=True)
    speaker.start()
    begin = clock.now()
    speaker.write(np.ones(16_000, np.int16))
    await asyncio.sleep(0.21)
    elapsed = clock.now() - begin
    assert speaker.handed_over / 16_000 == pytest.approx(elapsed, abs=0.04)
    assert np.diff([heard.at for heard in speaker.heard]) == pytest.approx(0.020)
    speaker.close()
