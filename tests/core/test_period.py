"""The sound cards' period grows on a computer that loses sound, and only there."""

from hero365_edge.core.period import LONGEST_MS, WITHIN_S, XRUNS, Period


def test_a_loss_now_and_then_changes_nothing() -> None:
    period = Period(20)
    assert not any(period.lost(1, at * WITHIN_S) for at in range(50))
    assert period.ms == 20


def test_losses_again_and_again_double_it() -> None:
    period = Period(20)
    assert [period.lost(1, 0.1 * at) for at in range(XRUNS)] == [False] * (XRUNS - 1) + [True]
    assert period.ms == 40


def test_many_losses_at_once_double_it_once() -> None:
    period = Period(20)
    assert period.lost(100, 0.0)
    assert not period.lost(0, 0.5)
    assert not period.lost(1, 1.0)
    assert period.ms == 40


def test_it_has_an_end() -> None:
    period = Period(30)
    assert [period.lost(XRUNS, float(at)) for at in range(4)] == [True, True, False, False]
    assert period.ms == LONGEST_MS
