"""The registry, asked as Prometheus asks it, with good readings and with garbage."""

import random
import string

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from hero365_edge.core.lamp import STATES, Light
from hero365_edge.fleet.metric_table import METRICS, PING, TURN_STAGE
from hero365_edge.fleet.metrics import Metrics, Readings


def scraped(metrics: Metrics) -> dict[str, float]:
    """Each series with its value, as a scrape parses them."""
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    return {
        sample.name + "".join(f" {label}={value}" for label, value in sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_reading_is_asked_for_at_each_scrape() -> None:
    depth = {"hero365_edge_outbox_utterances": 1.0}
    metrics = Metrics(lambda: depth)
    assert scraped(metrics)["hero365_edge_outbox_utterances"] == 1
    depth["hero365_edge_outbox_utterances"] = 4.0
    assert scraped(metrics)["hero365_edge_outbox_utterances"] == 4


def test_an_observation_falls_into_its_bucket_and_those_above() -> None:
    metrics = Metrics(dict)
    metrics.observe(TURN_STAGE, 0.5, "first_sample")
    metrics.observe(PING, 0.03)
    found = scraped(metrics)
    assert found[f"{TURN_STAGE}_bucket le=0.45 stage=first_sample"] == 0
    assert found[f"{TURN_STAGE}_bucket le=0.6 stage=first_sample"] == 1
    assert found[f"{TURN_STAGE}_sum stage=first_sample"] == 0.5
    assert found[f"{TURN_STAGE}_count stage=accepted"] == 0
    assert found[f"{PING}_bucket le=0.05"] == 1


def test_a_state_is_one_at_one_of_its_values() -> None:
    found = scraped(Metrics(lambda: {"hero365_edge_state": "ready"}))
    assert {light: found[f"hero365_edge_state state={light}"] for light in STATES} == {
        light: float(light is Light.READY) for light in STATES
    }


def test_a_counter_has_all_its_values_from_the_start() -> None:
    """A rate needs the 0 before the first 1."""
    found = scraped(Metrics(lambda: {"hero365_edge_turns_total": {"answered": 2}}))
    assert found["hero365_edge_turns_total outcome=answered"] == 2
    assert found["hero365_edge_turns_total outcome=failed"] == 0
    assert "hero365_edge_turns_total outcome=other" not in found


def test_what_there_is_not_is_left_out() -> None:
    readings: Readings = {"hero365_edge_cpu_temperature_celsius": None}
    assert not any("temperature" in series for series in scraped(Metrics(lambda: readings)))


def test_nothing_is_said_of_when_a_series_began() -> None:
    assert not any("_created" in series for series in scraped(Metrics(dict)))


def test_garbage_makes_no_more_series_than_one_each() -> None:
    draw = random.Random(5)  # noqa: S311  not for a secret
    garbage = ["".join(draw.choices(string.printable, k=draw.randrange(200))) for _ in range(500)]
    counts: dict[str, float] = {}
    metrics = Metrics(
        lambda: (
            {each.name: counts for each in METRICS.values() if each.kind == "counter" and each.label}
            | {"hero365_edge_state": garbage[0], "hero365_edge_build_info": {"version": garbage[1], garbage[2]: "x"}}
        )
    )
    before = scraped(metrics)
    counts |= dict.fromkeys(garbage, 1.0)
    for word in garbage:
        metrics.observe(TURN_STAGE, 0.5, word)
    after = scraped(metrics)
    new = set(after) - set(before)
    assert len(new) == sum(each.kind == "counter" and bool(each.label) for each in METRICS.values()) + 15
    assert not [series for series in new if series.split("=")[-1] != "other" and TURN_STAGE not in series]
    assert after["hero365_edge_turns_total outcome=other"] == len(set(garbage))
    assert not any(after[f"hero365_edge_state state={light}"] for light in STATES)


def test_a_reading_that_the_table_does_not_know_is_a_mistake() -> None:
    with pytest.raises(KeyError, match="hero365_edge_nonsense"):
        generate_latest(Metrics(lambda: {"hero365_edge_nonsense": 1.0}).registry)


def test_a_reading_of_another_kind_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="outbox"):
        generate_latest(Metrics(lambda: {"hero365_edge_outbox_utterances": {"a": 1.0}}).registry)
