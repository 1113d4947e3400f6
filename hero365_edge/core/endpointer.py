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
        self._hangover = -(-hangover_ms // FRAME_MS)
        self._longest = round(max_utterance_s * 1000 / FRAME_MS)
        self._no_speech = min(round(no_speech_timeout_s * 1000 / FRAME_MS), self._longest)
        self._frames = 0
        self._before = 0
        self._window: list[bool] = []
        self.held = False
        self.speaking = False
        """Whether the technician is speaking now, without the hangover."""
        self.spoke = False
        """Whether there was speech at all."""
        self.last_voiced_frame = -1
        """The number of the newest frame with speech, counted from the first one given; -1 before any."""

    def before(self, voiced: bool) -> None:
        """Take a frame of the pre-roll: speech in it counts only if it goes on behind the press.

        It may as well be the end of somebody else's sentence, or of the answer that the press interrupts.
        """
        self._window = [*self._window[1 - START_WINDOW :], voiced]
        self._frames += 1
        self._before = self._frames

    def frame(self, voiced: bool) -> Ending | None:
        """Take the next frame; an ending when this frame is the utterance's last."""
        self._window = [*self._window[1 - START_WINDOW :], voiced]
        if voiced and sum(self._window) >= START_FRAMES:
            self.spoke = True
            self.last_voiced_frame = self._frames
        quiet = self._frames - self.last_voiced_frame
        self.speaking = self.spoke and quiet < START_WINDOW
        self._frames += 1
        return self._ending(quiet)

    def _ending(self, quiet: int) -> Ending | None:
        recorded = self._frames - self._before
        if not self.spoke and not self.held:
            return Ending.NO_SPEECH if recorded >= self._no_speech else None
        if recorded >= self._longest:
            return Ending.TOO_LONG
        # A voiced frame in the window may be the first of the next word: wait and see.
        over = quiet >= self._hangover and not any(self._window)
        return Ending.SILENCE if over and not self.held else None
