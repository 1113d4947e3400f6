"""Says how far what is left of the microphone stands above what the echo leaves and what is around."""

import numpy as np
from numpy.typing import NDArray

from hero365_edge.core.echo_filter import Remainder, Sound
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ

WINDOW_SAMPLES = 512
HISS_POWER = 25.0
"""Of a sample: an echo that is softer is like nothing."""
EDGES_HZ = (130, 230, 330, 430, 540, 660, 800, 960, 1140, 1350, 1600, 1900, 2300, 2800, 3400, 4200, 5200, 6500)
"""Of the bands, about as wide as an ear's."""
RECENT = 0.85
"""Of the frames before, so much counts less by one: what of the last 130 ms is like the echo taken out, line by line,
is echo too, and belongs to a way through the room that has just changed."""
RINGS = 0.7
"""So much of an echo's power a room keeps in the next frame, as a rule."""
LEAKS_DB, LEAKS_LEAST_DB, LEAKS_MOST_DB = -10.0, -40.0, 6.0
"""Of an echo in a band so much is left beside what was taken out: before anything was heard, and between these."""
MORE_DB, LESS_DB = 0.16, 0.1
"""What a band is expected to leave goes up or down by so much in a frame of 20 ms: so four frames of ten leave more."""
VOICE_DB = 6.0
"""Where the bands stand out so far in the mean it is no echo that is left, and nothing goes up."""
FALL_SHARE, RISE_DB, ABOVE_DB = 0.2, 0.05, 3.0
"""The lower edge of the noise around, in a band: in a frame it falls by this share of the way and rises by so much at
the most, as in core/floor.py; the last is how far the noise's mean lies above it."""
LIVE_DB = 10.0
"""From an echo that is so far above the noise it can be told how much of one is left."""
LEAST_DB, MOST_DB = -10.0, 20.0
"""What counts of one band."""


class Excess:
    """Of one room and one microphone. Some 120 µs a frame on a desktop core."""

    def __init__(self) -> None:
        edges = [round(hz / RATE_HZ * WINDOW_SAMPLES) for hz in EDGES_HZ]
        self._edges = np.array(edges)
        self._window = np.hanning(WINDOW_SAMPLES)
        self._scale = WINDOW_SAMPLES * float(np.mean(self._window**2)) * np.diff(self._edges)
        self._hiss = HISS_POWER * WINDOW_SAMPLES
        self._last: Sound = np.zeros((2, WINDOW_SAMPLES))
        self.reset()

    def reset(self) -> None:
        """Forget how much of an echo is left; what is around is what it was."""
        bands, lines = len(EDGES_HZ) - 1, WINDOW_SAMPLES // 2 + 1
        self._both: NDArray[np.complex128] = np.zeros(lines, np.complex128)
        self._alone: Sound = np.zeros(lines)
        self._leaks_db: Sound = np.full(bands, LEAKS_DB)
        self._ringing: Sound = np.zeros(bands)
        self._floor_db: Sound | None = None
        self.leaks_db = LEAKS_DB
        """So much of the last such echo is left as a rule, in the mean over its bands."""
        self.echoes = False
        """Whether the last frame held an echo from which can be told how much of one is left, in half of the bands."""

    def frame(self, remainder: Remainder) -> float:
        """How far the last 32 ms, these 20 included, stand out: LEAST_DB to MOST_DB (dB), the mean over the bands.

        0 is as loud as what the echo is expected to leave and the noise around together.
        """
        newest = np.stack([remainder.left, remainder.echo])
        self._last = np.concatenate([self._last[:, FRAME_SAMPLES:], newest], axis=1)
        left_lines, echo_lines = np.fft.rfft(self._last * self._window, axis=1)
        echo_power = np.abs(echo_lines) ** 2
        self._both = RECENT * self._both + left_lines * np.conj(echo_lines)
        self._alone = RECENT * self._alone + echo_power
        unlike = left_lines - self._both / (self._alone + self._hiss) * echo_lines
        powers = np.stack([np.abs(unlike) ** 2, echo_power])
        left, echo = np.add.reduceat(powers, self._edges, axis=1)[:, :-1] / self._scale
        left_db: Sound = 10 * np.log10(left + 1.0)
        floor_db = self._follow_floor(left_db)
        self._ringing = np.maximum(echo, RINGS * self._ringing)
        echo_db = 10 * np.log10(self._ringing + 1.0)
        expected = 10 ** ((echo_db + self._leaks_db) / 10) + 10 ** ((floor_db + ABOVE_DB) / 10)
        excess = left_db - 10 * np.log10(expected)
        mean_db = float(np.mean(np.clip(excess, LEAST_DB, MOST_DB)))
        more = left_db - echo_db > self._leaks_db
        change_db = np.where(more, 0.0 if mean_db > VOICE_DB else MORE_DB, -LESS_DB)
        followed = np.clip(self._leaks_db + change_db, LEAKS_LEAST_DB, LEAKS_MOST_DB)
        live = echo_db > floor_db + LIVE_DB
        self._leaks_db = np.where(live, followed, self._leaks_db)
        self.echoes = bool(np.mean(live) >= 0.5)
        if self.echoes:
            self.leaks_db = float(np.mean(self._leaks_db[live]))
        return mean_db

    def _follow_floor(self, left_db: Sound) -> Sound:
        if self._floor_db is None:
            self._floor_db = left_db
        down = self._floor_db + FALL_SHARE * (left_db - self._floor_db)
        up = self._floor_db + np.minimum(left_db - self._floor_db, RISE_DB)
        self._floor_db = np.where(left_db < self._floor_db, down, up)
        return self._floor_db
