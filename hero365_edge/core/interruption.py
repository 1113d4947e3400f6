"""Decides that somebody speaks into an answer: what the microphone hears, without what the speaker plays."""

from collections import deque
from typing import Protocol

import numpy as np

from hero365_edge.core.gate import CHUNK_SAMPLES, Referee, dbfs
from hero365_edge.core.pcm import EMPTY, Pcm

LIKELY = 0.2
"""Less than where a recording begins: the canceller takes some of the voice with the echo."""
LEFT_DB = -26.0
"""Of an echo alone the canceller leaves less than so much of what it is at its loudest; of a voice in it, more."""
FADE_DB = 0.1
"""In one frame of 20 ms: so soon the loudest is forgotten."""
FRAMES, WINDOW = 3, 5
"""So many such frames of so many interrupt. The referee needs 150 ms of a word to believe in it, so that these are
some 240 ms of speech (PRODUCT section 5)."""


class Canceller(Protocol):
    """Takes the echo out."""

    def cancel(self, heard: Pcm, played: Pcm) -> Pcm:
        """320 samples of the microphone without the 320 that left the speaker."""
        ...

    def reset(self) -> None:
        """Forget the room."""
        ...


class Interruption:
    """One answer's; the canceller keeps what it knows of the room from answer to answer."""

    def __init__(self, canceller: Canceller, referee: Referee) -> None:
        self._canceller = canceller
        self._referee = referee
        self._rest: Pcm = EMPTY
        self._likely = 0.0
        self._loudest_dbfs = -120.0
        self._speech: deque[bool] = deque(maxlen=WINDOW)
        referee.reset()

    def frame(self, heard: Pcm, played: Pcm) -> bool:
        """Whether the next 320 samples at 16 kHz, heard while those were played, complete an interruption."""
        left = self._canceller.cancel(heard, played)
        self._rest = np.concatenate([self._rest, left])
        if len(self._rest) >= CHUNK_SAMPLES:
            self._likely = self._referee.likelihood(self._rest[:CHUNK_SAMPLES])
            self._rest = self._rest[CHUNK_SAMPLES:]
        self._loudest_dbfs = max(self._loudest_dbfs - FADE_DB, dbfs(heard))
        self._speech.append(self._likely > LIKELY and dbfs(left) - self._loudest_dbfs > LEFT_DB)
        return sum(self._speech) >= FRAMES
