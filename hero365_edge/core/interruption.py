"""Decides that somebody speaks into an answer by what the microphone hears, and what of it the canceller leaves."""

import math
from collections import deque

from hero365_edge.core.floor import NoiseFloor
from hero365_edge.core.gate import ABOVE_FLOOR_DB, dbfs
from hero365_edge.core.pcm import Pcm
from hero365_edge.core.referee import EchoHearing, Referee

ASK_DB = -30.0
"""Of an echo alone the canceller leaves less than so much of what is at its loudest, nine frames of ten: then the
referee is not asked, nor when nothing stands out of the noise around."""
LOUD_DB, CLEAR_DB = -15.0, 18.0
"""What is left so loud beside the loudest, and stands so far out of the noise, is hardly ever an echo's:"""
LIKELY = 0.1
"""there the referee need only think so; it doubts what is left of a voice in an echo, for it is full of holes."""
PER_DB = 0.5
"""For each dB less it must be surer by so much, in the logarithm of its odds."""
FADE_DB = 0.1
"""In one frame of 20 ms: so soon the loudest is forgotten."""
FRAMES, WINDOW = 3, 5
"""So many such frames of so many interrupt. The referee needs 150 ms of a word to believe in it, so that these are
some 240 ms of speech (PRODUCT section 5)."""
HINT_DB, HINT_CLEAR_DB, HINT_LIKELY = -24.0, 12.0, 0.075
"""What is left so loud beside the loudest, stands so far out of the noise and is so likely speech, in so many frames"""
HINTS, HINT_WINDOW = 2, 4
"""of so many, may be a voice of which the canceller leaves little: then the answer should be softer for a moment. Of an
echo alone that comes about once a minute."""
SOFT_DB, SOFT_CLEAR_DB, SOFT_LIKELY = -20.0, 14.0, 0.12
"""Of a softer echo less is left, or less far out of the noise, or less likely speech: as many such frames are a
voice."""
SUSPECT_FRAMES, SOFT_FRAMES = 30, 12
"""So long a suspicion lasts at the most, and so long once the echo is softer."""


class Interruption:
    """One answer's."""

    def __init__(self, referee: Referee) -> None:
        self._hearing = EchoHearing(referee, LIKELY)
        self._loudest_dbfs = -120.0
        self._floor = NoiseFloor()
        self._speech: deque[bool] = deque(maxlen=WINDOW)
        self._hints: deque[bool] = deque(maxlen=HINT_WINDOW)
        self._frames_left = 0
        self._soft_frames_left = 0
        self.beside_db = 0.0
        """So loud was what the canceller left of the last frame beside the loudest that was heard."""

    @property
    def suspects(self) -> bool:
        """Whether the answer should be played softer, to hear whether somebody speaks into it."""
        return self._frames_left > 0

    def frame(self, heard: Pcm, left: Pcm, *, softer: bool = False) -> bool:
        """Whether the next 320 samples at 16 kHz, heard and left of that, complete an interruption.

        `softer`: all echo in them is of samples that were played softer.
        """
        self._hearing.keep(left)
        left_dbfs = dbfs(left)
        self._loudest_dbfs = max(self._loudest_dbfs - FADE_DB, dbfs(heard))
        floor_dbfs = left_dbfs if self._floor.dbfs is None else self._floor.dbfs
        self._hearing.ask(stands_out=left_dbfs > max(self._loudest_dbfs + ASK_DB, floor_dbfs + ABOVE_FLOOR_DB))
        likely = self._hearing.likely
        self._floor.note(left_dbfs, likely > LIKELY)
        lacking_db = max(0.0, self._loudest_dbfs + LOUD_DB - left_dbfs, floor_dbfs + CLEAR_DB - left_dbfs)
        self._speech.append(_log_odds(likely) > _log_odds(LIKELY) + PER_DB * lacking_db)
        self.beside_db = beside_db = left_dbfs - self._loudest_dbfs
        above_db = left_dbfs - floor_dbfs
        true = False
        if self.suspects:
            true = self._settle(beside_db > SOFT_DB and above_db > SOFT_CLEAR_DB and likely > SOFT_LIKELY, softer)
        else:
            self._suspect(beside_db > HINT_DB and above_db > HINT_CLEAR_DB and likely > HINT_LIKELY)
        return true or sum(self._speech) >= FRAMES

    def _suspect(self, hint: bool) -> None:
        self._hints.append(hint)
        if sum(self._hints) >= HINTS:
            self._hints.clear()
            self._frames_left, self._soft_frames_left = SUSPECT_FRAMES, SOFT_FRAMES

    def _settle(self, hint: bool, softer: bool) -> bool:
        """Whether the suspicion is true; it ends when it is, and when its time is over."""
        self._frames_left -= 1
        if softer:
            self._hints.append(hint)
            self._soft_frames_left -= 1
        true = sum(self._hints) >= HINTS
        if true or not self._soft_frames_left:
            self._frames_left = 0
        if not self.suspects:
            self._hints.clear()
        return true


def _log_odds(likelihood: float) -> float:
    likely = min(max(likelihood, 1e-6), 1 - 1e-6)
    return math.log(likely / (1 - likely))
