"""PortAudio's speaker on the ALSA rig, with a recorder in front of it: how soon it speaks and how soon it is silent."""

import asyncio
import sys
from collections.abc import AsyncIterator

import numpy as np
import pytest

from hero365_edge.core.pcm import Pcm
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.microphone import PortAudioMicrophone
from hero365_edge.devices.speaker import PortAudioSpeaker
from tests.alsa_rig import AlsaRig

pytestmark = pytest.mark.alsa
CLOCK = SystemClock()
SECOND = 16_000


@pytest.fixture
async def speaker(alsa: AlsaRig) -> AsyncIterator[PortAudioSpeaker]:
    speaker = PortAudioSpeaker(CLOCK, "hero_spk")
    speaker.start()
    yield speaker
    speaker.close()


def ramp(samples: int) -> Pcm:
    """Each sample tells its number, and none is silence."""
    return (np.arange(samples) % 30_000 + 1).astype(np.int16)


async def test_no_old_sample_is_heard_later_than_30_ms_and_a_period_after_a_flush(
    alsa: AlsaRig, speaker: PortAudioSpeaker
) -> None:
    for phase_ms in (0, 4, 8, 12, 16):
        with alsa.recording() as recording:
            speaker.write(ramp(SECOND))
            await asyncio.sleep(0.3 + phase_ms / 1000)
            flushed_at = CLOCK.now()
            speaker.flush()
            assert CLOCK.now() - flushed_at < 0.010, "the event loop waited for the card"
            await asyncio.sleep(0.3)
            last = int(np.flatnonzero(recording.heard())[-1])
            assert recording.arrived_at(last) - flushed_at < 0.030 + 0.020


async def test_a_sample_is_heard_when_the_speaker_says_so(alsa: AlsaRig, speaker: PortAudioSpeaker) -> None:
    with alsa.recording() as recording:
        speaker.write(ramp(SECOND))
        await asyncio.sleep(0.8)
        heard = recording.heard()
        for number in (0, 1_000, 5_000, 10_000):
            said = speaker.heard_at(number)
            assert said is not None
            assert abs(recording.arrived_at(int(np.flatnonzero(heard == number + 1)[0])) - said) < 0.030


async def test_a_sleeping_speaker_is_heard_within_a_tenth_of_a_second(alsa: AlsaRig, speaker: PortAudioSpeaker) -> None:
    with alsa.recording() as recording:
        wrote_at = CLOCK.now()
        speaker.write(ramp(SECOND // 4))
        await asyncio.sleep(0.4)
        first = int(np.flatnonzero(recording.heard())[0])
        assert recording.heard()[first] == 1, "the first sample was lost"
        assert recording.arrived_at(first) - wrote_at < 0.1


async def test_microphone_and_speaker_agree_on_the_time_of_a_sample(alsa: AlsaRig, speaker: PortAudioSpeaker) -> None:
    microphone = PortAudioMicrophone(CLOCK, "hero_tap")
    microphone.start()
    await asyncio.sleep(0.2)
    microphone.listen(CLOCK.now())
    speaker.write(ramp(SECOND // 2))
    await asyncio.sleep(0.4)
    while True:
        block = await microphone.read()
        found = np.flatnonzero(block.pcm[:, 0] == 4_000)
        if found.size:
            break
    microphone.close()
    heard_at = speaker.heard_at(3_999)
    assert heard_at is not None
    assert block.captured_at + found[0] / SECOND == pytest.approx(heard_at, abs=0.025)


async def test_a_card_of_another_rate_is_played_at_its_own(alsa: AlsaRig) -> None:
    speaker = PortAudioSpeaker(CLOCK, "hero_spk48", rate_hz=48_000, period_ms=10)
    speaker.start()
    assert (speaker.rate_hz, speaker.period_samples) == (48_000, 480)
    with alsa.recording("hero_spk48", rate_hz=48_000, channels=2) as recording:
        speaker.write(ramp(24_000))
        await asyncio.sleep(0.7)
        left, right = recording.heard().reshape(-1, 2).T
    speaker.close()
    sounding = np.flatnonzero(left)
    assert np.array_equal(left[sounding[0] : sounding[-1] + 1], ramp(24_000))
    assert np.array_equal(left, right)


async def test_a_card_that_hangs_is_flushed_and_closed_at_once_and_speaks_again(
    alsa: AlsaRig, speaker: PortAudioSpeaker
) -> None:
    speaker.write(ramp(2 * SECOND))
    await asyncio.sleep(0.2)
    alsa.freeze("hero_spk")
    try:
        await asyncio.sleep(0.3)
        assert CLOCK.now() - speaker.last_callback_at > 0.25
        begin = CLOCK.now()
        speaker.flush()
        speaker.close()
        assert CLOCK.now() - begin < 0.25
    finally:
        alsa.thaw("hero_spk")
    speaker.start()
    first = speaker.write(ramp(800))
    await asyncio.sleep(0.3)
    assert speaker.handed_over == first + 800


async def test_a_card_may_be_woken_and_flushed_in_any_quick_succession(speaker: PortAudioSpeaker) -> None:
    for _ in range(20):
        speaker.write(ramp(1_000))
        speaker.flush()
    first = speaker.write(ramp(1_000))
    assert first == 20_000
    await asyncio.sleep(0.5)
    assert speaker.handed_over == 21_000


async def test_the_run_that_a_flush_ends_gets_nothing_of_what_is_written_next(speaker: PortAudioSpeaker) -> None:
    speaker.write(ramp(SECOND))
    await asyncio.sleep(0.1)
    now = dict.fromkeys(("input_buffer_adc_time", "current_time", "output_buffer_dac_time"), 0.0)
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(5.0)  # the card's own thread must not have stopped it before these three are through
    try:
        speaker.flush()
        first = speaker.write(ramp(SECOND // 10))
        data, _ = speaker._wanted(None, 320, now, 0)  # PortAudio's thread was about to ask when the flush came
    finally:
        sys.setswitchinterval(usual_s)
    assert data == bytes(640)
    await asyncio.sleep(0.3)
    assert speaker.handed_over == first + SECOND // 10
