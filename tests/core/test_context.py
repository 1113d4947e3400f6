"""What the agent is told of the technician's work and place, and when it is told again."""

import pytest

from hero365_edge.core.context import LEAST_S, MOVED_M, STALE_S, Context, Fix, distance_m

BERLIN = Fix(52.520008, 13.404954, at=100.0)
DEGREE_M = 111_195.0
"""A degree of latitude, on a globe of 6371 km."""


def north_of(place: Fix, metres: float, at: float) -> Fix:
    return Fix(place.latitude + metres / DEGREE_M, place.longitude, at)


def test_nothing_known_is_nothing_to_tell() -> None:
    assert Context().news(0.0) == {}


def test_a_session_is_told_everything_once() -> None:
    context = Context()
    context.activity_mode, context.current_task, context.fix = "working", "creating_estimate", BERLIN
    assert context.news(100.0) == {
        "location": {"latitude": 52.520008, "longitude": 13.404954},
        "activity_mode": "working",
        "current_task": "creating_estimate",
    }
    assert context.news(101.0) == {}
    context.session_began()
    assert set(context.news(102.0)) == {"location", "activity_mode", "current_task"}


def test_a_change_is_told_and_what_is_over_is_told_as_empty() -> None:
    context = Context()
    context.activity_mode = "driving"
    assert context.news(0.0) == {"activity_mode": "driving"}
    context.activity_mode = ""
    assert context.news(0.0) == {"activity_mode": ""}


def test_a_place_is_told_again_when_the_vehicle_has_moved_and_not_all_the_time() -> None:
    context = Context()
    context.fix = BERLIN
    assert context.news(100.0)
    context.fix = north_of(BERLIN, MOVED_M - 5, 100.0 + LEAST_S)
    assert context.news(100.0 + LEAST_S) == {}, "it stands, and the receiver trembles"
    context.fix = north_of(BERLIN, MOVED_M + 5, 99.0 + LEAST_S)
    assert context.news(99.0 + LEAST_S) == {}, "it was told just now"
    context.fix = north_of(BERLIN, MOVED_M + 5, 100.0 + LEAST_S)
    assert context.news(100.0 + LEAST_S)["location"]["latitude"] > BERLIN.latitude


def test_a_place_of_long_ago_is_not_told() -> None:
    context = Context()
    context.fix = BERLIN
    assert "location" in context.data(100.0 + STALE_S - 1)
    assert context.data(100.0 + STALE_S) == {}


def test_what_the_receiver_knows_besides_is_told_too() -> None:
    context = Context()
    context.fix = Fix(-33.865143, 151.2099, 0.0, accuracy_m=4.24, speed_m_s=13.89, heading_deg=271.5)
    assert context.data(0.0)["location"] == {
        "latitude": -33.865143,
        "longitude": 151.2099,
        "accuracy_m": 4.2,
        "speed_m_s": 13.9,
        "heading_deg": 271.5,
    }


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [
        (BERLIN, Fix(48.137154, 11.576124, 0.0), 504_400),  # Munich
        (Fix(0.0, 179.9999, 0.0), Fix(0.0, -179.9999, 0.0), 22),
        (Fix(90.0, 0.0, 0.0), Fix(90.0, 123.0, 0.0), 0),
    ],
)
def test_distances_are_those_of_the_globe(one: Fix, other: Fix, metres: float) -> None:
    assert distance_m(one, other) == pytest.approx(metres, rel=0.002, abs=1)
