"""Gestures and bounce are told the time, so these are plain functions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core.gestures import (
    DEBOUNCE_MS,
    DOUBLE_TAP_MS,
    HOLD_MS,
    LONG_HOLD_S,
    STUCK_S,
    Debouncer,
    DoubleTapped,
    Edge,
    Gesture,
    Gestures,
    HoldBegan,
    LongHeld,
    Pressed,
    Released,
    Stuck,
    Tapped,
)

FOREVER = 1e6


def edges(*at: float) -> list[Edge]:
    """A press, a release, a press … at these times."""
    return [Edge(pressed=index % 2 == 0, at=time) for index, time in enumerate(at)]


def punctual(edges: list[Edge], release_lateness_s: float = 0.0) -> list[Gesture]:
    """All gestures when every deadline is met; releases are told late, as a debounced button does."""
    gestures, told = Gestures(), []
    for edge in edges:
        arrives = edge.at if edge.pressed else edge.at + release_lateness_s
        while gestures.deadline is not None and gestures.deadline < arrives:
            told += gestures.tick(gestures.deadline)
        told += gestures.edge(edge)
    while gestures.deadline is not None:
        told += gestures.tick(gestures.deadline)
    return told


def test_a_press_is_told_at_once() -> None:
    assert Gestures().edge(Edge(pressed=True, at=1.0)) == [Pressed(1.0)]


def test_a_tap_is_told_once_no_second_can_come_and_carries_the_time_of_its_release() -> None:
    gestures = Gestures()
    gestures.edge(Edge(pressed=True, at=1.0))
    assert gestures.edge(Edge(pressed=False, at=1.25)) == []
    assert gestures.deadline == 1.25 + DOUBLE_TAP_MS / 1000
    assert gestures.tick(1.5) == []
    assert gestures.tick(1.55) == [Tapped(1.25)]
    assert gestures.deadline is None


def test_a_second_press_soon_after_a_tap_is_a_double_tap_instead_of_a_press_and_of_taps() -> None:
    assert punctual(edges(1.0, 1.1, 1.3, 1.4)) == [Pressed(1.0), DoubleTapped(1.3)]


def test_a_third_tap_begins_anew() -> None:
    told = punctual(edges(1.0, 1.1, 1.3, 1.4, 1.6, 1.7))
    assert told == [Pressed(1.0), DoubleTapped(1.3), Pressed(1.6), Tapped(1.7)]


def test_two_slow_taps_are_two_taps() -> None:
    told = punctual(edges(1.0, 1.25, 1.25 + DOUBLE_TAP_MS / 1000, 2.0))
    assert told[:3] == [Pressed(1.0), Tapped(1.25), Pressed(1.55)]


def test_a_hold_begins_and_is_released() -> None:
    assert punctual(edges(1.0, 3.0)) == [Pressed(1.0), HoldBegan(1.0 + HOLD_MS / 1000), Released(3.0)]


@pytest.mark.parametrize(("down_ms", "kind"), [(HOLD_MS - 1, Tapped), (HOLD_MS + 1, Released)])
def test_the_length_of_the_press_alone_decides_between_tap_and_hold(down_ms: int, kind: type[Gesture]) -> None:
    late_s = DEBOUNCE_MS / 1000
    assert isinstance(punctual(edges(1.0, 1.0 + down_ms / 1000), late_s)[-1], kind)


def test_a_slow_debounce_does_not_make_a_hold_of_a_tap() -> None:
    gestures = Gestures(debounce_ms=200)
    gestures.edge(Edge(pressed=True, at=1.0))
    assert gestures.tick(1.5) == []
    assert gestures.edge(Edge(pressed=False, at=1.34)) == []
    assert gestures.tick(1.7) == [Tapped(1.34)]


def test_a_hold_of_eight_seconds_is_told_while_the_button_is_still_down() -> None:
    gestures = Gestures()
    gestures.edge(Edge(pressed=True, at=1.0))
    assert gestures.tick(1.0 + LONG_HOLD_S + 0.1) == [HoldBegan(1.35), LongHeld(9.0)]
    assert gestures.edge(Edge(pressed=False, at=9.5)) == [Released(9.5)]


def test_a_stuck_button_is_told_once_and_its_release_not_at_all() -> None:
    told = punctual(edges(1.0, 100.0, 200.0, 200.1))
    assert told == [
        Pressed(1.0),
        HoldBegan(1.35),
        LongHeld(9.0),
        Stuck(1.0 + STUCK_S),
        Pressed(200.0),
        Tapped(200.1),
    ]


def test_the_second_press_of_a_double_tap_can_be_held() -> None:
    told = punctual(edges(1.0, 1.1, 1.2, 3.0))
    assert told == [Pressed(1.0), DoubleTapped(1.2), HoldBegan(1.2 + HOLD_MS / 1000), Released(3.0)]


def test_an_edge_that_changes_nothing_is_ignored() -> None:
    gestures = Gestures()
    assert gestures.edge(Edge(pressed=False, at=1.0)) == []
    assert gestures.edge(Edge(pressed=True, at=2.0)) == [Pressed(2.0)]
    assert gestures.edge(Edge(pressed=True, at=2.1)) == []
    assert gestures.edge(Edge(pressed=False, at=3.0)) == [HoldBegan(2.35), Released(3.0)]


def test_an_untouched_button_wants_no_tick() -> None:
    gestures = Gestures()
    assert gestures.deadline is None
    assert gestures.tick(FOREVER) == []


# Gaps in ms, with those that decide well represented.
GAPS_MS = st.one_of(
    st.integers(1, 1000),
    st.sampled_from([DOUBLE_TAP_MS - 1, DOUBLE_TAP_MS, HOLD_MS - 1, HOLD_MS, HOLD_MS + DEBOUNCE_MS]),
    st.sampled_from([7_999, 8_000, 59_999, 60_000, 61_000]),
)


def fingers() -> st.SearchStrategy[list[Edge]]:
    def at_times(gaps_ms: list[int]) -> list[Edge]:
        return edges(*(sum(gaps_ms[: index + 1]) / 1000 for index in range(len(gaps_ms))))

    return st.lists(GAPS_MS, min_size=1, max_size=12).map(at_times)


@given(edges=fingers(), lateness_ms=st.integers(0, DEBOUNCE_MS), ticks=st.lists(st.booleans(), max_size=12))
def test_late_ticks_and_late_releases_give_the_same_gestures_as_punctual_ones(
    edges: list[Edge], lateness_ms: int, ticks: list[bool]
) -> None:
    lazy, told = Gestures(), []
    for index, edge in enumerate(edges):
        told += lazy.edge(edge)
        if index < len(ticks) and ticks[index]:  # as late as can be: when the next edge has as good as come
            upcoming = edges[index + 1].at if index + 1 < len(edges) else FOREVER
            told += lazy.tick((edge.at + upcoming) / 2)
    told += lazy.tick(FOREVER)
    assert told == punctual(edges, lateness_ms / 1000) == punctual(edges)


@given(edges=fingers())
def test_every_press_is_told_and_times_never_run_backwards(edges: list[Edge]) -> None:
    told = punctual(edges)
    starts = [gesture.at for gesture in told if isinstance(gesture, Pressed | DoubleTapped)]
    assert starts == [edge.at for edge in edges if edge.pressed]
    assert [gesture.at for gesture in told] == sorted(gesture.at for gesture in told)


@given(edges=fingers())
def test_a_release_is_told_exactly_for_a_hold_that_is_not_stuck(edges: list[Edge]) -> None:
    told = [type(gesture) for gesture in punctual(edges)]
    released_or_stuck = told.count(Released) + told.count(Stuck)
    still_down = edges[-1].pressed and not told.count(Stuck) and released_or_stuck < told.count(HoldBegan)
    assert released_or_stuck + still_down == told.count(HoldBegan)


# The contact

LASTING_S = DEBOUNCE_MS / 1000


def test_a_press_counts_at_once_and_its_bounce_does_not() -> None:
    contact = Debouncer()
    assert contact.change(pressed=True, at=1.0) == [Edge(pressed=True, at=1.0)]
    for index in range(1, 10):
        assert contact.change(pressed=index % 2 == 0, at=1.0 + index / 1000) == []
    assert contact.change(pressed=True, at=1.011) == []
    assert contact.settle(pressed=True, now=1.011 + LASTING_S) == []
    assert contact.deadline is None


def test_a_release_counts_when_it_has_lasted_and_carries_the_time_it_began() -> None:
    contact = Debouncer()
    contact.change(pressed=True, at=1.0)
    contact.change(pressed=False, at=2.0)
    contact.change(pressed=True, at=2.001)
    assert contact.change(pressed=False, at=2.002) == []
    assert contact.deadline == 2.002 + LASTING_S
    assert contact.settle(pressed=False, now=2.002 + LASTING_S) == [Edge(pressed=False, at=2.002)]
    assert contact.deadline is None


def test_a_release_within_the_bounce_of_its_press_is_not_lost() -> None:
    contact = Debouncer()
    contact.change(pressed=True, at=1.0)
    contact.change(pressed=False, at=1.01)
    assert contact.settle(pressed=False, now=1.04) == [Edge(pressed=False, at=1.01)]


def test_a_contact_that_flickers_while_it_is_held_is_held() -> None:
    contact = Debouncer()
    contact.change(pressed=True, at=1.0)
    contact.settle(pressed=True, now=1.03)
    assert contact.change(pressed=False, at=2.0) == []
    assert contact.change(pressed=True, at=2.004) == []
    assert contact.settle(pressed=True, now=2.03) == []


def test_a_press_that_comes_before_a_late_settling_does_not_hide_the_release_before_it() -> None:
    contact = Debouncer()
    contact.change(pressed=True, at=1.0)
    contact.change(pressed=False, at=1.1)
    assert contact.change(pressed=True, at=1.2) == [Edge(pressed=False, at=1.1), Edge(pressed=True, at=1.2)]


def test_settling_too_early_waits_on() -> None:
    contact = Debouncer()
    contact.change(pressed=True, at=1.0)
    contact.change(pressed=False, at=1.1)
    assert contact.settle(pressed=False, now=1.11) == []
    assert contact.deadline == 1.1 + LASTING_S


def test_a_change_that_the_driver_did_not_tell_is_found_when_the_contact_is_read_again() -> None:
    contact = Debouncer()
    contact.change(pressed=True, at=1.0)
    assert contact.settle(pressed=False, now=1.03) == []  # the release was lost: it must last like any other
    assert contact.deadline == 1.03 + LASTING_S
    assert contact.settle(pressed=False, now=1.06) == [Edge(pressed=False, at=1.03)]


@given(gaps_ms=st.lists(st.integers(1, 60), max_size=40), settles=st.lists(st.booleans(), max_size=40))
def test_whatever_the_contact_does_edges_come_in_turn_and_the_last_one_tells_how_it_is(
    gaps_ms: list[int], settles: list[bool]
) -> None:
    contact, told, now, level = Debouncer(), list[Edge](), 0.0, False
    for index, gap_ms in enumerate(gaps_ms):
        if contact.deadline is not None and contact.deadline <= now + gap_ms / 1000 and settles[index : index + 1]:
            told += contact.settle(level, contact.deadline)
        now, level = now + gap_ms / 1000, not level
        told += contact.change(level, now)
    while contact.deadline is not None:
        told += contact.settle(level, contact.deadline)
    assert [edge.pressed for edge in told] == [index % 2 == 0 for index in range(len(told))]
    assert (told[-1].pressed if told else False) == level
    assert [edge.at for edge in told] == sorted(edge.at for edge in told)
