"""What every shelf does: the one in memory, and the folder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm
from hero365_edge.devices.shelf import FolderShelf
from hero365_edge.fakes.shelf import FakeShelf
from hero365_edge.shelf_ports import Shelf

Store = Callable[[], Shelf]
"""Gives the shelf to one process after the other."""


@pytest.fixture(params=["fake", "real"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "real":
        return lambda: FolderShelf(tmp_path / "outbox")
    shelf = FakeShelf(lasts=True)
    return lambda: shelf


def frame(number: int) -> Pcm:
    return np.arange(number, number + FRAME_SAMPLES).astype(np.int16)


def speak(shelf: Shelf, name: str, frames: int = 3, at: float = 100.0) -> None:
    for number in range(frames):
        shelf.add(name, frame(number), at + number * 0.02)


def test_what_was_added_is_found_by_the_next_process_frame_by_frame(store: Store) -> None:
    shelf = store()
    assert shelf.lasts
    speak(shelf, "a")
    [left] = store().leftovers()
    assert (left.utterance_id, left.whole) == ("a", False)
    assert np.array_equal(left.pcm, np.concatenate([frame(0), frame(1), frame(2)]))
    assert left.spoken_at == pytest.approx(100.04)


def test_a_whole_utterance_is_told_from_one_that_was_cut(store: Store) -> None:
    shelf = store()
    for name in ("a", "b"):
        speak(shelf, name)
    shelf.complete("a")
    assert {left.utterance_id: left.whole for left in store().leftovers()} == {"a": True, "b": False}


def test_they_are_found_in_the_order_they_were_spoken(store: Store) -> None:
    shelf = store()
    for name, at in (("c", 300.0), ("a", 200.0), ("b", 100.0)):
        speak(shelf, name, at=at)
    assert [left.utterance_id for left in store().leftovers()] == ["b", "a", "c"]


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("by_the_next", [False, True])
def test_what_is_removed_is_not_found_again(store: Store, whole: bool, by_the_next: bool) -> None:
    shelf = store()
    speak(shelf, "a")
    if whole:
        shelf.complete("a")
    if by_the_next:
        shelf = store()
        assert len(shelf.leftovers()) == 1
    shelf.remove("a")
    assert store().leftovers() == []


def test_what_is_not_there_can_be_completed_and_removed(store: Store) -> None:
    shelf = store()
    shelf.complete("nobody")
    shelf.remove("nobody")
    assert shelf.leftovers() == []


def test_an_utterance_of_before_can_be_left_once_more(store: Store) -> None:
    speak(store(), "a")
    assert [len(store().leftovers()) for _ in range(3)] == [1, 1, 1]
