"""How long the sound cards' period has to be for this computer: longer ones cost less and forgive more delay."""

from collections import deque

LONGEST_MS = 80
XRUNS = 3
WITHIN_S = 10.0
"""So many losses of sound within so long, and the period doubles."""


class Period:
    """Doubles when sound is lost again and again. It never shrinks: a computer that was too slow once still is."""

    def __init__(self, ms: int) -> None:
        self.ms = ms
        self._lost_at: deque[float] = deque(maxlen=XRUNS)

    def lost(self, xruns: int, now: float) -> bool:
        """So many more xruns were counted by `now`, in seconds; whether the period is longer from here on."""
        self._lost_at.extend([now] * min(xruns, XRUNS))
        often = len(self._lost_at) == XRUNS and now - self._lost_at[0] <= WITHIN_S
        if not often or self.ms >= LONGEST_MS:
            return False
        self.ms = min(2 * self.ms, LONGEST_MS)
        self._lost_at.clear()
        return True
