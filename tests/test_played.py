"""The listener itself: it knows pauses and what was put in, and is not fooled."""

import numpy as np
import pytest

from hero365_edge.core.pcm import Pcm, silence
from hero365_edge.core.stretch import FADE, faded_in
from tests.played import played

CONTENT: Pcm = (np.random.default_rng(1).integers(1, 8000, 4000) * np.array([1, -1]).repeat(2000)).astype(np.int16)


def test_what_was_played_as_it_is_is_recognised_whole() -> None:
    assert played(CONTENT, CONTENT) == len(CONTENT)


def test_what_was_cut_off_is_counted_as_far_as_it_was_heard() -> None:
    assert played(CONTENT[:1500], CONTENT) == 1500


def test_a_pause_with_a_soft_beginning_behind_it_loses_nothing() -> None:
    heard = np.concatenate([CONTENT[:900], silence(777), faded_in(CONTENT[900:], 0.0)])
    assert played(heard, CONTENT) == len(CONTENT)


def test_a_period_that_was_put_in_loses_nothing() -> None:
    heard = np.concatenate([CONTENT[:900], CONTENT[800:920], CONTENT[900:]])
    assert played(heard, CONTENT) == len(CONTENT)


@pytest.mark.parametrize("missing", [1, FADE, 500])
def test_what_is_missing_is_noticed(missing: int) -> None:
    heard = np.concatenate([CONTENT[:900], CONTENT[900 + missing :]])
    with pytest.raises(AssertionError):
        played(heard, CONTENT)


def test_what_comes_twice_is_noticed() -> None:
    with pytest.raises(AssertionError):
        played(np.concatenate([CONTENT[:1500], CONTENT[900:]]), CONTENT)
