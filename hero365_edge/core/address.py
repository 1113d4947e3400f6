"""Where to dial: the backend's URL with its secrets kept apart from anything that is printed."""

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from hero365_edge.core.secret import Secret


@dataclass(frozen=True, slots=True)
class Address:
    """One dial's target. Its text and its repr hold no secret; only `devices/link.py` reads the hidden parts."""

    shown: str
    """What may be logged: scheme, host and path, without the query."""
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return self.shown

    @property
    def on_this_computer(self) -> bool:
        """Whether the way there leaves this computer nowhere, and so passes no proxy."""
        return is_loopback(urlsplit(self.shown).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host of a URL is this computer."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def address(base: str, session_id: str, user_id: str, business_id: str, token: Secret, transport: str) -> Address:
    """The seed's URL: `{base}/{session_id}?user_id=…&business_id=…&token=…`, values percent-encoded.

    Bytes of the environment that are no UTF-8 (Python holds them as surrogates) travel as the bytes they were.
    `transport` says how the token travels: `query` (the seed), `header` (`Authorization: Bearer`) or `both`.
    """
    query = [("user_id", user_id), ("business_id", business_id)]
    headers: list[tuple[str, str]] = []
    if token and transport in ("query", "both"):
        query.append(("token", token.reveal()))
    if token and transport in ("header", "both"):
        headers.append(("Authorization", f"Bearer {token.reveal()}"))
    path = f"{base.rstrip('/')}/{quote(session_id, safe='')}"
    parts = urlsplit(path)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    text = "&".join(f"{name}={quote(value, safe='', errors='surrogateescape')}" for name, value in query)
    return Address(shown=shown, url=f"{path}?{text}", headers=tuple(headers))
