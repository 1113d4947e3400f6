"""The last answer, kept for a double tap."""

import numpy as np

from hero365_edge.core.pcm import RATE_HZ, silence
from hero365_edge.core.replay import LONGEST_S, LastAnswer


def test_the_last_answer_is_all_that_was_added_since_it_began() -> None:
    last = LastAnswer()
    last.add(np.array([1, 2], np.int16))
    last.begin()
    last.add(np.array([3], np.int16))
    last.add(np.array([4, 5], np.int16))
    assert last.pcm().tolist() == [3, 4, 5]


def test_without_an_answer_it_is_empty() -> None:
    assert len(LastAnswer().pcm()) == 0


def test_it_does_not_grow_for_ever() -> None:
    last = LastAnswer()
    for _ in range(LONGEST_S + 60):
        last.add(silence(RATE_HZ))
    assert len(last.pcm()) == LONGEST_S * RATE_HZ
