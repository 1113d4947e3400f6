"""The benchmark as a whole: rows, means, ratios; and what it is for, on a small run."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.bench import playout, playout_networks, playout_picture
from hero365_edge.bench.playout import MEAN, OURS, Row
from hero365_edge.bench.playout_networks import FRAME_S, UTTERANCE_S
from hero365_edge.core.pcm import FRAME_SAMPLES


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Two networks, few answers; a voice that is no speech will do."""
    at = np.arange(round(UTTERANCE_S / FRAME_S) * FRAME_SAMPLES)
    voice = np.round(4000 * np.sin(2 * np.pi * at / 120)).astype(np.int16)
    nets = playout_networks.generated(1)
    some = {name: nets[name] for name in ("ATT LTE driving 2016", "New York bus LTE")}
    return list(playout.measure(some, utterances=6, seed=1, speech=voice))


def mean(rows: list[Row], pacing: str, algorithm: str) -> Row:
    (found,) = [row for row in rows if (row.pacing, row.network, row.algorithm) == (pacing, MEAN, algorithm)]
    return found


def test_each_pacing_network_and_algorithm_has_one_row_and_each_mean_is_one(rows: list[Row]) -> None:
    keys = [(row.pacing, row.network, row.algorithm) for row in rows]
    assert len(set(keys)) == len(keys)
    for row in rows:
        if row.network == MEAN:
            same = [r for r in rows if (r.pacing, r.algorithm) == (row.pacing, row.algorithm) and r is not row]
            assert row.silence_ms_per_min == pytest.approx(sum(r.silence_ms_per_min for r in same) / 2)


def test_a_row_has_the_fields_that_others_read_by_name(rows: list[Row]) -> None:
    fields = ["pacing", "network", "algorithm", "ttfa_p50_ms", "ttfa_p95_ms", "pauses_per_min", "silence_ms_per_min"]
    fields += ["concealed_ms_per_min", "lost_ms_per_min", "stretched_percent"]
    for row in json.loads(json.dumps([asdict(row) for row in rows])):
        assert list(row) == fields
    named = {OURS, "optimum-12", "optimum-20", "optimum-25", "fixed-60", "fixed-120", "fixed-200", "fixed-400"}
    for pacing in ("real time", "1.5x", "bursts", "hiccup"):
        assert {row.algorithm for row in rows if (row.pacing, row.network) == (pacing, MEAN)} >= named


def test_the_picture_is_drawn(rows: list[Row], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    playout_picture.draw(rows, tmp_path / "playout.svg")
    drawn = (tmp_path / "playout.svg").read_text()
    assert drawn.count("<!-- hero365 -->") == 4, "once for each pacing"
    assert "silence + concealed" in drawn


def test_the_table_shows_ours_beside_the_best_possible(rows: list[Row]) -> None:
    lines = playout.table(rows).splitlines()
    assert len(lines) == 2 + sum(row.network == MEAN for row in rows)
    ours = mean(rows, "real time", OURS)
    best = mean(rows, "real time", "optimum-20").silence_ms_per_min
    assert lines[2].endswith(f"{(ours.silence_ms_per_min + ours.concealed_ms_per_min) / best:.2f}")


def test_at_real_time_ours_starts_at_once_and_has_a_third_of_the_pauses_of_the_plain_one(rows: list[Row]) -> None:
    ours, plain = mean(rows, "real time", OURS), mean(rows, "real time", "fixed-60")
    assert ours.ttfa_p50_ms <= 25
    assert ours.ttfa_p95_ms <= 60
    assert ours.pauses_per_min <= plain.pauses_per_min / 3
    assert ours.lost_ms_per_min == 0


@pytest.mark.parametrize("pacing", ["1.5x", "bursts"])
def test_what_runs_ahead_is_neither_dropped_nor_slowed_down(rows: list[Row], pacing: str) -> None:
    ours, plain = mean(rows, pacing, OURS), mean(rows, pacing, "fixed-60")
    assert (ours.lost_ms_per_min, ours.stretched_percent) == (0, 0)
    stopped = ours.silence_ms_per_min + ours.concealed_ms_per_min
    assert stopped <= plain.silence_ms_per_min + 1e-6


def test_the_frontier_is_who_is_not_beaten_in_both() -> None:
    def row(ttfa: float, silence: float) -> Row:
        return Row("p", MEAN, f"{ttfa}", ttfa, ttfa, 0, silence, 0, 0, 0)

    edge = playout_picture.frontier([row(20, 5), row(10, 9), row(30, 6), row(40, 1)])
    assert [each.ttfa_p50_ms for each in edge] == [10, 20, 40]
