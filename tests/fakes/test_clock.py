"""The clock that is moved by hand."""

from datetime import UTC, datetime

import pytest

from hero365_edge.fakes.clock import FakeClock


def test_it_stands_still_until_it_is_told_to_go_on() -> None:
    clock = FakeClock(now=5.0)
    assert (clock.now(), clock.now()) == (5.0, 5.0)
    clock.advance(2.5)
    assert clock.now() == 7.5


def test_the_wall_clock_goes_on_with_it() -> None:
    clock = FakeClock(utc=datetime(2024, 1, 15, 10, 30, tzinfo=UTC))
    clock.advance(90)
    assert clock.utc() == datetime(2024, 1, 15, 10, 31, 30, tzinfo=UTC)


def test_setting_the_wall_clock_does_not_move_the_monotonic_one() -> None:
    clock = FakeClock()
    before = clock.now()
    clock.set_wall(datetime(2035, 1, 1, tzinfo=UTC))
    assert clock.utc().year == 2035
    assert clock.now() == before


def test_it_is_kept_right_but_for_the_time_between_losing_it_and_setting_it() -> None:
    clock = FakeClock()
    kept = [clock.synchronised()]
    clock.lose_time()
    kept.append(clock.synchronised())
    clock.set_wall(datetime(2035, 1, 1, tzinfo=UTC))
    assert [*kept, clock.synchronised()] == [True, False, True]


def test_it_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="does not go back"):
        FakeClock().advance(-1)
