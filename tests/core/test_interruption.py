"""Somebody speaks into an answer, or nobody does: what the canceller leaves, and what the referee makes of it."""

import numpy as np
import pytest

from hero365_edge.core.interruption import FRAMES, HINTS, SOFT_FRAMES, SUSPECT_FRAMES, Interruption
from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm
from hero365_edge.core.referee import CATCH_UP_CHUNKS, DOUBTED_FRAMES
from tests.core.expert import Expert

DICE = np.random.default_rng(1)
HEARD = DICE.normal(0, 2_000, FRAME_SAMPLES).astype(np.int16)


def left(share_db: float) -> Pcm:
    return np.round(HEARD * 10 ** (share_db / 20)).astype(np.int16)


def frames_until(referee: Expert, share_db: float, before_db: float = -60.0, around_db: float = -60.0) -> int | None:
    """Behind a second in which the canceller leaves `before_db`, or what is around if that is more."""
    interruption = Interruption(referee)
    quiet = left(max(before_db, around_db))
    assert not any(interruption.frame(HEARD, quiet) for _ in range(50))
    told = [interruption.frame(HEARD, left(max(share_db, around_db))) for _ in range(100)]
    return told.index(True) + 1 if True in told else None


def test_a_voice_that_is_left_and_believed_interrupts_after_some_frames() -> None:
    assert frames_until(Expert(0.9), -6.0) == FRAMES


def test_where_much_is_left_the_referee_need_not_be_sure() -> None:
    assert frames_until(Expert(0.15), -6.0) is not None
    assert frames_until(Expert(0.15), -20.0) is None
    assert frames_until(Expert(0.7), -20.0) is not None


def test_what_is_left_of_an_echo_does_not_though_it_sounds_like_speech() -> None:
    assert frames_until(Expert(0.99), -32.0) is None


def test_nor_does_a_noise_however_loud() -> None:
    assert frames_until(Expert(0.1), 0.0) is None


def test_nor_what_does_not_stand_out_of_the_noise_around() -> None:
    assert frames_until(Expert(0.8), -6.0, around_db=-10.0) is None


def test_a_single_word_like_click_does_not_interrupt() -> None:
    interruption = Interruption(Expert(0.99))
    clicks = [left(0.0) if number % 20 == 0 else left(-60.0) for number in range(200)]
    assert not any(interruption.frame(HEARD, click) for click in clicks)


def test_while_nothing_is_left_the_referee_is_not_asked() -> None:
    referee = Expert(0.9)
    assert frames_until(referee, -40.0) is None
    assert referee.asked == 0


def test_when_something_is_left_the_referee_begins_anew_with_what_came_right_before() -> None:
    referee = Expert(0.0)
    interruption = Interruption(referee)
    for _ in range(50):
        interruption.frame(HEARD, left(-60.0))
    interruption.frame(HEARD, left(-6.0))
    assert (referee.resets, referee.asked) == (1, CATCH_UP_CHUNKS)


@pytest.mark.parametrize(("likely", "resets"), [(0.0, 200 // DOUBTED_FRAMES), (0.9, 1)])
def test_who_has_long_heard_what_it_does_not_believe_in_begins_anew(likely: float, resets: int) -> None:
    referee = Expert(likely)
    interruption = Interruption(referee)
    interruption.frame(HEARD, left(-60.0))
    for number in range(200):
        interruption.frame(HEARD, left(-6.0 if number % 5 else 0.0))
    assert referee.resets == pytest.approx(resets, abs=1)


WEAK_DB = -19.0
"""Too little is left for a referee that is not sure, and more than of an echo."""


def suspecting(referee: Expert) -> Interruption:
    """Something is left that may be a voice."""
    interruption = Interruption(referee)
    assert not any(interruption.frame(HEARD, left(-60.0)) or interruption.suspects for _ in range(50))
    assert not any(interruption.frame(HEARD, left(WEAK_DB)) for _ in range(HINTS))
    assert interruption.suspects
    return interruption


def test_a_suspicion_is_true_when_as_much_is_left_though_the_echo_is_softer() -> None:
    interruption = suspecting(Expert(0.15))
    assert not any(interruption.frame(HEARD, left(WEAK_DB)) for _ in range(5)), "the echo is as loud as before"
    told = [interruption.frame(HEARD, left(WEAK_DB), softer=True) for _ in range(HINTS)]
    assert told.index(True) == HINTS - 1
    assert not interruption.suspects


def test_a_suspicion_is_false_when_less_is_left_with_the_echo_softer() -> None:
    interruption = suspecting(Expert(0.99))
    for number in range(SOFT_FRAMES):
        assert interruption.suspects, number
        assert not interruption.frame(HEARD, left(WEAK_DB - 14.0), softer=True)
    assert not interruption.suspects


def test_a_suspicion_is_given_up_where_the_answer_does_not_become_softer() -> None:
    interruption = suspecting(Expert(0.15))
    told = [interruption.frame(HEARD, left(-60.0)) for _ in range(SUSPECT_FRAMES)]
    assert not any(told)
    assert not interruption.suspects


def test_what_nobody_believes_in_is_not_suspected() -> None:
    interruption = Interruption(Expert(0.05))
    for number in range(100):
        interruption.frame(HEARD, left(-60.0 if number < 50 else WEAK_DB))
        assert not interruption.suspects
