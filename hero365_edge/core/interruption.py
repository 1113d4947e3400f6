"""Decides that somebody speaks into an answer: what the microphone hears, and what of it the canceller leaves."""

import math
from collections import deque

import numpy as np

from hero365_edge.core.floor import NoiseFloor
from hero365_edge.core.gate import ABOVE_FLOOR_DB, CATCH_UP_CHUNKS, CHUNK_SAMPLES, Referee, dbfs
from hero365_edge.core.pcm import EMPTY, Pcm

ASK_DB = -30.0
"""Of an echo alone the canceller leaves less than so much of what is at its loudest, nine frames of ten: then the
referee is not asked, nor when nothing stands out of the noise around."""
GOING_ON_FRAMES = 10
"""So long after a frame that stands out it goes on being asked."""
DOUBTED_FRAMES = 25
"""What it has heard without believing in it for so long it is made to forget: else it grows deaf. In an answer of
three minutes it found one voice in four without."""
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


class Interruption:
    """One answer's."""

    def __init__(self, referee: Referee) -> None:
        self._referee = referee
        self._rest: Pcm = EMPTY
        self._unheard: deque[Pcm] = deque(maxlen=CATCH_UP_CHUNKS)
        self._quiet = GOING_ON_FRAMES
        self._doubted = 0
        self._likely = 0.0
        self._loudest_dbfs = -120.0
        self._floor = NoiseFloor()
        self._speech: deque[bool] = deque(maxlen=WINDOW)

    def frame(self, heard: Pcm, left: Pcm) -> bool:
        """Whether the next 320 samples at 16 kHz, heard and left of that, complete an interruption."""
        self._rest = np.concatenate([self._rest, left])
        if len(self._rest) >= CHUNK_SAMPLES:
            self._unheard.append(self._rest[:CHUNK_SAMPLES])
            self._rest = self._rest[CHUNK_SAMPLES:]
        left_dbfs = dbfs(left)
        self._loudest_dbfs = max(self._loudest_dbfs - FADE_DB, dbfs(heard))
        floor_dbfs = left_dbfs if self._floor.dbfs is None else self._floor.dbfs
        self._ask(left_dbfs > max(self._loudest_dbfs + ASK_DB, floor_dbfs + ABOVE_FLOOR_DB))
        self._floor.note(left_dbfs, self._likely > LIKELY)
        lacking_db = max(0.0, self._loudest_dbfs + LOUD_DB - left_dbfs, floor_dbfs + CLEAR_DB - left_dbfs)
        self._speech.append(_log_odds(self._likely) > _log_odds(LIKELY) + PER_DB * lacking_db)
        return sum(self._speech) >= FRAMES

    def _ask(self, stands_out: bool) -> None:
        asleep = self._quiet >= GOING_ON_FRAMES or self._doubted >= DOUBTED_FRAMES
        self._quiet = 0 if stands_out else self._quiet + 1
        if self._quiet >= GOING_ON_FRAMES:
            self._likely = 0.0
            return
        if asleep:
            self._referee.reset()
            self._doubted = 0
        while self._unheard:
            self._likely = self._referee.likelihood(self._unheard.popleft())
        self._doubted = 0 if self._likely > LIKELY else self._doubted + 1


def _log_odds(likelihood: float) -> float:
    likely = min(max(likelihood, 1e-6), 1 - 1e-6)
    return math.log(likely / (1 - likely))
