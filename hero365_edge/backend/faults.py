"""What can go wrong on purpose: how often, and the garbage a bad server might send."""

import json
import struct

from hero365_edge.backend.options import Fault


class Faults:
    """Counts down how often the chosen fault still strikes."""

    def __init__(self, fault: Fault | None, count: int | None) -> None:
        """`count` None means always."""
        self._fault = fault
        self._left = count

    @property
    def coming(self) -> Fault | None:
        """What the next turn or handshake will suffer."""
        return None if self._left == 0 else self._fault

    def take(self) -> Fault | None:
        """What this turn or handshake suffers; it counts."""
        fault = self.coming
        if fault and self._left is not None:
            self._left -= 1
        return fault


def _message(**fields: object) -> str:
    return json.dumps({"session_id": "garbage", "timestamp": "2024-01-15T10:30:00Z", **fields})


GARBAGE_TEXTS = (
    '{"type": "agent_response", "response": "cut sh',
    "",
    "null",
    "[1, 2, 3]",
    '"a bare string"',
    "[" * 20_000,
    '{"type": "session_status", "session_id": "garbage", "data": {"active_connections": NaN}}',
    _message(),
    _message(type=17),
    _message(type="interpretive_dance", tempo="fast"),
    _message(type="agent_response", response=["not", "a", "string"]),
    _message(type="agent_response", response="Garbage.", audio_response="%%% no base64 %%%", audio_format="mp3"),
    _message(type="audio_processing", status={"processing": True}),
    _message(type="session_status", data="active"),
    _message(type="realtime_enabled", status=1, audio="yes please"),
)
"""Text messages that no client may stumble over."""

GARBAGE_BINARY = (b"\x00", bytes(range(7)), b"\xff" * 33)
"""Sent while the client is not owed any sound: in the seed profile it can only tell by that."""

GARBAGE_RTP = (
    b"\x80\xef\x00",
    struct.pack("!BBHII", 0x80, 111, 1, 2, 0x0BAD_0BAD) + b"an SSRC nobody announced",
    struct.pack("!BBHII", 0x00, 111, 1, 2, 0x0BAD_0BAD) + b"version 0",
)
"""Sent between the good packets of a `v1` answer."""
