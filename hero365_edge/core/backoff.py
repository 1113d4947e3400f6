"""How long to wait before dialling again: full jitter, doubling, for ever.

Source: Brooker, "Exponential Backoff And Jitter" (AWS, 2015), the "full jitter" variant: it spreads a fleet that lost
its backend in the same second best, and a vehicle must never give up.
"""

from collections.abc import Callable

FIRST_S = 0.5
CEILING_S = 30.0
REFUSED_S = 60.0
"""After a refused token: PRODUCT section 4."""
TELL_AFTER = 3
"""After so many failures in a row the technician is told, once."""


class Backoff:
    """Counts failures in a row. `draw` gives a number of [0, 1), such as `random.random`."""

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self.failures = 0

    def failed(self, retry_after_s: float | None = None) -> float:
        """One more failure; how many seconds to wait.

        What the server asked for comes on top, and as much again is drawn from: a fleet that was told the same must not
        come back in the same second.
        """
        wait_s = retry_after_s or 0.0
        ceiling = min(CEILING_S, max(wait_s, FIRST_S * 2.0 ** min(self.failures, 16)))
        self.failures += 1
        return wait_s + self._draw() * ceiling

    @property
    def tell(self) -> bool:
        """Whether this failure is the one to tell the technician about."""
        return self.failures == TELL_AFTER

    def succeeded(self) -> None:
        """`session_started` came; an open socket alone is no success."""
        self.failures = 0
