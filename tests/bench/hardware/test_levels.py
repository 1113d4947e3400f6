"""Levels of signals whose level is known."""

import math

import numpy as np
import pytest

from hero365_edge.bench.hardware import levels
from hero365_edge.bench.hardware.levels import Sound
from hero365_edge.bench.hardware.tones import tone

RATE_HZ = 16_000
IEC_61672 = [(15, -39.4), (18, -26.2), (20, -19.1), (23, -10.9), (27, -3.2), (30, 0.0), (34, 1.3), (38, -0.1)]
"""Table 3: weighting A in dB, at frequencies of a tenth of a power of ten each (15: 31.6 Hz)."""


def noise(dbfs: float, seconds: float = 10.0, seed: int = 3) -> Sound:
    return np.random.default_rng(seed).normal(0, 10 ** (dbfs / 20), round(seconds * RATE_HZ))


@pytest.mark.parametrize(("tenth", "gain_db"), IEC_61672)
def test_an_ear_weighs_as_the_standard_has_it(tenth: int, gain_db: float) -> None:
    assert levels.a_weighted_dbfs(tone(10, RATE_HZ, -20, 10 ** (tenth / 10)), RATE_HZ) == pytest.approx(
        -20 + gain_db, abs=0.1
    )


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_a_standing_offset_is_no_noise(rate_hz: int) -> None:
    sound = tone(2, rate_hz, -40) + 0.1
    assert levels.a_weighted_dbfs(sound, rate_hz) == pytest.approx(-40, abs=0.05)
    assert levels.level_dbfs(sound) == pytest.approx(-40, abs=0.01)
    assert levels.dc_dbfs(sound) == pytest.approx(-20, abs=0.01)


def test_a_band_holds_its_share_of_white_noise() -> None:
    power = levels.band_power(noise(-30), RATE_HZ, 1000, 3000)
    assert levels.db(power) == pytest.approx(-30 + 10 * math.log10(2000 / 8000), abs=0.2)


@pytest.mark.parametrize("mains_hz", [49.85, 50.0, 60.15])
@pytest.mark.parametrize("dbfs", [-70.0, -50.0])
def test_hum_in_noise_is_told_within_a_db_though_the_grid_is_off(mains_hz: float, dbfs: float) -> None:
    lines = tone(10, RATE_HZ, dbfs - 10 * math.log10(1.25), mains_hz)
    lines = lines + tone(10, RATE_HZ, dbfs - 10 * math.log10(5), 3 * mains_hz)
    assert levels.hum_dbfs(lines + noise(-60), RATE_HZ) == pytest.approx(dbfs, abs=1.0)


def test_noise_alone_is_hardly_any_hum() -> None:
    assert levels.hum_dbfs(noise(-60), RATE_HZ) < -91  # what lies within the lines' room would be -88


def test_silence_is_the_softest_there_is() -> None:
    quiet = np.zeros(RATE_HZ)
    told = levels.a_weighted_dbfs(quiet, RATE_HZ), levels.level_dbfs(quiet), levels.hum_dbfs(quiet, RATE_HZ)
    assert told == (levels.SILENT_DBFS,) * 3


def test_samples_at_either_end_of_the_scale_are_clipped() -> None:
    assert levels.clipped_percent(np.array([32767, -32768, 32766, 0], np.int16)) == 50.0


@pytest.mark.parametrize(
    ("gains", "dead"), [([1.0], 0), ([0.0], 1), ([1.0, 0.0], 1), ([1.0, 0.1], 0), ([1.0, 0.02], 1), ([0.0, 0.0], 2)]
)
def test_a_channel_that_hears_a_thirtieth_or_nothing_is_dead(gains: list[float], dead: int) -> None:
    heard = np.round(32768 * np.outer(noise(-20, 1), gains)).astype(np.int16)
    assert levels.dead_channels(heard) == dead


def test_channels_that_hear_the_same_are_alike_and_one_turned_round_is_the_opposite() -> None:
    sound, other = noise(-20), noise(-20, seed=4)
    assert levels.likeness(sound, sound + 0.5) == pytest.approx(1)
    assert levels.likeness(sound, -sound) == pytest.approx(-1)
    assert levels.likeness(sound, other) == pytest.approx(0, abs=0.02)
    assert levels.likeness(sound, sound + other) == pytest.approx(math.sqrt(0.5), abs=0.02)
    assert levels.likeness(sound, np.zeros(len(sound))) == 0.0


def test_the_loudest_stretch_is_found() -> None:
    sound = np.concatenate([np.zeros(700), np.ones(100), np.zeros(500)])
    assert levels.loudest(sound, 100).sum() == 100
    assert len(levels.loudest(sound, 5000)) == len(sound)


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_a_tone_in_the_picture_is_as_loud_as_it_is(rate_hz: int) -> None:
    hz, level = levels.spectrum_dbfs(tone(5, rate_hz, -30, 440), rate_hz)
    top = int(np.argmax(level))
    assert hz[top] == pytest.approx(440)
    assert 10 * math.log10(np.sum(10 ** (level[top - 2 : top + 3] / 10))) == pytest.approx(-30, abs=0.1)
