"""What a loop from a speaker to a microphone does to sound, known exactly: for the benches' known answers.

As a program it stands between two of the rig's cards: it reads what a speaker plays and feeds a microphone with it.

    python -m tests.impairment '{"delay_samples": 800, "noise_dbfs": -60}' hero_spk hero_mic

SIGUSR1 makes everything behind it `LATER_SAMPLES` later.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float64]

TAPS = 64
"""Of the interpolator between samples, good to -80 dB up to 7.6 kHz at 16 kHz."""
OFFSETS = np.arange(-TAPS // 2 + 1, TAPS // 2 + 1)
STEPS = 2048
"""Places between two samples."""
AHEAD_MS = 120
"""So much silence goes into the microphone first: room for a program that is late."""
LATER_SAMPLES = 1000
RATE_HZ = 16_000


def _kernels() -> Sound:
    distance = OFFSETS - np.arange(STEPS + 1)[:, None] / STEPS
    kernels: Sound = np.sinc(distance) * np.cos(np.pi * distance / (TAPS + 2)) ** 2
    return kernels


KERNELS = _kernels()


@dataclass(frozen=True, slots=True)
class Impairment:
    """What is done, in this order."""

    second: float = 0.0
    """So much of the square is added: a loudspeaker's distortion. Full scale is 1."""
    taps: Sequence[float] = (1.0,)
    """A filter."""
    delay_samples: int = TAPS
    """No less than half the interpolator's taps, and what a drift needs for its time."""
    drift_ppm: float = 0.0
    """The microphone's clock is so much slower: it takes fewer samples of the same sound."""
    gain: float = 1.0
    noise_dbfs: float | None = None
    """White."""
    hum_dbfs: float | None = None
    """50 Hz."""
    dc: float = 0.0


@dataclass(slots=True)
class Loop:
    """An impairment at work, block by block."""

    of: Impairment
    rate_hz: int = RATE_HZ
    _tail: Sound = field(init=False)
    _past: Sound = field(init=False)
    _taken: int = 0
    _given: int = 0
    _later: int = 0
    _dice: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._tail = np.zeros(len(self.of.taps) - 1)
        self._past = np.zeros(0)
        self._dice = np.random.default_rng(7)

    def put_off(self, samples: int) -> None:
        """From here on everything comes so much later: what was there is heard again for so long."""
        self._later += samples

    def pass_on(self, sound: Sound) -> Sound:
        """As many samples as went in."""
        distorted = sound + self.of.second * sound**2
        with_tail = np.concatenate([self._tail, distorted])
        self._tail = with_tail[len(with_tail) - len(self._tail) :]
        passed = np.convolve(with_tail, self.of.taps, mode="valid") if len(sound) else distorted
        return self._disturbed(self.of.gain * self._delayed(passed))

    def _delayed(self, sound: Sound) -> Sound:
        self._past = np.concatenate([self._past, sound])
        self._taken += len(sound)
        number = np.arange(self._given, self._given + len(sound))
        self._given += len(sound)
        if not self.of.drift_ppm:
            return self._whole_samples_late(len(sound))
        at = number * (1 + self.of.drift_ppm * 1e-6) - self.of.delay_samples - self._later
        first = self._taken - len(self._past)
        whole = np.floor(at).astype(np.int64)
        places = whole[:, None] + OFFSETS - first
        known = (places >= 0) & (places < len(self._past))
        values = np.where(known, self._past[np.clip(places, 0, max(len(self._past) - 1, 0))], 0.0)
        self._forget()
        delayed: Sound = np.einsum("ij,ij->i", values, KERNELS[np.round((at - whole) * STEPS).astype(np.int64)])
        return delayed

    def _whole_samples_late(self, samples: int) -> Sound:
        end = len(self._past) - self.of.delay_samples - self._later
        kept = self._past[max(0, end - samples) : max(0, end)]
        self._forget()
        return np.concatenate([np.zeros(samples - len(kept)), kept])

    def _forget(self) -> None:
        """All that a later block may want is kept: the delay, the drift's share of a long run, and a put-off."""
        self._past = self._past[-(self.of.delay_samples + self._later + LATER_SAMPLES + 2 * self.rate_hz) :]

    def _disturbed(self, sound: Sound) -> Sound:
        disturbed = sound + self.of.dc
        if self.of.noise_dbfs is not None:
            disturbed = disturbed + self._dice.normal(0, 10 ** (self.of.noise_dbfs / 20), len(sound))
        if self.of.hum_dbfs is not None:
            number = np.arange(self._given - len(sound), self._given)
            disturbed = disturbed + np.sqrt(2) * 10 ** (self.of.hum_dbfs / 20) * np.sin(
                2 * np.pi * 50 * number / self.rate_hz
            )
        return disturbed


def main(wanted: str, speaker: str, microphone: str) -> None:
    """Be the loop until told to end."""
    form = ["--raw", f"--rate={RATE_HZ}", "--channels=1", "--format=s16le"]
    loop = Loop(Impairment(**json.loads(wanted)))
    signal.signal(signal.SIGUSR1, lambda *_: loop.put_off(LATER_SAMPLES))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    listen = ["parec", *form, f"--device={speaker}.monitor", "--latency-msec=10"]
    play = ["pacat", *form, f"--device={microphone}", f"--latency-msec={AHEAD_MS}"]
    with (
        subprocess.Popen(listen, stdout=subprocess.PIPE) as listener,  # noqa: S603  our own words
        subprocess.Popen(play, stdin=subprocess.PIPE) as player,  # noqa: S603  our own words
    ):
        assert listener.stdout is not None
        assert player.stdin is not None
        player.stdin.write(bytes(2 * RATE_HZ * AHEAD_MS // 1000))
        player.stdin.flush()
        rest = b""
        try:
            while heard := os.read(listener.stdout.fileno(), 1 << 14):
                rest += heard
                whole = len(rest) // 2 * 2
                sound = np.frombuffer(rest[:whole], np.int16) / 32768
                rest = rest[whole:]
                played = np.clip(np.round(32768 * loop.pass_on(sound)), -32768, 32767).astype(np.int16)
                player.stdin.write(played.tobytes())
                player.stdin.flush()
                os.write(1, b".")  # the first tells that it runs
        finally:
            listener.terminate()
            player.terminate()


if __name__ == "__main__":
    main(*sys.argv[1:])
