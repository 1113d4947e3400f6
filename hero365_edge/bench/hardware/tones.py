"""Distortion of a steady tone: harmonics alone (THD), and everything that is not the tone (THD+N)."""

import math
from dataclasses import dataclass

import numpy as np

from hero365_edge.bench.hardware.levels import Sound, db, windowed

TONE_HZ = 1000.0
"""IEC 60268-3 and AES17 measure here."""
BAND_HZ = (20.0, 7600.0)
"""What is beyond is not heard of a voice at 16 kHz."""
WIDE_HZ = 15.0
"""The tone and each harmonic have so much room either side: a loudspeaker's wanders with its voice coil."""
HARMONICS = 7
BLACKMAN_HARRIS = (0.35875, -0.48829, 0.14128, -0.01168)
"""Four terms, side lobes 92 dB down (Harris 1978, Proc. IEEE 66): they must lie below the distortion."""


@dataclass(frozen=True, slots=True)
class Purity:
    """What a tone became."""

    level_dbfs: float
    """Of the tone itself."""
    thd_percent: float
    """Harmonics 2 to 7 beside the tone."""
    thd_n_percent: float
    """All that is not the tone, 20 Hz to 7.6 kHz, beside all there is (AES17)."""


def tone(seconds: float, rate_hz: int, dbfs: float, hz: float = TONE_HZ) -> Sound:
    """A sine whose level is `dbfs` as `levels.py` has it: -3 is full scale."""
    turns = hz * np.arange(round(seconds * rate_hz)) / rate_hz
    sine: Sound = math.sqrt(2) * 10 ** (dbfs / 20) * np.sin(2 * np.pi * turns)
    return sine


def purity(sound: Sound, rate_hz: int, hz: float = TONE_HZ) -> Purity | None:
    """How pure a tone of about `hz` is; None when it is not the loudest there is."""
    power, lines_hz = windowed(sound, rate_hz, blackman_harris(len(sound)))
    band = (lines_hz >= BAND_HZ[0]) & (lines_hz <= BAND_HZ[1])
    loudest_hz = float(lines_hz[np.argmax(np.where(band, power, 0.0))])
    if abs(loudest_hz - hz) > WIDE_HZ:
        return None
    here = np.abs(lines_hz - loudest_hz) <= WIDE_HZ
    fundamental = float(np.sum(power[here]))
    rest = float(np.sum(power[band & ~here]))
    # What noise the tone's own room has is guessed from the rest: else it would pass for the tone.
    rest *= 1 + np.count_nonzero(here) / np.count_nonzero(band & ~here)
    harmonics = sum(_harmonic(power, lines_hz, number * loudest_hz) for number in range(2, HARMONICS + 1))
    return Purity(
        level_dbfs=db(fundamental),
        thd_percent=100 * math.sqrt(harmonics / fundamental),
        thd_n_percent=100 * math.sqrt(rest / (fundamental + rest)),
    )


def blackman_harris(samples: int) -> Sound:
    """The window of this length."""
    turns = 2 * np.pi * np.arange(samples) / samples
    return sum((term * np.cos(number * turns) for number, term in enumerate(BLACKMAN_HARRIS)), np.zeros(samples))


def _harmonic(power: Sound, lines_hz: Sound, at_hz: float) -> float:
    """Its power, the noise that would be there without it left out."""
    distance = np.abs(lines_hz - at_hz)
    here, around = distance <= WIDE_HZ, (distance > WIDE_HZ) & (distance <= 4 * WIDE_HZ)
    if not np.any(around):
        return 0.0
    noise = float(np.mean(power[around])) * int(np.count_nonzero(here))
    return max(0.0, float(np.sum(power[here])) - noise)
