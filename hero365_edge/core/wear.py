"""How much may be written to a flash card in an hour."""

from collections import deque

HOUR_S = 3600.0


class WearBudget:
    """Lets so many bytes through in any hour. Told the time."""

    def __init__(self, bytes_an_hour: int) -> None:
        self._left = bytes_an_hour
        self._spent: deque[tuple[float, int]] = deque()

    def take(self, size_bytes: int, now: float) -> bool:
        """Whether so much may be written now; if so, it counts as written."""
        while self._spent and now >= self._spent[0][0] + HOUR_S:
            self._left += self._spent.popleft()[1]
        if size_bytes > self._left:
            return False
        self._left -= size_bytes
        self._spent.append((now, size_bytes))
        return True
