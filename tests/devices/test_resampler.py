import numpy as np
import pytest

from hero365_edge.core.pcm import EMPTY, Pcm, silence
from hero365_edge.devices.resampler import SoxrResampler

PAIRS = [(48_000, 16_000), (44_100, 16_000), (24_000, 16_000), (16_000, 48_000), (16_000, 44_100)]


def tone(frequency_hz: int, rate_hz: int) -> Pcm:
    wave = 10_000 * np.sin(2 * np.pi * frequency_hz * np.arange(rate_hz) / rate_hz)
    return wave.astype(np.int16)


def converted(pcm: Pcm, from_hz: int, to_hz: int, chunk_ms: int = 20) -> Pcm:
    resampler = SoxrResampler(from_hz, to_hz)
    step = from_hz * chunk_ms // 1000
    pieces = [resampler.process(pcm[start : start + step]) for start in range(0, len(pcm), step)]
    return np.concatenate([*pieces, resampler.finish()])


def level_db(pcm: Pcm, frequency_hz: int, rate_hz: int) -> float:
    """Of that frequency, relative to `tone`."""
    middle = pcm[len(pcm) // 4 : -len(pcm) // 4].astype(float)
    window = np.hanning(len(middle))
    turning = np.exp(-2j * np.pi * frequency_hz * np.arange(len(middle)) / rate_hz)
    return float(20 * np.log10(2 * abs((middle * window * turning).sum()) / window.sum() / 10_000 + 1e-9))


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_speech_frequencies_pass_unchanged(from_hz: int, to_hz: int) -> None:
    for frequency_hz in (100, 1000, 3400, 6000):
        pcm = converted(tone(frequency_hz, from_hz), from_hz, to_hz)
        assert level_db(pcm, frequency_hz, to_hz) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_nothing_is_mirrored_at_8_khz(from_hz: int, to_hz: int) -> None:
    for above_hz in (8500, 9000, 10_000):
        stray = above_hz if from_hz > to_hz else 16_000 - above_hz
        pcm = converted(tone(stray, from_hz), from_hz, to_hz)
        assert level_db(pcm, 16_000 - stray, to_hz) < -80


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_at_most_22_ms_are_held_back(from_hz: int, to_hz: int) -> None:
    resampler = SoxrResampler(from_hz, to_hz)
    given_s = 0.0
    for frame in range(1, 200):
        given_s += len(resampler.process(silence(from_hz // 50))) / to_hz
        assert frame / 50 - given_s < 0.022


def test_the_same_samples_cut_differently_come_out_the_same() -> None:
    noise = np.random.default_rng(5).normal(0, 3000, 48_000).astype(np.int16)

    np.testing.assert_array_equal(converted(noise, 48_000, 16_000, 7), converted(noise, 48_000, 16_000, 1000))


def test_digital_silence_stays_digital_silence() -> None:
    assert not converted(silence(48_000), 48_000, 16_000).any()


def test_full_scale_does_not_wrap_around() -> None:
    square = np.where(np.arange(48_000) // 60 % 2, 32767, -32768).astype(np.int16)

    pcm = converted(square, 48_000, 16_000)[100:-100]

    assert pcm.max() == 32767
    assert pcm.min() == -32768
    assert (np.diff(np.sign(pcm.astype(int))) != 0).sum() < 48_000 / 60 * 1.1  # wrapping would add jumps


def test_samples_of_the_card_may_be_read_only_and_strided() -> None:
    frames = np.arange(960, dtype=np.int16).reshape(-1, 2)
    frames.flags.writeable = False

    assert len(SoxrResampler(48_000, 16_000).process(frames[:, 0])) >= 0
    assert len(SoxrResampler(48_000, 16_000).process(EMPTY)) == 0
