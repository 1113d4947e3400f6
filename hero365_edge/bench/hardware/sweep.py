"""The frequency response by an exponential sine sweep (Farina 2000, AES 108th Convention, paper 5093).

The sweep, convolved with its inverse, is a click: what is recorded of it, so convolved, is the response to a click, and
what the loudspeaker distorts comes before that, each harmonic at a time of its own, where a window keeps it out.
"""

import math
from dataclasses import dataclass

import numpy as np

from hero365_edge.bench.hardware.levels import Sound
from hero365_edge.bench.hardware.stimuli import faded

LOW_HZ, HIGH_HZ = 60.0, 7800.0
"""The sweep's ends lie outside what is told, 100 Hz to 7.6 kHz: there the click has ripples."""
TOLD_HZ = (100.0, 7600.0)
SWEEP_S = 5.0
BEFORE_S, AFTER_S = 0.05, 0.25
"""The part of the click's response that is looked at, about its highest point; the second harmonic is 0.7 s before."""
LEVEL = 0.3
"""Peak, full scale 1."""
PER_OCTAVE = 12


@dataclass(frozen=True, slots=True)
class Response:
    """Levels in third octaves, a twelfth of an octave apart."""

    hz: Sound
    db: Sound
    """Beside what was played."""


def sweep(rate_hz: int) -> Sound:
    """The sweep at a card's rate."""
    seconds = np.arange(round(SWEEP_S * rate_hz)) / rate_hz
    growth = math.log(HIGH_HZ / LOW_HZ)
    phase = 2 * np.pi * LOW_HZ * SWEEP_S / growth * np.expm1(seconds / SWEEP_S * growth)
    return faded(LEVEL * np.sin(phase), rate_hz)


def response(recorded: Sound, rate_hz: int) -> Response:
    """What became of the sweep in a recording at `rate_hz` that holds it all."""
    heard, played = _spectrum(recorded, rate_hz), _spectrum(sweep(rate_hz), rate_hz)
    lines_hz = np.fft.rfftfreq(2 * (len(heard) - 1), 1 / rate_hz).astype(np.float64)
    top_hz = min(TOLD_HZ[1], 0.475 * rate_hz)
    steps = math.floor(PER_OCTAVE * math.log2(top_hz / TOLD_HZ[0]) + 1e-9)
    centres = TOLD_HZ[0] * 2 ** (np.arange(steps + 1) / PER_OCTAVE)
    levels = [_third(heard, lines_hz, float(hz)) - _third(played, lines_hz, float(hz)) for hz in centres]
    return Response(centres, np.array(levels))


def unevenness_db(of: Response, low_hz: float, high_hz: float) -> float:
    """How far, at most, the response is from its mean between two frequencies."""
    inside = of.db[(of.hz >= low_hz) & (of.hz <= high_hz)]
    return float(np.max(np.abs(inside - np.mean(inside))))


def click(recorded: Sound, rate_hz: int) -> Sound:
    """The response to a click, as long as `recorded`."""
    inverse = _inverse(rate_hz)
    length = 1 << (len(recorded) + len(inverse)).bit_length()
    whole = np.fft.irfft(np.fft.rfft(recorded, length) * np.fft.rfft(inverse, length), length)
    return whole[: len(recorded) + len(inverse)]


def _inverse(rate_hz: int) -> Sound:
    """The sweep backwards, softer towards its low end by 6 dB an octave: it stays there longest."""
    forward = sweep(rate_hz)
    decay = np.exp(-np.arange(len(forward)) / len(forward) * math.log(HIGH_HZ / LOW_HZ))
    backward: Sound = forward[::-1] * decay
    return backward


def _spectrum(recorded: Sound, rate_hz: int) -> Sound:
    """The power spectrum of the click's response about its highest point."""
    whole = click(recorded, rate_hz)
    before, after = round(BEFORE_S * rate_hz), round(AFTER_S * rate_hz)
    peak = int(np.argmax(np.abs(whole)))
    padded = np.concatenate([np.zeros(before), whole, np.zeros(after)])[peak : peak + before + after]
    rise, fall = np.hanning(before)[: before // 2], np.hanning(after)[after // 2 :]
    padded[: len(rise)] *= rise
    padded[len(padded) - len(fall) :] *= fall
    power: Sound = np.abs(np.fft.rfft(padded, 2 * rate_hz)) ** 2
    return power


def _third(power: Sound, lines_hz: Sound, centre_hz: float) -> float:
    side = 2 ** (1 / 6)
    inside = (lines_hz >= centre_hz / side) & (lines_hz <= centre_hz * side)
    return 10 * math.log10(max(float(np.mean(power[inside])), 1e-30))
