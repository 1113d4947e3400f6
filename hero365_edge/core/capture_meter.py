"""What was recorded, in counts: how much of it was speech, how much clipped, how loud the noise is."""

import numpy as np

from hero365_edge.core.floor import NoiseFloor
from hero365_edge.core.gate import dbfs
from hero365_edge.core.pcm import Pcm

_FULL = np.iinfo(np.int16)


class CaptureMeter:
    """Counts since the program began, of frames of 320 samples at 16 kHz."""

    def __init__(self) -> None:
        self.frames = 0
        self.speech_frames = 0
        self.clipped_samples = 0
        """At full scale, where the sound cannot be told from louder sound."""
        self.floor = NoiseFloor()

    def frame(self, frame: Pcm, voiced: bool) -> None:
        """The next frame as the microphone gave it; `voiced` as the detector says."""
        self.frames += 1
        self.speech_frames += voiced
        self.clipped_samples += int(np.count_nonzero((frame == _FULL.max) | (frame == _FULL.min)))
        self.floor.note(dbfs(frame), voiced)
