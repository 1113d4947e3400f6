"""What came off the socket: a JSON message or sound.

The seed lets the backend send JSON in binary messages too. Sound can begin with `{` by chance, so a binary message
counts as JSON only when the whole of it parses as one object (PRODUCT section 3).
"""

from typing import Any

import msgspec

from hero365_edge.core.messages import AnyMessage, decode

_OBJECT: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


def read(message: str | bytes) -> AnyMessage | bytes:
    """A socket message as a protocol message, or as the bytes of sound it is. Raises WireError."""
    if isinstance(message, str) or _is_object(message):
        return decode(message)
    return message


def _is_object(data: bytes) -> bool:
    if data[:64].lstrip()[:1] != b"{":
        return False
    try:
        _OBJECT.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False
    return True
