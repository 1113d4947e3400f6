"""A speech detector in memory: whatever is loud is speech."""

import numpy as np

from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm


class FakeDetector:
    """An energy threshold (port Detector).

    Like the real one: silence is no speech, a voice at a normal level is. Unlike it: a loud engine is speech, and it
    has no memory, so that not even the first frames of a word are missed.
    """

    late_ms = 0
    doubtful = False

    def __init__(self, threshold_rms: float = 300.0) -> None:
        """`threshold_rms` in units of int16; 300 is -41 dBFS."""
        self._threshold_rms = threshold_rms

    def is_speech(self, frame: Pcm) -> bool:
        """`frame` is 320 samples at 16 kHz. Raises ValueError else."""
        if frame.shape != (FRAME_SAMPLES,) or frame.dtype != np.int16:
            raise ValueError(f"a frame is {FRAME_SAMPLES} samples of int16, not {frame.shape} of {frame.dtype}")
        return float(np.sqrt(np.mean(np.square(frame, dtype=np.float64)))) > self._threshold_rms

    def prepare(self, frame: Pcm) -> None:
        """It compares with nothing."""

    def reset(self) -> None:
        """Nothing to forget."""
