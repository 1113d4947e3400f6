"""A figure with its limit and its verdict, and what one bench found."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from hero365_edge.bench.hardware.plot import Plot
from hero365_edge.core.board import Limits


class Verdict(StrEnum):
    """What became of a figure, of a bench, of a board."""

    GOOD = "good"
    BAD = "bad"
    NOT_MEASURED = "not measured"
    LOST = "lost"
    """The device went away in the middle."""


GRAVEST = (Verdict.LOST, Verdict.BAD, Verdict.NOT_MEASURED, Verdict.GOOD)


class Figure(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that was measured, or was to be."""

    name: str
    title: str
    unit: str
    value: float | None
    error: float
    """The value is right to so much, either way, in its own unit: what the known answers prove."""
    least: float | None
    most: float | None
    verdict: Verdict
    remark: str
    """Why it was not measured, or what it was measured by."""


class Result(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one bench found."""

    bench: str
    figures: tuple[Figure, ...]
    plots: tuple[Plot, ...] = ()
    notes: tuple[str, ...] = ()
    """What was done, and what a person should know of it."""

    @property
    def verdict(self) -> Verdict:
        """The gravest of its figures'."""
        return gravest(figure.verdict for figure in self.figures)


def gravest(verdicts: Iterable[Verdict]) -> Verdict:
    """The one that counts for all; nothing at all was not measured."""
    seen = set(verdicts)
    return next((verdict for verdict in GRAVEST if verdict in seen), Verdict.NOT_MEASURED)


@dataclass(frozen=True, slots=True)
class Spec:
    """A figure before it is measured."""

    name: str
    title: str
    unit: str
    error: float = 0.0
    """In the figure's unit."""
    error_percent: float = 0.0
    """Besides, of the value itself."""
    least: Callable[[Limits], float] | None = None
    most: Callable[[Limits], float] | None = None
    means: str = ""
    """How it is measured, for whoever reads the page."""


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """Stands where a value could not be had, and says why."""

    why: str


class Absent:
    """Stands where the board has nothing to measure, such as a second channel: the figure is left out."""


Value: TypeAlias = float | Unmeasured | Absent
Values: TypeAlias = Mapping[str, Value]
"""By the name of the figure."""


def judged(specs: Sequence[Spec], limits: Limits, values: Values) -> tuple[Figure, ...]:
    """Every figure of `specs` with its verdict; one without a value was not measured. KeyError for a name unknown."""
    if unknown := set(values) - {spec.name for spec in specs}:
        raise KeyError(f"no such figure: {', '.join(sorted(unknown))}")
    found = [(spec, values.get(spec.name, Unmeasured("not tried"))) for spec in specs]
    return tuple(_judged(spec, limits, value) for spec, value in found if not isinstance(value, Absent))


def lost(specs: Sequence[Spec], limits: Limits, why: str) -> tuple[Figure, ...]:
    """Every figure of a bench whose device went away: lost, whatever was measured before."""
    return tuple(_figure(spec, limits, None, Verdict.LOST, why) for spec in specs)


def unmeasured(specs: Sequence[Spec], limits: Limits, why: str) -> tuple[Figure, ...]:
    """Every figure of a bench that could not begin."""
    return judged(specs, limits, {spec.name: Unmeasured(why) for spec in specs})


def _judged(spec: Spec, limits: Limits, value: float | Unmeasured) -> Figure:
    if isinstance(value, Unmeasured):
        return _figure(spec, limits, None, Verdict.NOT_MEASURED, value.why)
    least, most = _limits(spec, limits)
    # Written so that a value that is no number (NaN) keeps no limit.
    kept = (least is None or value >= least) and (most is None or value <= most) and (least, most) != (None, None)
    return _figure(spec, limits, value, Verdict.GOOD if kept else Verdict.BAD, spec.means)


def _figure(spec: Spec, limits: Limits, value: float | None, verdict: Verdict, remark: str) -> Figure:
    least, most = _limits(spec, limits)
    return Figure(
        name=spec.name,
        title=spec.title,
        unit=spec.unit,
        value=None if value is None else float(value),
        error=spec.error + abs(value or 0.0) * spec.error_percent / 100,
        least=least,
        most=most,
        verdict=verdict,
        remark=remark,
    )


def _limits(spec: Spec, limits: Limits) -> tuple[float | None, float | None]:
    return (
        None if spec.least is None else spec.least(limits),
        None if spec.most is None else spec.most(limits),
    )
