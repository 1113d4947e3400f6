"""The listener itself: it knows pauses and what was put in, and is not fooled."""

import random

import numpy as np
import pytest

from hero365_edge.core.jitter import JitterBuffer
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm, silence
from hero365_edge.core.stretch import FADE, PAST, ending, faded_in
from tests.listening import numbered
from tests.played import played, without_soft_ends

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


@pytest.mark.parametrize("cut", [0, 100])
def test_soft_ends_are_told_from_content(cut: int) -> None:
    first, second = CONTENT[:900], CONTENT[900:1700]
    soft = [np.concatenate([pcm, ending(pcm[-PAST:])]) for pcm in (first, second)]
    heard = np.concatenate(soft)[: 1700 + 2 * FADE - cut]
    assert np.array_equal(without_soft_ends(heard), CONTENT[:1700])
    for untouched in (CONTENT, silence(900), np.full(900, 500, np.int16), numbered(900), chime()):
        assert np.array_equal(without_soft_ends(untouched), untouched)


PERIOD = FRAME_SAMPLES
AHEAD = 6 * PERIOD
"""As much as the player keeps in the card's queue."""


def chime() -> Pcm:
    """A tone of 523 Hz that fades: whatever period is put in, several fit into one place."""
    at = np.arange(RATE_HZ)
    return np.round(8000 * np.cos(2 * np.pi * 523.25 * at / RATE_HZ) * np.exp(-2 * at / RATE_HZ) + 1).astype(np.int16)


def through_the_buffer(content: Pcm, seed: int, end_is_told: bool) -> tuple[JitterBuffer, list[tuple[str, Pcm]]]:
    """An answer in chunks of 40 ms that come late now and then, as the jitter buffer and a card make it heard.

    Each piece with what it is by the buffer's own account: `content`, `put in`, `bridge` or `silence`.
    """
    dice = random.Random(seed)  # noqa: S311  weather, no secret
    buffer = JitterBuffer(60)
    buffer.model.seed(dice.choice([0.0, 0.03, 0.1, 0.3]))
    chunks, at = [], 0.0
    for begin in range(0, len(content), 2 * FRAME_SAMPLES):
        at = max(at, begin / RATE_HZ) + dice.choice([0.0, 0.0, 0.0, 0.0, 0.0, 0.02, dice.random() * 0.3])
        chunks.append((at, content[begin : begin + 2 * FRAME_SAMPLES]))
    pieces: list[tuple[str, Pcm]] = []
    queued, ticks, ends_at = 0, 0, at + (0.0 if end_is_told else 0.5)

    def feed(now: float, until: int, need: int) -> int:
        held = queued
        while held < until:
            before = buffer.tally.given
            pcm = buffer.take(until - held if need == 0 else AHEAD, held, now, need and held + 1)
            if not len(pcm):
                break
            other = "put in" if need == 0 else "bridge"
            pieces.append(("content" if buffer.tally.given - before == len(pcm) else other, pcm))
            held += len(pcm)
        return held

    while not buffer.finished or queued:
        now = ticks * 0.005
        while chunks and chunks[0][0] <= now:
            buffer.put(chunks[0][1], chunks.pop(0)[0])
        if not chunks and now >= ends_at:
            buffer.end()
        queued = feed(now, AHEAD, need=0)
        if ticks % 4 == 0:
            queued = feed(now, PERIOD, need=1)
            pieces.append(("silence", silence(max(0, PERIOD - queued))))
            queued = max(0, queued - PERIOD)
        ticks += 1
    return buffer, pieces


@pytest.mark.parametrize("end_is_told", [False, True])
@pytest.mark.parametrize("content", [numbered(2 * RATE_HZ), chime()], ids=["numbered", "chime"])
def test_the_buffer_puts_in_what_it_says_and_the_listener_follows_it_to_the_sample(
    content: Pcm, end_is_told: bool
) -> None:
    put_in = underruns = 0
    for seed in range(16):
        buffer, pieces = through_the_buffer(content, seed, end_is_told)
        assert sum(len(pcm) for kind, pcm in pieces if kind == "put in") == buffer.tally.stretched
        assert_untouched(pieces, content)
        heard = np.concatenate([pcm for _, pcm in pieces])
        assert played(heard[np.flatnonzero(heard)[0] :], content) == len(content)
        put_in += buffer.tally.stretched
        underruns += buffer.tally.underruns
    assert put_in > RATE_HZ
    assert underruns > 5


def assert_untouched(pieces: list[tuple[str, Pcm]], content: Pcm) -> None:
    """Each sample of content is there, in order, as it was but for a soft beginning behind each stop."""
    at = fading = 0
    for kind, pcm in pieces:
        if kind == "content":
            soft = min(fading, len(pcm))
            assert np.array_equal(pcm[soft:], content[at + soft : at + len(pcm)])
            at += len(pcm)
            fading -= soft
        elif kind == "put in":
            assert fading == 0, "nothing is put in while it rises"
        elif len(pcm):
            fading = FADE
    assert at == len(content)
