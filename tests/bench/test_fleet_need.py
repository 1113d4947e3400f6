"""The arithmetic from one store to a fleet's: by hand, and as it is shown."""

import math
import re

import pytest

from hero365_edge.bench.fleet_need import USES, Factor, Line, Measured, each, of_a_device, of_a_fleet, told

MEASURED = Measured(
    devices=1000,
    every_s=10.0,
    series=200_000,
    samples=200_000_000,
    data_bytes=100_000_000,
    index_bytes=30_000_000,
    indexed_series=150_000,
    memory_bytes=400_000_000,
    live_samples=400_000,
    live_cpu_s=0.8,
    sent_samples=50_000,
    sent_bytes=1_000_000,
)
VANS, ALWAYS = USES


def by_name(lines: list[Line]) -> dict[str, float]:
    return {line.name: line.value for line in lines}


def test_one_device_needs_what_the_store_needed_of_it() -> None:
    assert [line.value for line in each(MEASURED)] == pytest.approx([200, 0.5, 200, 400_000, 2e-6, 20])


def test_a_device_that_is_on_three_hours() -> None:
    """200 series, 1080 scrapes."""
    found = by_name(of_a_device(MEASURED, VANS))
    assert found == {
        "samples a day": 216_000,
        "disk a day, without the index": 108_000,
        "sent a day over the radio": 4_320_000,
    }


def test_ten_thousand_vans() -> None:
    assert by_name(of_a_fleet(MEASURED, VANS, 10_000)) == pytest.approx(
        {
            "series": 2_000_000,
            "samples a day": 2_160_000_000,
            "on at the busiest moment": 5_000,
            "samples a second then": 100_000,
            "cores to take them in": 0.4,
            "disk a day": 1_080_000_000,
            "disk kept": 32_400_000_000,
            "index kept, at most": 12_000_000_000,
            "memory": 4_000_000_000,
            "stores by memory": 0.125,
        }
    )


def test_a_million_that_are_always_on_need_so_many_times_more() -> None:
    few, many = by_name(of_a_fleet(MEASURED, VANS, 10_000)), by_name(of_a_fleet(MEASURED, ALWAYS, 1_000_000))
    assert many["series"] == 100 * few["series"]
    assert many["samples a day"] == 100 * 8 * few["samples a day"]
    assert many["samples a second then"] == 100 * 2 * few["samples a second then"]
    assert many["index kept, at most"] == 100 * few["index kept, at most"]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.name)
def test_what_is_shown_is_what_is_computed(use: object) -> None:
    """A reader with a pocket calculator gets there, but for what was rounded."""
    scale = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}

    def read(text: str) -> float:
        number, unit = re.match(r"(\S+) (\S+)", text).groups()  # type: ignore[union-attr]  # else the test fails
        if "µs" in text:
            return float(number.replace(",", "")) * 1e-6
        return float(number.replace(",", "")) * (scale[unit[0]] if re.fullmatch("[kMGT]B", unit) else 1.0)

    for line in [*each(MEASURED), *of_a_device(MEASURED, use), *of_a_fleet(MEASURED, use, 1_000_000)]:  # type: ignore[arg-type]  # pytest's parameter
        result, arithmetic = str(line).removeprefix(line.name).split(" = ")
        times, *over = arithmetic.split(" / ")
        shown = math.prod(map(read, times.split(" x "))) / math.prod(map(read, over))
        assert read(result.strip()) == pytest.approx(shown, rel=0.02), str(line)


def test_what_is_assumed_has_a_star() -> None:
    lines = of_a_fleet(MEASURED, VANS, 10_000)
    starred = {line.name for line in lines if "*" in str(line)}
    assert starred == {
        "on at the busiest moment",
        "cores to take them in",
        "disk kept",
        "index kept, at most",
        "stores by memory",
    }


@pytest.mark.parametrize(
    ("factor", "text"),
    [
        (Factor(1_234_567, "samples"), "1,234,567 samples"),
        (Factor(0.4561, "B"), "0.456 B"),
        (Factor(0, "B"), "0 B"),
        (Factor(999, "B"), "999 B"),
        (Factor(21_500, "B"), "21.5 kB"),
        (Factor(3.2e10, "B a store", assumed=True), "32 GB a store*"),
        (Factor(2.5e-6, "core s"), "2.5 core µs"),
        (Factor(0.01, "core s"), "0.01 core s"),
        (Factor(12.5, "core s"), "12.5 core s"),
    ],
)
def test_numbers_are_for_people(factor: Factor, text: str) -> None:
    assert str(factor) == text
    assert told(factor.value, factor.unit) == text.removesuffix("*")
