"""Devices made from recorded steps: their counters only grow, and they speak as often as was asked."""

import json

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hero365_edge.bench.fleet_replay import PRESSES, TURNS, as_scrape, as_series, life, of_device, recorded

INSTANCE = "127.0.0.1:9365"
Told = dict[str, list[float | None]]


def export(vehicle: str, series: Told, times: list[int]) -> list[str]:
    """As VictoriaMetrics does it; `None` where a scrape brought no value."""
    lines = []
    for name, values in series.items():
        told = [(at, value) for at, value in zip(times, values, strict=True) if value is not None]
        metric = {"__name__": name, "vehicle": vehicle, "instance": f"127.0.0.1:{len(vehicle)}", "job": 'a "job"'}
        line = {"metric": metric, "values": [value for _, value in told], "timestamps": [at for at, _ in told]}
        lines.append(json.dumps(line))
    return lines


TIMES = [0, 10_000, 20_000, 30_000]
ONE: Told = {TURNS: [5, 5, 6, 12], PRESSES: [5, 5, 6, 8], "level_dbfs": [-50.5, -51, None, -53]}
OTHER: Told = {TURNS: [0, 0, 0, 0], PRESSES: [0, 0, 1, 1], "level_dbfs": [-40, -41, -42, -43], "odd": [1, 1, 1, 1]}
EXPORT = [*export("one", ONE, TIMES), *export("other", OTHER, TIMES)]


def test_a_step_is_how_counters_grew_and_what_gauges_were() -> None:
    steps = recorded(EXPORT, INSTANCE)
    names = [each["__name__"] for each in steps.labels]
    assert sorted(names) == sorted([TURNS, PRESSES, "level_dbfs"])  # `odd` is only one device's
    assert {each["instance"] for each in steps.labels} == {INSTANCE}
    assert steps.turns.tolist() == [0, 1, 6, 0, 0, 0]
    assert steps.quiet.tolist() == [True, False, False, True, False, True]
    levels = steps.changes[:, names.index("level_dbfs")]
    assert levels.tolist() == [-51, -51, -53, -41, -42, -43]  # what was not told is as it was before
    assert steps.first[names.index(TURNS)] == 5


def test_a_counter_that_began_anew_grew_by_what_it_is() -> None:
    restarted: Told = {TURNS: [5, 6, 2, 2], PRESSES: [5, 6, 2, 2]}
    assert recorded(export("one", restarted, TIMES), INSTANCE).turns.tolist() == [1, 2, 0]


def test_a_step_over_a_gap_is_none() -> None:
    assert len(recorded(export("one", ONE, [0, 10_000, 20_000, 90_000]), INSTANCE).turns) == 2


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "no device"),
        (export("one", {TURNS: [1, 2, 3, 4], PRESSES: [1, 2, 3, 4]}, TIMES), "0 quiet"),
        (export("one", {TURNS: [1, 1, 1, 1], PRESSES: [1, 1, 1, 1]}, TIMES), "0 with a turn"),
    ],
)
def test_a_recording_that_is_too_short_is_refused(lines: list[str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        recorded(lines, INSTANCE)


def test_a_life_has_as_many_turns_as_asked_and_its_counters_never_fall() -> None:
    steps = recorded(EXPORT, INSTANCE)
    values = life(steps, 20_000, 0.1, np.random.default_rng(1))
    column = [each["__name__"] for each in steps.labels].index(TURNS)
    assert (np.diff(values[:, steps.counters], axis=0) >= 0).all()
    assert values[0, column] >= steps.first[column] == 5
    assert (values[-1, column] - values[0, column]) / 20_000 == pytest.approx(0.1, rel=0.1)
    assert set(values[:, ~steps.counters].reshape(-1)) == {-51, -53, -41, -42, -43}


def test_a_device_tells_its_own_name_and_times_and_the_lifes_values() -> None:
    steps = recorded(EXPORT, INSTANCE)
    values = life(steps, 3, 0.5, np.random.default_rng(2))
    lines = [json.loads(line) for line in of_device(as_series(steps, values), "van-7", [1, 2, 3]).splitlines()]
    assert [line["metric"] for line in lines] == [{**labels, "vehicle": "van-7"} for labels in steps.labels]
    assert [line["values"] for line in lines] == values.T.tolist()
    assert all(line["timestamps"] == [1, 2, 3] for line in lines)


def test_a_scrape_reads_as_prometheus_writes_it() -> None:
    steps = recorded(EXPORT, INSTANCE)
    row = life(steps, 1, 0.5, np.random.default_rng(3))[0]
    text = of_device(as_scrape(steps, row), "van-7", [1_700_000_000_123]).decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert [{**sample.labels, "__name__": sample.name} for sample in samples] == [
        {**labels, "vehicle": "van-7"} for labels in steps.labels
    ]
    assert [sample.value for sample in samples] == row.tolist()
    assert "job" in samples[0].labels
    assert text.splitlines()[0].endswith(" 1700000000123")
