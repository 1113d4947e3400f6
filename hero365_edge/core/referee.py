"""Asks the good detector of speech, in whole chunks, behind what it has not heard yet."""

from collections import deque
from typing import Protocol

import numpy as np

from hero365_edge.core.pcm import EMPTY, Pcm

CHUNK_SAMPLES = 512
"""Silero's, 32 ms."""
CATCH_UP_CHUNKS = 4
"""It has a memory: after a time in which it was not asked it hears so many chunks of the past first."""
GOING_ON_FRAMES = 10
"""So long after a frame that stands out of an answer's echo it goes on being asked."""
DOUBTED_FRAMES = 25
"""What it has heard without believing in it for so long it is made to forget: else it grows deaf. In an answer of
three minutes it found one voice in four without."""


class Referee(Protocol):
    """The good one: says of each `CHUNK_SAMPLES` how likely there is speech in them."""

    def likelihood(self, chunk: Pcm) -> float:
        """Of the next chunk, 0 to 1."""
        ...

    def reset(self) -> None:
        """Forget the recording before."""
        ...


class Hearing:
    """One recording's: what the referee has not heard of it yet, and what it thinks of what it has."""

    def __init__(self, referee: Referee) -> None:
        self.likely = 0.0
        """How likely the newest chunk that it heard is speech."""
        self._referee = referee
        self._rest: Pcm = EMPTY
        self._unheard: deque[Pcm] = deque(maxlen=CATCH_UP_CHUNKS)

    def keep(self, frame: Pcm) -> None:
        """Take the next 320 samples at 16 kHz."""
        self._rest = np.concatenate([self._rest, frame])
        while len(self._rest) >= CHUNK_SAMPLES:
            self._unheard.append(self._rest[:CHUNK_SAMPLES])
            self._rest = self._rest[CHUNK_SAMPLES:]

    def ask(self) -> int:
        """Let the referee hear all that it has not; how many chunks that were."""
        chunks = len(self._unheard)
        while self._unheard:
            self.likely = self._referee.likelihood(self._unheard.popleft())
        return chunks


class EchoHearing:
    """The same of what is left of an answer's echo: the referee is asked only while something stands out of that."""

    def __init__(self, referee: Referee, believed: float) -> None:
        """What is not likelier than `believed` it does not believe in."""
        self._referee = referee
        self._believed = believed
        self._hearing = Hearing(referee)
        self._quiet = GOING_ON_FRAMES
        self._doubted = 0
        self.likely = 0.0
        """How likely the newest chunk is speech; 0 while nothing stands out."""

    def keep(self, frame: Pcm) -> None:
        """Take the next 320 samples at 16 kHz."""
        self._hearing.keep(frame)

    def ask(self, *, stands_out: bool) -> None:
        """Of all that was kept, if the last frame stands out or one of those before did."""
        asleep = self._quiet >= GOING_ON_FRAMES or self._doubted >= DOUBTED_FRAMES
        self._quiet = 0 if stands_out else self._quiet + 1
        if self._quiet >= GOING_ON_FRAMES:
            self.likely = 0.0
            return
        if asleep:
            self._referee.reset()
            self._doubted = 0
        if self._hearing.ask():
            self.likely = self._hearing.likely
        self._doubted = 0 if self.likely > self._believed else self._doubted + 1
