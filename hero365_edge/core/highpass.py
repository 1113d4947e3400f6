"""Takes engine and road out of a frame: a high-pass of second order (Butterworth), exact from frame to frame."""

import math

import numpy as np
from numpy.typing import NDArray

from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm

CUTOFF_HZ = 120.0
"""Below the lowest voice as a rule, above what an engine turns at: webrtcvad missed 4 of 33 ends of speech in car
noise at 10 dB without it, none behind it."""
_BLOCK = 80  # samples filtered by one product of matrices: the fastest that numpy alone gives


class HighPass:
    """One stream's filter, held from frame to frame.

    A recursive filter is a loop over samples, which Python has no time for. Written in state space (RBJ's biquad in
    transposed direct form II), a block of samples is two products: with the response to an impulse, and with what the
    state at its beginning still rings.
    """

    def __init__(self, cutoff_hz: float = CUTOFF_HZ) -> None:
        turn = 2 * math.pi * cutoff_hz / RATE_HZ
        alpha = math.sin(turn) / math.sqrt(2)
        a0, a1, a2 = 1 + alpha, -2 * math.cos(turn), 1 - alpha
        b0, b1, b2 = ((1 + math.cos(turn)) / 2 / a0, -(1 + math.cos(turn)) / a0, (1 + math.cos(turn)) / 2 / a0)
        step = np.array([[-a1 / a0, 1.0], [-a2 / a0, 0.0]])
        kick = np.array([b1 - a1 / a0 * b0, b2 - a2 / a0 * b0])
        powers = [np.eye(2)]
        for _ in range(_BLOCK):
            powers.append(step @ powers[-1])
        impulse = np.array([b0, *(power[0] @ kick for power in powers[: _BLOCK - 1])])
        self._response = np.array([[impulse[i - j] if i >= j else 0.0 for i in range(_BLOCK)] for j in range(_BLOCK)])
        self._ringing = np.array([power[0] for power in powers[:_BLOCK]]).T
        self._kicks = np.array([powers[_BLOCK - 1 - j] @ kick for j in range(_BLOCK)])
        self._leap = powers[_BLOCK].T
        self._state = np.zeros(2)

    def frame(self, frame: Pcm) -> NDArray[np.float64]:
        """The next 320 samples, filtered, in units of int16."""
        blocks = frame.reshape(-1, _BLOCK).astype(np.float64)
        filtered = blocks @ self._response
        kicks = blocks @ self._kicks
        for number, kick in enumerate(kicks):
            filtered[number] += self._state @ self._ringing
            self._state = self._state @ self._leap + kick
        whole: NDArray[np.float64] = filtered.reshape(FRAME_SAMPLES)
        return whole
