"""WebRTC's echo canceller (AEC3), as pywebrtc-audio brings it."""

import numpy as np

from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm
from hero365_edge.errors import DeviceError

_STEP = RATE_HZ // 100  # it works in pieces of 10 ms
_LATE_SAMPLES = 128  # and in blocks of 64 inside


class WebrtcCanceller:
    """Takes what the speaker plays out of what the microphone hears (port Canceller). 150 µs a frame on a desktop."""

    late_samples = _LATE_SAMPLES

    def __init__(self) -> None:
        """Raises DeviceError when the library is missing: then only the button interrupts an answer."""
        try:
            from pywebrtc_audio import EchoCanceller  # noqa: PLC0415  here: it is optional
        except ImportError as error:
            raise DeviceError(
                "echo cancellation needs pywebrtc-audio: apt install python3-pywebrtc-audio, "
                "or pip install 'hero365-edge[aec]'"
            ) from error
        self._canceller = EchoCanceller(sample_rate=RATE_HZ)

    def cancel(self, heard: Pcm, played: Pcm) -> Pcm:
        """The next 320 samples of the microphone without those of the speaker. Raises ValueError for other lengths.

        `played` is what left the speaker at the same time or up to some 100 ms before.
        """
        if len(heard) != FRAME_SAMPLES or len(played) != FRAME_SAMPLES:
            raise ValueError(f"a frame is {FRAME_SAMPLES} samples, not {len(heard)} heard and {len(played)} played")
        pieces = [
            self._canceller.process(heard[at : at + _STEP], played[at : at + _STEP])
            for at in range(0, FRAME_SAMPLES, _STEP)
        ]
        cancelled: Pcm = np.concatenate(pieces)
        return cancelled

    def reset(self) -> None:
        """Forget the room."""
        self._canceller.reset()
