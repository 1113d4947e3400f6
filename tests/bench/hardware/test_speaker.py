"""`bench speaker` on a wire whose distortion, noise and holes are known."""

import math

import numpy as np
import pytest

from hero365_edge.bench.hardware import loopback, speaker
from hero365_edge.bench.hardware.figures import Figure, Verdict
from hero365_edge.core.board import Limits
from tests.bench.hardware.wire import desk, right
from tests.impairment import Impairment

PEAK = math.sqrt(2) * 10 ** (loopback.TONE_DBFS / 20)


async def measured(of: Impairment, *, cancels_echo: bool = False) -> dict[str, Figure]:
    result = await speaker.measure(desk(of), Limits(), None, cancels_echo)
    return {figure.name: figure for figure in result.figures}


@pytest.mark.parametrize("second", [0.01, 0.3])
async def test_level_and_distortion_are_as_near_to_what_is_known_as_they_say(second: float) -> None:
    found = await measured(Impairment(second=second, gain=0.3, noise_dbfs=-65))
    level = loopback.TONE_DBFS + 20 * math.log10(0.3) - (-65 + 10 * math.log10(6900 / 8000))
    assert right(found["level"], level)
    assert right(found["thd"], 100 * second * PEAK / 2)
    assert found["thd"].verdict is (Verdict.BAD if second > 0.2 else Verdict.GOOD)
    assert found["missing"].value == 0.0


async def test_a_speaker_without_low_tones_lacks_their_third_octaves() -> None:
    """A high pass at 700 Hz, 40 dB down at 500: the thirds of 315, 397 and 500 Hz are not there."""
    number = np.arange(-400, 401)
    low = np.sinc(2 * 600 / 16_000 * number) * 2 * 600 / 16_000 * np.blackman(801)
    taps = -low
    taps[400] += 1.0
    found = await measured(Impairment(taps=tuple(map(float, taps)), noise_dbfs=-50))
    assert found["missing"].value == 3.0
    assert found["missing"].verdict is Verdict.BAD


async def test_a_silent_speaker_is_not_measured_and_lacks_everything() -> None:
    found = await measured(Impairment(gain=0.0, noise_dbfs=-50))
    assert found["level"].verdict is Verdict.NOT_MEASURED
    assert found["missing"].value == len(speaker.THIRDS_HZ)


async def test_a_board_that_cancels_its_echo_cannot_hear_its_speaker() -> None:
    found = await measured(Impairment(), cancels_echo=True)
    assert {figure.verdict for figure in found.values()} == {Verdict.NOT_MEASURED}
