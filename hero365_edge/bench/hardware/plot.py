"""A plot as data, and drawn as SVG: a page of the bench opens without a network, on a device without matplotlib."""

import math
from collections.abc import Iterator, Sequence
from html import escape

from msgspec import Struct

WIDTH, HEIGHT = 360, 240
"""Small, so that its letters are large enough when a phone makes it as wide as itself."""
LEFT, RIGHT, TOP, BOTTOM = 40, 10, 40, 38
MOST_POINTS = 400
LEAST_SPAN = 0.02
"""So much of its greatest value an axis shows at least: else a flat curve's last digits look like mountains."""
COLOURS = ("#0b62a4", "#c2410c", "#15803d", "#7e22ce")
"""Of the curves, in their order; no plot has more."""
STYLE = "\n".join(
    f"svg .line{number} {{ stroke: {colour}; }} svg .name{number} {{ fill: {colour}; }}"
    for number, colour in enumerate(COLOURS)
)


class Curve(Struct, frozen=True, forbid_unknown_fields=True):
    """One line."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


class Plot(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Lines on one pair of axes."""

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    x_is_log: bool = False
    bars: bool = False
    """Bars from the axis up instead of lines: for a histogram. Each stands on its bin of 1, `x` is its lower end."""
    limits: tuple[float, ...] = ()
    """Dashed, across the whole width."""


def curve(name: str, x: Sequence[float], y: Sequence[float], x_is_log: bool = False) -> Curve:
    """A curve of 400 points at most, evenly spaced as they will be drawn, with four digits each."""
    points = [(float(a), float(b)) for a, b in zip(x, y, strict=True) if math.isfinite(b) and (a > 0 or not x_is_log)]
    kept: list[tuple[float, float]] = []
    if points:
        place = math.log if x_is_log else float
        first, last = place(points[0][0]), place(points[-1][0])
        step = (last - first) / MOST_POINTS
        for point in points:
            if not kept or place(point[0]) >= place(kept[-1][0]) + step:
                kept.append(point)
    return Curve(name, tuple(_short(a) for a, _ in kept), tuple(_short(b) for _, b in kept))


def svg(plot: Plot) -> str:
    """The plot as an SVG element that takes the width it is given."""
    return "\n".join(
        (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(plot.title)}">',
            _text("title", LEFT, 16, plot.title, "start"),
            *_Axes(plot).drawn(),
            "</svg>",
        )
    )


class _Axes:
    """Where a value lies on the paper."""

    def __init__(self, plot: Plot) -> None:
        self._plot = plot
        xs = [x for each in plot.curves for x in each.x] or [1.0, 2.0]
        ys = [*(y for each in plot.curves for y in each.y), *plot.limits, *([0.0] if plot.bars else [])] or [0.0, 1.0]
        self._x0, self._x1 = self._along(min(xs)), self._along(max(xs))
        if plot.bars:
            self._x1 += 1
        self._x1 = self._x1 if self._x1 > self._x0 else self._x0 + 1
        low, high = min(ys), max(ys)
        wanting = max(0.0, LEAST_SPAN * max(abs(low), abs(high)) - (high - low))
        room = wanting / 2 + 0.06 * (high - low) or 1.0
        self._y0, self._y1 = low - (0 if plot.bars else room), high + room

    def _along(self, x: float) -> float:
        return math.log10(x) if self._plot.x_is_log else x

    def _x(self, x: float) -> float:
        share = (self._along(x) - self._x0) / (self._x1 - self._x0)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def _y(self, y: float) -> float:
        share = (y - self._y0) / (self._y1 - self._y0)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    def drawn(self) -> Iterator[str]:
        floor = HEIGHT - BOTTOM
        for x in self._x_ticks():
            yield f'<line class="grid" x1="{self._x(x)}" y1="{TOP}" x2="{self._x(x)}" y2="{floor}"/>'
            yield _text("tick", self._x(x), floor + 14, _told(x), "middle")
        for y in _round_numbers(self._y0, self._y1):
            yield f'<line class="grid" x1="{LEFT}" y1="{self._y(y)}" x2="{WIDTH - RIGHT}" y2="{self._y(y)}"/>'
            yield _text("tick", LEFT - 4, self._y(y) + 4, _told(y), "end")
        yield _text("label", WIDTH - RIGHT, HEIGHT - 6, self._plot.x_label, "end")
        yield _text("label", LEFT, HEIGHT - 6, self._plot.y_label, "start")
        for y in self._plot.limits:
            yield f'<line class="limit" x1="{LEFT}" y1="{self._y(y)}" x2="{WIDTH - RIGHT}" y2="{self._y(y)}"/>'
        for number, each in enumerate(self._plot.curves):
            yield from self._bars(each, number) if self._plot.bars else self._line(each, number)
        if len(self._plot.curves) > 1:
            names = [f'<tspan class="name{n}">{escape(each.name)}</tspan>' for n, each in enumerate(self._plot.curves)]
            yield f'<text x="{LEFT}" y="{TOP - 8}">{"&#160;&#160; ".join(names)}</text>'

    def _line(self, each: Curve, number: int) -> Iterator[str]:
        points = " ".join(f"{self._x(x)},{self._y(y)}" for x, y in zip(each.x, each.y, strict=True))
        yield f'<polyline points="{points}" class="line{number}"/>'

    def _bars(self, each: Curve, number: int) -> Iterator[str]:
        floor = self._y(0.0)
        share = 0.8 / len(self._plot.curves)
        for x, y in zip(each.x, each.y, strict=True):
            begin = x + 0.1 + share * number
            left, width, height = self._x(begin), self._x(begin + share) - self._x(begin), floor - self._y(y)
            yield f'<rect x="{left}" y="{self._y(y)}" width="{width:.1f}" height="{height:.1f}" class="name{number}"/>'

    def _x_ticks(self) -> list[float]:
        if not self._plot.x_is_log:
            return _round_numbers(self._x0, self._x1)
        decades = range(math.floor(self._x0), math.ceil(self._x1) + 1)
        ticks = [mantissa * 10.0**decade for decade in decades for mantissa in (1, 2, 5)]
        return [tick for tick in ticks if self._x0 <= math.log10(tick) <= self._x1]


def _text(style: str, x: float, y: float, words: str, anchor: str) -> str:
    return f'<text class="{style}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def _round_numbers(low: float, high: float) -> list[float]:
    """Some five numbers between, a round step apart."""
    rough = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * mantissa for mantissa in (1, 2, 5, 10) if size * mantissa >= rough)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step) + 1)]


def _told(number: float) -> str:
    return f"{number / 1000:g}k" if abs(number) >= 1000 else f"{_short(number):g}"


def _short(number: float) -> float:
    return float(f"{number:.4g}")
