"""Where speech begins and ends on the seed's binary uplink, which has no end marker: by level, and by that alone.

A van is never silent at this level: there the utterance ends by the client's tail of digital silence.
"""

from enum import Enum

import numpy as np

from hero365_edge.backend.options import Pcm

RATE_HZ = 16_000
QUIET_SAMPLES = RATE_HZ * 600 // 1000  # the seed's `withTimeInterval: 0.6`
SPEECH_SAMPLES = RATE_HZ * 60 // 1000  # a click is shorter
BEFORE_SPEECH_SAMPLES = RATE_HZ * 2
LONGEST_SAMPLES = RATE_HZ * 90  # the client's own limit is 60 s
BLOCK = 320
# The seed's recorder takes -40 dBFS, close to a phone's microphone; a box on a dashboard hears a voice at that.
SPEECH_DBFS = -50.0
_SPEECH_POWER = (32768 * 10 ** (SPEECH_DBFS / 20)) ** 2


class Heard(Enum):
    """What one piece of sound changed."""

    NOTHING = "nothing"
    SPEECH = "speech"
    END = "end"


class Endpointer:
    """Collects sound until speech is followed by 600 ms of quiet; sound without speech is forgotten."""

    def __init__(self) -> None:
        self._pieces: list[Pcm] = []
        self._samples = 0
        self._voiced = 0
        self._quiet = 0
        self.speaking = False

    def feed(self, pcm: Pcm) -> Heard:
        """The next piece of sound, of any length. After `END`, `take` gives the utterance."""
        if not self.speaking and not pcm.any():
            # No microphone gives only zeros: this is what is left of the tail of the utterance before.
            self._forget()
            return Heard.NOTHING
        self._pieces.append(pcm)
        self._samples += len(pcm)
        if is_loud(pcm):
            self._voiced += len(pcm)
            self._quiet = 0
        else:
            self._quiet += len(pcm)
        if not self.speaking:
            return self._waiting()
        if self._quiet >= QUIET_SAMPLES or self._samples >= LONGEST_SAMPLES:
            return Heard.END
        return Heard.NOTHING

    def take(self) -> Pcm:
        """Everything since the last utterance, the quiet that ended it included."""
        pcm = self.so_far()
        self._forget()
        return pcm

    def so_far(self) -> Pcm:
        """What was collected, shape (n,)."""
        return np.concatenate(self._pieces) if self._pieces else np.zeros(0, dtype=np.int16)

    @property
    def size_bytes(self) -> int:
        """How much was collected."""
        return self._samples * 2

    def _waiting(self) -> Heard:
        if self._voiced >= SPEECH_SAMPLES:
            self.speaking = True
            return Heard.SPEECH
        if self._quiet >= QUIET_SAMPLES:
            self._voiced = 0
        while self._samples > BEFORE_SPEECH_SAMPLES and len(self._pieces) > 1:
            self._samples -= len(self._pieces.pop(0))
        return Heard.NOTHING

    def _forget(self) -> None:
        self._pieces.clear()
        self._samples = self._voiced = self._quiet = 0
        self.speaking = False


def is_loud(pcm: Pcm) -> bool:
    """Whether it is above the level of speech."""
    return bool(pcm.size) and float(np.mean(np.square(pcm, dtype=np.float64))) > _SPEECH_POWER


def speech_of(pcm: Pcm) -> Pcm:
    """From the first loud block of 20 ms to the last: what two copies of an utterance have in common.

    The same utterance can arrive with and without the tail that ended it. All of it when nothing is loud.
    """
    blocks = pcm[: len(pcm) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float64)
    loud = np.flatnonzero((blocks**2).mean(axis=1) > _SPEECH_POWER)
    return pcm[loud[0] * BLOCK : (loud[-1] + 1) * BLOCK] if loud.size else pcm
