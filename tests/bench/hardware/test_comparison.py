"""Two reports side by side."""

from msgspec.structs import replace

from hero365_edge.bench.hardware.comparison import in_words, page, pairs
from hero365_edge.bench.hardware.figures import Result, Unmeasured
from tests.bench.hardware.reports import of


def words(first_snr: float, second_snr: float) -> str:
    return pairs(of(first_snr), of(second_snr))[0].in_words


def test_what_differs_by_no_more_than_both_errors_is_the_same() -> None:
    assert words(30.0, 31.9) == "the same"
    assert words(30.0, 32.1) == "differs"


def test_a_verdict_that_changes_is_told() -> None:
    assert words(30.0, 10.0) == "good \N{RIGHTWARDS ARROW} bad"
    assert words(10.0, 30.0) == "bad \N{RIGHTWARDS ARROW} good"


def test_what_was_not_measured_has_no_difference() -> None:
    pair = pairs(of(Unmeasured("x")), of(30.0))[0]
    assert (pair.difference, pair.in_words) == (None, "not measured \N{RIGHTWARDS ARROW} good")
    assert pairs(of(Unmeasured("x")), of(Unmeasured("x")))[0].in_words == "not measured"


def test_a_figure_that_one_report_lacks_is_told() -> None:
    whole = of()
    half = replace(whole, results=(Result(bench="mic", figures=whole.results[0].figures[:1]),))
    assert [pair.in_words for pair in pairs(half, whole)] == ["the same", "in one report only"]
    assert [pair.in_words for pair in pairs(whole, half)] == ["the same", "in one report only"]


def test_the_lines_have_both_values_and_their_difference() -> None:
    line = list(in_words(of(30.0), of(25.0)))[1]
    assert line.split("<noise>")[1].split() == ["30.0", "dB", "25.0", "dB", "\N{MINUS SIGN}5.00", "dB", "differs"]


def test_the_page_has_both_verdicts_and_lays_their_curves_over_one_another() -> None:
    html = page(of(30.0), of(10.0))
    assert html.index("A: <") < html.index("B: <") < html.index("<table>")
    assert html.count("<svg") == 2
    assert html.count("<polyline") == 2
