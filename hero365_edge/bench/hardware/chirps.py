"""When chirps arrive: found by correlation, to a part of a sample."""

from collections.abc import Sequence

import numpy as np

from hero365_edge.bench.hardware.levels import Sound

LENGTH_S = 0.05
FROM_HZ, TO_HZ = 800.0, 6500.0
"""A loudspeaker's and a telephone microphone's best range; the wider, the sharper the peak."""
LEVEL = 0.3
CLEAR = 6.0
"""The peak stands so many times above the rest, or no chirp was heard."""


def chirp(rate_hz: int) -> Sound:
    """One chirp at a card's rate: linear in frequency, rising and falling softly."""
    seconds = np.arange(round(LENGTH_S * rate_hz)) / rate_hz
    phase = 2 * np.pi * (FROM_HZ * seconds + (TO_HZ - FROM_HZ) * seconds**2 / (2 * LENGTH_S))
    shaped: Sound = LEVEL * np.sin(phase) * np.hanning(len(seconds))
    return shaped


def train(rate_hz: int, count: int, every_s: float) -> Sound:
    """Chirps, `every_s` apart: the first at once, and as much quiet behind the last."""
    sound = np.zeros(round(count * every_s * rate_hz))
    one = chirp(rate_hz)
    for first in firsts(rate_hz, count, every_s):
        sound[first : first + len(one)] = one
    return sound


def firsts(rate_hz: int, count: int, every_s: float) -> Sequence[int]:
    """Where in `train` each chirp begins."""
    return [round(number * every_s * rate_hz) for number in range(count)]


def arrivals(recorded: Sound, rate_hz: int, count: int, every_s: float) -> Sequence[float | None]:
    """At which sample each chirp of a train begins in a recording that holds it; None for one that is not heard.

    The recording begins before the first chirp arrives, and at most `every_s` before. The strongest arrival counts:
    in a room that is the direct one.
    """
    envelope = _envelope(recorded, rate_hz)
    first = _first(envelope, rate_hz, count, every_s)
    half = every_s * rate_hz / 2
    found = []
    for number in range(count):
        centre = first + number * every_s * rate_hz
        found.append(_peak(envelope, max(0, round(centre - half)), round(centre + half)))
    return found


def _first(envelope: Sound, rate_hz: int, count: int, every_s: float) -> int:
    """About where the first begins: all chirps laid over one another."""
    step = round(every_s * rate_hz)
    whole = min(count, len(envelope) // step)
    return int(np.argmax(np.sum(envelope[: whole * step].reshape(whole, step), axis=0)))


def _envelope(recorded: Sound, rate_hz: int) -> Sound:
    """How much the recording is like the chirp at each sample, whatever its phase (a loudspeaker turns it)."""
    one = chirp(rate_hz)
    length = 1 << (len(recorded) + len(one)).bit_length()
    likeness = np.fft.fft(recorded, length) * np.conj(np.fft.fft(one, length))
    likeness[length // 2 :] = 0.0  # half the spectrum gives the analytic signal, whose size is the envelope
    envelope: Sound = np.abs(np.fft.ifft(likeness))[: len(recorded)]
    return envelope


def _peak(envelope: Sound, begin: int, end: int) -> float | None:
    piece = envelope[begin:end]
    if len(piece) < 3:
        return None
    top = int(np.argmax(piece))
    if piece[top] < CLEAR * max(float(np.median(piece)), 1e-12):
        return None
    if not 0 < top < len(piece) - 1:
        return float(begin + top)
    left, middle, right = (float(value) for value in piece[top - 1 : top + 2])
    return begin + top + 0.5 * (left - right) / (left - 2 * middle + right)  # the parabola through the three
