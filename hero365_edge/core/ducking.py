"""Plays softer for a moment, without a step that would be heard."""

import numpy as np

from hero365_edge.core.pcm import Pcm

DUCKED_DB = 14.0
"""So much softer an answer is played while somebody may be speaking into it: less of their voice is taken for echo."""
FADED_S = 0.04
"""So long behind the softer sound's echo what the room keeps of the louder is gone too."""


class Ducking:
    """What stands before a speaker's card. Untouched, sample for sample, while nothing is to be softer."""

    def __init__(self) -> None:
        self.by_db = 0.0
        """So much softer is the next piece at its end; the one behind it throughout."""
        self._gain = 1.0

    def apply(self, pcm: Pcm) -> Pcm:
        """The next piece that is played."""
        gain, self._gain = self._gain, float(10 ** (-self.by_db / 20))
        if gain == self._gain == 1.0:
            return pcm
        softer: Pcm = np.round(pcm * np.linspace(gain, self._gain, len(pcm))).astype(np.int16)
        return softer
