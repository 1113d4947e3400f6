"""What the store of a fleet needs: the arithmetic from what one store was measured to need, shown line by line.

Each line is a product over a product, and is computed from the very factors that it shows.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Factor:
    """A number in a line."""

    value: float
    unit: str
    assumed: bool = False
    """Neither measured nor chosen by the product's configuration: somebody's guess, marked with a star."""

    def __str__(self) -> str:
        return told(self.value, self.unit) + "*" * self.assumed


@dataclass(frozen=True, slots=True)
class Line:
    """One line: the product of `times` over that of `over`."""

    name: str
    unit: str
    times: tuple[Factor, ...]
    over: tuple[Factor, ...] = ()

    @property
    def value(self) -> float:
        """The result."""
        return math.prod(each.value for each in self.times) / math.prod(each.value for each in self.over)

    @property
    def result(self) -> Factor:
        """The result as a factor of another line."""
        return Factor(self.value, self.unit)

    def __str__(self) -> str:
        sums = " x ".join(map(str, self.times)) + "".join(f" / {each}" for each in self.over)
        return f"{self.name:34}{told(self.value, self.unit):>24}  = {sums}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one store was measured to hold and to need."""

    devices: int
    every_s: float
    """From scrape to scrape, as config/fleet/vmagent.yaml has it."""
    series: int
    """Of all devices together."""
    samples: int
    """Of the replayed day, as stored."""
    data_bytes: int
    """Of these samples on disk, flushed and merged."""
    index_bytes: int
    """Of the index on disk."""
    indexed_series: int
    """What is in it: each of these once, on one day."""
    memory_bytes: int
    """The store's own (no file's pages), beyond that of an empty one, while each device is on and nobody asks it."""
    live_samples: int
    live_cpu_s: float
    """CPU of the store for so many samples that came scrape by scrape."""
    sent_samples: int
    sent_bytes: int
    """What real vmagents sent for so many samples, as their own metrics tell."""


@dataclass(frozen=True, slots=True)
class Use:
    """How devices are used."""

    name: str
    on_s: float
    """A day."""
    together: float
    """Which share of the fleet is on at the busiest moment."""


USES = (Use("vans, on 3 h a day", 3 * 3600.0, 0.5), Use("always on", 24 * 3600.0, 1.0))
KEPT_DAYS = Factor(30, "days", assumed=True)
CORE_LOAD = Factor(0.5, "of a core used", assumed=True)
"""The rest is for queries, rules and merges."""
STORE_MEMORY = Factor(32e9, "B a store", assumed=True)
"""Half of a computer of 64 GB, so that the other half keeps pages of files and queries."""


@dataclass(frozen=True, slots=True)
class Each:
    """What one device, one series or one sample needs, as measured."""

    series: Line
    sample_bytes: Line
    index_bytes: Line
    memory_bytes: Line
    sample_cpu: Line
    sent_bytes: Line

    def __iter__(self) -> Iterator[Line]:
        yield from (getattr(self, name) for name in self.__slots__)


def each(measured: Measured) -> Each:
    """From the totals of the store."""
    devices, series = Factor(measured.devices, "devices"), Factor(measured.series, "series")
    return Each(
        series=Line("series of a device", "series", (series,), (devices,)),
        sample_bytes=Line(
            "disk of a sample", "B", (Factor(measured.data_bytes, "B"),), (Factor(measured.samples, "samples"),)
        ),
        index_bytes=Line(
            "index of a series, first day",
            "B",
            (Factor(measured.index_bytes, "B"),),
            (Factor(measured.indexed_series, "series"),),
        ),
        memory_bytes=Line("memory of a device", "B", (Factor(measured.memory_bytes, "B"),), (devices,)),
        sample_cpu=Line(
            "CPU of a sample",
            "core s",
            (Factor(measured.live_cpu_s, "core s"),),
            (Factor(measured.live_samples, "samples"),),
        ),
        sent_bytes=Line(
            "sent for a sample", "B", (Factor(measured.sent_bytes, "B"),), (Factor(measured.sent_samples, "samples"),)
        ),
    )


def of_a_device(measured: Measured, use: Use) -> list[Line]:
    """What one device needs a day."""
    one, on = each(measured), Factor(use.on_s, "s on", assumed=True)
    samples = Line("samples a day", "samples", (one.series.result, on), (Factor(measured.every_s, "s"),))
    return [
        samples,
        Line("disk a day, without the index", "B", (samples.result, one.sample_bytes.result)),
        Line("sent a day over the radio", "B", (samples.result, one.sent_bytes.result)),
    ]


def of_a_fleet(measured: Measured, use: Use, devices: int) -> list[Line]:
    """What the store of a fleet needs."""
    one, fleet = each(measured), Factor(devices, "devices")
    samples, disk, _ = of_a_device(measured, use)
    series = Line("series", "series", (fleet, one.series.result))
    on = Line("on at the busiest moment", "devices", (fleet, Factor(use.together, "on together", assumed=True)))
    pace = Line("samples a second then", "samples/s", (on.result, one.series.result), (Factor(measured.every_s, "s"),))
    day = Line("disk a day", "B", (fleet, disk.result))
    memory = Line("memory", "B", (fleet, one.memory_bytes.result))
    return [
        series,
        Line("samples a day", "samples", (fleet, samples.result)),
        on,
        pace,
        Line("cores to take them in", "cores", (pace.result, one.sample_cpu.result), (CORE_LOAD,)),
        day,
        Line("disk kept", "B", (day.result, KEPT_DAYS)),
        Line("index kept, at most", "B", (series.result, one.index_bytes.result, KEPT_DAYS)),
        memory,
        Line("stores by memory", "stores", (memory.result,), (STORE_MEMORY,)),
    ]


def told(value: float, unit: str) -> str:
    """A number for people, with its unit; bytes in kB, MB, GB or TB, short times of a core in µs."""
    if unit.startswith("B"):
        for limit, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
            if abs(value) >= limit:
                return f"{value / limit:.3g} {prefix}{unit}"
    if unit.startswith("core s") and value < 1e-3:
        return f"{value * 1e6:.3g} core µs{unit.removeprefix('core s')}"
    number = f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
    return f"{number} {unit}"
