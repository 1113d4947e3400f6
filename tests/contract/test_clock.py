"""One suite for the computer's clock and the fake one."""

from datetime import UTC

import pytest

from hero365_edge.devices.clock import SystemClock
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.ports import Clock


@pytest.fixture(params=[SystemClock, FakeClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


def test_it_never_goes_back(clock: Clock) -> None:
    times = [clock.now() for _ in range(1000)]
    assert times == sorted(times)


def test_the_wall_clock_is_in_utc(clock: Clock) -> None:
    assert clock.utc().tzinfo is UTC


def test_it_tells_whether_somebody_keeps_it_right(clock: Clock) -> None:
    assert isinstance(clock.synchronised(), bool)
