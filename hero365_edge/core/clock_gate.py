"""Whether the wall clock was put right since a certificate seemed to be not yet valid (PRODUCT section 4).

A Raspberry Pi has no clock that runs without power: it starts in the past, and then every certificate is from the
future. Dialling harder helps nobody, and not looking at the certificate would let anybody in.
"""

from datetime import datetime

STEP_S = 5.0
"""By so much more than time has passed, and somebody has set the clock."""
LONGEST_S = 30.0
"""After so long it is tried all the same: the clock may have been only a little behind, and nobody says so."""


class ClockGate:
    """Shut at `now` on the monotonic clock, when the wall clock said `utc`."""

    def __init__(self, now: float, utc: datetime) -> None:
        self._now = now
        self._utc = utc

    def is_open(self, now: float, utc: datetime, *, synchronised: bool) -> bool:
        """Whether it may be worth dialling again: somebody keeps the clock right by now, or has set it."""
        passed_s = (utc - self._utc).total_seconds()
        return synchronised or abs(passed_s - (now - self._now)) >= STEP_S
