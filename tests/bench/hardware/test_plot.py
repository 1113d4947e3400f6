"""Plots as SVG: well formed, inside their paper, and where the values say."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from hero365_edge.bench.hardware.plot import BOTTOM, HEIGHT, LEFT, MOST_POINTS, RIGHT, TOP, WIDTH, Plot, curve, svg
from tests.bench.hardware.reports import PLOTS


def points(drawn: str) -> list[tuple[float, float]]:
    (found,) = re.findall(r'points="([^"]*)"', drawn)
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in found.split())]


def plot(x: list[float], y: list[float], x_is_log: bool = False) -> Plot:
    line = curve("x", x, y, x_is_log)
    return Plot(title="t", x_label="x", y_label="y", curves=(line,), x_is_log=x_is_log)


@pytest.mark.parametrize("each", PLOTS, ids=lambda each: each.title)
def test_it_is_well_formed_and_everything_lies_on_the_paper(each: Plot) -> None:
    root = ET.fromstring(svg(each))  # noqa: S314  our own text
    for element in root.iter():
        for name, low, high in (("x", 0, WIDTH), ("y", 0, HEIGHT), ("x1", 0, WIDTH), ("y2", 0, HEIGHT)):
            if name in element.attrib:
                assert low <= float(element.attrib[name]) <= high


def test_a_line_goes_from_side_to_side_and_decades_are_evenly_apart() -> None:
    (first, _), (middle, _), (last, _) = points(svg(plot([10, 100, 1000], [0, 1, 2], x_is_log=True)))
    assert (first, last) == (LEFT, WIDTH - RIGHT)
    assert middle == pytest.approx((first + last) / 2, abs=0.1)


def test_more_is_higher_and_within_the_axes() -> None:
    (_, low), (_, high) = points(svg(plot([0, 1], [-3, 5])))
    assert TOP <= high < low <= HEIGHT - BOTTOM


@pytest.mark.parametrize("level", [-12.39, 0.5, 377.7])
def test_a_curve_that_is_flat_but_for_its_last_digit_looks_flat_and_its_ticks_differ(level: float) -> None:
    drawn = svg(plot([0, 1, 2, 3], [level, level * 1.0005, level, level * 1.0005]))
    heights = [y for _, y in points(drawn)]
    assert max(heights) - min(heights) < 0.05 * (HEIGHT - TOP - BOTTOM)
    ticks = re.findall(r'text-anchor="end">(-?[\d.]+)<', drawn)
    assert len(ticks) == len(set(ticks)) >= 2


@pytest.mark.parametrize("bins", [1, 2, 30])
def test_each_bar_stands_on_its_own_bin_and_none_begins_below_the_first(bins: int) -> None:
    counted = curve("x", [float(low) for low in range(bins)], [3.0] * bins)
    drawn = svg(Plot(title="t", x_label="ms", y_label="presses", curves=(counted,), bars=True))
    wide = (WIDTH - LEFT - RIGHT) / bins
    bars = [
        (float(x), float(width)) for x, width in re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', drawn)
    ]
    assert len(bars) == bins
    for number, (x, width) in enumerate(bars):
        assert LEFT + number * wide <= x < x + width <= LEFT + (number + 1) * wide
    assert ">-" not in drawn, "no tick says that a press bounced for less than nothing"


@pytest.mark.parametrize("y", [[1.0], [2.0, 2.0], [0.0, 0.0, 0.0], []])
def test_a_curve_of_one_value_or_none_is_drawn_all_the_same(y: list[float]) -> None:
    assert svg(plot([float(place) for place in range(len(y))], y)).startswith("<svg")


def test_long_curves_are_thinned_evenly_as_they_are_drawn() -> None:
    x = np.geomspace(1, 8000, 100_000)
    thin = curve("x", list(x), list(x), x_is_log=True)
    assert MOST_POINTS / 2 < len(thin.x) <= MOST_POINTS + 1
    steps = np.diff(np.log(thin.x))
    assert np.max(steps) < 2.5 * np.median(steps)


def test_what_is_no_number_or_has_no_place_is_left_out() -> None:
    assert curve("x", [0, 1, 2, 3], [1.0, float("nan"), 2.0, float("-inf")], x_is_log=True).x == (2.0,)
