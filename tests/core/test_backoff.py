"""Full jitter, doubling, for ever."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core.backoff import CEILING_S, FIRST_S, SPREAD_S, Backoff

CEILINGS_S = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def waits(draw: float, failures: int) -> list[float]:
    backoff = Backoff(lambda: draw)
    return [backoff.failed() for _ in range(failures)]


def test_the_longest_wait_doubles_from_half_a_second_to_thirty() -> None:
    assert waits(1.0, len(CEILINGS_S)) == CEILINGS_S


def test_the_shortest_wait_is_none_at_any_step() -> None:
    assert waits(0.0, 8) == [0.0] * 8


def test_a_vehicle_never_gives_up() -> None:
    assert waits(1.0, 5_000)[-1] == CEILING_S


@pytest.mark.parametrize("step", [0, 3, 7])
def test_a_fleet_is_spread_evenly_over_the_whole_wait(step: int) -> None:
    dice = random.Random(365)  # noqa: S311  a fleet to be repeated, not a secret
    fleet = [Backoff(dice.random) for _ in range(4_000)]
    for backoff in fleet:
        for _ in range(step):
            backoff.failed()
    drawn = [backoff.failed() for backoff in fleet]
    tenths = [0] * 10
    for wait_s in drawn:
        tenths[int(wait_s / CEILINGS_S[step] * 10)] += 1
    assert min(tenths) > 330, "of 400 expected"
    assert max(tenths) < 470


def test_it_begins_anew_only_when_it_is_told_of_a_success() -> None:
    backoff = Backoff(lambda: 1.0)
    for _ in range(6):
        backoff.failed()
    backoff.succeeded()
    assert backoff.failures == 0
    assert backoff.failed() == FIRST_S


# -- what the server asks for -----------------------------------------------------------------------------------


@given(st.floats(0, 3600), st.floats(0, 1, exclude_max=True), st.integers(0, 10))
def test_retry_after_is_obeyed(retry_after_s: float, drawn: float, failures: int) -> None:
    backoff = Backoff(lambda: drawn)
    for _ in range(failures):
        backoff.failed()
    assert retry_after_s <= backoff.failed(retry_after_s) <= retry_after_s + CEILING_S


@pytest.mark.parametrize(("retry_after_s", "spread_s"), [(0.1, 0.5), (5.0, 5.0), (10.0, 10.0), (900.0, 30.0)])
def test_the_longer_it_is_the_wider_a_fleet_is_spread(retry_after_s: float, spread_s: float) -> None:
    assert Backoff(lambda: 1.0).failed(retry_after_s) == retry_after_s + spread_s


def test_a_fleet_that_was_told_the_same_retry_after_does_not_come_back_in_one_moment() -> None:
    dice = random.Random(365)  # noqa: S311  as above
    waits_s = sorted(Backoff(dice.random).failed(retry_after_s=60.0) for _ in range(1_000))
    assert waits_s[0] >= 60.0
    assert waits_s[900] - waits_s[100] > 0.7 * FIRST_S


@pytest.mark.parametrize("nothing", [None, 0.0])
def test_no_retry_after_is_the_plain_wait(nothing: float | None) -> None:
    assert Backoff(lambda: 0.5).failed(nothing) == 0.25


def test_a_wait_that_the_server_asked_for_counts_as_a_failure() -> None:
    backoff = Backoff(lambda: 1.0)
    backoff.failed(retry_after_s=5.0)
    assert backoff.failed() == 1.0, "and no more than a failure"


# -- a fleet whose backend went away ----------------------------------------------------------------------------


def back_at(backoff: Backoff, down_s: float) -> float:
    """When a device that nobody uses is back, in seconds after its session was ended; there is no backend till then."""
    backoff.succeeded()
    at = backoff.failed(by_backend=True, awaited=False)
    while at < down_s:
        at += backoff.failed(awaited=False)
    return at


@pytest.mark.parametrize("down_s", [0.0, 5.0, 40.0, 300.0])
def test_of_200_devices_rarely_more_than_10_are_back_in_one_second_however_long_the_outage(down_s: float) -> None:
    dice = random.Random(365)  # noqa: S311  as above
    worst = []
    for _ in range(50):
        seconds = Counter(int(back_at(Backoff(dice.random), down_s) - down_s) for _ in range(200))
        worst.append(max(seconds.values()))
        assert max(seconds) < SPREAD_S
    assert sum(most <= 10 for most in worst) >= 45, worst


@pytest.mark.parametrize(
    ("by_backend", "awaited", "stood", "spread_s"),
    [(False, False, True, 60.0), (True, True, True, 60.0), (True, False, False, 60.0), (True, False, True, 0.0)],
    ids=["the road broke", "somebody waits", "there was no session", "switched off"],
)
def test_whoever_has_a_reason_for_haste_is_not_spread(
    by_backend: bool, awaited: bool, stood: bool, spread_s: float
) -> None:
    backoff = Backoff(lambda: 1.0, spread_s)
    if stood:
        backoff.succeeded()
    assert [backoff.failed(by_backend=by_backend, awaited=awaited) for _ in range(3)] == CEILINGS_S[:3]


def test_a_device_keeps_its_place_while_the_backend_is_away_and_gives_it_up_when_somebody_waits() -> None:
    backoff = Backoff(lambda: 0.25)
    backoff.succeeded()
    waits_s = [backoff.failed(by_backend=True, awaited=False), backoff.failed(awaited=False)]
    assert waits_s == [0.25 * SPREAD_S, SPREAD_S]
    assert backoff.failed(awaited=True) == 0.25 * CEILINGS_S[2]
    assert backoff.failed(awaited=False) == 0.25 * CEILINGS_S[3], "and is not spread again before it had a session"


def test_what_the_server_asked_for_is_obeyed_by_those_that_are_spread_too() -> None:
    backoff = Backoff(lambda: 0.5)
    backoff.succeeded()
    assert backoff.failed(5.0, by_backend=True, awaited=False) == 5.0 + 0.5 * SPREAD_S
    assert backoff.failed(900.0, awaited=False) == 900.0


# -- telling the technician -------------------------------------------------------------------------------------


def test_the_technician_is_told_once_after_three_failures_in_a_row() -> None:
    backoff = Backoff(lambda: 0.5)
    told = [backoff.tell]
    for _ in range(10):
        backoff.failed()
        told.append(backoff.tell)
    assert [at for at, telling in enumerate(told) if telling] == [3]


def test_after_a_success_the_next_outage_is_told_again() -> None:
    backoff = Backoff(lambda: 0.5)
    for _ in range(3):
        backoff.failed()
    backoff.succeeded()
    assert not backoff.tell
    for _ in range(3):
        backoff.failed()
    assert backoff.tell
