"""Decides where an utterance ends, by counting frames of 20 ms that hold speech or not."""

from enum import StrEnum

from hero365_edge.core.pcm import FRAME_MS

START_FRAMES = 3
"""So many voiced frames among the last `START_WINDOW` are speech; a click or a door is shorter."""
START_WINDOW = 5


class Ending(StrEnum):
    """Why a recording is over."""

    SILENCE = "silence"
    """Speech, then `hangover_ms` without any."""
    NO_SPEECH = "no_speech"
    """Nobody spoke for `no_speech_timeout_s`."""
    TOO_LONG = "too_long"
    """`max_utterance_s` were recorded."""


class Endpointer:
    """One utterance's end. While `held` (push-to-talk) only the length ends it: the release is the end."""

    def __init__(self, hangover_ms: int, no_speech_timeout_s: float, max_utterance_s: float) -> None:
        self._hangover = hangover_ms // FRAME_MS
        self._no_speech = round(no_speech_timeout_s * 1000 / FRAME_MS)
        self._longest = round(max_utterance_s * 1000 / FRAME_MS)
        self._frames = 0
        self._window: list[bool] = []
        self.held = False
        self.speaking = False
        """Whether the technician is speaking now, without the hangover."""
        self.spoke = False
        """Whether there was speech at all."""
        self.last_voiced_frame = -1
        """The number of the newest frame with speech, counted from the first one given; -1 before any."""

    def frame(self, voiced: bool) -> Ending | None:
        """Take the next frame; an ending when this frame is the utterance's last."""
        self._window = [*self._window[1 - START_WINDOW :], voiced]
        if voiced and sum(self._window) >= START_FRAMES:
            self.spoke = self.speaking = True
        if voiced and self.spoke:
            self.last_voiced_frame = self._frames
        elif not any(self._window):
            self.speaking = False
        self._frames += 1
        return self._ending()

    def _ending(self) -> Ending | None:
        if self._frames >= self._longest:
            return Ending.TOO_LONG
        if self.held:
            return None
        if not self.spoke:
            return Ending.NO_SPEECH if self._frames >= self._no_speech else None
        quiet = self._frames - 1 - self.last_voiced_frame
        return Ending.SILENCE if quiet >= self._hangover else None
