"""How long a token lives, read from the token itself (RFC 7519) and never verified: only the backend can do that."""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hero365_edge.core.secret import Secret

REFRESH_AT = 0.8
"""The part of a life after which a new token is fetched: early enough to fail a few times before the end."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """When a token was issued and when it expires; None where it does not say."""

    issued: datetime | None = None
    expires: datetime | None = None

    def refresh_at(self, fetched: datetime) -> datetime | None:
        """When to fetch the next, by the wall clock; None for a token that never expires."""
        if self.expires is None:
            return None
        begin = min(self.issued or fetched, fetched, self.expires)
        return begin + REFRESH_AT * (self.expires - begin)

    @property
    def expires_at(self) -> float | None:
        """When it ends, in seconds since 1970."""
        return None if self.expires is None else self.expires.timestamp()

    def has_ended(self, now: datetime) -> bool:
        """Whether it has expired."""
        return self.expires is not None and now >= self.expires

    def in_words(self, now: datetime) -> str:
        """Completes "the token …"."""
        if self.expires is None:
            return "says nothing about its end"
        told = f"{self.expires:%Y-%m-%d %H:%M:%S} UTC"
        if self.has_ended(now):
            return f"expired at {told}"
        return f"expires at {told}, in {_days_or_less(self.expires - now)}"


def lifetime_of(token: Secret) -> Lifetime:
    """`iat` and `exp` of a JWT; nothing for a token of any other kind."""
    parts = token.reveal().split(".")
    if len(parts) != 3:
        return Lifetime()
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return Lifetime()
    if not isinstance(claims, dict):
        return Lifetime()
    return Lifetime(moment(claims.get("iat")), moment(claims.get("exp")))


def moment(told: object) -> datetime | None:
    """A time as seconds since 1970 or as RFC 3339 text with its zone; None for anything else."""
    try:
        if isinstance(told, int | float) and not isinstance(told, bool):
            return datetime.fromtimestamp(told, UTC)
        if isinstance(told, str):
            read = datetime.fromisoformat(told)
            return read.astimezone(UTC) if read.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _days_or_less(length: timedelta) -> str:
    if length >= timedelta(days=2):
        return f"{length.days} days"
    minutes = int(length.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min"
