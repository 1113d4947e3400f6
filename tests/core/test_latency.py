"""One turn's record."""

import pytest

from hero365_edge.core.latency import STAGES, TARGETS_MS, Turn


def test_the_stages_are_the_products_in_its_order() -> None:
    assert STAGES == ("press", "speech_end", "endpoint", "committed", "accepted", "first_byte", "first_sample")
    assert TARGETS_MS == {"first_sample": 600}


def test_times_are_told_as_milliseconds_since_the_speech_ended() -> None:
    turn = Turn("u1", outcome="answered", heard="yes")
    for stage, at in zip(STAGES, (98.5, 100.0, 100.24, 100.2504, 100.3, 100.4, 100.5996), strict=True):
        turn.mark(stage, at)
    told = turn.since_speech_end_ms()
    assert told == {
        "press": -1500,
        "speech_end": 0,
        "endpoint": 240,
        "committed": 250,
        "accepted": 300,
        "first_byte": 400,
        "first_sample": 600,
    }
    assert tuple(told) == STAGES


def test_a_stage_that_was_not_reached_has_no_time() -> None:
    turn = Turn("u1", press=0.0, speech_end=0.0)
    assert turn.since_speech_end_ms() == dict.fromkeys(STAGES) | {"press": 0, "speech_end": 0}


def test_without_speech_no_stage_has_a_time() -> None:
    turn = Turn("u1", press=1.0, endpoint=7.0)
    assert turn.since_speech_end_ms() == dict.fromkeys(STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_marked_the_first_time_it_happens(stage: str) -> None:
    turn = Turn("u1")
    turn.mark(stage, 0.0)
    turn.mark(stage, 5.0)
    assert getattr(turn, stage) == 0.0


def test_a_stage_that_there_is_not_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(AttributeError):
        Turn("u1").mark("finished", 1.0)
