"""Waiting for the wall clock, not for ever."""

from datetime import UTC, datetime, timedelta

from hero365_edge.core.clock_gate import ClockGate

THEN = datetime(2001, 1, 1, tzinfo=UTC)
GATE = ClockGate(100.0, THEN)


def test_it_stays_shut_while_the_clock_only_runs() -> None:
    for passed_s in (0.0, 1.0, 3600.0):
        assert not GATE.is_open(100.0 + passed_s, THEN + timedelta(seconds=passed_s), synchronised=False)


def test_it_opens_when_somebody_keeps_the_clock_right() -> None:
    assert GATE.is_open(101.0, THEN + timedelta(seconds=1), synchronised=True)


def test_it_opens_when_somebody_sets_the_clock_whichever_way() -> None:
    for step in (timedelta(days=9000), timedelta(hours=-1)):
        assert GATE.is_open(101.0, THEN + timedelta(seconds=1) + step, synchronised=False)


def test_a_clock_that_is_slewed_is_not_set() -> None:
    assert not GATE.is_open(160.0, THEN + timedelta(seconds=60.03), synchronised=False)
