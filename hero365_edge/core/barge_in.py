"""Hears in an answer's echo whether somebody speaks into it: two ways of deciding, of which either is enough.

What the canceller leaves tells of a voice in noise, and right from an answer's begin; what the linear filter leaves
tells of one that the canceller takes for echo, and denies one that is none.
"""

from collections.abc import Callable

import numpy as np

from hero365_edge.core.echo_filter import EchoFilter
from hero365_edge.core.excess import Excess
from hero365_edge.core.interruption import Interruption
from hero365_edge.core.near_voice import NearVoice
from hero365_edge.core.pcm import Pcm
from hero365_edge.core.referee import Referee

GOOD_DB = -15.0
"""A filter that leaves more than this of an echo is not to be judged by: the loudspeaker rattles, or is overdriven."""


class BargeIn:
    """One room's. It is told of all that may hold an echo, of an answer or not."""

    def __init__(self, referee: Callable[[], Referee]) -> None:
        """Each call gives a referee of its own: they remember what they hear."""
        self._referees = referee(), referee()
        self._filter = EchoFilter()
        self._excess = Excess()
        self.begin()

    @property
    def suspects(self) -> bool:
        """Whether the answer should be played softer, to hear whether somebody speaks into it."""
        return self._interruption.suspects or self._near.suspects

    def begin(self) -> None:
        """Another answer, or the same after somebody was found to speak into it."""
        self._interruption = Interruption(self._referees[0])
        self._near = NearVoice(self._referees[1])

    def jumped(self) -> None:
        """What is played next may be heard some ms sooner or later than before."""
        self._near.distrust()

    def reset(self) -> None:
        """Forget the room: the echo comes at quite another time."""
        self._filter.reset()
        self._excess.reset()
        self.jumped()

    def frame(self, heard: Pcm, played: Pcm, left: Pcm, *, answering: bool, softer: bool = False) -> bool:
        """Whether the next 320 samples at 16 kHz complete an interruption; `left` of them by the canceller.

        `answering`: somebody may speak into what is played. `softer`: all echo in them is of samples that were played
        softer.
        """
        remainder = self._filter.frame(heard, played)
        excess_db = self._excess.frame(remainder)
        if not answering:
            return False
        by_canceller = self._interruption.frame(heard, left, softer=softer)
        beside_db = self._interruption.beside_db
        whole: Pcm = np.clip(np.round(remainder.left), -32768, 32767).astype(np.int16)
        echoes = self._excess.echoes and self._excess.leaks_db < GOOD_DB
        by_filter = self._near.frame(whole, excess_db, beside_db, echoes=echoes)
        return by_filter or (by_canceller and not self._near.denies)
