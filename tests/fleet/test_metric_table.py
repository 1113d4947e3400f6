"""The table of metrics, held to Prometheus's rules and to the contract."""

import subprocess

import pytest
from prometheus_client import generate_latest

from hero365_edge.core.latency import TARGETS_MS
from hero365_edge.fleet.metric_table import METRICS, PING_BUCKETS, TURN_BUCKETS, Metric
from hero365_edge.fleet.metrics import Metrics, Reading

MOST_SERIES = 400
"""Of one device, however much happens to it: what a store holds of a fleet is a multiple of this."""


def something(metric: Metric) -> Reading:
    """A reading of the metric's kind."""
    if metric.kind == "state":
        return metric.values[0]
    if metric.kind == "info":
        return dict.fromkeys(metric.values, "1")
    return dict.fromkeys(metric.values, 1.0) if metric.label else 1.0


def everything() -> Metrics:
    """Every metric with every value of its label."""
    metrics = Metrics(lambda: {name: something(each) for name, each in METRICS.items() if each.kind != "histogram"})
    for metric in METRICS.values():
        if metric.kind == "histogram":
            for value in metric.values or ("",):
                metrics.observe(metric.name, 0.3, value)
    return metrics


def test_promtool_finds_nothing_to_complain_of() -> None:
    text = generate_latest(everything().registry)
    command = ["promtool", "check", "metrics"]
    checked = subprocess.run(command, input=text, capture_output=True, check=False)  # noqa: S603  Debian's own
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")
    assert {line.split()[2] for line in text.decode().splitlines() if line.startswith("# TYPE")} == set(METRICS)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_each_name_has_its_unit_and_its_prefix(metric: Metric) -> None:
    assert metric.name.startswith("hero365_edge_")
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert not {"ms", "milliseconds", "kb", "percent", "minutes"} & set(metric.name.split("_"))
    assert metric.kind != "histogram" or metric.name.endswith("_seconds")
    assert metric.help.endswith(".")


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_no_label_tells_of_a_user_a_session_or_a_text(metric: Metric) -> None:
    assert metric.label in {
        *("", "stage", "state", "outcome", "gesture", "direction", "device", "profile", "cause", "kind", "what"),
        *("check", "result"),
    }
    assert len(metric.values) <= 16
    assert bool(metric.label) == bool(metric.values) or metric.kind == "info"


def test_the_seeds_targets_are_bounds_of_buckets() -> None:
    assert TARGETS_MS["first_sample"] / 1000 in TURN_BUCKETS
    assert 0.1 in PING_BUCKETS  # the seed: "ping < 100 ms"


def test_all_a_device_can_ever_say_is_a_bounded_number_of_series() -> None:
    lines = generate_latest(everything().registry).decode().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) <= MOST_SERIES
