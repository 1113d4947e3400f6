"""What every microphone does: the fake one, and PortAudio's on a card that hears a file sample by sample."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import numpy as np
import pytest

from hero365_edge.core.pcm import Pcm
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.microphone import PortAudioMicrophone
from hero365_edge.errors import DeviceError
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.ports import Block, Microphone
from tests.alsa_rig import AlsaRig
from tests.appliance import until

CLOCK = SystemClock()
Opened = Callable[[Pcm], Microphone]
"""A microphone, just started, that hears these samples (16 kHz, mono) from its first one on, then silence."""


class Device(Protocol):
    def hears(self, pcm: Pcm) -> Microphone: ...

    def is_missing(self) -> Microphone: ...


class FakeDevice:
    def hears(self, pcm: Pcm) -> Microphone:
        microphone = FakeMicrophone(CLOCK, paced=True)
        microphone.hear(pcm)
        return microphone

    def is_missing(self) -> Microphone:
        microphone = FakeMicrophone(CLOCK)
        microphone.unplug()
        return microphone


class AlsaDevice:
    def __init__(self, rig: AlsaRig) -> None:
        self._rig = rig

    def hears(self, pcm: Pcm) -> Microphone:
        self._rig.feed(pcm)
        return PortAudioMicrophone(CLOCK, "hero_fmic")

    def is_missing(self) -> Microphone:
        return PortAudioMicrophone(CLOCK, "hero_nobody")


@pytest.fixture(params=["fake", pytest.param("alsa", marks=pytest.mark.alsa)])
def device(request: pytest.FixtureRequest) -> Device:
    return FakeDevice() if request.param == "fake" else AlsaDevice(request.getfixturevalue("alsa"))


@pytest.fixture
async def opened(device: Device) -> AsyncIterator[Opened]:
    microphones = []

    def start(pcm: Pcm) -> Microphone:
        microphone = device.hears(pcm)
        microphone.start()
        microphones.append(microphone)
        return microphone

    yield start
    for microphone in microphones:
        microphone.close()


def ramp(samples: int) -> Pcm:
    """Each sample tells its number, and none is silence."""
    return (np.arange(samples) % 30_000 + 1).astype(np.int16)


async def blocks_until(microphone: Microphone, until: float) -> list[Block]:
    """What `read` gives until the clock says so."""
    blocks = []
    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + until - CLOCK.now()):
            while True:
                blocks.append(await microphone.read())
    except TimeoutError:
        return blocks


def joined(blocks: list[Block]) -> Pcm:
    return np.concatenate([block.pcm[:, 0] for block in blocks])


async def test_every_sample_of_three_seconds_comes_once_and_in_order(opened: Opened) -> None:
    pcm = ramp(48_000)
    microphone = opened(pcm)
    microphone.listen(since=0)
    heard = joined(await blocks_until(microphone, CLOCK.now() + 3.2))
    begin = int(np.flatnonzero(heard)[0])
    assert np.array_equal(heard[begin : begin + pcm.size], pcm)
    assert not heard[begin + pcm.size :].any()


async def test_what_was_said_before_the_press_is_delivered_from_the_moment_asked_for(opened: Opened) -> None:
    microphone = opened(ramp(32_000))
    await asyncio.sleep(0.7)
    since = CLOCK.now() - 0.3
    microphone.listen(since)
    blocks = await blocks_until(microphone, CLOCK.now() + 0.2)
    first = blocks[0]
    assert first.captured_at <= since < first.captured_at + 0.021
    assert np.all(np.diff(joined(blocks)) == 1), "a sample between pre-roll and live is missing, or there twice"
    assert joined(blocks).size >= 0.45 * 16_000


async def test_listening_can_begin_later_than_now(opened: Opened) -> None:
    microphone = opened(ramp(32_000))
    since = CLOCK.now() + 0.3
    microphone.listen(since)
    first = (await blocks_until(microphone, since + 0.2))[0]
    assert first.captured_at <= since < first.captured_at + 0.021


async def test_a_hushed_microphone_delivers_nothing_and_keeps_listening_for_itself(opened: Opened) -> None:
    microphone = opened(ramp(32_000))
    assert await blocks_until(microphone, CLOCK.now() + 0.2) == []
    microphone.listen(CLOCK.now())
    assert await blocks_until(microphone, CLOCK.now() + 0.2)
    await asyncio.sleep(0.1)
    microphone.hush()
    before = microphone.last_block_at
    assert await blocks_until(microphone, CLOCK.now() + 0.2) == []
    assert microphone.last_block_at > before


async def test_the_ring_can_be_read_a_second_time(opened: Opened) -> None:
    microphone = opened(ramp(32_000))
    await asyncio.sleep(0.6)
    since = CLOCK.now() - 0.4
    microphone.listen(since)
    once = await blocks_until(microphone, CLOCK.now() + 0.1)
    microphone.listen(since)
    again = await blocks_until(microphone, CLOCK.now() + 0.1)
    assert np.array_equal(joined(again)[: joined(once).size], joined(once))


async def test_the_ring_holds_at_least_a_second(opened: Opened) -> None:
    microphone = opened(ramp(64_000))
    await asyncio.sleep(2.0)
    microphone.listen(since=0)
    microphone_had = joined(await blocks_until(microphone, CLOCK.now() + 0.01)).size / 16_000
    assert 1.0 <= microphone_had <= 1.7


async def test_blocks_lie_end_to_end_in_time_and_are_young(opened: Opened) -> None:
    microphone = opened(ramp(32_000))
    await asyncio.sleep(0.2)
    microphone.listen(CLOCK.now())
    blocks = await blocks_until(microphone, CLOCK.now() + 1.0)
    times = np.array([block.captured_at for block in blocks])
    assert np.abs(np.diff(times) - 0.020).max() < 0.005
    assert -0.02 < microphone.last_block_at - times[-1] < 0.06


async def test_a_read_that_is_given_up_loses_no_block(opened: Opened) -> None:
    microphone = opened(ramp(32_000))
    await asyncio.sleep(0.1)
    microphone.listen(CLOCK.now())
    blocks: list[Block] = []
    for _ in range(60):
        blocks += await blocks_until(microphone, CLOCK.now() + 0.007)
    assert np.all(np.diff(joined(blocks)) == 1)


async def test_a_block_has_frames_and_channels_of_whole_numbers(opened: Opened) -> None:
    microphone = opened(ramp(16_000))
    microphone.listen(since=0)
    async with asyncio.timeout(1):
        block = await microphone.read()
    assert block.pcm.shape == (320, 1)
    assert block.pcm.dtype == np.int16
    assert (microphone.rate_hz, microphone.channels) == (16_000, 1)


async def test_the_sign_of_life_stands_still_once_closed(opened: Opened) -> None:
    microphone = opened(ramp(16_000))
    await asyncio.sleep(0.2)
    assert CLOCK.now() - microphone.last_block_at < 0.1
    microphone.close()
    stopped = microphone.last_block_at
    await asyncio.sleep(0.1)
    assert microphone.last_block_at == stopped


async def test_it_can_be_closed_twice_and_started_again_while_somebody_listens(opened: Opened) -> None:
    microphone = opened(ramp(16_000))
    microphone.listen(since=0)
    await blocks_until(microphone, CLOCK.now() + 0.1)
    microphone.close()
    microphone.close()
    microphone.start()
    async with asyncio.timeout(1):
        assert (await microphone.read()).captured_at > 0


async def test_it_is_done_with_what_it_was_told_before_long(opened: Opened) -> None:
    microphone = opened(ramp(320))
    await until(lambda: microphone.stuck_since is None)
    microphone.close()
    await until(lambda: microphone.stuck_since is None)


async def test_it_is_not_opened_twice(opened: Opened) -> None:
    microphone = opened(ramp(320))
    with pytest.raises(DeviceError, match="still open"):
        microphone.start()


async def test_a_card_that_is_not_there_is_named_together_with_what_is(device: Device) -> None:
    with pytest.raises(DeviceError, match="is not there; there are: "):
        device.is_missing().start()
