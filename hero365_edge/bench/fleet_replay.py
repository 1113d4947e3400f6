"""A fleet's samples, made from what a few devices told: their steps from scrape to scrape, drawn anew for each device.

A step is what changed between two scrapes of a real session: by how much each counter grew, and what each gauge was
then. A life is a row of such steps, quiet ones and those with a turn, as often as somebody speaks. A life is written
once, as a template; a device of a large fleet is a template with its own name and its own times.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

COUNTERS = ("_total", "_bucket", "_sum", "_count")
"""How the names of counters end; all else is a gauge."""
TURNS = "hero365_edge_turns_total"
PRESSES = "hero365_edge_button_events_total"
VEHICLE, TIMES = b"\x01", b"\x02"
"""Where a template has the device's name, and its times."""
EXACTNESS = 0.5
"""A step may be so much longer or shorter than the usual one, as a share of it."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What was recorded, of all its devices together."""

    labels: tuple[dict[str, str], ...]
    """Of each series, its name as `__name__`, without the device."""
    counters: NDArray[np.bool_]
    """Whether it is a counter; shape (series,)."""
    first: Numbers
    """The values of one device's first scrape; shape (series,)."""
    changes: Numbers
    """A counter's growth, a gauge's value; shape (steps, series)."""
    turns: Numbers
    """How many turns ended in each step; shape (steps,)."""
    quiet: NDArray[np.bool_]
    """Whether nobody used the device in it; shape (steps,)."""


def recorded(export: Iterable[str | bytes], instance: str) -> Steps:
    """From VictoriaMetrics' export, one series a line as JSON. Series that not each device has are left out.

    `instance` is what each device is scraped at in a fleet, as here they share one computer and have each their port;
    what has that label gets it.
    Raises ValueError where there is no device, no quiet step, or none with a turn.
    """
    devices: dict[str, dict[str, tuple[list[int], list[float]]]] = defaultdict(dict)
    for line in export:
        told = json.loads(line)
        vehicle = told["metric"].pop("vehicle")
        if "instance" in told["metric"]:
            told["metric"]["instance"] = instance
        numbers = [float("nan") if value is None else float(value) for value in told["values"]]
        devices[vehicle][json.dumps(told["metric"], sort_keys=True)] = told["timestamps"], numbers
    if not devices:
        raise ValueError("the recording holds no device")
    names = sorted(set.intersection(*(set(series) for series in devices.values())))
    labels = tuple(json.loads(name) for name in names)
    counters = np.array([each["__name__"].endswith(COUNTERS) for each in labels])
    scrapes: list[Numbers] = []
    steps: list[Numbers] = []
    for series in devices.values():
        values, times = _table([series[name] for name in names])
        scrapes.append(values[0])
        lengths = np.diff(times)
        usual = np.abs(lengths / np.median(lengths) - 1) < EXACTNESS if len(lengths) else lengths > 0
        grown = np.diff(values, axis=0)
        restarted = (grown < 0) & counters
        steps.append(np.where(counters & ~restarted, grown, values[1:])[usual])
    changes = np.concatenate(steps)
    turns = changes[:, [each["__name__"] == TURNS for each in labels]].sum(axis=1)
    presses = changes[:, [each["__name__"] == PRESSES for each in labels]].sum(axis=1)
    quiet = (turns == 0) & (presses == 0)
    if not quiet.any() or not turns.any():
        raise ValueError(f"{len(changes)} steps: {quiet.sum()} quiet, {(turns > 0).sum()} with a turn; both are needed")
    return Steps(labels, counters, scrapes[0], changes, turns, quiet)


def _table(series: Sequence[tuple[list[int], list[float]]]) -> tuple[Numbers, NDArray[np.int64]]:
    """Values of shape (scrapes, series), and when the scrapes were, in ms; what a scrape lacks is as it was before."""
    times = np.array(sorted(set().union(*(at for at, _ in series))))
    values = np.full((len(times), len(series)), np.nan)
    for column, (at, told) in enumerate(series):
        values[np.searchsorted(times, at), column] = told
    for row in range(1, len(values)):
        values[row] = np.where(np.isnan(values[row]), values[row - 1], values[row])
    for row in reversed(range(len(values) - 1)):
        values[row] = np.where(np.isnan(values[row]), values[row + 1], values[row])
    return np.nan_to_num(values), times


def life(steps: Steps, scrapes: int, turns_per_scrape: float, dice: np.random.Generator) -> Numbers:
    """What one device's scrapes hold, shape (scrapes, series), with so many turns a scrape on average."""
    busy, quiet = np.flatnonzero(~steps.quiet), np.flatnonzero(steps.quiet)
    share = min(1.0, turns_per_scrape / float(steps.turns[busy].mean()))
    drawn = np.where(dice.random(scrapes) < share, dice.choice(busy, scrapes), dice.choice(quiet, scrapes))
    values = steps.changes[drawn]
    values[:, steps.counters] = steps.first[steps.counters] + np.cumsum(values[:, steps.counters], axis=0)
    return values


def as_series(steps: Steps, values: Numbers) -> bytes:
    """A template for `/api/v1/import`: each series with all its values in one line."""
    lines = []
    for labels, column in zip(steps.labels, values.T, strict=True):
        metric = json.dumps(labels)[:-1].encode() + b', "vehicle": "' + VEHICLE + b'"}'
        told = ",".join(map(_number, column.tolist())).encode()
        lines.append(b'{"metric":' + metric + b',"values":[' + told + b'],"timestamps":[' + TIMES + b"]}\n")
    return b"".join(lines)


def as_scrape(steps: Steps, row: Numbers) -> bytes:
    """A template for `/api/v1/import/prometheus`: each series with one value, as a scrape brings it."""
    lines = []
    for labels, value in zip(steps.labels, row.tolist(), strict=True):
        pairs = ",".join(f"{name}={json.dumps(told)}" for name, told in labels.items() if name != "__name__")
        head = f'{labels["__name__"]}{{{pairs}{"," if pairs else ""}vehicle="'.encode()
        lines.append(head + VEHICLE + b'"} ' + _number(value).encode() + b" " + TIMES + b"\n")
    return b"".join(lines)


def of_device(template: bytes, vehicle: str, times_ms: Iterable[int]) -> bytes:
    """The template as this device would tell it, at these times."""
    return template.replace(VEHICLE, vehicle.encode()).replace(TIMES, ",".join(map(str, times_ms)).encode())


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")
