"""Tells a microphone that hears from one that only gives samples: flat, stuck, clipped, or far off the middle."""

import numpy as np

from hero365_edge.core.pcm import Pcm

DEAF_AFTER_S = 3.0
"""A symptom that lasts so long is a fault (PRODUCT section 5)."""
FULL_SCALE = 32_767
CLIPPED_SHARE = 0.25
"""Nobody shouts so that a quarter of all samples is at full scale."""
OFF_MIDDLE = 8192
"""A quarter of full scale: a converter with no room left on one side."""


class Vitality:
    """One open microphone, looked at twice a second."""

    def __init__(self, *, zeros_allowed: bool) -> None:
        """`zeros_allowed`: nothing but zeros is silence, as a noise gate or a sound server gives it."""
        self._zeros_allowed = zeros_allowed
        self.opened()

    def opened(self) -> None:
        """It was opened again: what was wrong before is over."""
        self.symptom = ""
        """What was wrong at the last look."""
        self._since = 0.0
        self._before: bytes = b""

    def look(self, recent: Pcm, length_s: float, now: float) -> str:
        """What has been wrong for `DEAF_AFTER_S`; nothing while it hears.

        `recent`, of shape (frames, channels), are the newest samples of the channels that are used, `length_s` long:
        shorter than the time since the last look. A channel that hears is enough. One symptom may follow another: an
        input at its rail is now clipped, now far off the middle.
        """
        symptom = self._symptom_of(recent)
        if symptom and not self.symptom:
            self._since = now - length_s
        self.symptom = symptom
        # Seen in whole pieces it has lasted up to a piece longer.
        return symptom if symptom and now - self._since >= DEAF_AFTER_S - length_s else ""

    def _symptom_of(self, recent: Pcm) -> str:
        if not recent.size:
            return ""
        data = recent.tobytes()
        repeats, self._before = data == self._before, data
        alive = np.flatnonzero(recent.any(axis=0))
        if not len(alive):
            return "" if self._zeros_allowed else "it gives nothing but zeros"
        symptoms = [self._of_channel(recent[:, channel], repeats) for channel in alive]
        return "" if "" in symptoms else symptoms[0]

    def _of_channel(self, pcm: Pcm, repeats: bool) -> str:
        least, most = int(pcm.min()), int(pcm.max())
        if least == most:
            return "it gives one value and no other"
        if float((abs(pcm.astype(int)) >= FULL_SCALE).mean()) > CLIPPED_SHARE:
            return "it is clipped"
        if abs(float(pcm.mean())) > OFF_MIDDLE:
            return "it is far off the middle (DC)"
        return "it repeats itself" if repeats else ""
