"""Arrivals of chirps that come a known number of samples later."""

import numpy as np
import pytest

from hero365_edge.bench.hardware.chirps import arrivals, firsts, train
from hero365_edge.bench.hardware.levels import Sound
from hero365_edge.bench.hardware.loopback import drift_ppm
from tests.impairment import Impairment, Loop

RATE_HZ = 16_000


def heard(late: int, rate_hz: int = RATE_HZ, count: int = 8, noise: float = 0.001) -> Sound:
    sound = np.concatenate([np.zeros(late), train(rate_hz, count, 1.0)])
    return sound + np.random.default_rng(1).normal(0, noise, len(sound))


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("late", [0, 1, 1234, 15_900])
def test_each_chirp_is_found_where_it_is_to_a_fifth_of_a_sample(late: int, rate_hz: int) -> None:
    found = arrivals(heard(late, rate_hz), rate_hz, 8, 1.0)
    assert found == pytest.approx([late + first for first in firsts(rate_hz, 8, 1.0)], abs=0.2)


@pytest.mark.parametrize("thirds", [301, 302])
def test_an_arrival_between_two_samples_is_told_to_a_tenth(thirds: int) -> None:
    finer = np.concatenate([np.zeros(thirds), train(3 * RATE_HZ, 8, 1.0)])
    assert arrivals(finer[::3], RATE_HZ, 8, 1.0)[2] == pytest.approx(thirds / 3 + 2 * RATE_HZ, abs=0.1)


def test_noise_as_loud_as_the_chirps_does_not_hide_them() -> None:
    found = arrivals(heard(500, noise=0.1), RATE_HZ, 8, 1.0)
    assert found == pytest.approx([500 + first for first in firsts(RATE_HZ, 8, 1.0)], abs=0.5)


def test_a_loudspeaker_that_turns_the_phase_makes_no_difference() -> None:
    found = arrivals(-heard(500), RATE_HZ, 8, 1.0)
    assert found[0] == pytest.approx(500, abs=0.1)


def test_an_echo_of_the_room_is_not_taken_for_the_chirp() -> None:
    sound = heard(500)
    sound[320:] += 0.7 * sound[:-320]
    assert arrivals(sound, RATE_HZ, 8, 1.0)[0] == pytest.approx(500, abs=0.2)


def test_where_no_chirp_is_none_is_found() -> None:
    assert arrivals(np.random.default_rng(1).normal(0, 0.1, 9 * RATE_HZ), RATE_HZ, 8, 1.0) == [None] * 8
    assert arrivals(np.zeros(9 * RATE_HZ), RATE_HZ, 8, 1.0) == [None] * 8


def test_a_chirp_that_was_drowned_is_missing_and_the_others_are_not() -> None:
    sound = heard(500)
    sound[500 + 3 * RATE_HZ : 500 + 3 * RATE_HZ + 1000] = 0.0
    found = arrivals(sound, RATE_HZ, 8, 1.0)
    assert found[3] is None
    assert sum(each is not None for each in found) == 7


@pytest.mark.parametrize("ppm", [-150.0, 20.0])
def test_a_known_drift_is_told_within_a_ppm_in_two_minutes(ppm: float) -> None:
    loop = Loop(Impairment(delay_samples=800, drift_ppm=ppm, noise_dbfs=-50))
    sound = np.concatenate([train(RATE_HZ, 120, 1.0), np.zeros(RATE_HZ)])
    recorded = np.concatenate([loop.pass_on(block) for block in sound.reshape(-1, 1600)])
    assert drift_ppm(arrivals(recorded, RATE_HZ, 120, 1.0), RATE_HZ) == pytest.approx(-ppm, abs=1.0)
