"""Whether an open link does its work: signs of life, round trips and retransmits (PRODUCT section 4)."""

from collections import deque
from dataclasses import dataclass
from statistics import median

LOOK_EVERY_S = 1.0
PING_EVERY_S = 5.0
"""A websocket ping each 5 s; so a working link gives a sign of life about as often."""
SILENT_S = 9.0
"""No sign of life for so long, and the link is dead: with the second between two looks it is found in 10 s.

Dearer than a time-out of each ping: behind a minute of speech that goes up in one piece over a thin link a ping waits
longer than that, while the link works as well as it can.
"""
LATE_S = 1.0
"""A look that comes so late says nothing: the program stood still, not the link."""
BULK_BYTES = 4096
"""While more than this waits to be acknowledged, its getting less is a sign of life; a ping's own ACK is none."""
SLOW_S = 1.0
LOSSY = 0.05
WINDOW_S = 15.0
FEWEST_SEGMENTS = 20
"""Of fewer segments in the window one lost is no share."""
RECONNECT_EVERY_S = 60.0
"""A degraded link is replaced so often at most, and only while nobody speaks or listens."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What pings and the kernel (`TCP_INFO`, `TIOCOUTQ`) tell of a link; the counts are since it was opened."""

    rtt_s: float | None = None
    """The newest answered ping's round trip, the backend's own delay included."""
    kernel_rtt_s: float | None = None
    """The kernel's smoothed round trip of segments; to the proxy, where there is one."""
    segments: int = 0
    """Segments with data that were sent, each time they were."""
    retransmits: int = 0
    unsent_bytes: int = 0
    """Handed over and not acknowledged by the other side yet, in the program and in the kernel."""
    received_bytes: int = 0


class LinkHealth:
    """One link's health, by a look each second."""

    def __init__(self, now: float) -> None:
        self.vitals = Vitals()
        """The newest look."""
        self.dead = False
        """The other side is gone, or the way to it."""
        self._life_at = now
        self._looked_at = now
        self._window: deque[tuple[float, Vitals, float]] = deque()
        """Of each look: when, what, and the round trip that it shows, in seconds."""

    def look(self, vitals: Vitals, now: float) -> None:
        """Take one more look."""
        before, self.vitals = self.vitals, vitals
        bulk_moves = before.unsent_bytes > BULK_BYTES and vitals.unsent_bytes < before.unsent_bytes
        late = now - self._looked_at > LOOK_EVERY_S + LATE_S
        if vitals.received_bytes > before.received_bytes or bulk_moves or late:
            self._life_at = now
        self._looked_at = now
        silent_s = now - self._life_at
        self.dead = silent_s >= SILENT_S
        # Whoever was silent for more than the time between pings lets one wait for so long already.
        waiting_s = 0.0 if vitals.unsent_bytes > BULK_BYTES else silent_s - PING_EVERY_S
        self._window.append((now, vitals, max(vitals.rtt_s or 0.0, waiting_s)))
        while now - self._window[0][0] > WINDOW_S:
            self._window.popleft()

    @property
    def rtt_spread_s(self) -> float:
        """How far the answered pings of the window differ; 0 where fewer than two were answered."""
        known = [vitals.rtt_s for _, vitals, _ in self._window if vitals.rtt_s is not None]
        return max(known) - min(known) if known else 0.0

    @property
    def degraded(self) -> bool:
        """It works, but not well enough for speech."""
        return self.slow or self.lossy

    @property
    def slow(self) -> bool:
        """The usual round trip of the window is too long; one long one is not usual."""
        return bool(self._window) and median(rtt_s for _, _, rtt_s in self._window) > SLOW_S

    @property
    def lossy(self) -> bool:
        """Too much of what was sent in the window had to be sent again."""
        return self.retransmitted > LOSSY

    @property
    def retransmitted(self) -> float:
        """The share of the window's segments that were sent again, from 0 to 1; 0 where there were too few."""
        if not self._window:
            return 0.0
        first, last = self._window[0][1], self._window[-1][1]
        segments = last.segments - first.segments
        return (last.retransmits - first.retransmits) / segments if segments >= FEWEST_SEGMENTS else 0.0
