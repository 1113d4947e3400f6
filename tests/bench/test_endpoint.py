"""The endpointing benchmark: its scenes, its verdicts, and that its figures come from what happened."""

from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.bench.endpoint import LATE_S, Contender, Level, Outcome, row, table, utterance, verdict
from hero365_edge.bench.endpoint_scenes import CLEAN, Scene, scene, spoken
from hero365_edge.bench.vehicle_noise import noise
from hero365_edge.core.gate import Gate
from hero365_edge.core.pcm import RATE_HZ, Pcm, silence
from hero365_edge.devices.detector import WebrtcDetector
from hero365_edge.devices.referee import SileroReferee

LEVEL = Contender("level", Level)


def ours() -> Gate:
    return Gate(WebrtcDetector(), SileroReferee())


def test_a_drive_is_the_same_for_the_same_seed_and_of_power_1(speech: Callable[[str], Pcm]) -> None:
    drives = [noise(RATE_HZ, np.random.default_rng(seed), speech("0870")) for seed in (1, 1, 2)]
    assert np.array_equal(drives[0], drives[1])
    assert not np.array_equal(drives[0], drives[2])
    assert np.mean(np.square(drives[0])) == pytest.approx(1.0)


def test_most_of_a_vehicles_noise_is_below_a_voice(speech: Callable[[str], Pcm]) -> None:
    spectrum = np.abs(np.fft.rfft(noise(4 * RATE_HZ, np.random.default_rng(1), speech("0870")))) ** 2
    hz = np.fft.rfftfreq(4 * RATE_HZ, 1 / RATE_HZ)
    assert spectrum[hz < 300].sum() > 0.8 * spectrum.sum()


def test_a_scene_has_speech_where_it_says_at_the_level_it_says(speech: Callable[[str], Pcm]) -> None:
    made = scene("vm-intro", speech("vm-intro"), 10.0, 1, speech("0870"))
    assert made.begin < made.pressed == made.begin + RATE_HZ // 10 < made.end < len(made.pcm)
    clean = scene("vm-intro", speech("vm-intro"), CLEAN, 1, speech("0870"))
    around = made.pcm.astype(float) - clean.pcm
    words = clean.pcm[made.begin : made.end].astype(float)
    snr_db = 10 * np.log10(np.mean(words**2) / np.mean(around**2))
    assert snr_db == pytest.approx(10.0, abs=2.0), "but for the pauses in the words"


def test_a_recording_without_speech_is_refused() -> None:
    with pytest.raises(ValueError, match="without sound"):
        spoken(silence(RATE_HZ))


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(ended=40_000 + 9_600, since=0, announced=0), (False, False, False, 600.0)),
        (Outcome(ended=39_000, since=0, announced=0), (False, True, False, None)),
        (Outcome(ended=12_000, since=0, announced=0), (True, True, False, None)),
        (Outcome(ended=None, since=0, announced=0), (False, False, True, None)),
        (Outcome(ended=49_600, since=11_600, announced=0), (True, False, False, 600.0)),
        (Outcome(ended=40_000 + int(LATE_S * RATE_HZ) + 320, since=0, announced=0), (False, False, True, None)),
    ],
)
def test_each_outcome_is_judged(outcome: Outcome, expected: tuple[bool, bool, bool, float | None]) -> None:
    made = Scene("made up", silence(60_000), pressed=11_600, begin=10_000, end=40_000)
    assert verdict(made, outcome) == expected


def test_in_quiet_a_level_finds_the_end_after_its_hangover(speech: Callable[[str], Pcm]) -> None:
    made = scene("vm-intro", speech("vm-intro"), CLEAN, 1, speech("0870"))
    *_, delay_ms = verdict(made, utterance(LEVEL, Level(), made))
    assert delay_ms == pytest.approx(600, abs=150)


def test_in_a_van_a_level_never_finds_the_end_and_we_do(speech: Callable[[str], Pcm]) -> None:
    clips = {name: speech(name) for name in ("cards/003", "vm-intro")}
    at_this = [scene(name, clip, 5.0, 1, speech("0870")) for name, clip in clips.items()]
    level = row(LEVEL, 5.0, at_this, [])
    mine = row(Contender("ours", ours, answer_ms=300), 5.0, at_this, [])
    assert (level.missed_percent, mine.missed_percent, mine.cut_off_percent) == (100.0, 0.0, 0.0)
    assert mine.end_delay_p50_ms < 700
    assert mine.announced_per_utterance >= 1
    assert "ours" in table([level, mine])
