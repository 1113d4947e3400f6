"""The purity of tones whose distortion is known."""

import math

import numpy as np
import pytest

from hero365_edge.bench.hardware.tones import purity, tone

DBFS = -10.0
PEAK = math.sqrt(2) * 10 ** (DBFS / 20)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("percent", [0.1, 1.0, 30.0])
def test_a_square_law_gives_the_second_harmonic_that_the_formula_says(rate_hz: int, percent: float) -> None:
    """(A sin)² is A²/2 - A²/2 cos of twice the frequency: the share is the factor times A/2."""
    sound = tone(2, rate_hz, DBFS, 1000.3)
    found = purity(sound + percent / 100 * 2 / PEAK * sound**2, rate_hz)
    assert found is not None
    assert found.thd_percent == pytest.approx(percent, rel=0.01)
    assert found.thd_n_percent == pytest.approx(100 / math.sqrt(1 + (100 / percent) ** 2), rel=0.01)
    assert found.level_dbfs == pytest.approx(DBFS, abs=0.01)


def test_a_cube_law_gives_the_third() -> None:
    """sin³ is 3/4 sin - 1/4 sin of thrice the frequency."""
    sound = tone(2, 16_000, DBFS)
    found = purity(sound + 0.2 * sound**3, 16_000)
    assert found is not None
    third, first = 0.2 * PEAK**3 / 4, PEAK + 0.2 * 3 * PEAK**3 / 4
    assert found.thd_percent == pytest.approx(100 * third / first, rel=0.01)


@pytest.mark.parametrize("noise_dbfs", [-70.0, -50.0, -30.0])
def test_noise_counts_with_its_share_of_the_band_and_is_no_harmonic(noise_dbfs: float) -> None:
    sound = tone(2, 16_000, DBFS)
    noise = np.random.default_rng(1).normal(0, 10 ** (noise_dbfs / 20), len(sound))
    found = purity(sound + noise, 16_000)
    assert found is not None
    share = 10 ** ((noise_dbfs - DBFS) / 10) * (7600 - 20) / 8000
    assert found.thd_n_percent == pytest.approx(100 * math.sqrt(share / (1 + share)), rel=0.03)
    assert found.thd_percent < 0.1 * found.thd_n_percent


def test_sixteen_bits_alone_are_pure() -> None:
    sound = np.round(32768 * tone(2, 16_000, DBFS)) / 32768
    found = purity(sound, 16_000)
    assert found is not None
    assert found.thd_n_percent < 0.01


def test_a_recording_without_the_tone_has_no_purity() -> None:
    assert purity(np.random.default_rng(1).normal(0, 0.1, 32_000), 16_000) is None
    assert purity(tone(2, 16_000, DBFS, 1200), 16_000) is None
