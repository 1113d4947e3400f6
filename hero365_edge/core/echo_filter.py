"""Takes an echo out by a filter that learns the way through the room, and leaves a voice beside it whole.

The canceller is made for ears: of a voice in an echo it keeps half. What this leaves has a hundredth of the echo in it
and all of the voice, which is what a detector needs. A Kalman filter in blocks in the frequency domain (Enzner and
Vary 2006; in partitions: Kuech, Mabande and Enzner 2014) goes on learning while somebody speaks, without being told.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm

Sound: TypeAlias = NDArray[np.float64]

PARTITIONS = 14
"""280 ms from the reference to the last of its echo: 150 at the most until it begins, 120 that the room keeps it."""
KEPT = 0.999
"""The way through the room from frame to frame: half of what is known of it is old after 7 s."""
UNKNOWN = 0.3
"""The power of each of its lines before anything was heard, in squares of amplification."""
SMOOTHED = 0.5
"""Of the power that is no echo, from frame to frame."""
HISS_POWER = 1e3
"""Of a line of a microphone's own noise: nothing is learned from silence."""
PULLED, LEARNED = 0.1, 0.005
"""The clocks of two cards drift: of what the echo comes too late in a frame, so much is put right at once, and by so
much it is expected to come later in each frame from now on (a delay-locked loop). At 100 ppm 29 dB of an echo are
gone with it, and 14 without."""
FASTEST_SAMPLES = 0.2
"""A frame later than the one before, at the most: 625 ppm."""
SETTLED_FRAMES = 50
"""Before that the filter knows no way that could drift."""


@dataclass(frozen=True, slots=True)
class Remainder:
    """20 ms of what was heard, in two parts, in units of int16."""

    left: Sound
    """Without the echo."""
    echo: Sound
    """What was taken for it."""


class EchoFilter:
    """One room's. Some 320 µs a frame on a desktop core."""

    def __init__(self) -> None:
        self._lines = -2j * np.pi * np.fft.rfftfreq(2 * FRAME_SAMPLES)
        self._all_lines = -2j * np.pi * np.fft.rfftfreq(PARTITIONS * FRAME_SAMPLES)
        self._drift_samples = 0.0
        self.reset()

    @property
    def drift_ppm(self) -> float:
        """So much slower does the microphone's clock seem to run than the speaker's."""
        return 1e6 * self._drift_samples / FRAME_SAMPLES

    def reset(self) -> None:
        """Forget the room, though not how the clocks drift."""
        shape = (PARTITIONS, FRAME_SAMPLES + 1)
        self._before: Sound = np.zeros(FRAME_SAMPLES)
        self._played: NDArray[np.complex128] = np.zeros(shape, np.complex128)
        self._taps: Sound = np.zeros(PARTITIONS * FRAME_SAMPLES)
        self._way: NDArray[np.complex128] = np.zeros(shape, np.complex128)
        self._doubt: Sound = np.full(shape, UNKNOWN)
        self._beside: Sound = np.zeros(FRAME_SAMPLES + 1)
        self._frames = 0

    def frame(self, heard: Pcm, played: Pcm) -> Remainder:
        """The next 320 samples of the microphone and of the reference."""
        now = played.astype(np.float64)
        self._played[1:] = self._played[:-1]
        self._played[0] = np.fft.rfft(np.concatenate([self._before, now]))
        self._before = now
        expected = np.einsum("pk,pk->k", self._played, self._way)
        echo, later = np.fft.irfft(np.stack([expected, expected * self._lines]), axis=1)[:, FRAME_SAMPLES:]
        left = heard - echo
        moved = self._drift(left, later)
        self._learn(np.fft.rfft(np.concatenate([np.zeros(FRAME_SAMPLES), left])), moved)
        return Remainder(left, echo)

    def _drift(self, left: Sound, later: Sound) -> float:
        """By how many samples the way is longer in the next frame; `later`: how the echo changes as it comes later."""
        late = float(left @ later) / (float(later @ later) + float(left @ left) + 1e4)
        self._frames += 1
        if self._frames > SETTLED_FRAMES:
            drift = self._drift_samples + LEARNED * late
            self._drift_samples = min(max(drift, -FASTEST_SAMPLES), FASTEST_SAMPLES)
        return self._drift_samples + PULLED * late

    def _learn(self, left: NDArray[np.complex128], moved: float) -> None:
        power = self._played.real**2 + self._played.imag**2
        step = self._doubt / (np.sum(power * self._doubt, axis=0) + 2 * self._beside + HISS_POWER)
        after = left * (1 - 0.5 * np.sum(step * power, axis=0))
        self._beside = SMOOTHED * self._beside + (1 - SMOOTHED) * (after.real**2 + after.imag**2)
        # One shift of all taps together: of each partition by itself, what passes its ends would be lost.
        shifted = np.fft.irfft(np.fft.rfft(self._taps) * np.exp(moved * self._all_lines), len(self._taps))
        learned = np.fft.irfft(step * np.conj(self._played) * left, axis=1)[:, :FRAME_SAMPLES]
        self._taps = shifted + learned.ravel()
        self._way = np.fft.rfft(self._taps.reshape(PARTITIONS, FRAME_SAMPLES), 2 * FRAME_SAMPLES, axis=1)
        self._doubt *= (1 - 0.5 * step * power) * KEPT**2
        self._doubt += (1 - KEPT**2) * (self._way.real**2 + self._way.imag**2) + 1e-9
