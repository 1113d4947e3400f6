"""What every speaker does: the fake one, and PortAudio's on a card that writes down every sample."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import numpy as np
import pytest

from hero365_edge.core.pcm import EMPTY, Pcm, silence
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.speaker import PortAudioSpeaker
from hero365_edge.echo_ports import Loudspeaker
from hero365_edge.errors import DeviceError
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.ports import Speaker
from tests.alsa_rig import AlsaRig

CLOCK = SystemClock()
SECOND = 16_000


class Device(Protocol):
    speaker: Speaker
    loudspeaker: Loudspeaker

    def heard(self) -> Pcm:
        """Everything the card was given, silence too; to be asked after `close`."""
        ...

    def missing(self) -> Speaker: ...


class FakeDevice:
    def __init__(self) -> None:
        self._fake = FakeSpeaker(CLOCK, paced=True)
        self.speaker: Speaker = self._fake
        self.loudspeaker: Loudspeaker = self._fake

    def heard(self) -> Pcm:
        return self._fake.sound(self._fake.heard[0].at, CLOCK.now())

    def missing(self) -> Speaker:
        speaker = FakeSpeaker(CLOCK)
        speaker.unplug()
        return speaker


class AlsaDevice:
    def __init__(self, rig: AlsaRig) -> None:
        real = PortAudioSpeaker(CLOCK, "hero_fspk")
        self.speaker: Speaker = real
        self.loudspeaker: Loudspeaker = real
        self.heard = rig.heard

    def missing(self) -> Speaker:
        return PortAudioSpeaker(CLOCK, "hero_nobody")


@pytest.fixture(params=["fake", pytest.param("alsa", marks=pytest.mark.alsa)])
async def device(request: pytest.FixtureRequest) -> AsyncIterator[Device]:
    device = FakeDevice() if request.param == "fake" else AlsaDevice(request.getfixturevalue("alsa"))
    device.speaker.start()
    yield device
    device.speaker.close()


@pytest.fixture
def speaker(device: Device) -> Speaker:
    return device.speaker


def ramp(samples: int, sign: int = 1) -> Pcm:
    """Each sample tells its number, and none is silence."""
    return (sign * (np.arange(samples) % 30_000 + 1)).astype(np.int16)


def content(heard: Pcm) -> Pcm:
    """Without the silence around it."""
    sounding = np.flatnonzero(heard)
    return heard[sounding[0] : sounding[-1] + 1]


async def until(true: Callable[[], bool], limit_s: float = 3.0) -> None:
    async with asyncio.timeout(limit_s):
        while not true():  # noqa: ASYNC110  it polls what no event tells
            await asyncio.sleep(0.005)


async def test_many_small_writes_are_heard_as_one_without_a_lost_or_added_sample(device: Device) -> None:
    speaker, pcm = device.speaker, ramp(2 * SECOND)
    lengths = np.random.default_rng(1).integers(1, 900, 1000)
    begin = 0
    for length in lengths:
        assert speaker.write(pcm[begin : begin + length]) == begin
        begin = min(begin + int(length), pcm.size)
        if begin == pcm.size:
            break
        while speaker.queued_samples > SECOND // 10:
            await speaker.progress()
    await until(lambda: speaker.handed_over == pcm.size)
    await asyncio.sleep(0.1)
    speaker.close()
    assert np.array_equal(content(device.heard()), pcm)


async def test_samples_are_numbered_on_and_on_and_counted_when_handed_over(speaker: Speaker) -> None:
    assert speaker.write(ramp(1000)) == 0
    assert speaker.write(EMPTY) == 1000
    assert speaker.write(ramp(500)) == 1000
    assert speaker.queued_samples + speaker.handed_over == 1500
    await until(lambda: speaker.handed_over == 1500)
    assert speaker.queued_samples == 0


async def test_when_a_sample_is_heard_is_known_once_the_card_has_it(speaker: Speaker) -> None:
    assert speaker.heard_at(0) is None
    wrote_at = CLOCK.now()
    speaker.write(ramp(SECOND))
    assert speaker.heard_at(SECOND - 1) is None
    await until(lambda: speaker.handed_over >= SECOND // 2)
    times = [speaker.heard_at(sample) for sample in range(0, SECOND // 2, 100)]
    assert times[0] is not None
    assert 0 <= times[0] - wrote_at < 0.1
    assert np.allclose(np.diff(np.array(times, dtype=float)), 100 / SECOND, atol=0.0005)


async def test_heard_times_stay_known_for_a_second(speaker: Speaker) -> None:
    speaker.write(ramp(2 * SECOND))
    await until(lambda: speaker.handed_over > SECOND)
    handed_over = speaker.handed_over
    assert speaker.heard_at(handed_over - SECOND) is not None


async def test_all_that_the_card_is_given_is_told_from_the_first_call_on(device: Device) -> None:
    speaker, loudspeaker, pcm = device.speaker, device.loudspeaker, ramp(SECOND // 2)
    speaker.write(ramp(100, sign=-1))
    await until(lambda: speaker.handed_over == 100)
    assert loudspeaker.played() == []
    speaker.write(pcm)
    await until(lambda: speaker.handed_over == 100 + pcm.size)
    await asyncio.sleep(0.1)
    pieces = loudspeaker.played()
    assert np.array_equal(content(np.concatenate([piece.pcm for piece in pieces])), pcm)
    assert len({piece.stretch for piece in pieces}) == 1
    begins = np.cumsum([0, *(piece.pcm.size for piece in pieces[:-1])]) / SECOND
    assert np.allclose([piece.leaves_at for piece in pieces] - begins, pieces[0].leaves_at, atol=0.001)
    heard_at = speaker.heard_at(100)
    first = next(number for number, piece in enumerate(pieces) if piece.pcm.any())
    offset = int(np.flatnonzero(pieces[first].pcm)[0]) / SECOND
    assert heard_at == pytest.approx(pieces[first].leaves_at + offset, abs=0.001)


async def test_what_is_played_softer_is_heard_softer_and_told_as_it_is(device: Device) -> None:
    speaker, loudspeaker = device.speaker, device.loudspeaker
    loudspeaker.played()
    loudspeaker.duck(20.0)
    speaker.write(np.full(SECOND // 4, 10_000, dtype=np.int16))
    await until(lambda: speaker.queued_samples == 0)
    loudspeaker.duck(0.0)
    speaker.write(np.full(SECOND // 4, 10_000, dtype=np.int16))
    await until(lambda: speaker.queued_samples == 0)
    await asyncio.sleep(0.1)
    pieces = loudspeaker.played()
    told = content(np.concatenate([piece.pcm for piece in pieces]))
    assert (told[SECOND // 8 : SECOND // 8 + 100] == 1_000).all()
    assert (told[3 * SECOND // 8 : 3 * SECOND // 8 + 100] == 10_000).all()
    assert {piece.softer_db for piece in pieces} == {0.0, 20.0}
    speaker.close()
    assert np.array_equal(content(device.heard()), told)


async def test_that_the_card_was_stopped_is_told_too_and_it_wakes_with_another_stretch(device: Device) -> None:
    speaker, loudspeaker = device.speaker, device.loudspeaker
    assert loudspeaker.played() == []
    speaker.write(ramp(SECOND))
    await until(lambda: speaker.handed_over > SECOND // 4)
    stopped_at = CLOCK.now()
    speaker.flush()
    pieces = loudspeaker.played()
    assert not pieces[-1].pcm.size
    assert all(piece.pcm.size for piece in pieces[:-1])
    assert pieces[-1].leaves_at == pytest.approx(stopped_at, abs=0.05)
    speaker.write(ramp(SECOND // 10))
    await until(lambda: speaker.queued_samples == 0)
    again = [piece for piece in loudspeaker.played() if piece.pcm.size]
    assert {piece.stretch for piece in again}.isdisjoint({piece.stretch for piece in pieces})
    speaker.close()
    assert not loudspeaker.played()[-1].pcm.size


async def test_progress_comes_when_samples_were_taken_and_not_for_silence(speaker: Speaker) -> None:
    speaker.write(ramp(SECOND // 10))
    async with asyncio.timeout(1):
        await speaker.progress()
    assert speaker.handed_over > 0
    await until(lambda: speaker.queued_samples == 0)
    await asyncio.sleep(0.1)
    async with asyncio.timeout(1):
        await speaker.progress()  # what was taken while nobody waited
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await speaker.progress()


async def test_silence_is_counted_only_while_awake_and_dry(speaker: Speaker) -> None:
    await asyncio.sleep(0.1)
    assert speaker.silent_samples == 0
    speaker.wake()
    await asyncio.sleep(0.3)
    silent = speaker.silent_samples
    assert 0.2 * SECOND < silent < 0.5 * SECOND
    speaker.write(ramp(SECOND // 2))
    await until(lambda: speaker.handed_over == SECOND // 2)
    assert speaker.silent_samples - silent < 0.1 * SECOND


async def test_nothing_of_what_was_flushed_returns_and_what_follows_is_whole(device: Device) -> None:
    speaker, old, new = device.speaker, ramp(SECOND), ramp(SECOND // 5, sign=-1)
    speaker.write(old)
    await until(lambda: speaker.handed_over > SECOND // 4)
    dropped = speaker.flush()
    assert speaker.queued_samples == 0
    assert 0 < dropped < SECOND
    first = speaker.write(new)
    assert first == SECOND, "the numbers of dropped samples are not used again"
    await until(lambda: speaker.handed_over == first + new.size)
    await asyncio.sleep(0.1)
    speaker.close()
    heard = device.heard()
    kept = heard[heard > 0]
    assert np.array_equal(kept, old[: kept.size])
    assert kept.size <= SECOND - dropped
    assert np.array_equal(content(np.minimum(heard, 0)), new)
    assert np.flatnonzero(heard > 0)[-1] < np.flatnonzero(heard < 0)[0]
    assert speaker.heard_at(SECOND - 1) is None, "never handed over"


async def test_a_flush_wakes_who_waits_for_progress(speaker: Speaker) -> None:
    speaker.wake()
    speaker.flush()
    async with asyncio.timeout(1):
        await speaker.progress()
    assert speaker.flush() == 0


async def test_a_sleeping_card_asks_for_nothing_until_it_is_woken_or_written_to(speaker: Speaker) -> None:
    speaker.wake()
    speaker.wake()
    await asyncio.sleep(0.1)
    assert CLOCK.now() - speaker.last_callback_at < 0.1
    speaker.write(ramp(SECOND))
    speaker.sleep()
    speaker.sleep()
    assert speaker.queued_samples == 0
    await asyncio.sleep(0.1)
    asleep = speaker.last_callback_at
    await asyncio.sleep(0.1)
    assert speaker.last_callback_at == asleep
    speaker.wake()
    assert speaker.last_callback_at > asleep, "the time asleep must not look like a dead card"
    speaker.sleep()
    handed_over = speaker.handed_over
    speaker.write(ramp(800))
    await until(lambda: speaker.handed_over > handed_over)


async def test_it_can_be_closed_twice_and_started_again(device: Device) -> None:
    speaker = device.speaker
    speaker.write(ramp(SECOND))
    await asyncio.sleep(0.1)
    speaker.close()
    speaker.close()
    assert speaker.queued_samples == 0
    assert speaker.write(ramp(100)) == SECOND, "dropped, but numbered"
    assert speaker.queued_samples == 0
    speaker.start()
    first = speaker.write(ramp(SECOND // 10, sign=-1))
    await until(lambda: speaker.handed_over == first + SECOND // 10)
    await asyncio.sleep(0.1)
    speaker.close()
    heard = device.heard()
    assert np.array_equal(content(np.minimum(heard, 0)), ramp(SECOND // 10, sign=-1))


async def test_a_wake_while_it_is_closed_does_not_keep_the_next_write_from_being_heard(speaker: Speaker) -> None:
    speaker.write(silence(SECOND))
    await asyncio.sleep(0.1)
    closing = asyncio.create_task(asyncio.to_thread(speaker.close))
    while not closing.done():
        speaker.wake()
        await asyncio.sleep(0.001)
    assert not speaker.is_open
    speaker.start()
    first = speaker.write(silence(800))
    await until(lambda: speaker.handed_over == first + 800)


async def test_it_is_done_with_what_it_was_told_before_long(speaker: Speaker) -> None:
    speaker.write(silence(3200))
    await until(lambda: speaker.stuck_since is None)
    speaker.flush()
    await until(lambda: speaker.stuck_since is None)
    speaker.close()
    await until(lambda: speaker.stuck_since is None)


async def test_it_is_not_opened_twice(speaker: Speaker) -> None:
    with pytest.raises(DeviceError, match="still open"):
        speaker.start()


async def test_a_card_that_is_not_there_is_named_together_with_what_is(device: Device) -> None:
    with pytest.raises(DeviceError, match="is not there; there are: "):
        device.missing().start()
