"""The computer's clocks."""

import time

from hero365_edge.devices.clock import SystemClock


def test_now_is_the_clock_that_sound_cards_and_gpio_lines_are_stamped_with() -> None:
    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    now = SystemClock().now()
    assert before <= now <= time.clock_gettime(time.CLOCK_MONOTONIC)


def test_utc_is_the_time_of_day() -> None:
    assert abs(SystemClock().utc().timestamp() - time.time()) < 1
