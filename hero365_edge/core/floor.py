"""Follows the level of what is always there: down at once, up slowly, and hardly at all while somebody speaks."""

FALL_SHARE = 0.2
"""Of the way down to a softer frame, so much in one frame of 20 ms: the floor is the noise's lower edge."""
RISE_DB, RISE_IN_SPEECH_DB = 0.15, 0.02
"""In one frame of 20 ms: a road that gets rough is followed in a second, a sentence lifts nothing."""


class NoiseFloor:
    """The noise around, in dB against full scale; None before the first frame."""

    def __init__(self) -> None:
        self.dbfs: float | None = None

    def note(self, level_dbfs: float, voiced: bool) -> None:
        """A frame of 20 ms had this level, and speech in it or not."""
        if self.dbfs is None:
            self.dbfs = level_dbfs
        elif level_dbfs < self.dbfs:
            self.dbfs += FALL_SHARE * (level_dbfs - self.dbfs)
        else:
            self.dbfs += min(level_dbfs - self.dbfs, RISE_IN_SPEECH_DB if voiced else RISE_DB)
