"""A microphone that gives samples and hears nothing: told after three seconds, not before, and not of silence."""

import itertools

import numpy as np
import pytest

from hero365_edge.core.pcm import RATE_HZ, Pcm
from hero365_edge.core.vitality import DEAF_AFTER_S, Vitality

LOOK_S = 0.5
N = round(LOOK_S * RATE_HZ)
DICE = np.random.default_rng(1)


def room() -> Pcm:
    """A silent room: a bit or two of noise."""
    return DICE.integers(-1, 2, (N, 1)).astype(np.int16)


def constant(value: int) -> Pcm:
    return np.full((N, 1), value, np.int16)


def clipped() -> Pcm:
    return np.where(np.arange(N) % 100 < 40, 32_767, DICE.integers(-9_000, 9_000, N)).astype(np.int16).reshape(-1, 1)


def off_middle() -> Pcm:
    return DICE.integers(19_000, 21_000, (N, 1)).astype(np.int16)


STUCK = DICE.integers(-500, 500, (N, 1)).astype(np.int16)


def told_after(vitality: Vitality, make: object) -> float | None:
    """How long the symptom had lasted when it was told; looked at twice a second, from a quarter second in."""
    now = 100.25
    for _ in range(10):
        pcm = make() if callable(make) else make
        assert isinstance(pcm, np.ndarray)
        whole = now - 100.0 >= LOOK_S
        if vitality.look(pcm if whole else room(), LOOK_S, now):
            return now - 100.0
        now += LOOK_S
    return None


@pytest.mark.parametrize(
    ("make", "symptom"),
    [
        (constant(0), "nothing but zeros"),
        (constant(-7), "one value"),
        (clipped, "clipped"),
        (off_middle, "DC"),
        (STUCK, "repeats itself"),
    ],
)
def test_each_symptom_is_told_within_three_seconds_and_hardly_before(make: object, symptom: str) -> None:
    vitality = Vitality(zeros_allowed=False)
    after_s = told_after(vitality, make)
    assert after_s is not None
    assert DEAF_AFTER_S - LOOK_S <= after_s <= DEAF_AFTER_S + (LOOK_S if symptom == "repeats itself" else 0)
    assert symptom in vitality.symptom


def test_a_silent_room_is_no_symptom_nor_is_loud_speech() -> None:
    vitality = Vitality(zeros_allowed=False)
    assert told_after(vitality, room) is None
    assert told_after(vitality, lambda: DICE.normal(0, 12_000, (N, 1)).clip(-32_768, 32_767).astype(np.int16)) is None


def test_zeros_are_silence_where_that_is_so() -> None:
    assert told_after(Vitality(zeros_allowed=True), constant(0)) is None
    assert told_after(Vitality(zeros_allowed=True), constant(1)) is not None


def test_one_channel_that_hears_is_enough() -> None:
    vitality = Vitality(zeros_allowed=False)
    assert told_after(vitality, lambda: np.hstack([constant(0), room()])) is None
    assert told_after(vitality, lambda: np.hstack([constant(0), constant(3)])) is not None


def test_where_zeros_are_silence_a_channel_that_gives_nothing_else_hears_nothing_for_the_other() -> None:
    vitality = Vitality(zeros_allowed=True)
    assert told_after(vitality, lambda: np.hstack([constant(0), constant(3)])) is not None
    assert vitality.symptom == "it gives one value and no other"
    assert told_after(Vitality(zeros_allowed=True), lambda: np.hstack([constant(0), room()])) is None
    assert told_after(Vitality(zeros_allowed=True), lambda: np.hstack([constant(0), constant(0)])) is None


def test_one_symptom_behind_another_is_no_new_beginning() -> None:
    looks = itertools.cycle([clipped(), off_middle()])
    after_s = told_after(Vitality(zeros_allowed=False), looks.__next__)
    assert after_s is not None
    assert after_s <= DEAF_AFTER_S


def test_what_was_wrong_before_it_was_opened_again_is_over() -> None:
    vitality = Vitality(zeros_allowed=False)
    vitality.look(constant(0), LOOK_S, 100.0)
    vitality.opened()
    assert not vitality.look(constant(0), LOOK_S, 200.0)


def test_a_symptom_that_goes_away_begins_anew() -> None:
    vitality = Vitality(zeros_allowed=False)
    looks = [constant(0)] * 4 + [room()] + [constant(0)] * 4
    assert not any(vitality.look(pcm, LOOK_S, 100 + number * LOOK_S) for number, pcm in enumerate(looks))


def test_before_the_first_sample_there_is_nothing_to_say() -> None:
    assert Vitality(zeros_allowed=False).look(np.zeros((0, 1), np.int16), 0.0, 1.0) == ""
