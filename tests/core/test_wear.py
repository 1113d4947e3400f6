"""The budget of a flash card: never more than so much in any hour."""

from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core.wear import HOUR_S, WearBudget


def test_what_was_spent_an_hour_ago_may_be_spent_again() -> None:
    budget = WearBudget(100)
    assert budget.take(60, 0.0)
    assert not budget.take(60, HOUR_S - 1.0)
    assert budget.take(40, HOUR_S - 1.0)
    assert budget.take(60, HOUR_S)


@given(st.lists(st.tuples(st.floats(0.0, HOUR_S / 2), st.integers(1, 60)), max_size=40))
def test_in_no_hour_is_it_more(wanted: list[tuple[float, int]]) -> None:
    budget, now, written = WearBudget(100), 0.0, list[tuple[float, int]]()
    for after_s, size in wanted:
        now += after_s
        if budget.take(size, now):
            written.append((now, size))
        assert sum(size for at, size in written if at > now - HOUR_S) <= 100
