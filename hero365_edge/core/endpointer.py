"""Decides where an utterance ends, by counting frames of 20 ms that hold speech or not.

A pause passes through stages. After 100 ms nobody is speaking. A little later the end is worth announcing, for a
backend that can think meanwhile: the sooner, the more fluent the talker has been. Then the pause is longer than this
talker's own, so that an answer which is ready may be heard. At last the utterance is over, answer or not.
"""

from enum import StrEnum

from hero365_edge.core.pcm import FRAME_MS

START_FRAMES = 3
"""So many voiced frames among the last `START_WINDOW` are speech; a click or a door is shorter."""
START_WINDOW = 5

ANNOUNCED_MS = (80, 240)
"""The end is announced after so long without speech: the first, or as long as the talker has paused before."""
PATIENCE_SHARE = (350 / 600, 800 / 600)
"""Of `hangover_ms`: how short and how long the pause may be that ends an utterance by the talker's own measure."""
PATIENCE_LEAST_MS = 240
"""However short the hangover is: less is no end but the next word's first consonant."""
PATIENCE_PAUSES = 1.5
"""So many times the longest pause in this utterance, and"""
PATIENCE_MS = 200
"""so much more, is longer than the talker pauses."""
ANSWERED_SHARE, ANSWERED_PAUSES = 340 / 600, 1.2
"""The shortest share and the times where an answer is ready: the technician hears every moment of that pause."""
DOUBT_SHARE = 0.5
"""Of a frame that may hold speech all the same, so much does not count as a pause."""


class Ending(StrEnum):
    """Why a recording is over."""

    SILENCE = "silence"
    """Speech, then the hangover without any."""
    NO_SPEECH = "no_speech"
    """Nobody spoke for `no_speech_timeout_s`."""
    TOO_LONG = "too_long"
    """`max_utterance_s` were recorded."""


class Endpointer:
    """One utterance's end. While `held` (push-to-talk) only the length ends it: the release is the end."""

    def __init__(
        self, hangover_ms: int, no_speech_timeout_s: float, max_utterance_s: float, late_ms: int = 0
    ) -> None:
        """`late_ms`: so much later than the sound the detector's verdicts change; pauses are counted from the sound."""
        self._hangover_ms = hangover_ms
        self.late_ms = late_ms
        self._longest = round(max_utterance_s * 1000 / FRAME_MS)
        self._no_speech = min(round(no_speech_timeout_s * 1000 / FRAME_MS), self._longest)
        self._frames = 0
        self._before = 0
        self._window: list[bool] = []
        self._longest_pause_ms = 0
        self._quiet = 0
        self._doubtful = 0
        self.held = False
        self.adaptive = False
        """Whether the talker's own pauses decide how long the last one is, instead of `hangover_ms`."""
        self.speaking = False
        """Whether the technician is speaking now, without the hangover."""
        self.spoke = False
        """Whether there was speech at all."""
        self.last_voiced_frame = -1
        """The number of the newest frame with speech, counted from the first one given; -1 before any."""

    @property
    def seems_over(self) -> bool:
        """Whether the pause is long enough to announce that the utterance may have ended."""
        least_ms, most_ms = ANNOUNCED_MS
        wanted_ms = min(max(least_ms, self._longest_pause_ms), most_ms)
        return self._paused_for(wanted_ms, self._quiet)

    @property
    def may_end(self) -> bool:
        """Whether the pause is longer than this talker's own, so that an answer may be heard."""
        wanted_ms = min(self._patience_ms(ANSWERED_SHARE, ANSWERED_PAUSES), self._hangover_ms)
        return self._paused_for(wanted_ms, self._surely_quiet)

    def before(self, voiced: bool) -> None:
        """Take a frame of the pre-roll: speech in it counts only if it goes on behind the press.

        It may as well be the end of somebody else's sentence, or of the answer that the press interrupts.
        """
        self._window = [*self._window[1 - START_WINDOW :], voiced]
        self._frames += 1
        self._before = self._frames

    def frame(self, voiced: bool, doubtful: bool = False) -> Ending | None:
        """Take the next frame; an ending when this frame is the utterance's last.

        `doubtful`: not voiced, but not surely quiet either. In noise a soft word looks like this: it makes a pause
        half as long, where the end would be sure.
        """
        self._window = [*self._window[1 - START_WINDOW :], voiced]
        if voiced and sum(self._window) >= START_FRAMES:
            if self.spoke:
                self._longest_pause_ms = max(self._longest_pause_ms, self._pause_ms())
            self.spoke = True
            self.last_voiced_frame = self._frames
            self._doubtful = 0
        self._quiet = self._frames - self.last_voiced_frame
        self._doubtful += doubtful and self._quiet > 0
        self.speaking = self.spoke and self._quiet < START_WINDOW
        self._frames += 1
        return self._ending()

    def _patience_ms(self, least_share: float, pauses: float) -> int:
        """A pause of which length is longer than the talker's own."""
        least_ms, most_ms = (round(share * self._hangover_ms) for share in (least_share, PATIENCE_SHARE[1]))
        wanted_ms = round(pauses * self._longest_pause_ms) + PATIENCE_MS
        return min(max(wanted_ms, least_ms, PATIENCE_LEAST_MS), most_ms)

    def _pause_ms(self) -> int:
        """How long nobody spoke before the voiced frames of the window, which are speech now."""
        begin = self._frames - len(self._window) + 1 + self._window.index(True)
        pause = begin - self.last_voiced_frame - 1
        return pause * FRAME_MS + self.late_ms if pause > 0 else 0

    @property
    def _surely_quiet(self) -> float:
        return self._quiet - DOUBT_SHARE * self._doubtful

    def _paused_for(self, pause_ms: int, frames: float) -> bool:
        return self.spoke and self._quiet > 0 and frames * FRAME_MS + self.late_ms >= pause_ms

    def _ending(self) -> Ending | None:
        recorded = self._frames - self._before
        if not self.spoke and not self.held:
            return Ending.NO_SPEECH if recorded >= self._no_speech else None
        if recorded >= self._longest:
            return Ending.TOO_LONG
        # A voiced frame in the window may be the first of the next word: wait and see.
        patience_ms = self._patience_ms(PATIENCE_SHARE[0], PATIENCE_PAUSES)
        wanted_ms = patience_ms if self.adaptive else self._hangover_ms
        over = self._paused_for(wanted_ms, self._surely_quiet) and not any(self._window)
        return Ending.SILENCE if over and not self.held else None
