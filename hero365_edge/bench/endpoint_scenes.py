"""Utterances in a vehicle: real speech, seeded noise, a press, where the first word begins and the last one ends."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from hero365_edge.bench.vehicle_noise import Sound, noise
from hero365_edge.core.pcm import RATE_HZ, Pcm, samples_of

CLEAN: Final = "clean"
Snr = float | str
"""In dB, of the speech while there is speech, over all of the noise; or `CLEAN`."""
SNRS: tuple[Snr, ...] = (CLEAN, 20.0, 15.0, 10.0, 5.0, 0.0)

SPEECH_DBFS = -26.0
"""The level of speech while there is speech (ITU-T P.56's way of saying it)."""
HISS_DBFS = -75.0
"""No microphone gives zeros: so much is there in a clean recording too."""
SPEECH_RANGE_DB = 25.0
"""What is so much softer than the rest is no speech, but breath or room."""
OWN_NOISE_DB, OWN_NOISE_AT_MOST_DB = 6.0, 15.0
"""Nor is what is as soft as the softest twentieth of the recording, so much more or less; but what is at most the
second softer than the rest is."""
BEFORE_S, AFTER_S = 1.6, 3.0
INTO_THE_WORD_S = 0.1
"""People speak, then press."""
_BLOCK = RATE_HZ // 100


@dataclass(frozen=True, slots=True)
class Scene:
    """One utterance, as a microphone of 16 kHz hears it."""

    name: str
    pcm: Pcm
    pressed: int
    """The sample at which the button goes down."""
    begin: int
    """The sample at which the first word begins."""
    end: int
    """The sample behind the last word's last."""


def spoken(clip: Pcm) -> tuple[int, int]:
    """From where to where somebody speaks in a clean recording, in samples. Raises ValueError when nobody does."""
    blocks = clip[: len(clip) // _BLOCK * _BLOCK].reshape(-1, _BLOCK).astype(np.float64)
    db = 10 * np.log10(np.mean(np.square(blocks), axis=1) + 1e-9)
    if not len(db) or db.max() < 10:
        raise ValueError("a recording without sound")
    level = 10 * np.log10(np.mean(10 ** (db[db > db.max() - 30] / 10)))
    own = min(np.percentile(db, 5) + OWN_NOISE_DB, level - OWN_NOISE_AT_MOST_DB)
    loud = np.flatnonzero(db > max(level - SPEECH_RANGE_DB, own))
    return int(loud[0]) * _BLOCK, (int(loud[-1]) + 1) * _BLOCK


def scene(name: str, clip: Pcm, snr: Snr, seed: int, radio: Pcm) -> Scene:
    """The same for the same arguments, and the same drive at each SNR."""
    first, last = spoken(clip)
    words = clip[first:last].astype(np.float64)
    before, after = samples_of(BEFORE_S * 1000), samples_of(AFTER_S * 1000)
    level = 32768 * 10 ** (SPEECH_DBFS / 20)
    words *= level / _level(words)
    # What is left of the room at the clip's edges fades, so that no step is heard.
    edge = samples_of(5)
    words[:edge] *= np.linspace(0, 1, edge)
    words[-edge:] *= np.linspace(1, 0, edge)
    sound = np.concatenate([np.zeros(before), words, np.zeros(after)])
    dice = np.random.default_rng([seed, zlib.crc32(name.encode())])
    sound += around(len(sound), snr, dice, radio)
    pcm = np.clip(np.round(sound), -32768, 32767).astype(np.int16)
    return Scene(name, pcm, before + samples_of(INTO_THE_WORD_S * 1000), before, before + len(words))


def around(samples: int, snr: Snr, dice: np.random.Generator, radio: Pcm) -> Sound:
    """What there is to hear beside the words, in units of int16."""
    hiss = dice.standard_normal(samples) * 32768 * 10 ** (HISS_DBFS / 20)
    if isinstance(snr, str):
        return hiss
    return hiss + noise(samples, dice, radio) * 32768 * 10 ** ((SPEECH_DBFS - snr) / 20)


def scenes(clips: Mapping[str, Pcm], snr: Snr, seed: int, radio: Pcm) -> list[Scene]:
    """Each clip once."""
    return [scene(name, clip, snr, seed, radio) for name, clip in clips.items()]


def _level(words: Sound) -> float:
    """Root mean square of the parts in which somebody speaks."""
    blocks = words[: len(words) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    power = np.mean(np.square(blocks), axis=1)
    return float(np.sqrt(np.mean(power[power > power.max() / 10**3])))
