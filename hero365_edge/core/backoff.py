"""How long to wait before dialling again: full jitter, doubling, for ever; unhurried where a fleet must be spread.

Source: Brooker, "Exponential Backoff And Jitter" (AWS, 2015), the "full jitter" variant: it spreads those best that
fail in the same second, and a vehicle must never give up. But it begins at half a second: a backend that restarts would
have its whole fleet back in the first one. So a device at which nobody waits takes a place in a minute instead.
"""

from collections.abc import Callable

FIRST_S = 0.5
CEILING_S = 30.0
REFUSED_S = 60.0
"""After a refused token: PRODUCT section 4."""
SPREAD_S = 60.0
"""Over so long a fleet is spread whose links the backend ended. Of 200 devices 3.3 come in a second, and in 96 of 100
restarts never more than 10 (5 %); over 30 s, 6.7 and in 6 of 100. IANA asks for 5 to 30 s after 1012."""
TELL_AFTER = 3
"""After so many failures in a row the technician is told, once."""


class Backoff:
    """Counts failures in a row. `draw` gives a number of [0, 1), such as `random.random`."""

    def __init__(self, draw: Callable[[], float], spread_s: float = SPREAD_S) -> None:
        self._draw = draw
        self._spread_s = spread_s
        self.failures = 0
        self._stood = False
        """Whether the link that failed had a session."""
        self._placed = False
        """Whether this device has its place among those that were spread."""

    def failed(self, retry_after_s: float | None = None, *, by_backend: bool = False, awaited: bool = True) -> float:
        """One more failure; how many seconds to wait.

        What the server asked for comes on top, and as much again is drawn from: a fleet that was told the same must not
        come back in the same second.

        `by_backend`: the backend ended the link; `awaited`: somebody is served by haste. A session that the backend
        ended while nobody used it is dialled for at a place in `spread_s` that is drawn once, and kept while that fails
        and nobody waits: so the fleet stays as it was spread, however long the outage takes.
        """
        asked_s = retry_after_s or 0.0
        was_placed = self._placed
        self._placed = not awaited and (was_placed or (by_backend and self._stood and self._spread_s > 0))
        self._stood = False
        ceiling = min(CEILING_S, max(asked_s, FIRST_S * 2.0 ** min(self.failures, 16)))
        self.failures += 1
        if self._placed and was_placed:
            return max(asked_s, self._spread_s)
        return asked_s + self._draw() * (self._spread_s if self._placed else ceiling)

    @property
    def tell(self) -> bool:
        """Whether this failure is the one to tell the technician about."""
        return self.failures == TELL_AFTER

    def succeeded(self) -> None:
        """`session_started` came; an open socket alone is no success."""
        self.failures = 0
        self._stood, self._placed = True, False
