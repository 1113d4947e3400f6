"""The good speech detector in memory: whatever is loud is speech."""

import numpy as np

from hero365_edge.core.pcm import Pcm
from hero365_edge.core.referee import CHUNK_SAMPLES


class FakeReferee:
    """An energy threshold (port Referee). Unlike the real one it has no memory, and takes an engine for speech."""

    def __init__(self, threshold_rms: float = 300.0) -> None:
        """`threshold_rms` in units of int16; 300 is -41 dBFS."""
        self._threshold_rms = threshold_rms

    def likelihood(self, chunk: Pcm) -> float:
        """0.99 or 0.01, of the next 512 samples at 16 kHz. Raises ValueError for anything else."""
        if chunk.shape != (CHUNK_SAMPLES,) or chunk.dtype != np.int16:
            raise ValueError(f"a chunk is {CHUNK_SAMPLES} samples of int16, not {chunk.shape} of {chunk.dtype}")
        return 0.99 if float(np.sqrt(np.mean(np.square(chunk, dtype=np.float64)))) > self._threshold_rms else 0.01

    def reset(self) -> None:
        """Nothing to forget."""
