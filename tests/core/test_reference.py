"""What was played beside what is heard: sample by sample, whatever the cards' times do."""

import numpy as np
import pytest

from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm, duration_s
from hero365_edge.core.reference import KEPT_S, SETTLED_S, Reference

FRAME_S = 0.02
SECOND = RATE_HZ


def ramp(samples: int, first: int = 1) -> Pcm:
    """Each sample tells its number, from 1 on."""
    return (np.arange(first, first + samples) % 30_000).astype(np.int16)


def reference(lead_s: float = 0.0) -> Reference:
    made = Reference()
    made.lead_by(lead_s)
    return made


def played(here: Reference, pcm: Pcm, at: float, number: int = 1, wobble_s: float = 0.0) -> None:
    """In pieces of 20 ms, the times of every other one wrong by so much."""
    for begin in range(0, len(pcm), FRAME_SAMPLES):
        wrong_s = wobble_s if begin // FRAME_SAMPLES % 2 else 0.0
        here.played(number, pcm[begin : begin + FRAME_SAMPLES], at + duration_s(begin) + wrong_s)


def frames(here: Reference, at: float, count: int) -> Pcm:
    return np.concatenate([here.frame(at + number * FRAME_S) for number in range(count)])


def test_what_left_the_card_at_a_time_belongs_to_the_frame_of_that_time() -> None:
    here = reference()
    played(here, ramp(SECOND), at=100.0)
    assert np.array_equal(here.frame(100.5), ramp(FRAME_SAMPLES, first=8001))


def test_before_and_behind_it_there_is_silence() -> None:
    here = reference()
    played(here, ramp(SECOND), at=100.0)
    heard = frames(here, 99.99, 52)
    assert not heard[:160].any()
    assert np.array_equal(heard[160 : 160 + SECOND], ramp(SECOND))
    assert not heard[160 + SECOND :].any()


def test_it_is_given_early_by_the_lead() -> None:
    here = reference(lead_s=0.01)
    played(here, ramp(SECOND), at=100.0)
    assert np.array_equal(here.frame(100.5), ramp(FRAME_SAMPLES, first=8161))


def test_times_that_wobble_do_not_tear_it() -> None:
    here = reference()
    heard = []
    for number in range(200):
        wrong_s = 0.008 * (-1) ** number
        here.played(1, ramp(FRAME_SAMPLES, first=1 + number * FRAME_SAMPLES), 100.0 + number * FRAME_S + wrong_s)
        heard.append(here.frame(99.8 + number * FRAME_S))
    whole = np.concatenate(heard)
    begin = int(np.flatnonzero(whole)[0])
    assert np.array_equal(whole[begin:], ramp(len(whole) - begin))


def test_times_that_are_far_off_are_believed() -> None:
    here = reference()
    played(here, ramp(SECOND), at=100.0)
    here.frame(100.2)
    here.played(1, ramp(FRAME_SAMPLES, first=SECOND + 1), 101.05)
    assert np.array_equal(here.frame(100.22), ramp(FRAME_SAMPLES, first=3521 - 800))


def test_another_lead_is_taken_at_once_however_small() -> None:
    here = reference()
    played(here, ramp(SECOND), at=100.0)
    here.frame(100.2)
    here.lead_by(0.005)
    assert np.array_equal(here.frame(100.22), ramp(FRAME_SAMPLES, first=3521 + 80))


def test_what_a_stopped_card_still_held_was_never_heard() -> None:
    here = reference()
    played(here, ramp(SECOND), at=100.0)
    here.played(1, ramp(0), 100.5)
    heard = frames(here, 100.48, 3)
    assert np.array_equal(heard[:320], ramp(320, first=7681))
    assert not heard[320:].any()
    here.played(1, ramp(FRAME_SAMPLES), 101.0)
    assert not here.frame(101.0).any(), "a callback that came too late"


def test_the_next_stretch_has_its_own_times() -> None:
    here = reference()
    played(here, ramp(SECOND), at=100.0)
    played(here, ramp(SECOND, first=20_001), at=103.1, number=2)
    assert np.array_equal(here.frame(100.8), ramp(FRAME_SAMPLES, first=12_801))
    assert np.array_equal(here.frame(103.1), ramp(FRAME_SAMPLES, first=20_001))


def test_a_frame_is_covered_once_all_that_belongs_to_it_was_given() -> None:
    here = reference(lead_s=0.01)
    assert here.covers(100.0), "nothing was ever played"
    played(here, ramp(SECOND), at=100.0)
    assert here.covers(100.97)
    assert not here.covers(100.971)
    here.played(1, ramp(0), 101.0)
    assert here.covers(200.0), "the card was stopped: no more will come"


def test_no_frame_is_covered_until_the_card_knows_its_times() -> None:
    here = reference()
    played(here, ramp(round(SETTLED_S * RATE_HZ) - FRAME_SAMPLES), at=100.0)
    assert not here.covers(100.0)
    here.played(1, ramp(FRAME_SAMPLES), 100.0 + SETTLED_S - FRAME_S)
    assert here.covers(100.0)


def test_an_hour_of_answers_does_not_fill_the_memory() -> None:
    here = reference()
    for number in range(100):
        played(here, ramp(10 * SECOND), at=100.0 + 10 * number, number=number)
    assert sum(len(stretch.pcm) for stretch in here._stretches) <= 2 * KEPT_S * RATE_HZ


@pytest.mark.parametrize("at", [99.0, 100.25, 101.2])
def test_sound_by_the_times_alone_may_lie_anywhere(at: float) -> None:
    here = reference()
    played(here, ramp(SECOND), at=100.0)
    numbers = np.arange(SECOND) + round((at - 100.0) * RATE_HZ)
    expected = np.where((numbers >= 0) & (numbers < SECOND), numbers + 1, 0)
    assert np.array_equal(here.sound(at, SECOND), expected)
