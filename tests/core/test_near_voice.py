"""A voice where the echo's way is known: trust that is earned, frames that stand out, and a referee that believes."""

import numpy as np
import pytest

from hero365_edge.core.near_voice import FRAMES, HINTS, SUSPECT_FRAMES, TRUSTED, WINDOW, NearVoice
from hero365_edge.core.pcm import FRAME_SAMPLES
from tests.core.expert import Expert

LEFT = np.random.default_rng(1).normal(0, 1000, FRAME_SAMPLES).astype(np.int16)
EXPECTED_DB, WEAK_DB, WEAKER_DB, VOICE_DB = -4.0, 2.5, 8.0, 14.0
PASSED_DB, TAKEN_DB = -10.0, -45.0


def trusting(referee: Expert) -> NearVoice:
    """The filter has shown for a second that it knows the way."""
    here = NearVoice(referee)
    assert not any(here.frame(LEFT, EXPECTED_DB, TAKEN_DB, echoes=True) for _ in range(TRUSTED))
    assert here.trusts
    return here


def frames_until(here: NearVoice, excess_db: float, beside_db: float = PASSED_DB) -> int | None:
    told = [here.frame(LEFT, excess_db, beside_db, echoes=True) for _ in range(100)]
    return told.index(True) + 1 if True in told else None


def test_a_voice_interrupts_after_its_frames() -> None:
    assert frames_until(trusting(Expert(0.9)), VOICE_DB) == FRAMES


def test_nor_more_nor_less_than_240_ms_of_it_are_needed() -> None:
    """The referee believes in a word 60 ms behind its begin; here it does at once."""
    assert 0.24 - 0.06 <= FRAMES * 0.02 <= 0.24


@pytest.mark.parametrize(
    ("likely", "excess_db", "beside_db"),
    [(0.01, VOICE_DB, PASSED_DB), (0.1, WEAKER_DB, PASSED_DB), (0.99, 4.0, PASSED_DB), (0.99, VOICE_DB, TAKEN_DB)],
    ids=["no speech", "hardly speech", "hardly above an echo", "all of it the canceller takes for echo"],
)
def test_all_three_have_to_speak_for_it(likely: float, excess_db: float, beside_db: float) -> None:
    assert frames_until(trusting(Expert(likely)), excess_db, beside_db) is None


def test_what_stands_out_far_need_hardly_be_speech() -> None:
    assert frames_until(trusting(Expert(0.1)), VOICE_DB) == FRAMES


def test_what_stands_out_is_suspected_before_anybody_believes_in_it_and_for_half_a_second() -> None:
    here = trusting(Expert(0.0))
    for number in range(HINTS):
        assert not here.suspects, number
        here.frame(LEFT, WEAKER_DB, TAKEN_DB, echoes=True)
    for number in range(SUSPECT_FRAMES + 1):
        assert here.suspects, number
        here.frame(LEFT, EXPECTED_DB, TAKEN_DB, echoes=True)
    assert not here.suspects


def test_a_frame_that_stands_out_alone_is_not_suspected() -> None:
    here = trusting(Expert(0.99))
    for number in range(100):
        here.frame(LEFT, VOICE_DB if number % 4 == 0 else EXPECTED_DB, TAKEN_DB, echoes=True)
        assert not here.suspects


def test_a_click_does_not_interrupt() -> None:
    here = trusting(Expert(0.99))
    told = [
        here.frame(LEFT, VOICE_DB if number % 20 < 6 else EXPECTED_DB, PASSED_DB, echoes=True) for number in range(200)
    ]
    assert not any(told)


def test_of_what_an_echo_leaves_the_referee_is_not_asked() -> None:
    referee = Expert(0.99)
    assert frames_until(trusting(referee), EXPECTED_DB) is None
    assert referee.asked == 0


def test_until_the_filter_is_trusted_it_says_nothing() -> None:
    referee = Expert(0.99)
    assert frames_until(NearVoice(referee), VOICE_DB) is None
    assert referee.asked == 0


def test_it_is_not_trusted_by_what_holds_no_echo_nor_by_as_much_that_is_astray() -> None:
    here = NearVoice(Expert(0.99))
    for _ in range(4 * TRUSTED):
        here.frame(LEFT, EXPECTED_DB, TAKEN_DB, echoes=False)
    assert not here.trusts
    for number in range(4 * TRUSTED):
        here.frame(LEFT, VOICE_DB if number % 2 else EXPECTED_DB, TAKEN_DB, echoes=True)
    assert not here.trusts


def test_where_the_echo_may_come_another_way_trust_is_earned_anew() -> None:
    here = trusting(Expert(0.99))
    here.distrust()
    assert frames_until(here, VOICE_DB) is None


def test_it_denies_a_voice_of_which_nothing_stands_out_and_no_other() -> None:
    assert not NearVoice(Expert(0.99)).denies, "it knows nothing yet"
    here = trusting(Expert(0.99))
    told = []
    for excess_db, frames in ((EXPECTED_DB, 1), (WEAK_DB, 3), (EXPECTED_DB, WINDOW)):
        for _ in range(frames):
            here.frame(LEFT, excess_db, PASSED_DB, echoes=True)
        told.append(here.denies)
    assert told == [True, False, True]
