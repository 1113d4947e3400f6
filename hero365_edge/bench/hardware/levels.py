"""How loud: levels, weightings, mains hum, and which channels hear. Sound is float, full scale is 1.

Levels are root mean square beside a full-scale square wave (dBFS), as `core/gate.py` has them; a full-scale sine is -3.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hero365_edge.core.pcm import Pcm

Sound = NDArray[np.float64]
SILENT_DBFS = -120.0
"""Nothing is told to be softer: 16 bit end 20 dB above."""
SPEECH_HZ = (100.0, 7000.0)
"""Where speech is compared with noise."""
MAINS_HZ = (50.0, 60.0)
HARMONICS = 6
LINE_HZ = 1.0
"""A line of the mains is looked for so far either side; the grid keeps within 0.2 Hz, its sixth harmonic within 1.2."""
BESIDE_HZ = 6.0
"""What is so far beside a line is noise that would be there without it."""
DEAD_BELOW_DB = 30.0
"""A channel so far beneath the loudest hears nothing but the other's wire."""


def sound_of(pcm: Pcm) -> Sound:
    """Samples against full scale, whatever their shape."""
    return pcm.astype(np.float64) / 32768


def db(power: float) -> float:
    """A power against full scale in dBFS."""
    return max(SILENT_DBFS, 10 * math.log10(max(power, 1e-30)))


def level_dbfs(sound: Sound) -> float:
    """The level of all of it, what stands still (DC) left out."""
    return db(float(np.var(sound)))


def a_weighted_dbfs(sound: Sound, rate_hz: int) -> float:
    """The level as an ear weighs it (curve A of IEC 61672-1)."""
    power, hz = windowed(sound, rate_hz, np.hanning(len(sound)))
    return db(float(np.sum(power * a_weight(hz) ** 2)))


def a_weight(hz: Sound) -> Sound:
    """The gain of curve A at each frequency; 1 at 1 kHz (IEC 61672-1, annex E)."""
    square = np.square(hz)
    gain = (12194.0**2 * square**2) / (
        (square + 20.6**2) * np.sqrt((square + 107.7**2) * (square + 737.9**2)) * (square + 12194.0**2)
    )
    weight: Sound = gain * 10 ** (2.0 / 20)
    return weight


def band_power(sound: Sound, rate_hz: int, low_hz: float, high_hz: float) -> float:
    """The power between two frequencies, wherever in the sound it is."""
    power, hz = _whole(sound, rate_hz)
    return float(np.sum(power[(hz >= low_hz) & (hz <= high_hz)]))


def spectrum_dbfs(sound: Sound, rate_hz: int, width_hz: float = 10.0) -> tuple[Sound, Sound]:
    """Frequencies, and the level in the `width_hz` around each: for a picture."""
    length = min(len(sound), max(16, round(rate_hz / width_hz)))
    pieces = sound[: len(sound) // length * length].reshape(-1, length)
    window = np.hanning(length)
    spectra = np.abs(np.fft.rfft((pieces - np.mean(sound)) * window, axis=1)) ** 2
    power = 2 * np.mean(spectra, axis=0) / (length * np.sum(window**2))
    level: Sound = 10 * np.log10(np.maximum(power, 10 ** (SILENT_DBFS / 10)))
    return _hz(length, rate_hz), level


def hum_dbfs(sound: Sound, rate_hz: int) -> float:
    """The mains' lines together, of 50 or of 60 Hz, whichever is louder; what noise there is around them left out."""
    power, hz = windowed(sound, rate_hz, np.hanning(len(sound)))
    hums = [sum(_line(power, hz, mains * (1 + n)) for n in range(HARMONICS)) for mains in MAINS_HZ]
    return db(max(hums))


def _line(power: Sound, hz: Sound, at_hz: float) -> float:
    distance = np.abs(hz - at_hz)
    line = distance <= LINE_HZ
    around = power[(distance > 2 * LINE_HZ) & (distance <= BESIDE_HZ)]
    noise = float(np.mean(around)) * int(np.count_nonzero(line)) if around.size else 0.0
    return max(0.0, float(np.sum(power[line])) - noise)


def dc_dbfs(sound: Sound) -> float:
    """How far the mean is from zero."""
    return db(float(np.mean(sound)) ** 2)


def clipped_percent(pcm: Pcm) -> float:
    """The share of samples at the end of the scale."""
    return 100 * float(np.mean((pcm == 32767) | (pcm == -32768)))


def dead_channels(pcm: Pcm) -> int:
    """How many channels of samples of shape (n, channels) never change, or hear 30 dB less than the loudest."""
    levels = channel_levels_dbfs(pcm)
    return sum(level <= max(*levels, SILENT_DBFS + DEAD_BELOW_DB) - DEAD_BELOW_DB for level in levels)


def channel_levels_dbfs(pcm: Pcm) -> Sequence[float]:
    """Of each channel of samples of shape (n, channels)."""
    return [level_dbfs(sound_of(pcm[:, channel])) for channel in range(pcm.shape[1])]


def likeness(first: Sound, second: Sound) -> float:
    """The correlation of two channels, -1 to 1: negative when one is the wrong way round."""
    a, b = first - np.mean(first), second - np.mean(second)
    size = math.sqrt(float(np.sum(a**2)) * float(np.sum(b**2)))
    return float(np.sum(a * b)) / size if size else 0.0


def loudest(sound: Sound, samples: int) -> Sound:
    """The `samples` in a row that have the most power."""
    sums = np.concatenate([[0.0], np.cumsum(np.square(sound))])
    first = int(np.argmax(sums[samples:] - sums[:-samples])) if len(sound) > samples else 0
    return sound[first : first + samples]


def windowed(sound: Sound, rate_hz: int, window: Sound) -> tuple[Sound, Sound]:
    """The power in each line of the spectrum, DC left out, and its frequency; by a window, so that lines stay lines."""
    power: Sound = 2 * np.abs(np.fft.rfft((sound - np.mean(sound)) * window)) ** 2 / (len(sound) * np.sum(window**2))
    return power, _hz(len(sound), rate_hz)


def _whole(sound: Sound, rate_hz: int) -> tuple[Sound, Sound]:
    """The same without a window: every moment counts alike."""
    spectrum = np.abs(np.fft.rfft(sound)) ** 2 / len(sound) ** 2
    spectrum[1:] *= 2
    if len(sound) % 2 == 0:
        spectrum[-1] /= 2
    spectrum[0] = 0.0
    return spectrum, _hz(len(sound), rate_hz)


def _hz(samples: int, rate_hz: int) -> Sound:
    lines: Sound = np.fft.rfftfreq(samples, 1 / rate_hz).astype(np.float64)
    return lines
