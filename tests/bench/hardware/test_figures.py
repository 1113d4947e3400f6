"""Figures and their verdicts."""

import math

import pytest

from hero365_edge.bench.hardware.figures import (
    Absent,
    Result,
    Spec,
    Unmeasured,
    Value,
    Verdict,
    gravest,
    judged,
    lost,
)
from hero365_edge.core.board import Limits

SPECS = (
    Spec("snr", "speech above noise", "dB", error=1.0, least=lambda limits: limits.snr_db),
    Spec("thd", "distortion", "%", error_percent=10.0, most=lambda limits: limits.speaker_thd_percent),
)
LIMITS = Limits(snr_db=20.0, speaker_thd_percent=5.0)


@pytest.mark.parametrize(
    ("snr", "verdict"),
    [
        (20.0, Verdict.GOOD),
        (19.99, Verdict.BAD),
        (math.nan, Verdict.BAD),
        (-math.inf, Verdict.BAD),
        (Unmeasured("no speaker"), Verdict.NOT_MEASURED),
    ],
)
def test_a_value_is_good_as_far_as_its_limit_and_no_number_never_is(snr: Value, verdict: Verdict) -> None:
    figure, _ = judged(SPECS, LIMITS, {"snr": snr, "thd": 5.0})
    assert figure.verdict is verdict
    assert (figure.least, figure.most) == (20.0, None)


def test_what_nobody_tried_was_not_measured_and_says_so() -> None:
    assert [(each.verdict, each.remark) for each in judged(SPECS, LIMITS, {"snr": Unmeasured("no speaker")})] == [
        (Verdict.NOT_MEASURED, "no speaker"),
        (Verdict.NOT_MEASURED, "not tried"),
    ]


def test_what_a_board_does_not_have_is_left_out() -> None:
    assert [figure.name for figure in judged(SPECS, LIMITS, {"snr": Absent(), "thd": 1.0})] == ["thd"]


def test_an_error_may_be_a_share_of_the_value() -> None:
    assert judged(SPECS, LIMITS, {"snr": 30.0, "thd": 4.0})[1].error == pytest.approx(0.4)


def test_a_figure_without_a_limit_is_never_good() -> None:
    (figure,) = judged([Spec("x", "x", "")], LIMITS, {"x": 1.0})
    assert figure.verdict is Verdict.BAD


def test_a_name_that_no_spec_has_is_a_mistake_of_the_bench() -> None:
    with pytest.raises(KeyError, match="snrr"):
        judged(SPECS, LIMITS, {"snrr": 30.0})


def test_when_a_card_is_lost_every_figure_is() -> None:
    result = Result(bench="mic", figures=lost(SPECS, LIMITS, "pulled out"))
    assert {figure.verdict for figure in result.figures} == {Verdict.LOST}
    assert result.verdict is Verdict.LOST


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ([], Verdict.NOT_MEASURED),
        ([Verdict.GOOD, Verdict.NOT_MEASURED], Verdict.NOT_MEASURED),
        ([Verdict.NOT_MEASURED, Verdict.BAD, Verdict.GOOD], Verdict.BAD),
        ([Verdict.BAD, Verdict.LOST], Verdict.LOST),
        ([Verdict.GOOD, Verdict.GOOD], Verdict.GOOD),
    ],
)
def test_the_gravest_verdict_counts(verdicts: list[Verdict], whole: Verdict) -> None:
    assert gravest(verdicts) is whole
