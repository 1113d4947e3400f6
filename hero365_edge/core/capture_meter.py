"""What was recorded, in counts: how much of it was speech, how much clipped, how loud the noise is."""

import numpy as np

from hero365_edge.core.floor import NoiseFloor
from hero365_edge.core.gate import dbfs
from hero365_edge.core.pcm import Pcm, duration_s

_FULL = np.iinfo(np.int16)


class CaptureMeter:
    """Counts since the program began, of what was recorded."""

    def __init__(self) -> None:
        self.frames = 0
        self.speech_frames = 0
        self.clipped_s = 0.0
        """`full_scale_s` of its blocks: whoever has them adds it."""
        self.floor = NoiseFloor()

    def frame(self, frame: Pcm, voiced: bool) -> None:
        """The next frame, 320 samples at 16 kHz; `voiced` as the detector says."""
        self.frames += 1
        self.speech_frames += voiced
        self.floor.note(dbfs(frame), voiced)


def full_scale_s(pcm: Pcm, rate_hz: int) -> float:
    """How long samples of shape (n, channels) are at full scale on any channel: louder sound would look the same.

    To be asked of what the card gave: averaging, resampling and cancelling hide it.
    """
    full = (pcm == _FULL.max) | (pcm == _FULL.min)
    return duration_s(int(np.count_nonzero(full.any(axis=1))), rate_hz)
