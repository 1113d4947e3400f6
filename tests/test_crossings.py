"""The witness at the border: what it tells of pieces that come as ALSA's `file` plugin gives them."""

import time
from collections import deque
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.core.pcm import RATE_HZ, Pcm
from tests.alsa_rig import AlsaRig
from tests.crossings import Crossings, seen

PERIOD, BUFFER = 320, 1280


def plugin(began_at: float, periods: int, stops: int, late_s: float = 0.0, right_before: int = -1) -> Crossings:
    """A card that crosses a period each 20 ms and is stopped so often, by a plugin that keeps back its buffer.

    `late_s`: each piece comes so much later than it crosses. Stop number `right_before` comes right behind a piece.
    """
    at, sizes, now = list[float](), list[int](), began_at
    for stop in range(stops):
        crossed = 0
        for _ in range(periods):
            crossed += PERIOD
            if crossed > BUFFER:
                at.append(now + late_s)
                sizes.append(PERIOD)
            now += PERIOD / RATE_HZ
        at.append(at[-1] + 1e-4 if stop == right_before else now - 0.008)
        sizes.append(BUFFER)
        now += 0.5
    return Crossings(np.zeros(sum(sizes), np.int16), np.array(at), np.cumsum(sizes))


@pytest.mark.parametrize("stops", [1, 4])
@pytest.mark.parametrize("late_s", [0.0, 0.003])
def test_the_time_of_a_sample_is_when_it_crossed_and_not_when_the_plugin_let_it_go(stops: int, late_s: float) -> None:
    periods = 600
    told = plugin(100.0, periods, stops, late_s)
    last_began_at = 100.0 + (stops - 1) * (periods * PERIOD / RATE_HZ + 0.5)
    first_of_it = (stops - 1) * periods * PERIOD
    speaker = told.crosses_at(RATE_HZ, whole=False) + first_of_it / RATE_HZ
    microphone = told.crosses_at(RATE_HZ, whole=True) + first_of_it / RATE_HZ
    assert speaker == pytest.approx(last_began_at + late_s, abs=1e-6)
    assert microphone == pytest.approx(last_began_at + late_s - PERIOD / RATE_HZ, abs=1e-6)


def test_a_stop_right_behind_a_piece_does_not_make_the_buffer_larger() -> None:
    clean, mixed = plugin(0.0, 600, 4), plugin(0.0, 600, 4, right_before=3)
    assert mixed.crosses_at(RATE_HZ, whole=False) == pytest.approx(clean.crosses_at(RATE_HZ, whole=False), abs=1e-6)


def test_sound_begins_behind_quiet_and_not_at_each_of_its_zeros() -> None:
    pcm: Pcm = np.zeros(5 * RATE_HZ, np.int16)
    for begin in (1000, 20_000, 50_001):
        pcm[begin : begin + 800] = np.arange(800) % 7 + 1
        pcm[begin + 400 : begin + 450] = 0
    told = Crossings(pcm, np.zeros(1), np.array([len(pcm)]))
    assert list(told.begins(3)) == [1000, 20_000, 50_001]
    assert list(told.begins(2)) == [20_000, 50_001]


def test_what_goes_through_the_pipes_is_told_with_its_time(tmp_path: Path) -> None:
    rig = AlsaRig(tmp_path, {})
    (tmp_path / "asound.conf").write_text("# the rig's\n")
    piece = np.arange(PERIOD, dtype=np.int16)
    sent: deque[float] = deque()
    with seen(rig) as witness:
        assert "hero_seen_spk" in (tmp_path / "asound.conf").read_text()
        with (
            (tmp_path / "spoken.pipe").open("wb", buffering=0) as spoken,
            (tmp_path / "heard.pipe").open("wb") as heard,
        ):
            for _ in range(5):
                time.sleep(0.02)  # a period of the card, as ALSA writes: the time of each piece is what is tested
                sent.append(time.monotonic())
                spoken.write(piece.tobytes())
            heard.write(piece[::-1].tobytes())
    assert (tmp_path / "asound.conf").read_text() == "# the rig's\n"
    told = witness.spoken()
    assert list(told.ends) == [PERIOD * (number + 1) for number in range(5)]
    assert np.array_equal(told.pcm, np.tile(piece, 5))
    assert np.median(told.at - np.array(sent)) == pytest.approx(0.0, abs=0.01)
    assert np.array_equal(witness.heard().pcm, piece[::-1])
