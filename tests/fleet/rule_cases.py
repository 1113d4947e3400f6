"""The cases of `promtool test rules`, read: which series they feed, and which alerts they expect when."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CASES = (Path(__file__).with_name("rules_test.yaml"), Path(__file__).with_name("rules_of_days_test.yaml"))
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_ITEM = re.compile(r"(?P<start>_|-?[\d.]+)(?P<step>[+-][\d.]+)?(?:x(?P<times>\d+))?")


@dataclass(frozen=True, slots=True)
class Expected:
    """Which alerts fire so long after the beginning, by their labels."""

    at_s: float
    alerts: tuple[dict[str, str], ...]


@dataclass(frozen=True, slots=True)
class Case:
    """The story of one alert."""

    alert: str
    every_s: float
    series: dict[str, list[float | None]]
    """Values by the series as Prometheus writes it; None where there is no sample."""
    expected: tuple[Expected, ...]

    @property
    def lasts_s(self) -> float:
        """Until the last sample, or until the last look."""
        return max(self.every_s * max(map(len, self.series.values())), *(each.at_s for each in self.expected))


def cases() -> list[Case]:
    """All of them; each is about one alert."""
    return [_case(test) for file in CASES for test in yaml.safe_load(file.read_text())["tests"]]


def seconds(duration: str) -> float:
    """`90m` in seconds."""
    return float(duration[:-1]) * _UNITS_S[duration[-1]]


def values(notation: str) -> list[float | None]:
    """What promtool's notation stands for: `0+1x3` is 0 1 2 3, `5x2` is 5 5 5, `_x2` is twice nothing."""
    return [value for item in notation.split() for value in _values(item)]


def _values(item: str) -> Iterator[float | None]:
    found = _ITEM.fullmatch(item)
    if found is None:
        raise ValueError(f"{item} is no series of values")
    times = int(found["times"] or 0)
    if found["start"] == "_":
        yield from [None] * max(times, 1)
        return
    for index in range(times + 1):
        yield float(found["start"]) + index * float(found["step"] or 0)


def _case(test: dict[str, Any]) -> Case:
    (alert,) = {each["alertname"] for each in test["alert_rule_test"]}
    expected = [
        Expected(seconds(each["eval_time"]), tuple(alert["exp_labels"] for alert in each["exp_alerts"]))
        for each in test["alert_rule_test"]
    ]
    series = {each["series"]: values(each["values"]) for each in test["input_series"]}
    return Case(alert, seconds(test["interval"]), series, tuple(expected))
