"""`bench mic` on a wire whose noise, hum, offset and loss are known."""

import math

import numpy as np
import pytest

from hero365_edge.bench.hardware import levels, mic
from hero365_edge.bench.hardware.cards import CardLost, Desk, Take
from hero365_edge.bench.hardware.figures import Absent, Figure, Unmeasured, Verdict, judged
from hero365_edge.bench.hardware.stimuli import speech_shaped
from hero365_edge.core.board import Limits
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.profiles import load_boards
from tests.bench.hardware.wire import WiredMicrophone, desk, right
from tests.impairment import Impairment, Loop

RATE_HZ = 16_000


async def measured(at: Desk, limits: Limits | None = None, *, cancels_echo: bool = False) -> dict[str, Figure]:
    result = await mic.measure(at, limits or Limits(), None, cancels_echo)
    return {figure.name: figure for figure in result.figures}


@pytest.mark.parametrize("noise_dbfs", [-70.0, -60.0, -40.0])
@pytest.mark.parametrize("gain", [0.1, 0.7])
async def test_each_figure_is_as_near_to_what_is_known_as_it_says(noise_dbfs: float, gain: float) -> None:
    found = await measured(desk(Impairment(noise_dbfs=noise_dbfs, gain=gain, hum_dbfs=noise_dbfs - 5, dc=0.001)))
    hz = np.linspace(0, RATE_HZ / 2, 10_001)
    weighted = noise_dbfs + 10 * math.log10(float(np.mean(levels.a_weight(hz) ** 2)))
    assert right(found["noise_floor"], weighted)
    assert right(found["hum"], noise_dbfs - 5)
    assert right(found["dc"], -60.0)
    known = mic.BURST_DBFS + 20 * math.log10(gain) - (noise_dbfs + 10 * math.log10((7000 - 100) / 8000))
    assert right(found["snr"], known)
    assert found["clipped"].value == 0.0


async def test_what_is_beyond_its_limit_is_bad() -> None:
    found = await measured(desk(Impairment(noise_dbfs=-40, gain=0.05, hum_dbfs=-50, dc=0.01)))
    bad = {name for name, figure in found.items() if figure.verdict is Verdict.BAD}
    assert bad == {"noise_floor", "dc", "hum", "snr"}


async def test_a_microphone_that_clips_is_bad() -> None:
    found = await measured(desk(Impairment(noise_dbfs=-70, gain=20.0)))
    assert found["clipped"].verdict is Verdict.BAD


async def test_a_microphone_of_nothing_but_zeros_is_dead_and_has_no_snr() -> None:
    found = await measured(desk(Impairment(gain=0.0)))
    assert found["dead"].verdict is Verdict.BAD
    assert found["snr"].verdict is Verdict.NOT_MEASURED


async def test_a_board_that_cancels_its_echo_cannot_hear_its_own_burst() -> None:
    found = await measured(desk(Impairment(noise_dbfs=-70)), cancels_echo=True)
    assert found["snr"].verdict is Verdict.NOT_MEASURED
    assert "takes its own speaker out" in found["snr"].remark


async def test_without_a_speaker_the_rest_is_measured() -> None:
    at = desk(Impairment(noise_dbfs=-70))
    found = await measured(Desk(at.clock, at.microphone))
    assert found["snr"].verdict is Verdict.NOT_MEASURED
    assert found["noise_floor"].verdict is Verdict.GOOD


async def test_a_mono_microphone_has_no_figures_of_two_channels() -> None:
    assert not {"used_channel", "swapped", "likeness"} & set(await measured(desk(Impairment(noise_dbfs=-70))))


def stereo(left: float, right: float, used: int | None = 0) -> dict[str, object]:
    """The values of a burst that two channels hear with these gains, of which one is used, or the mean."""
    burst = speech_shaped(4, RATE_HZ, -20)[:, None] * [left, right]
    heard = burst + np.random.default_rng(2).normal(0, 1e-4, burst.shape)
    pcm = np.round(32768 * heard).astype(np.int16)
    take = Take(pcm, RATE_HZ, 0.0)
    return dict(mic.values(take, take, used))


@pytest.mark.parametrize(
    ("left", "right", "used_db", "likeness"), [(0.5, 0.5, 0.0, 1.0), (0.1, 0.5, 13.98, 1.0), (0.5, -0.5, 0.0, -1.0)]
)
def test_channels_swapped_covered_or_turned_round_show(
    left: float, right: float, used_db: float, likeness: float
) -> None:
    found = stereo(left, right)
    assert found["used_channel"] == pytest.approx(used_db, abs=0.1)
    assert found["likeness"] == pytest.approx(likeness, abs=0.05)
    assert found["dead"] == 0


@pytest.mark.parametrize(("left", "right", "swapped"), [(0.5, 0.1, 0.0), (0.1, 0.5, 1.0), (0.5, 0.0, 0.0)])
def test_left_and_right_are_told_apart_by_which_hears_more(left: float, right: float, swapped: float) -> None:
    assert stereo(left, right, used=0)["swapped"] == swapped
    assert stereo(left, right, used=1)["swapped"] == 1.0 - swapped


@pytest.mark.parametrize("right", [0.5, 0.3, 0.9])
def test_two_channels_that_hear_alike_are_not_told_apart_and_that_is_no_pass(right: float) -> None:
    assert stereo(0.5, right)["swapped"] == Unmeasured(mic.ALIKE)


async def test_where_the_mean_is_used_it_says_that_left_and_right_were_not_told_apart() -> None:
    assert isinstance(stereo(0.5, 0.5, used=None)["swapped"], Absent)
    clock = FakeClock()
    speaker = FakeSpeaker(clock)
    microphone = WiredMicrophone(clock, speaker, Loop(Impairment(noise_dbfs=-70)), channels=2)
    microphone.start()
    speaker.start()
    result = await mic.measure(Desk(clock, microphone, speaker), Limits(), None, False, 1.0)
    assert result.notes == (mic.MEAN_IS_USED,)


def test_a_dead_channel_is_counted_and_like_nothing() -> None:
    assert stereo(0.0, 0.5)["dead"] == 1
    assert isinstance(stereo(0.0, 0.5)["likeness"], Unmeasured)


async def test_one_microphone_on_two_channels_is_good_where_the_profile_says_so() -> None:
    take = Take(np.stack([np.arange(RATE_HZ) % 100, np.zeros(RATE_HZ)], axis=1).astype(np.int16), RATE_HZ, 0.0)
    for limits, verdict in ((Limits(), Verdict.BAD), (load_boards()["inmp441-max98357a"].limits, Verdict.GOOD)):
        figures = judged(mic.SPECS, limits, mic.values(take, take, 0))
        assert next(figure.verdict for figure in figures if figure.name == "dead") is verdict


async def test_a_microphone_pulled_out_in_the_middle_is_lost_and_nothing_hangs() -> None:
    clock = FakeClock()
    speaker = FakeSpeaker(clock)
    microphone = WiredMicrophone(clock, speaker, Loop(Impairment(noise_dbfs=-70)))
    microphone.start()
    speaker.start()
    microphone.breaks_after_s = clock.now() + 4.0
    with pytest.raises(CardLost, match="pulled out"):
        await measured(Desk(clock, microphone, speaker, lost_after_s=0.1))


def test_without_a_burst_the_reason_stands_where_the_figure_would() -> None:
    take = Take(np.ones((RATE_HZ, 1), np.int16), RATE_HZ, 0.0)
    assert mic.values(take, Unmeasured("why"), None)["snr"] == Unmeasured("why")
