"""The interruption benchmark: answers in a room, a voice into some of them, and a clock that drifts."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hero365_edge.bench.endpoint_scenes import spoken
from hero365_edge.bench.vehicle_noise import noise
from hero365_edge.core.barge_in import BargeIn
from hero365_edge.core.ducking import DUCKED_DB, FADED_S, Ducking
from hero365_edge.core.pcm import EMPTY, FRAME_SAMPLES, RATE_HZ, Pcm, duration_s, samples_of
from hero365_edge.core.referee import Referee
from hero365_edge.echo_ports import Canceller

Sound = NDArray[np.float64]

ROOM_MS, ROOM_FADES_MS = 120, (12, 24)
"""The length of the room's answer to a click, and how soon it is a third: between these."""
DELAY_MS = (30, 80)
"""Through both cards' buffers and the air, between these; the reference comes that much early."""
PAST_S = 0.5
"""So late an echo may be, drift and all."""
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
    suspicions: int
    """How often the answer was played softer for a moment, with nobody speaking into it."""
    alone_s: float
    """So long an answer was heard with nobody speaking into it."""
    erle_db: float
    """How much of the echo alone is gone."""


@dataclass(frozen=True, slots=True)
class Room:
    """Answers, voices into them, and what makes an echo of what is played there."""

    played: Pcm
    voice: Sound
    """Of those who speak into the answers, in units of int16."""
    noise: Sound
    """Beside it, with them and without."""
    response: Sound
    """The room's to a click."""
    delay_samples: int
    drift_ppm: float
    begins: tuple[int, ...]
    """At which samples somebody begins to speak."""


def room(
    answers: Pcm, voices: Sequence[Pcm], seed: int, drift_ppm: float, noise_db: float | None = None, radio: Pcm = EMPTY
) -> Room:
    """The answers without a pause, each voice into them in turn. Where it is, and what it is like, is in the seed.

    `noise_db`: so much softer than the echo a vehicle is around, with this `radio`; None is a parked one.
    """
    dice = np.random.default_rng(seed)
    samples = samples_of(1000 * (SETTLE_S + EVERY_S * len(voices)))
    played = np.resize(answers, samples).astype(np.float64)
    played *= 1.5 * LEVEL / _rms(played)
    click = np.arange(samples_of(ROOM_MS))
    response = dice.standard_normal(len(click)) * np.exp(-click / samples_of(dice.uniform(*ROOM_FADES_MS)))
    response *= LEVEL / _rms(_convolved(played, response))
    voice, begins = np.zeros(samples), []
    for number, clip in enumerate(voices):
        first, last = spoken(clip)
        words = clip[first : min(last, first + samples_of(1000 * VOICE_S))].astype(np.float64)
        words *= LEVEL / _rms(words)
        at = samples_of(1000 * (SETTLE_S + EVERY_S * number)) + int(dice.integers(RATE_HZ))
        voice[at : at + len(words)] += words
        begins.append(at)
    around = dice.standard_normal(samples) * HISS
    if noise_db is not None:
        vehicle = noise(samples, dice, radio)
        around += vehicle * LEVEL / _rms(vehicle) * 10 ** (-noise_db / 20)
    delay = samples_of(dice.uniform(*DELAY_MS))
    return Room(_pcm(played), voice, around, response, delay, drift_ppm, tuple(begins))


class Air:
    """Brings what is played to the microphone, frame by frame, later and later by a clock that drifts."""

    def __init__(self, here: Room) -> None:
        self._here = here
        self._played: Sound = np.zeros(samples_of(1000 * PAST_S))
        self._arrived: Sound = np.zeros(len(here.response) - 1)
        self._frames = 0

    def frame(self, played: Pcm) -> Sound:
        """The echo during the next 320 samples, in which these are played."""
        end = (self._frames + 1) * FRAME_SAMPLES
        self._played = np.concatenate([self._played[FRAME_SAMPLES:], played])
        moments = np.arange(end - FRAME_SAMPLES, end) * (1 - 1e-6 * self._here.drift_ppm) - self._here.delay_samples
        arrived = np.interp(moments, np.arange(end - len(self._played), end), self._played)
        self._arrived = np.concatenate([self._arrived, arrived])[1 - len(self._here.response) - FRAME_SAMPLES :]
        self._frames += 1
        echo: Sound = np.convolve(self._arrived, self._here.response, "valid")
        return echo

    @property
    def delay_samples(self) -> int:
        """So late is the echo by now."""
        return self._here.delay_samples + round(1e-6 * self._here.drift_ppm * self._frames * FRAME_SAMPLES)


@dataclass(frozen=True, slots=True)
class Moment:
    """20 ms in that room."""

    at: int
    """Its first sample."""
    heard: Pcm
    left: Pcm
    interrupts: bool
    suspicions: int
    """How many there were so far."""


def moments(here: Room, canceller: Canceller, referee: Callable[[], Referee], *, voices: bool) -> Iterator[Moment]:
    """All that is heard there, with the voices or without. The answer is played softer where one is suspected."""
    air, ducking, barge_in = Air(here), Ducking(), BargeIn(referee)
    softer_from, suspicions = math.inf, 0
    for at in range(0, len(here.played) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        now = slice(at, at + FRAME_SAMPLES)
        played = ducking.apply(here.played[now])
        heard = _pcm(air.frame(played) + here.noise[now] + (here.voice[now] if voices else 0.0))
        left = canceller.cancel(heard, played)
        interrupts = barge_in.frame(heard, played, left, answering=True, softer=at >= softer_from)
        if interrupts:
            barge_in.begin()
        if not barge_in.suspects:
            ducking.by_db, softer_from = 0.0, math.inf
        elif not ducking.by_db:
            ducking.by_db = DUCKED_DB
            softer_from = at + 2 * FRAME_SAMPLES + air.delay_samples + samples_of(1000 * FADED_S)
            suspicions += 1
        yield Moment(at, heard, left, interrupts, suspicions)


def measure(here: Room, canceller: Callable[[], Canceller], referee: Callable[[], Referee]) -> Found:
    """Each call gives one that has heard nothing yet."""
    kept = sorted(_times(here, moments(here, canceller(), referee, voices=True)))
    in_time = sum(time_ms <= FOUND_MS for time_ms in kept)
    p95 = kept[min(int(0.95 * len(kept)), len(kept) - 1)]
    alone = [one for one in moments(here, canceller(), referee, voices=False) if one.at >= samples_of(1000 * SETTLE_S)]
    heard_power, left_power = (
        sum(_power(pcm) for pcm in pieces) + 1e-9
        for pieces in ([one.heard for one in alone], [one.left for one in alone])
    )
    return Found(
        voices=len(kept),
        in_time_percent=100 * in_time / len(kept),
        p50_ms=kept[len(kept) // 2],
        p95_ms=p95,
        false=_apart([one.at for one in alone if one.interrupts]),
        suspicions=alone[-1].suspicions - alone[0].suspicions,
        alone_s=duration_s(len(alone) * FRAME_SAMPLES),
        erle_db=10 * math.log10(heard_power / left_power),
    )


def _times(here: Room, heard: Iterable[Moment]) -> list[float]:
    """How long each voice took to be found; `LATEST_S` when it never was."""
    found: list[float] = []
    pending = list(here.begins)
    for one in heard:
        if not pending or one.at < pending[0]:
            continue
        took_s = duration_s(one.at + FRAME_SAMPLES - pending[0])
        if one.interrupts or took_s >= LATEST_S:
            found.append(1000 * min(took_s, LATEST_S))
            del pending[0]
    return found


def _apart(samples: Sequence[int]) -> int:
    """How many there are that are a second behind the one before."""
    counted: list[int] = []
    for at in samples:
        if not counted or at >= counted[-1] + RATE_HZ:
            counted.append(at)
    return len(counted)


def _convolved(sound: Sound, response: Sound) -> Sound:
    length = 1 << (len(sound) + len(response)).bit_length()
    return np.fft.irfft(np.fft.rfft(sound, length) * np.fft.rfft(response, length), length)[: len(sound)]


def _pcm(sound: Sound) -> Pcm:
    return np.clip(np.round(sound), -32768, 32767).astype(np.int16)


def _rms(sound: Sound) -> float:
    return float(np.sqrt(np.mean(np.square(sound))))


def _power(pcm: Pcm) -> float:
    return float(np.mean(np.square(pcm, dtype=np.float64)))
