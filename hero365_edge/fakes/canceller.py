"""An echo canceller in memory, which knows its room from the beginning."""

import numpy as np

from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm, silence


class FakeCanceller:
    """Takes out of what is heard so much of what was played, so many samples later (port Canceller).

    Unlike the real one it need not learn the room and leaves nothing of an echo from there, and all of one from
    anywhere else: a reference that slips by a single sample is heard.
    """

    late_samples = 0

    def __init__(self, delay_samples: int, share: float = 1.0) -> None:
        """`delay_samples`: so much behind its reference comes the echo, 0 or more; `share`: so loud is it beside it."""
        self._delay = delay_samples
        self._share = share
        self.resets = 0
        """How often it was told to forget the room."""
        self._played: Pcm = silence(delay_samples)

    def cancel(self, heard: Pcm, played: Pcm) -> Pcm:
        """The next 320 samples of the microphone without those of the speaker. Raises ValueError for other lengths."""
        if len(heard) != FRAME_SAMPLES or len(played) != FRAME_SAMPLES:
            raise ValueError(f"a frame is {FRAME_SAMPLES} samples, not {len(heard)} heard and {len(played)} played")
        self._played = np.concatenate([self._played, played])
        echo, self._played = self._played[:FRAME_SAMPLES], self._played[FRAME_SAMPLES:]
        left = heard.astype(np.int32) - np.round(echo * self._share).astype(np.int32)
        cleaned: Pcm = np.clip(left, -32768, 32767).astype(np.int16)
        return cleaned

    def reset(self) -> None:
        """Forget what was played."""
        self.resets += 1
        self._played = silence(self._delay)
