"""Finds by correlation how much later the microphone hears what the speaker plays than the cards' times say."""

import numpy as np
from numpy.typing import NDArray

from hero365_edge.core.pcm import Pcm, duration_s, samples_of

WINDOW_S = 1.024
EARLIEST_S, LATEST_S = -0.1, 0.4
"""The delay is looked for between these. Earlier than played, by wrong times; later, by what no driver tells."""
WINDOW_SAMPLES = samples_of(1000 * WINDOW_S)
PLAYED_SAMPLES = samples_of(1000 * (WINDOW_S + LATEST_S - EARLIEST_S))
COARSE = 4
"""Voices have all they need for this below 2 kHz (WebRTC's delay estimator looks there too)."""
WHITENED = 0.8
"""How flat the spectrum is made: a voice by itself is like itself one period later (phase transform, Knapp and Carter
1976, softened for the frequencies that hold nothing but noise)."""
KEPT = 0.6
"""Of what earlier windows showed, so much counts in the next."""
CLEAR = 8.0
"""An echo stands out from the other delays so far, in their standard deviations; chance alone comes to 5."""
AGREE_S = 0.003
SOUNDING = 30.0
"""What is softer, as a root mean square in units of int16, leaves no echo worth looking for."""


class EchoDelay:
    """Told window by window; certain of what two in a row agree on."""

    def __init__(self) -> None:
        self._likeness: NDArray[np.float64] = np.zeros(0)
        self._before_s: float | None = None

    def window(self, heard: Pcm, played: Pcm) -> float | None:
        """The delay in seconds, if this window settles it; negative when heard before it was played, as times go.

        `heard`: `WINDOW_SAMPLES` at 16 kHz, not of the window before. `played`: `PLAYED_SAMPLES` that left the
        speaker from `LATEST_S` before the first of `heard` on. Takes some 1 ms.
        """
        if min(_rms(heard), _rms(played)) < SOUNDING:
            return None
        here, there = _coarse(heard), _coarse(played)
        length = 1 << (len(here) + len(there)).bit_length()
        cross = np.fft.rfft(there, length) * np.conj(np.fft.rfft(here, length))
        cross /= np.abs(cross) ** WHITENED + 1e-9
        likeness = np.fft.irfft(cross, length)[: len(there) - len(here) + 1]
        likeness /= np.std(likeness) + 1e-9
        self._likeness = likeness + (KEPT * self._likeness if len(self._likeness) else 0.0)
        best = int(np.argmax(self._likeness))
        if self._likeness[best] < CLEAR * np.std(self._likeness):
            self._before_s = None
            return None
        delay_s = LATEST_S - duration_s(best * COARSE)
        agreed = self._before_s is not None and abs(delay_s - self._before_s) <= AGREE_S
        self._before_s = delay_s
        return delay_s if agreed else None


def _coarse(pcm: Pcm) -> NDArray[np.float64]:
    whole = pcm[: len(pcm) // COARSE * COARSE].reshape(-1, COARSE)
    mean: NDArray[np.float64] = whole.mean(axis=1)
    return mean


def _rms(pcm: Pcm) -> float:
    return float(np.sqrt(np.mean(np.square(pcm, dtype=np.float64))))
