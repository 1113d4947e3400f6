"""Responses of filters whose response is known."""

import numpy as np
import pytest

from hero365_edge.bench.hardware.levels import Sound
from hero365_edge.bench.hardware.sweep import click, response, sweep, unevenness_db


def resonant(rate_hz: int) -> Sound:
    """The click response of a filter with a hill of some 6 dB, as long as it takes to be over."""
    at, share, radius = 1500.0, 0.4, 0.93
    number = np.arange(2000)
    hill: Sound = share * (1 - radius) * radius**number * np.cos(2 * np.pi * at / rate_hz * number) * 4
    hill[0] += 1.0
    return hill


def known_db(taps: Sound, rate_hz: int, hz: Sound) -> Sound:
    """The mean power of the filter's formula in the third octave about each frequency."""
    power = np.abs(np.fft.rfft(taps, 1 << 18)) ** 2
    lines_hz = np.fft.rfftfreq(1 << 18, 1 / rate_hz)
    side = 2 ** (1 / 6)
    return np.array([10 * np.log10(np.mean(power[(lines_hz > at / side) & (lines_hz < at * side)])) for at in hz])


def recorded(taps: Sound, rate_hz: int, noise: float = 0.0, late_s: float = 0.2) -> Sound:
    played = np.concatenate([np.zeros(round(late_s * rate_hz)), sweep(rate_hz), np.zeros(rate_hz)])
    heard = np.convolve(played, taps)[: len(played)]
    return heard + np.random.default_rng(1).normal(0, noise, len(heard))


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_a_known_filter_is_told_within_half_a_db(rate_hz: int, noise: float) -> None:
    taps = resonant(rate_hz)
    found = response(recorded(taps, rate_hz, noise), rate_hz)
    assert found.hz[0] == 100
    assert found.hz[-1] > 7000
    known = known_db(taps, rate_hz, found.hz)
    assert np.max(known) - np.min(known) > 3
    assert np.max(np.abs(found.db - known)) < 0.5
    inside = known[(found.hz >= 300) & (found.hz <= 3400)]
    assert unevenness_db(found, 300, 3400) == pytest.approx(np.max(np.abs(inside - np.mean(inside))), abs=0.5)


@pytest.mark.parametrize("late_s", [0.0, 0.01, 0.9])
def test_a_loop_that_changes_nothing_is_flat_wherever_the_sweep_begins(late_s: float) -> None:
    found = response(recorded(np.array([0.5]), 16_000, late_s=late_s), 16_000)
    assert np.allclose(found.db, 20 * np.log10(0.5), atol=0.05)


def test_what_a_loudspeaker_distorts_is_kept_out_of_the_response() -> None:
    """As in Farina's paper: each harmonic of the sweep comes before the click, outside the window."""
    clean = recorded(np.array([1.0]), 48_000)  # at 16 kHz the harmonics would be folded back
    found = response(clean + 3 * clean**2, 48_000)
    assert np.allclose(found.db, 0, atol=0.1)


def test_the_sweep_and_its_inverse_are_a_click() -> None:
    whole = click(sweep(16_000), 16_000)
    peak = int(np.argmax(np.abs(whole)))
    aside = np.abs(np.delete(whole, np.arange(peak - 160, peak + 160)))
    assert np.max(aside) < 0.01 * np.abs(whole[peak])


def test_the_sweep_is_the_same_at_every_rate() -> None:
    assert np.allclose(sweep(48_000)[::3], sweep(16_000), atol=5e-3)
