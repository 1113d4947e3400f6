"""The interruption benchmark: answers in a room, a voice into some of them, and a clock that drifts."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hero365_edge.bench.endpoint_scenes import spoken
from hero365_edge.core.gate import Referee
from hero365_edge.core.interruption import Interruption
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm, duration_s, samples_of
from hero365_edge.echo_ports import Canceller

Sound = NDArray[np.float64]

ROOM_MS, ROOM_FADES_MS = 120, 19
"""The length of the room's answer to a click, and how soon it is a third."""
DELAY_MS = 60
"""Through both cards' buffers and the air; the reference comes that much early."""
LEVEL = 2000.0
"""Of echo and voice alike: an echo-to-near ratio of 0 dB."""
HISS = 15.0
SETTLE_S = 10.0
"""The canceller learns the room in the first answer after power on; before that nothing is counted."""
EVERY_S = 6.0
"""A voice comes so often, for 2 s at the most."""
VOICE_S = 2.0
FOUND_MS = 400
LATEST_S = 1.5


@dataclass(frozen=True, slots=True)
class Found:
    """What became of all the voices, and of the answers without one."""

    voices: int
    in_time_percent: float
    """Found within `FOUND_MS` of the voice's first loud sample."""
    p50_ms: float
    p95_ms: float
    false: int
    alone_s: float
    """So long an answer was heard with nobody speaking into it."""
    erle_db: float
    """How much of the echo alone is gone."""


@dataclass(frozen=True, slots=True)
class Room:
    """One recording of answers, and of voices into them."""

    played: Pcm
    heard: Pcm
    alone: Pcm
    """What would be heard without the voices."""
    begins: tuple[int, ...]
    """At which samples somebody begins to speak."""


def room(answers: Pcm, voices: Sequence[Pcm], seed: int, drift_ppm: float) -> Room:
    """The answers without a pause, each voice into them in turn."""
    dice = np.random.default_rng(seed)
    samples = samples_of(1000 * (SETTLE_S + EVERY_S * len(voices)))
    played = np.resize(answers, samples).astype(np.float64)
    played *= 1.5 * LEVEL / np.sqrt(np.mean(np.square(played)))
    click = np.arange(samples_of(ROOM_MS))
    response = dice.standard_normal(len(click)) * np.exp(-click / samples_of(ROOM_FADES_MS))
    late = np.concatenate([np.zeros(samples_of(DELAY_MS)), played])[:samples]
    echo = _drifted(_convolved(late, response), drift_ppm)
    echo *= LEVEL / np.sqrt(np.mean(np.square(echo)))
    voice, begins = np.zeros(samples), []
    for number, clip in enumerate(voices):
        first, last = spoken(clip)
        words = clip[first : min(last, first + samples_of(1000 * VOICE_S))].astype(np.float64)
        words *= LEVEL / np.sqrt(np.mean(np.square(words)))
        at = samples_of(1000 * (SETTLE_S + EVERY_S * number)) + int(dice.integers(RATE_HZ))
        voice[at : at + len(words)] += words
        begins.append(at)
    hiss = dice.standard_normal(samples) * HISS
    return Room(_pcm(played), _pcm(echo + voice + hiss), _pcm(echo + hiss), tuple(begins))


def measure(here: Room, canceller: Callable[[], Canceller], referee: Callable[[], Referee]) -> Found:
    """Each call gives one that has heard nothing yet."""
    kept = sorted(_times(here, canceller().cancel, Interruption(referee())))
    false, alone_s, gone_db = _false(here, canceller().cancel, Interruption(referee()))
    in_time = sum(time_ms <= FOUND_MS for time_ms in kept)
    p95 = kept[min(int(0.95 * len(kept)), len(kept) - 1)]
    return Found(len(kept), 100 * in_time / len(kept), kept[len(kept) // 2], p95, false, alone_s, gone_db)


def _times(here: Room, cancel: Callable[[Pcm, Pcm], Pcm], interruption: Interruption) -> list[float]:
    """How long each voice took to be found; `LATEST_S` when it never was."""
    found: list[float] = []
    pending = list(here.begins)
    for at in _frames(here):
        heard = here.heard[at : at + FRAME_SAMPLES]
        interrupts = interruption.frame(heard, cancel(heard, here.played[at : at + FRAME_SAMPLES]))
        if not pending or at < pending[0]:
            continue
        took_s = duration_s(at + FRAME_SAMPLES - pending[0])
        if interrupts or took_s >= LATEST_S:
            found.append(1000 * min(took_s, LATEST_S))
            del pending[0]
    return found


def _false(here: Room, cancel: Callable[[Pcm, Pcm], Pcm], interruption: Interruption) -> tuple[int, float, float]:
    """How often nobody was found, in how many seconds, and how many dB of the echo are gone."""
    settled = samples_of(1000 * SETTLE_S)
    false, again_at, counted, heard_power, left_power = 0, settled, 0, 0.0, 1e-9
    for at in _frames(here):
        heard = here.alone[at : at + FRAME_SAMPLES]
        left = cancel(heard, here.played[at : at + FRAME_SAMPLES])
        interrupts = interruption.frame(heard, left)
        if at >= settled:
            counted += 1
            heard_power += _power(heard)
            left_power += _power(left)
        if interrupts and at >= again_at:
            false += 1
            again_at = at + RATE_HZ
    return false, duration_s(counted * FRAME_SAMPLES), 10 * math.log10(heard_power / left_power)


def _frames(here: Room) -> range:
    return range(0, len(here.played) - FRAME_SAMPLES + 1, FRAME_SAMPLES)


def _drifted(sound: Sound, ppm: float) -> Sound:
    """As a card records it whose clock is so much slower than the speaker's."""
    places = np.arange(len(sound), dtype=np.float64)
    drifted: Sound = np.interp(places * (1 + ppm * 1e-6), places, sound)
    return drifted


def _convolved(sound: Sound, response: Sound) -> Sound:
    length = 1 << (len(sound) + len(response)).bit_length()
    return np.fft.irfft(np.fft.rfft(sound, length) * np.fft.rfft(response, length), length)[: len(sound)]


def _pcm(sound: Sound) -> Pcm:
    return np.clip(np.round(sound), -32768, 32767).astype(np.int16)


def _power(pcm: Pcm) -> float:
    return float(np.mean(np.square(pcm, dtype=np.float64)))
