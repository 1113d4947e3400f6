"""The delay model: what lateness is expected, and who runs ahead."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core.delay import BUCKET_S, BUCKETS, DelayModel

FRAME_S = 0.02


def turn(model: DelayModel, late: dict[int, float] | None = None, *, frames: int = 400, speed: float = 1.0) -> None:
    """One answer of 20 ms frames; `late` says by how much the frame of a number, and what queues behind it, is late."""
    at = 100.0
    for number in range(frames):
        at = max(at, 100.0 + number * FRAME_S / speed + (late or {}).get(number, 0.0))
        model.arrived(FRAME_S, at)
    model.ended()


def test_a_link_that_holds_nothing_up_needs_no_reserve() -> None:
    model = DelayModel()
    turn(model)
    assert model.target_s == BUCKET_S


def test_an_outage_a_second_is_expected_after_one_turn() -> None:
    model = DelayModel()
    turn(model, dict.fromkeys(range(25, 400, 50), 0.21))
    assert model.target_s == pytest.approx(0.22)


def test_a_single_outage_is_not_expected_for_ever() -> None:
    model = DelayModel()
    turn(model, {200: 0.5})
    assert model.target_s > 0.4
    for _ in range(10):
        turn(model)
    assert model.target_s == BUCKET_S


def test_what_was_learned_is_kept_from_turn_to_turn() -> None:
    model = DelayModel()
    turn(model, dict.fromkeys(range(25, 400, 50), 0.21))
    model.arrived(FRAME_S, 5000.0)
    assert model.target_s == pytest.approx(0.22)


def test_a_time_that_went_by_between_two_turns_is_no_lateness() -> None:
    model = DelayModel()
    for _ in range(3):
        turn(model)
    assert model.target_s == BUCKET_S


def test_a_clock_that_drifts_is_not_lateness_for_ever() -> None:
    """Relative to the fastest of the last 2 s only: 100 ppm would be 36 ms in a talk of six minutes."""
    model = DelayModel()
    turn(model, frames=18_000, speed=1 / 1.0001)
    assert model.target_s == BUCKET_S


@pytest.mark.parametrize(("speed", "ahead"), [(1.0, False), (1.1, False), (1.5, True), (4.0, True)])
def test_a_server_at_one_and_a_half_times_real_time_runs_ahead_and_one_at_real_time_does_not(
    speed: float, ahead: bool
) -> None:
    model = DelayModel()
    turn(model, speed=speed)
    assert model.ahead is ahead


def test_of_a_server_of_which_little_was_heard_nothing_is_known() -> None:
    model = DelayModel()
    turn(model, frames=15)
    assert model.ahead is None


def test_who_ran_ahead_the_last_time_is_expected_to_do_so_again_for_a_second() -> None:
    model = DelayModel()
    turn(model, speed=1.5)
    seen = []
    for number in range(100):
        model.arrived(FRAME_S, 1000.0 + number * FRAME_S)
        seen.append(model.ahead)
    assert all(seen[:50])
    assert not seen[-1]


@pytest.mark.parametrize(
    "late",
    [
        {398: 3.0},
        {1: 5.0},
        {100: 4.0},
        dict.fromkeys(range(20, 400, 40), 0.3),
        {176: 0.115, 178: 0.23, 187: 0.118, 201: 0.185},
    ],
    ids=["at the end", "at the beginning", "in the middle", "all along", "one after the other"],
)
def test_outages_do_not_make_a_fast_server_a_slow_one(late: dict[int, float]) -> None:
    model = DelayModel()
    turn(model, speed=1.5)
    for _ in range(3):
        turn(model, late, speed=1.5)
        assert model.ahead


@pytest.mark.parametrize("first_late_s", [0.1, 0.5, 2.0])
def test_an_outage_at_the_beginning_does_not_make_a_slow_server_a_fast_one(first_late_s: float) -> None:
    """All that it held up comes at once."""
    model = DelayModel()
    turn(model)
    for number in range(400):
        model.arrived(FRAME_S, 1000.0 + max(first_late_s, number * FRAME_S))
        assert model.ahead is False


def test_what_waited_because_there_was_plenty_says_nothing_of_the_server() -> None:
    """A whole file is decoded no faster than it is heard once a second and a half is in hand."""
    model = DelayModel()
    turn(model, speed=1.5)
    for number in range(400):
        model.arrived(FRAME_S, 1000.0 + number * FRAME_S, awaited=False)
    assert model.ahead


def test_the_round_trips_of_the_link_count_before_the_first_answer_and_not_after() -> None:
    model = DelayModel()
    model.seed(0.11)
    assert model.target_s == pytest.approx(0.12)
    turn(model)
    learned = model.target_s
    model.seed(1.0)
    assert model.target_s == learned


def test_of_round_trips_the_newest_spread_counts() -> None:
    model = DelayModel()
    for spread_s in (0.5, 0.0, 0.11):
        model.seed(spread_s)
    assert model.target_s == pytest.approx(0.12)


def test_an_end_of_nothing_teaches_nothing() -> None:
    model = DelayModel()
    model.seed(0.11)
    for _ in range(100):
        model.ended()
    assert model.target_s == pytest.approx(0.12)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=60))
def test_what_is_expected_stays_within_its_bounds_and_is_whole_buckets(gaps: list[float]) -> None:
    model = DelayModel()
    now = 0.0
    for gap in gaps:
        now += gap
        model.arrived(FRAME_S, now)
    model.ended()
    assert BUCKET_S <= model.target_s <= BUCKETS * BUCKET_S
    assert math.isclose(model.target_s / BUCKET_S, round(model.target_s / BUCKET_S))
