"""A clock that stands still until it is told to go on."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Begins at `now` seconds and, on the wall, at `utc`. Unlike a real one it takes no time to read."""

    def __init__(self, now: float = 1000.0, utc: datetime = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)) -> None:
        self._now = now
        self._utc = utc
        self._synchronised = True

    def now(self) -> float:
        """Seconds; only `advance` moves them."""
        return self._now

    def utc(self) -> datetime:
        """The wall clock, which `advance` and `set_wall` move."""
        return self._utc

    def synchronised(self) -> bool:
        """Whether somebody keeps the wall clock right: true until `lose_time`."""
        return self._synchronised

    def lose_time(self) -> None:
        """Nobody keeps the wall clock right any more, until `set_wall`."""
        self._synchronised = False

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises ValueError for going back, which a monotonic clock never does."""
        if seconds < 0:
            raise ValueError(f"a monotonic clock does not go back ({seconds} s)")
        self._now += seconds
        self._utc += timedelta(seconds=seconds)

    def set_wall(self, utc: datetime) -> None:
        """Somebody (time synchronisation) sets the wall clock; the monotonic one does not notice."""
        self._utc = utc
        self._synchronised = True
