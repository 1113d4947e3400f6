"""A registry of `prometheus_client` for the table of metrics, filled with plain readings and observations.

Imported only where metrics are wanted: the library costs 1 MB.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from hero365_edge.fleet.metric_table import METRICS, OTHER, Metric

Reading: TypeAlias = float | str | Mapping[str, float] | Mapping[str, str] | None
"""A number; by label where there is one. Of a `state` which value it is, of an `info` each label's value.

None, or nothing at all, where there is no such fact, as no temperature on a computer without a sensor.
"""
Readings: TypeAlias = Mapping[str, Reading]
"""By the metric's name: counters and gauges as they are now, counters since the program began."""

LONGEST_FACT = 64
"""Characters of an `info`'s value."""


class Metrics(Collector):
    """One device's metrics. `registry` is what is served; it asks `read` for the readings at each scrape."""

    def __init__(self, read: Callable[[], Readings]) -> None:
        self._read = read
        self._histograms = {
            metric.name: Histogram(
                metric.name,
                metric.help,
                [metric.label] if metric.label else [],
                buckets=metric.buckets,
                registry=None,
            )
            for metric in METRICS.values()
            if metric.kind == "histogram"
        }
        for name, histogram in self._histograms.items():
            for value in METRICS[name].values:  # so that a stage nobody reached yet is a 0, not missing
                histogram.labels(value)
        self.registry = CollectorRegistry()
        self.registry.register(self)

    def observe(self, name: str, value: float, label: str = "") -> None:
        """Add an observation to the histogram `name`. Raises KeyError where the table has none."""
        histogram, metric = self._histograms[name], METRICS[name]
        (histogram.labels(metric.value(label)) if metric.label else histogram).observe(value)

    def describe(self) -> Iterable[Family]:
        """Nothing: the names are known by the table, and need not be read to be registered."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Each metric as it is now, in the table's order. Raises KeyError for a reading that is not in the table."""
        readings = dict(self._read())
        for name, metric in METRICS.items():
            if metric.kind == "histogram":
                yield from map(_without_created, self._histograms[name].collect())
            elif (reading := readings.pop(name, None)) is not None:
                yield _family(metric, reading)
        if readings:
            raise KeyError(f"the table has no {', '.join(sorted(readings))}")


def _without_created(family: Family) -> Family:
    """Less the time each series began at: half as many series again, which nobody asks for."""
    family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
    return family


def _family(metric: Metric, reading: object) -> Family:
    """The metric with this reading. Raises TypeError for one that is not of the metric's kind."""
    if metric.kind == "info" and isinstance(reading, Mapping):
        facts = {label: str(reading.get(label, ""))[:LONGEST_FACT] for label in metric.values}
        info = GaugeMetricFamily(metric.name, metric.help, labels=list(facts))
        info.add_metric(list(facts.values()), 1)
        return info
    make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    if not metric.label and isinstance(reading, int | float):
        return make(metric.name, metric.help, value=reading)
    family = make(metric.name, metric.help, labels=[metric.label])
    if metric.kind == "state" and isinstance(reading, str):
        told = {value: float(value == reading) for value in metric.values}
    elif metric.label and isinstance(reading, Mapping):
        told = _by_label(metric, reading)
    else:
        raise TypeError(f"{metric.name} is a {metric.kind}, and {reading!r} is none")
    for value, number in told.items():
        family.add_metric([value], number)
    return family


def _by_label(metric: Metric, reading: Mapping[str, float]) -> dict[str, float]:
    """Counters have all their values from the start, as a rate needs; gauges only what is known."""
    told: dict[str, float] = dict.fromkeys(metric.values, 0.0) if metric.kind == "counter" else {}
    told.pop(OTHER, None)
    for value, number in reading.items():
        known = metric.value(value)
        told[known] = told.get(known, 0.0) + number
    return told
