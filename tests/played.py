"""Recognises an answer in what was heard of it: a busy machine causes pauses, and the jitter buffer deals with them."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hero365_edge.core.pcm import Pcm, silence
from hero365_edge.core.stretch import FADE, LONGEST, PAST, ending

_KEY = 16
"""So many samples in a row tell a place of the content."""
_MOST_PUT_IN = 2 * LONGEST
"""Where a place for a period was long in coming, several go in there: what was owed is at most one of the longest."""


def played(heard: Pcm, content: Pcm) -> int:
    """How many samples of `content`, of which none is zero, `heard` begins with: each once and in order.

    In between there may be periods of the voice that were put in; and pauses, each with a soft end of no content
    before it and a soft beginning behind it, which more periods may follow at once. What is left of `heard` behind
    them, and is no silence, is at most what a cut in the middle of such a place explains.
    """
    at = place = 0
    while at < len(heard) and place < len(content):
        both = min(len(heard) - at, len(content) - place)
        differing = np.flatnonzero(heard[at : at + both] != content[place : place + both])
        same = int(differing[0]) if len(differing) else both
        at += same
        place += same
        if same == both:
            break
        put_in = _find(content[place : place + _KEY], heard[at : at + _MOST_PUT_IN + _KEY])
        if put_in is not None:
            at += put_in  # cross-faded from content of both sides
            continue
        soft_end = _find(content[place + FADE : place + FADE + _KEY], heard[at:])
        if soft_end is None or soft_end < FADE:
            break
        loud = np.flatnonzero(heard[at : at + soft_end])
        pause = int(np.diff(loud, prepend=-1).max()) if len(loud) else soft_end
        assert pause > 1, "content is missing, or came twice"
        assert len(loud) <= 2 * FADE + _MOST_PUT_IN, "only a pause with its soft ends, and periods, stand in between"
        around = content[max(0, place - FADE) : place + FADE].astype(int)
        assert np.abs(heard[at : at + soft_end].astype(int)).max() <= np.abs(around).max()
        at += soft_end
        place += FADE
    assert np.count_nonzero(heard[at:]) <= FADE + _MOST_PUT_IN, "something else was heard"
    return place


def without_soft_ends(heard: Pcm) -> Pcm:
    """What was heard without what ended a sound softly that broke off, or was over though nobody had told it."""
    behind = np.concatenate([silence(PAST), heard])
    kept, begin = [], 0
    quiet = np.flatnonzero(np.abs(np.subtract(behind[PAST:], behind[PAST - 2 : -2], dtype=int)) <= 1)
    for at in quiet.tolist():
        soft = ending(behind[at : at + PAST])[: len(heard) - at]
        if at >= begin and len(soft) > _KEY and soft.any() and np.array_equal(heard[at : at + FADE], soft):
            kept.append(heard[begin:at])
            begin = at + FADE
    return np.concatenate([*kept, heard[begin:]])


def begins(heard: Pcm, content: Pcm) -> int:
    """Where in what was heard this content begins for the first time."""
    at = _find(content[:_KEY], heard)
    assert at is not None, "it was not heard"
    return at


def _find(key: Pcm, within: Pcm) -> int | None:
    """Where `key` begins."""
    if not len(key) or len(within) < len(key):
        return None
    places = np.flatnonzero((sliding_window_view(within, len(key)) == key).all(axis=1))
    return int(places[0]) if len(places) else None
