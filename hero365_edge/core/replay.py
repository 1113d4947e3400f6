"""The last answer, kept for a double tap."""

import numpy as np

from hero365_edge.core.pcm import EMPTY, RATE_HZ, Pcm

LONGEST_S = 120
"""An answer is kept up to this length."""


class LastAnswer:
    """Samples at 16 kHz of the newest answer."""

    def __init__(self) -> None:
        self._pieces: list[Pcm] = []
        self._samples = 0

    def begin(self) -> None:
        """A new answer: the one before is the last no more."""
        self._pieces = []
        self._samples = 0

    def add(self, pcm: Pcm) -> None:
        """The answer's next samples."""
        if len(pcm) and self._samples < LONGEST_S * RATE_HZ:
            self._pieces.append(pcm)
            self._samples += len(pcm)

    def pcm(self) -> Pcm:
        """All of it; empty when there was none."""
        return np.concatenate(self._pieces) if self._pieces else EMPTY
