"""The fake microphone's own verbs; what it shares with the real one is in tests/contract."""

import asyncio

import numpy as np
import pytest

from hero365_edge.devices.clock import SystemClock
from hero365_edge.errors import DeviceError
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.ports import Block


async def _delivered(microphone: FakeMicrophone) -> list[Block]:
    """What can be read without waiting."""
    blocks = []
    while microphone._unread:
        blocks.append(await microphone.read())
    return blocks


async def test_sound_is_heard_at_once_and_begins_now() -> None:
    clock = FakeClock(now=50.0)
    microphone = FakeMicrophone(clock)
    microphone.start()
    microphone.listen(since=50.0)
    microphone.hear(np.arange(640, dtype=np.int16))
    first, second = await _delivered(microphone)
    assert [first.captured_at, second.captured_at] == pytest.approx([50.0, 50.02])
    assert (first.pcm[5, 0], second.pcm[0, 0]) == (5, 320)
    assert microphone.last_block_at == 50.0


async def test_sound_follows_the_sound_before_it_or_the_clock_whichever_is_later() -> None:
    clock = FakeClock(now=50.0)
    microphone = FakeMicrophone(clock)
    microphone.start()
    microphone.listen(since=0)
    microphone.hear(np.ones(320, np.int16))
    microphone.hear(np.ones(320, np.int16))
    clock.advance(1.0)
    microphone.hear(np.ones(320, np.int16))
    assert [block.captured_at for block in await _delivered(microphone)] == pytest.approx([50.0, 50.02, 51.0])


async def test_what_was_heard_before_the_press_is_in_the_ring() -> None:
    clock = FakeClock(now=50.0)
    microphone = FakeMicrophone(clock)
    microphone.start()
    microphone.hear(np.ones(16_000, np.int16))
    clock.advance(1.0)
    microphone.listen(since=clock.now() - 0.3)
    assert len(await _delivered(microphone)) == 15


async def test_a_short_end_is_filled_up_with_silence_to_a_block() -> None:
    microphone = FakeMicrophone(FakeClock(), rate_hz=48_000, channels=2)
    microphone.start()
    microphone.listen(since=0)
    microphone.hear(np.ones((1000, 2), np.int16))
    blocks = await _delivered(microphone)
    assert [block.pcm.shape for block in blocks] == [(960, 2), (960, 2)]
    assert blocks[1].pcm[39, 1] == 1
    assert not blocks[1].pcm[40:].any()


async def test_an_unplugged_microphone_goes_silent_without_an_error_and_is_found_again() -> None:
    clock = FakeClock(now=50.0)
    microphone = FakeMicrophone(clock)
    microphone.start()
    microphone.listen(since=0)
    microphone.unplug()
    clock.advance(1.0)
    microphone.hear(np.ones(320, np.int16))
    assert await _delivered(microphone) == []
    assert microphone.last_block_at == 50.0
    microphone.close()
    with pytest.raises(DeviceError, match="not there"):
        microphone.start()
    microphone.plug()
    microphone.start()
    microphone.hear(np.ones(320, np.int16))
    assert len(await _delivered(microphone)) == 1


async def test_a_paced_microphone_hears_silence_between_what_it_is_told() -> None:
    clock = SystemClock()
    microphone = FakeMicrophone(clock, paced=True)
    microphone.start()
    begin = clock.now()
    microphone.listen(since=begin)
    microphone.hear(np.ones(1600, np.int16))
    assert microphone.to_hear_s == pytest.approx(0.1)
    await asyncio.sleep(0.25)
    blocks = await _delivered(microphone)
    assert [int(block.pcm.max()) for block in blocks[:7]] == [1, 1, 1, 1, 1, 0, 0]
    assert microphone.to_hear_s == 0
    assert np.diff([block.captured_at for block in blocks]) == pytest.approx(0.020)
    microphone.unplug()
    stopped = microphone.last_block_at
    await asyncio.sleep(0.05)
    assert microphone.last_block_at == stopped
    microphone.close()
