"""The noise floor: how soon it follows what."""

import pytest

from hero365_edge.core.floor import NoiseFloor


def after(levels: list[tuple[float, bool]]) -> float:
    floor = NoiseFloor()
    for level, voiced in levels:
        floor.note(level, voiced)
    assert floor.dbfs is not None
    return floor.dbfs


def test_before_anything_was_heard_there_is_none() -> None:
    assert NoiseFloor().dbfs is None


def test_it_begins_where_the_first_frame_is() -> None:
    assert after([(-50.0, False)]) == -50.0


def test_it_is_down_in_half_a_second_after_a_loud_beginning() -> None:
    assert after([(-20.0, True)] * 5 + [(-60.0, False)] * 25) == pytest.approx(-60.0, abs=0.5)


def test_a_louder_road_is_followed_in_two_seconds() -> None:
    assert after([(-60.0, False)] * 50 + [(-45.0, False)] * 100) == pytest.approx(-45.0, abs=0.5)


def test_five_seconds_of_speech_hardly_lift_it() -> None:
    assert after([(-60.0, False)] * 50 + [(-20.0, True)] * 250) < -54.0
