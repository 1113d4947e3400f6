"""Listens by arithmetic: where one sound is in another, how like it is, whether it is whole, and when it was heard."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hero365_edge.core.pcm import RATE_HZ, Pcm, samples_of
from tests.alsa_rig import Recording

WORD_MS = 300
"""A first or last word counts as whole by this much of it."""
FOLLOW_MS = 40
_BEGINNINGS_MS = (WORD_MS, 1000, 3000)
_LOUD = 32768 * 10 ** (-40 / 20)


@dataclass(frozen=True, slots=True)
class Found:
    """One sound found in another. Likeness is the normalised cross-correlation: 1 is the same wave, however loud."""

    at: int
    """The sample of the other where it begins; below 0 when its beginning is missing."""
    likeness: float
    """Of all of it."""
    first_word: float
    """Of its first `WORD_MS` alone, at the same place."""
    last_word: float
    """Of its last `WORD_MS` alone."""

    @property
    def least(self) -> float:
        """The smallest of the three."""
        return min(self.likeness, self.first_word, self.last_word)


def find(said: Pcm, heard: Pcm, rate_hz: int = RATE_HZ) -> Found:
    """Where `said` is in `heard`, both of shape (n,) at `rate_hz`, and how like it is there."""
    size = len(said)
    wanted = said.astype(np.float64)
    around = np.concatenate([np.zeros(size), heard.astype(np.float64), np.zeros(size)])
    length = 1 << (len(around) + size).bit_length()
    spectrum = np.fft.rfft(around, length) * np.conj(np.fft.rfft(wanted, length))
    products = np.fft.irfft(spectrum, length)[: len(around) - size + 1]
    power = np.square(wanted).sum()
    powers = np.concatenate([[0.0], np.cumsum(np.square(around))])
    # Where there is next to nothing, nothing is like it.
    here = np.maximum(powers[size:] - powers[:-size], 0.01 * power)
    best = int(np.argmax(products / np.sqrt(power * here)))
    piece = around[best : best + size]
    word = min(samples_of(WORD_MS, rate_hz), size)
    return Found(
        at=best - size,
        likeness=_likeness(wanted, piece),
        first_word=_likeness(wanted[:word], piece[:word]),
        last_word=_likeness(wanted[-word:], piece[-word:]),
    )


@dataclass(frozen=True, slots=True)
class Followed:
    """One sound followed through another that has pauses and put-in pieces, but every part once and in order."""

    likeness: float
    """Of all of it, its parts put where they were found."""
    put_in_ms: int
    """Silence and stretch in between."""


def follow(said: Pcm, heard: Pcm, most_ms: int = 3000) -> Followed:
    """Where each `FOLLOW_MS` of `said` is in `heard`, 16 kHz, each no earlier behind its beginning than the one before.

    `most_ms` may be put in altogether. What was left out, doubled or garbled lowers the likeness. The beginning is
    looked for by the first word and by more: one short word may sound like another, and pauses may part a long piece.
    """
    margin = samples_of(2 * FOLLOW_MS)
    begins = {max(0, find(said[: samples_of(ms)], heard).at - margin) for ms in _BEGINNINGS_MS}
    return max((_follow(said, heard[begin:], most_ms) for begin in begins), key=lambda found: found.likeness)


def _follow(said: Pcm, heard: Pcm, most_ms: int) -> Followed:
    """The same, from the beginning of `heard` on: the path through all places and delays with the largest sum of
    products (dynamic programming)."""
    block, lags = samples_of(FOLLOW_MS), samples_of(most_ms)
    blocks = said[: len(said) // block * block].reshape(-1, block).astype(np.float64)
    around = np.concatenate([heard.astype(np.float64), np.zeros(len(said) + lags)])
    best, came_from = np.zeros(lags), []
    for number, wanted in enumerate(blocks):
        piece = around[number * block : number * block + lags + block - 1]
        length = 1 << len(piece).bit_length()
        products = np.fft.irfft(np.fft.rfft(piece, length) * np.conj(np.fft.rfft(wanted, length)), length)[:lags]
        sums = np.concatenate([[0.0], np.cumsum(np.square(piece))])
        score = products / np.sqrt(np.maximum(sums[block:] - sums[:-block], 1.0) * max(np.square(wanted).sum(), 1.0))
        top = np.maximum.accumulate(best)
        came_from.append(np.maximum.accumulate(np.where(best == top, np.arange(lags), 0)))
        best = top + score * np.square(wanted).sum()
    lag = int(np.argmax(best))
    path = [lag]
    for steps in reversed(came_from[1:]):
        lag = int(steps[lag])
        path.append(lag)
    path.reverse()
    found = [around[number * block + lag : number * block + lag + block] for number, lag in enumerate(path)]
    return Followed(_likeness(blocks.reshape(-1), np.concatenate(found)), round((path[-1] - path[0]) * 1000 / RATE_HZ))


def _likeness(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    powers = np.square(one).sum() * np.square(other).sum()
    return float(np.dot(one, other) / np.sqrt(powers)) if powers else 0.0


def sounding(pcm: Pcm) -> slice:
    """From the first sample that is not zero to the last; empty when all are."""
    places = np.flatnonzero(pcm)
    return slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, 0)


def words_of(clip: Pcm) -> Pcm:
    """A clip without the quiet at both ends: its first and last samples belong to words."""
    block = samples_of(20)
    blocks = clip[: len(clip) // block * block].reshape(-1, block).astype(np.float64)
    loud = np.flatnonzero(np.sqrt(np.square(blocks).mean(axis=1)) > _LOUD)
    return clip[loud[0] * block : (loud[-1] + 1) * block]


def numbered(samples: int) -> Pcm:
    """An answer whose every sample tells its number, and none is silence: 1, 2 … 32767, -32767 … -1; 4 s at most."""
    assert samples < 2**16
    numbers = np.arange(1, samples + 1)
    return np.where(numbers < 2**15, numbers, numbers - 2**16 + 1).astype(np.int16)


def begin_of(recording: Recording, rate_hz: int = RATE_HZ) -> float:
    """When a recording's first sample was heard, on the monotonic clock; sample n was heard n / `rate_hz` later.

    The recorder hands a sample out late, never early, and the card's pace is even: so the earliest tells. Of two
    interleaved channels each sample counts, at twice the rate.
    """
    return min(at - end / rate_hz for at, end in recording.arrivals())
