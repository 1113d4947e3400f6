"""The fleet's rules, tried by Prometheus's own tool: each alert fires and resolves, over metrics that there are."""

import re
import subprocess
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from hero365_edge.fleet.metric_table import METRICS
from tests.fleet.rule_cases import CASES

RULES = Path(__file__).parents[2] / "config" / "fleet" / "rules.yaml"


def promtool(*arguments: str) -> str:
    """What it prints. Raises AssertionError where it is not content."""
    command = ["promtool", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  Debian's own
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules(kind: str) -> dict[str, dict[str, Any]]:
    """The rules of a kind, `alert` or `record`, by name."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule[kind]: rule for group in groups for rule in group["rules"] if kind in rule}


def metrics_in(expression: str) -> set[str]:
    """The daemon's metrics that a query asks for; of a histogram, its own name."""
    names = re.findall(r"\bhero365_edge_\w+(?![\w:])", re.sub(r"\w+:\w+:\w+", "", expression))
    return {name if name in METRICS else re.sub("_(bucket|count|sum)$", "", name) for name in names}


def test_the_rules_are_rules() -> None:
    assert f"{len(rules('alert')) + len(rules('record'))} rules found" in promtool("check", "rules", str(RULES))


def test_each_alert_fires_and_resolves_as_the_cases_say() -> None:
    assert "SUCCESS" in promtool("test", "rules", *map(str, CASES))


@pytest.mark.parametrize("alert", rules("alert"))
def test_there_is_a_case_in_which_it_is_silent_then_fires_then_resolves(alert: str) -> None:
    cases = [
        each for file in CASES for case in yaml.safe_load(file.read_text())["tests"] for each in case["alert_rule_test"]
    ]
    fires = [bool(each["exp_alerts"]) for each in cases if each["alertname"] == alert]
    assert [each for each, _ in groupby(fires)] == [False, True, False]


@pytest.mark.parametrize("rule", [*rules("alert").values(), *rules("record").values()], ids=lambda rule: str(rule)[:40])
def test_rules_ask_for_metrics_that_there_are(rule: dict[str, Any]) -> None:
    assert metrics_in(rule["expr"]) <= set(METRICS)
    recorded = set(re.findall(r"\w+:\w+:\w+", rule["expr"]))
    assert recorded <= set(rules("record"))
    assert metrics_in(rule["expr"]) or recorded or 'up{job="hero365-edge"}' in rule["expr"], "ours, or vmagent's"


@pytest.mark.parametrize("alert", rules("alert").values(), ids=lambda alert: str(alert["alert"]))
def test_each_alert_says_how_urgent_it_is_whom_it_is_about_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"]["action"]
    fleet = alert["alert"] in {"FleetReconnects", "VersionSkew"}
    assert ("{{ $labels.vehicle }}" in alert["annotations"]["summary"]) != fleet
