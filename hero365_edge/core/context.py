"""What the agent is told beside words: what the technician does, on what, and where; and when it is told again."""

import math
from dataclasses import dataclass
from typing import Any

STALE_S = 60.0
"""A place that is older says where the vehicle was: a tunnel, or a receiver that was unplugged."""
MOVED_M = 100.0
LEAST_S = 15.0
"""A vehicle on the road moves all the time; it is told so often at most."""
_EARTH_M = 6_371_000.0


@dataclass(frozen=True, slots=True)
class Fix:
    """Where the vehicle was, by its receiver; WGS 84."""

    latitude: float
    """Degrees, north is positive."""
    longitude: float
    """Degrees, east is positive."""
    at: float
    """When it was told, on the monotonic clock."""
    accuracy_m: float | None = None
    speed_m_s: float | None = None
    heading_deg: float | None = None
    """From true north, clockwise."""


class Context:
    """What is known, and what the session was told of it."""

    def __init__(self) -> None:
        self.activity_mode: str | None = None
        self.current_task: str | None = None
        self.fix: Fix | None = None
        self._told: dict[str, Any] = {}
        self._place: Fix | None = None
        """Where the session believes the vehicle to be."""

    def data(self, now: float) -> dict[str, Any]:
        """All of it that is known, as `context_update.data`."""
        known = {"activity_mode": self.activity_mode, "current_task": self.current_task}
        data: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
        if self.fix is not None and now - self.fix.at < STALE_S:
            data["location"] = _location(self.fix)
        return data

    def session_began(self) -> None:
        """A session that was told nothing yet."""
        self._told, self._place = {}, None

    def news(self, now: float) -> dict[str, Any]:
        """What the session is to be told now; empty where it knows. It counts as told from here on."""
        data = self.data(now)
        location = data.pop("location", None)
        moved = location is not None and self._has_moved(now)
        if data == self._told and not moved:
            return {}
        self._told = dict(data)
        if location is None:
            return data
        self._place = self.fix
        return {"location": location, **data}

    def _has_moved(self, now: float) -> bool:
        if self._place is None or self.fix is None:
            return True
        return now - self._place.at >= LEAST_S and distance_m(self._place, self.fix) >= MOVED_M


def distance_m(one: Fix, other: Fix) -> float:
    """Between two places, along the ground (haversine)."""
    north, south = math.radians(one.latitude), math.radians(other.latitude)
    half_turn = math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    arc = math.sin((south - north) / 2) ** 2 + math.cos(north) * math.cos(south) * half_turn
    return 2 * _EARTH_M * math.asin(min(1.0, math.sqrt(arc)))


def _location(fix: Fix) -> dict[str, Any]:
    more = {"accuracy_m": fix.accuracy_m, "speed_m_s": fix.speed_m_s, "heading_deg": fix.heading_deg}
    return {
        "latitude": round(fix.latitude, 6),
        "longitude": round(fix.longitude, 6),
        **{name: round(value, 1) for name, value in more.items() if value is not None},
    }
