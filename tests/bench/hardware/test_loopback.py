"""`bench loopback` on a wire whose delay, filter, distortion, noise and drift are known."""

import math

import numpy as np
import pytest

from hero365_edge.bench.hardware import loopback
from hero365_edge.bench.hardware.figures import Figure, Verdict
from hero365_edge.core.board import Limits
from tests.bench.hardware.wire import desk, right
from tests.impairment import Impairment

PEAK = math.sqrt(2) * 10 ** (loopback.TONE_DBFS / 20)


async def measured(of: Impairment, rate_hz: int = 16_000, *, cancels_echo: bool = False) -> dict[str, Figure]:
    result = await loopback.measure(desk(of, rate_hz), Limits(), None, cancels_echo, 24)
    return {figure.name: figure for figure in result.figures}


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
@pytest.mark.parametrize("delay_ms", [4, 57, 800])
async def test_a_known_delay_is_told_within_a_ms(delay_ms: int, rate_hz: int) -> None:
    found = await measured(Impairment(delay_samples=delay_ms * rate_hz // 1000, noise_dbfs=-60, gain=0.2), rate_hz)
    assert right(found["round_trip"], delay_ms)
    assert found["round_trip"].verdict is (Verdict.GOOD if delay_ms < 150 else Verdict.BAD)


async def test_a_known_tilt_is_told_within_half_a_db() -> None:
    """A first difference of share 0.6: from 300 to 3400 Hz it rises by some 10 dB."""
    found = await measured(Impairment(taps=(1.0, -0.6), noise_dbfs=-70))
    centres = 100 * 2 ** (np.arange(75) / 12)
    centres = centres[(centres >= 300) & (centres <= 3400)]
    known = 20 * np.log10(np.abs(1 - 0.6 * np.exp(-2j * np.pi * centres / 16_000)))
    assert right(found["response"], float(np.max(np.abs(known - np.mean(known)))))


async def test_known_distortion_and_noise_are_told_within_a_tenth() -> None:
    found = await measured(Impairment(second=0.05, noise_dbfs=-55))
    harmonic, noise = (0.05 * PEAK / 2) ** 2, 10 ** ((-55 - loopback.TONE_DBFS) / 10) * 7580 / 8000
    rest = harmonic + noise
    assert right(found["thd_n"], 100 * math.sqrt(rest / (1 + rest)))
    assert found["thd_n"].verdict is Verdict.BAD


@pytest.mark.parametrize("ppm", [-130.0, 0.0, 40.0])
async def test_a_known_drift_is_told_within_five_ppm_whichever_way_it_is(ppm: float) -> None:
    found = await measured(Impairment(drift_ppm=ppm, delay_samples=600, noise_dbfs=-60))
    assert right(found["drift"], abs(ppm))
    assert found["round_trip"].value == pytest.approx(1000 * 600 / 16_000, abs=0.2)
    assert found["drift"].verdict is (Verdict.BAD if abs(ppm) > 100 else Verdict.GOOD)


async def test_where_nothing_is_heard_nothing_is_measured() -> None:
    found = await measured(Impairment(gain=0.0, noise_dbfs=-50))
    assert {figure.verdict for figure in found.values()} == {Verdict.NOT_MEASURED}
    assert "not heard" in found["round_trip"].remark


async def test_of_a_board_that_cancels_its_echo_only_the_times_are_told() -> None:
    found = await measured(Impairment(noise_dbfs=-60), cancels_echo=True)
    assert {name for name, figure in found.items() if figure.verdict is Verdict.GOOD} == {"round_trip", "drift"}
