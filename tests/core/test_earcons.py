"""Earcons: short, not too loud, without clicks, and told apart."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from hero365_edge.core.earcons import LEVEL, Earcon, earcon
from hero365_edge.core.pcm import RATE_HZ, duration_s

MS = RATE_HZ // 1000
ALL = pytest.mark.parametrize("name", list(Earcon))


def spectrum(name: Earcon) -> NDArray[np.float64]:
    """Energy per hertz, summed over the tones, without a window: it is the earcon's own fades that count."""
    return np.square(np.abs(np.fft.rfft(earcon(name), RATE_HZ)))


@ALL
def test_it_is_16_khz_mono_pcm_and_short(name: Earcon) -> None:
    pcm = earcon(name)
    assert pcm.dtype == np.int16
    assert pcm.ndim == 1
    assert 0.1 <= duration_s(len(pcm)) <= 0.6


@ALL
def test_its_peak_is_the_level(name: Earcon) -> None:
    peak = int(np.abs(earcon(name).astype(int)).max())
    assert 0.99 * LEVEL * 32767 < peak <= round(LEVEL * 32767)
    assert 0.1 <= LEVEL <= 0.5


@ALL
def test_it_begins_and_ends_in_silence_and_rises_slowly(name: Earcon) -> None:
    loudness = np.abs(earcon(name).astype(int))
    assert loudness[0] == loudness[-1] == 0
    assert loudness[: 2 * MS].max() < 0.2 * loudness.max()
    assert loudness[-2 * MS :].max() < 0.2 * loudness.max()


@ALL
def test_it_has_no_clicks(name: Earcon) -> None:
    energy = spectrum(name)
    assert energy[2_000:].sum() < 1e-6 * energy.sum()
    assert energy[:100].sum() < 1e-3 * energy.sum(), "no thump either"


@ALL
def test_its_tones_are_where_a_small_speaker_and_an_old_ear_are_good(name: Earcon) -> None:
    assert 250 <= int(spectrum(name).argmax()) <= 2_000


def test_no_two_sound_the_same() -> None:
    for one, other in combinations(Earcon, 2):
        shorter = min(len(earcon(one)), len(earcon(other)))
        a, b = (earcon(name)[:shorter].astype(float) for name in (one, other))
        alike = abs(a @ b) / np.sqrt((a @ a) * (b @ b))
        assert len(earcon(one)) != len(earcon(other)) or alike < 0.5, (one, other)


@ALL
def test_it_is_the_same_each_time(name: Earcon) -> None:
    np.testing.assert_array_equal(earcon(name), earcon(name))
