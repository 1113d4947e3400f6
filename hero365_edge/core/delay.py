"""How late the pieces of an answer come on this link, learned from turn to turn: what a reserve must bridge.

The model is that of WebRTC's NetEq (`delay_manager.cc`, `relative_arrival_delay_tracker.cc`): each piece's delay
relative to the fastest of the last 2 s; of each half second the largest, into a histogram that forgets; a quantile of
it is what to expect. NetEq's decisions are not taken over: what runs ahead is never dropped.
"""

import math
from collections import deque

WINDOW_S = 2.0
PERIOD_S = 0.5
BUCKET_S = 0.02
BUCKETS = 100
QUANTILE = 0.99
"""NetEq's is 0.95, but six half-seconds of each minute are later than that. Measured over generated networks: at the
same amount of slow-down 0.99 leaves a fifth less silence than 0.95 with a larger margin, and fewer pauses.
"""
FORGET = 0.983
"""What a period's weight is multiplied by in each later one: half is forgotten in 20 s of speech."""
START_FORGET_WEIGHT = 2.0
"""The first periods count for more (NetEq's `start_forget_weight`), so that it learns quickly."""
AHEAD_SPEED = 1.25
"""A server that sends faster than this runs ahead; real time with its jitter stays below."""
TIMELY_S = 0.02
"""What comes later than the answer's fastest by more than this was held up: it tells of the link, not of the server."""
BEGUN_S = 0.1
"""Nor does what comes with the answer's first piece: an outage that is over lets all through at once."""
JUDGED_S = 0.3
"""A server's speed is judged by at least so much of its answer; before that, by the answer before."""
JUDGED_BY_S = 1.0
"""And by no more than the newest so much."""
SURE_S = 1.0
"""So much that tells otherwise changes what was thought of the server, also in the answers before."""


class DelayModel:
    """The lateness to expect, and whether the server runs ahead. Told the time."""

    def __init__(self) -> None:
        self._weights = [0.0] * BUCKETS
        self._periods = 0
        self._taught = False
        self._fastest: deque[tuple[float, float]] = deque()
        self._largest_s = 0.0
        self._period_ends_at = 0.0
        self._began_at: float | None = None
        self._media_s = 0.0
        self._best_s = math.inf
        self._timely: deque[tuple[float, float]] = deque()
        self._ahead_s = 0.0
        self.target_s = BUCKET_S
        """So late a piece has to be expected, 0.02 to 2.0."""

    def seed(self, spread_s: float) -> None:
        """What is known of the link before anything was played: the spread of its round trips. The newest counts."""
        if not self._taught:
            self._periods = 0
            self._learn(spread_s)

    def arrived(self, duration_s: float, now: float, awaited: bool = True) -> None:
        """The answer's next piece came; not `awaited`: it could have come earlier, but there was plenty."""
        self._taught = True
        if self._began_at is None:
            self._began_at = now
            self._period_ends_at = now + PERIOD_S
        elif now >= self._period_ends_at:
            self._learn(self._largest_s)
            self._largest_s = 0.0
            self._period_ends_at = now + PERIOD_S
        delay_s = now - self._media_s
        while self._fastest and self._fastest[-1][1] >= delay_s:
            self._fastest.pop()
        self._fastest.append((now, delay_s))
        while self._fastest[0][0] < now - WINDOW_S:
            self._fastest.popleft()
        self._largest_s = max(self._largest_s, delay_s - self._fastest[0][1])
        self._best_s = min(self._best_s, delay_s)
        if awaited and delay_s <= self._best_s + TIMELY_S and now >= self._began_at + BEGUN_S:
            self._judge(delay_s, duration_s)
        self._media_s += duration_s

    def ended(self) -> None:
        """The answer is complete, or not wanted any more: the next piece belongs to another."""
        if self._began_at is None:
            return
        self._learn(self._largest_s)
        self._began_at = None
        self._best_s = math.inf
        self._media_s = self._largest_s = 0.0
        self._fastest.clear()
        self._timely.clear()

    @property
    def ahead(self) -> bool | None:
        """Whether the server sends faster than it is heard, by most of the newest that told; None before any did."""
        return self._ahead_s > 0 if self._ahead_s else None

    def _judge(self, delay_s: float, duration_s: float) -> None:
        """Is the server ahead? What nothing held up comes earlier and earlier then."""
        self._timely.append((self._media_s, delay_s))
        while self._timely[0][0] < self._media_s - JUDGED_BY_S:
            self._timely.popleft()
        media_s, before_s = self._timely[0]
        if self._media_s - media_s >= JUDGED_S:
            ahead = before_s - delay_s > (1 - 1 / AHEAD_SPEED) * (self._media_s - media_s)
            self._ahead_s = min(max(self._ahead_s + (duration_s if ahead else -duration_s), -SURE_S), SURE_S)

    def _learn(self, late_s: float) -> None:
        self._periods += 1
        kept = max(0.0, min(FORGET, 1 - START_FORGET_WEIGHT / (self._periods + 1)))
        self._weights = [weight * kept for weight in self._weights]
        self._weights[min(int(late_s / BUCKET_S), BUCKETS - 1)] += 1 - kept
        rest, bucket = 1 - QUANTILE, BUCKETS
        while bucket > 1 and rest >= self._weights[bucket - 1]:
            bucket -= 1
            rest -= self._weights[bucket]
        self.target_s = bucket * BUCKET_S
