"""How late the pieces of an answer come on this link, learned from turn to turn: what a reserve must bridge.

The model is that of WebRTC's NetEq (`delay_manager.cc`, `relative_arrival_delay_tracker.cc`): each piece's delay
relative to the fastest of the last 2 s; of each half second the largest, into a histogram that forgets; a quantile of
it is what to expect. NetEq's decisions are not taken over: what runs ahead is never dropped.
"""

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
JUDGED_S = 0.2
"""A server's speed is judged by at least so much of its answer; before that, by the answer before."""
TRUSTED_S = 1.0
"""The same where the answer before ran ahead: an outage at the beginning looks like a slow server for longer."""


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
        self._newest_at = 0.0
        self._votes = 0
        self._was_ahead = False
        self.target_s = BUCKET_S
        """So late a piece has to be expected, 0.02 to 2.0."""

    def seed(self, spread_s: float) -> None:
        """What is known of the link before anything was played: the spread of its round trips. The newest counts."""
        if not self._taught:
            self._periods = 0
            self._learn(spread_s)

    def arrived(self, duration_s: float, now: float) -> None:
        """The answer's next piece came."""
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
        self._media_s += duration_s
        self._newest_at = now
        self._votes += 1 if self.ahead else -1

    def ended(self) -> None:
        """The answer is complete, or not wanted any more: the next piece belongs to another."""
        if self._began_at is None:
            return
        self._learn(self._largest_s)
        self._was_ahead = self._votes > 0  # not by its last piece alone, which an outage may have held up
        self._began_at = None
        self._votes = 0
        self._media_s = self._largest_s = 0.0
        self._fastest.clear()

    @property
    def ahead(self) -> bool:
        """Whether the server sends faster than it is heard; as the answer before did, until this one has told."""
        if self._began_at is None or self._media_s < (TRUSTED_S if self._was_ahead else JUDGED_S):
            return self._was_ahead
        return self._media_s > AHEAD_SPEED * (self._newest_at - self._began_at)

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
