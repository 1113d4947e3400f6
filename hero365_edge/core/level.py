"""Raises a quiet voice slowly to where a recogniser hears it well; a loud one is not touched, sample for sample."""

import numpy as np

from hero365_edge.core.capture_meter import CaptureMeter
from hero365_edge.core.gate import dbfs
from hero365_edge.core.pcm import Pcm

TARGET_DBFS = -30.0
"""A voice softer than this is raised towards it: 4 dB below the telephone's nominal level (ITU-T P.56, -26 dB)."""
AVERAGED_FRAMES = 50
"""The voice's level is the mean over its last second or so."""
RISE_DB, FALL_DB = 0.04, 0.16
"""In one voiced frame of 20 ms: 2 dB and 8 dB in a second of speech. Noise between the words changes nothing."""
PEAK = 29_000.0
"""No sample is raised above this, 1 dB below full scale: where one would be, less gain holds from its frame's first on.
A voice that loud keeps it down; a door that slams does so only while it is heard."""


class AutomaticLevel:
    """One microphone's gain. It is kept from utterance to utterance, and begins at none."""

    def __init__(self, max_gain_db: float) -> None:
        """Never more than `max_gain_db`; 0 never changes anything."""
        self._max_gain_db = max_gain_db
        self._frames = 0
        self.meter = CaptureMeter()
        self.speech_dbfs: float | None = None
        """How loud the voice is before the gain; None before anybody spoke."""
        self.gain_db = 0.0
        self._newest_db = 0.0
        """The gain of the newest sample: less than `gain_db` where that would have been too much."""

    @property
    def figures(self) -> dict[str, float | None]:
        """`gain_db`, and how loud the voice is without it."""
        speech_dbfs = None if self.speech_dbfs is None else round(self.speech_dbfs, 1)
        return {"gain_db": round(self.gain_db, 1), "speech_dbfs": speech_dbfs}

    def frame(self, frame: Pcm, voiced: bool) -> Pcm:
        """The next 320 samples at 16 kHz, raised; `voiced` as the detector says."""
        self.meter.frame(frame, voiced)
        if voiced:
            self._follow(dbfs(frame))
        if not self.gain_db and not self._newest_db:
            return frame
        peak = max(1.0, float(np.abs(frame.astype(np.float64)).max()))
        limit_db = max(0.0, 20 * float(np.log10(PEAK / peak)))
        if voiced:
            self.gain_db = min(self.gain_db, limit_db)
        before_db, self._newest_db = min(self._newest_db, limit_db), min(self.gain_db, limit_db)
        gains = 10 ** (np.linspace(before_db, self._newest_db, len(frame)) / 20)  # but down to the limit, no step
        raised: Pcm = np.round(frame * gains).astype(np.int16)
        return raised

    def _follow(self, level_dbfs: float) -> None:
        self._frames = min(self._frames + 1, AVERAGED_FRAMES)
        before_dbfs = level_dbfs if self.speech_dbfs is None else self.speech_dbfs
        self.speech_dbfs = before_dbfs + (level_dbfs - before_dbfs) / self._frames
        wanted_db = min(max(0.0, TARGET_DBFS - self.speech_dbfs), self._max_gain_db)
        self.gain_db += min(max(wanted_db - self.gain_db, -FALL_DB), RISE_DB)
