"""Slows speech down without changing its pitch: finds where one more period of the voice can be put in (WSOLA).

An insertion leaves every sample of the content as it was: between two neighbours goes a piece as long as the pitch
period, which begins like what follows, ends like what came before, and is cross-faded in between. (Verhelst and
Roelands, "An overlap-add technique based on waveform similarity", 1993; NetEq's `preemptive_expand.cc` does the same.)
"""

import numpy as np
from numpy.typing import NDArray

from hero365_edge.core.pcm import EMPTY, RATE_HZ, Pcm, samples_of

SHORTEST = samples_of(2.5)
"""Of a period of the voice: 400 Hz."""
LONGEST = samples_of(15)
"""66 Hz."""
BEFORE = samples_of(5)
AFTER = samples_of(10)
"""How much is compared on either side of the place."""
PAST = BEFORE + LONGEST
"""How many samples before the place the search wants to see."""
COMING = LONGEST
"""How many samples behind it: an insertion is cross-faded with as many."""
ALIKE = 0.7
"""The least correlation at one period's distance (NetEq asks for 0.9, and for 0.5 in haste)."""
SILENT = 10 ** (-45 / 20) * 32768
"""Below this level (RMS) nothing is heard of what is put in, whatever it is."""
FADE = samples_of(10)

_COARSE = 4
"""The search looks at every fourth sample first (4 kHz), then around the best."""


def silent(pcm: Pcm | NDArray[np.float32]) -> bool:
    """Whether nothing in it is loud enough to be a voice."""
    samples = pcm.astype(np.float32)
    return len(pcm) == 0 or float(np.dot(samples, samples)) < SILENT * SILENT * len(pcm)


def insertion(past: Pcm, coming: Pcm) -> Pcm:
    """What can be put in between, shape (n,), SHORTEST to LONGEST samples; none where no place is good enough.

    `past` are the PAST samples before the place and `coming` at least the COMING samples behind it; raises ValueError
    where they are not.
    """
    if len(past) != PAST or len(coming) < COMING:
        raise ValueError(f"{len(past)} samples before and {len(coming)} behind; {PAST} and {COMING} are needed")
    joined = np.concatenate([past, coming[:COMING]]).astype(np.float32)
    if silent(joined[PAST - BEFORE : PAST + AFTER]):
        period = samples_of(10)
    else:
        period, likeness = _period(joined)
        if likeness < ALIKE:
            return EMPTY
    falling = _falling(period)
    mixed = joined[PAST : PAST + period] * falling + joined[PAST - period : PAST] * (1 - falling)
    return np.round(mixed).astype(np.int16)


def faded_in(pcm: Pcm, start: float, done: int = 0) -> Pcm:
    """The same samples, rising from `start` (0 to 1) of their level; `done` of the FADE samples came before."""
    count = max(0, min(FADE - done, len(pcm)))
    rising = 1 - (1 - start) * _falling(FADE)[done : done + count]
    return np.concatenate([np.round(pcm[:count] * rising).astype(np.int16), pcm[count:]])


def ending(past: Pcm) -> Pcm:
    """What ends a sound that breaks off, without a click: its last FADE samples backwards, fading. None of content."""
    return np.round(past[-2 : -FADE - 2 : -1] * _falling(FADE)).astype(np.int16)


def _period(joined: NDArray[np.float32]) -> tuple[int, float]:
    """The distance at which the surroundings of the place are most like themselves, and how much (-1 to 1)."""
    coarse = joined[: len(joined) - len(joined) % _COARSE].reshape(-1, _COARSE).mean(axis=1)
    place, before, after = PAST // _COARSE, BEFORE // _COARSE, AFTER // _COARSE
    lags = (SHORTEST // _COARSE, LONGEST // _COARSE)
    best, _ = _most_alike(coarse, place - before, place + after, *lags)
    nearby = (max(SHORTEST, (best - 1) * _COARSE), min(LONGEST, (best + 1) * _COARSE))
    return _most_alike(joined, PAST - BEFORE, PAST + AFTER, *nearby)


def _most_alike(samples: NDArray[np.float32], begin: int, end: int, least: int, most: int) -> tuple[int, float]:
    """Which shift of `samples[begin:end]` back, from `least` to `most`, is most like it: normalised correlation."""
    pattern = samples[begin:end]
    width = end - begin
    field = samples[begin - most : end - least]
    products = np.correlate(field, pattern, "valid")
    energies = np.convolve(field * field, np.ones(width, np.float32), "valid")
    likeness = products / np.sqrt(energies * np.dot(pattern, pattern) + 1.0)
    best = int(np.argmax(likeness))
    return most - best, float(likeness[best])


def _falling(samples: int) -> NDArray[np.float32]:
    """From nearly 1 to nearly 0, half a cosine wide."""
    phase = (np.arange(samples, dtype=np.float32) + 0.5) / samples
    return (0.5 + 0.5 * np.cos(np.pi * phase)).astype(np.float32)


assert PAST * 1000 == RATE_HZ * 20  # noqa: S101  a frame of 20 ms is history enough, wherever its middle is cut
