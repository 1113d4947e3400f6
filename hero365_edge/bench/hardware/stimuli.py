"""What the benches play: speech-shaped noise, tones. Full scale is 1; the same seed gives the same samples."""

import numpy as np

from hero365_edge.bench.hardware.levels import Sound

SPEECH = (
    *((63, 38.6), (80, 43.5), (100, 54.4), (125, 57.7), (160, 56.8), (200, 60.2), (250, 60.3), (315, 59.0)),
    *((400, 62.1), (500, 62.1), (630, 60.5), (800, 56.8), (1000, 53.7), (1250, 53.0), (1600, 52.0), (2000, 48.7)),
    *((2500, 48.1), (3150, 46.8), (4000, 45.6), (5000, 44.5), (6300, 44.3), (8000, 43.7)),
)
"""Third octaves in Hz, and the long-term level of speech in each in dB (Byrne et al. 1994, J. Acoust. Soc. Am. 96)."""
FADE_S = 0.01
SYLLABLES_PER_S, PAUSES = 4, 0.2
"""Speech is modulated most at some 4 Hz (Houtgast and Steeneken 1985, J. Acoust. Soc. Am. 77)."""


def speech_shaped(seconds: float, rate_hz: int, dbfs: float, seed: int = 1) -> Sound:
    """Noise with the long-term spectrum of speech, 100 Hz to 7 kHz, of this level."""
    samples = round(seconds * rate_hz)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    hz = np.maximum(np.fft.rfftfreq(samples, 1 / rate_hz), 1.0)
    third_db = np.interp(np.log(hz), [np.log(at) for at, _ in SPEECH], [level for _, level in SPEECH])
    gain = 10 ** ((third_db - 10 * np.log10(hz)) / 20)  # a third octave is the wider the higher it is
    gain[(hz < 100) | (hz > 7000)] = 0.0
    noise = np.fft.irfft(spectrum * gain, samples)
    return faded(noise * 10 ** (dbfs / 20) / np.sqrt(np.mean(np.square(noise))), rate_hz)


def speech_like(seconds: float, rate_hz: int, dbfs: float, seed: int = 1) -> Sound:
    """The same, loud and soft as speech is: syllables, four in a second, each as loud as it happens, and pauses."""
    noise = speech_shaped(seconds, rate_hz, 0.0, seed)
    dice = np.random.default_rng(seed)
    syllables = dice.uniform(0.2, 1.0, round(seconds * SYLLABLES_PER_S) + 1)
    syllables[dice.random(len(syllables)) < PAUSES] = 0.0
    at = np.arange(len(noise)) * SYLLABLES_PER_S / rate_hz
    voiced = noise * syllables[at.astype(np.int64)] * np.sin(np.pi * (at % 1)) ** 2
    louder: Sound = voiced * 10 ** (dbfs / 20) / np.sqrt(np.mean(np.square(voiced)))
    return louder


def faded(sound: Sound, rate_hz: int) -> Sound:
    """The sound without a click at either end: 10 ms of fade."""
    ramp = np.sin(np.linspace(0, np.pi / 2, round(FADE_S * rate_hz))) ** 2
    shaped: Sound = sound.copy()
    shaped[: len(ramp)] *= ramp
    shaped[len(shaped) - len(ramp) :] *= ramp[::-1]
    return shaped
