"""What a token tells of its own life."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hero365_edge.core.secret import Secret
from hero365_edge.fleet.lifetime import Lifetime, lifetime_of, moment

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def jwt(claims: Any) -> Secret:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return Secret(f"eyJhbGciOiJub25lIn0.{payload}.c2ln")


def test_a_jwt_tells_when_it_was_issued_and_when_it_expires() -> None:
    hour = NOON + timedelta(hours=1)
    assert lifetime_of(jwt({"iat": NOON.timestamp(), "exp": hour.timestamp()})) == Lifetime(NOON, hour)


@pytest.mark.parametrize("claims", [{}, [], 7, None, {"exp": True}, {"exp": "soon"}, {"exp": 1e300}, {"exp": [1]}])
def test_a_jwt_without_a_usable_end_never_expires(claims: Any) -> None:
    assert lifetime_of(jwt(claims)) == Lifetime()


@pytest.mark.parametrize("token", ["", "word", "a.b", "a.b.c", "a..c", "a.!!!.c", "a.bm90anNvbg.c", "....", "a.é.c"])
def test_what_is_no_jwt_tells_nothing(token: str) -> None:
    assert lifetime_of(Secret(token)) == Lifetime()


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        (NOON.timestamp(), NOON),
        ("2026-01-01T12:00:00Z", NOON),
        ("2026-01-01T13:00:00+01:00", NOON),
        ("2026-01-01T12:00:00", None),
        ("tomorrow", None),
        (None, None),
        (False, None),
        (float("nan"), None),
        (-1e18, None),
    ],
)
def test_a_moment_is_seconds_or_text_with_a_zone(told: object, meant: datetime | None) -> None:
    assert moment(told) == meant


def test_the_next_one_is_due_at_four_fifths_of_a_life() -> None:
    life = Lifetime(NOON, NOON + timedelta(hours=10))
    assert life.refresh_at(NOON) == NOON + timedelta(hours=8)
    assert life.refresh_at(NOON + timedelta(hours=5)) == NOON + timedelta(hours=8), "a cached one is not young"


def test_without_the_issue_it_counts_from_when_it_was_fetched_and_without_an_end_not_at_all() -> None:
    assert Lifetime(None, NOON + timedelta(hours=10)).refresh_at(NOON) == NOON + timedelta(hours=8)
    assert Lifetime(NOON, None).refresh_at(NOON) is None


def test_one_that_had_expired_when_it_was_fetched_is_due_at_once() -> None:
    due = Lifetime(None, NOON - timedelta(hours=1)).refresh_at(NOON)
    assert due is not None
    assert due < NOON


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (timedelta(days=90, hours=3), "expires at 2026-04-01 15:00:00 UTC, in 90 days"),
        (timedelta(minutes=61), "expires at 2026-01-01 13:01:00 UTC, in 1 h 1 min"),
        (timedelta(0), "expired at 2026-01-01 12:00:00 UTC"),
        (timedelta(days=-1), "expired at 2025-12-31 12:00:00 UTC"),
    ],
)
def test_a_person_is_told_the_end_and_how_far_it_is(left: timedelta, told: str) -> None:
    assert Lifetime(None, NOON + left).in_words(NOON) == told


def test_a_person_is_told_that_there_is_no_end() -> None:
    assert Lifetime().in_words(NOON) == "says nothing about its end"
