"""What a vehicle sounds like from inside, synthesised from a seed: road, engine, fan, wipers, indicator, radio.

No recording: each part has the shape that the literature gives it, and all are mixed by their power. Road and wind
fall with frequency, the engine hums at its firing rate and many multiples of it and never quite steadily, the fan is
broad, the wipers come and go, the indicator clicks, and the radio is somebody else's speech.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hero365_edge.core.pcm import RATE_HZ, Pcm

Sound = NDArray[np.float64]

ROAD_DB, ENGINE_DB, FAN_DB = 0.0, -3.0, -9.0
"""Always there: the power of each beside the road's."""
WIPERS_DB, INDICATOR_DB, RADIO_DB = -9.0, -15.0, -12.0
"""There in so much of the scenes:"""
WIPERS_SHARE, INDICATOR_SHARE, RADIO_SHARE = 0.3, 0.4, 0.25


@dataclass(frozen=True, slots=True)
class Ride:
    """What there is to hear on one drive."""

    wipers: bool
    indicator: bool
    radio: bool


def noise(samples: int, dice: np.random.Generator, radio: Pcm) -> Sound:
    """A drive of this length at 16 kHz, of power 1. `radio` is speech of at least a second, heard on some drives."""
    ride = Ride(*(bool(dice.random() < share) for share in (WIPERS_SHARE, INDICATOR_SHARE, RADIO_SHARE)))
    parts = [(_road(samples, dice), ROAD_DB), (_engine(samples, dice), ENGINE_DB), (_fan(samples, dice), FAN_DB)]
    if ride.wipers:
        parts.append((_wipers(samples, dice), WIPERS_DB))
    if ride.indicator:
        parts.append((_indicator(samples, dice), INDICATOR_DB))
    if ride.radio:
        parts.append((_radio(samples, dice, radio), RADIO_DB))
    mixed = sum((_of_power_1(part) * 10 ** (db / 20) for part, db in parts), np.zeros(samples))
    return _of_power_1(mixed)


def _of_power_1(sound: Sound) -> Sound:
    scaled: Sound = sound / np.sqrt(np.mean(np.square(sound)))
    return scaled


def _shaped(samples: int, dice: np.random.Generator, points: list[tuple[float, float]]) -> Sound:
    """Noise whose spectrum goes through these points of (Hz, dB), straight lines on a logarithmic axis between."""
    spectrum = np.fft.rfft(dice.standard_normal(samples))
    hz = np.maximum(np.fft.rfftfreq(samples, 1 / RATE_HZ), 1.0)
    db = np.interp(np.log2(hz), [np.log2(at) for at, _ in points], [level for _, level in points])
    return np.fft.irfft(spectrum * 10 ** (db / 20), samples)


def _swell(samples: int, dice: np.random.Generator, per_s: float, db: float) -> Sound:
    """A slow rise and fall, of `db` standard deviation."""
    steps = dice.standard_normal(int(samples / RATE_HZ * per_s) + 3)
    return 10 ** (db * np.interp(np.arange(samples), np.arange(len(steps)) * RATE_HZ / per_s, steps) / 20)


def _road(samples: int, dice: np.random.Generator) -> Sound:
    """Tyres and wind: most of it below 150 Hz, some 8 dB an octave less above, as rough as the surface is."""
    low = [(20.0, -3.0), (60.0, 0.0), (100.0, -3.0), (200.0, -10.0)]
    high = [(400.0, -18.0), (1000.0, -28.0), (4000.0, -42.0)]
    return _shaped(samples, dice, low + high) * _swell(samples, dice, 2.0, 1.5)


def _engine(samples: int, dice: np.random.Generator) -> Sound:
    """A firing rate from idling (25 Hz) to 3000 rpm of four cylinders (100 Hz), and 30 multiples of it."""
    steps = int(samples / RATE_HZ * 4) + 3
    walk = np.interp(np.arange(samples), np.arange(steps) * RATE_HZ / 4, np.cumsum(dice.normal(0, 0.01, steps)))
    phase = 2 * np.pi * np.cumsum(dice.uniform(25.0, 100.0) * np.exp(walk)) / RATE_HZ
    hum = np.zeros(samples)
    for multiple in range(1, 31):
        loudness = 10 ** (dice.normal(0, 4) / 20) / multiple**1.2
        hum += loudness * np.sin(multiple * phase + dice.uniform(0, 2 * np.pi))
    return hum * _swell(samples, dice, 1.0, 1.0)


def _fan(samples: int, dice: np.random.Generator) -> Sound:
    """Air, and the hiss of the microphone's own amplifier."""
    return _shaped(samples, dice, [(50.0, -12.0), (200.0, 0.0), (800.0, -3.0), (3000.0, -12.0), (8000.0, -18.0)])


def _wipers(samples: int, dice: np.random.Generator) -> Sound:
    """A swish each second or so, and a thump where it turns round."""
    period = int(dice.uniform(1.0, 1.6) * RATE_HZ)
    swish = int(0.4 * RATE_HZ)
    sound = np.zeros(samples + period)
    for at in range(int(dice.integers(period)), samples, period):
        rub = _shaped(swish, dice, [(200.0, -12.0), (800.0, 0.0), (2500.0, 0.0), (6000.0, -20.0)])
        sound[at : at + swish] += rub * np.hanning(swish)
        t = np.arange(swish // 4) / RATE_HZ
        sound[at : at + len(t)] += 0.3 * np.sin(2 * np.pi * 70 * t) * np.exp(-t / 0.02)
    return sound[:samples]


def _indicator(samples: int, dice: np.random.Generator) -> Sound:
    """The relay's click on and click off, 85 times a minute."""
    period = int(60 / 85 * RATE_HZ)
    t = np.arange(int(0.02 * RATE_HZ)) / RATE_HZ
    sound = np.zeros(samples + period)
    for at in range(int(dice.integers(period)), samples, period):
        for later, hz in ((0, 2600.0), (period // 2, 2100.0)):
            sound[at + later : at + later + len(t)] += np.sin(2 * np.pi * hz * t) * np.exp(-t / 0.003)
    return sound[:samples]


def _radio(samples: int, dice: np.random.Generator, speech: Pcm) -> Sound:
    """Somebody talks, without end, out of a small loudspeaker."""
    begin = int(dice.integers(len(speech)))
    said = np.resize(np.roll(speech, -begin), samples).astype(np.float64)
    spectrum = np.fft.rfft(said)
    hz = np.fft.rfftfreq(samples, 1 / RATE_HZ)
    return np.fft.irfft(np.where((hz > 200) & (hz < 6000), spectrum, 0), samples)
