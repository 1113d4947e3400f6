"""RTP packets of the `v1` profile: RFC 3550 with Opus (RFC 7587) or L16 (RFC 3551), one per binary message.

No CSRC, no extension, no padding. The marker stands on the first packet of a talkspurt, and a gap in the timestamp
is silence that was not sent (DTX).
"""

import struct
from dataclasses import dataclass

from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ
from hero365_edge.errors import WireError

OPUS = 111
"""Payload type of Opus; its clock is 48 kHz at any coding rate (RFC 7587 section 4.1)."""
L16 = 96
"""Payload type of big-endian PCM, 16 kHz mono."""
CLOCK_HZ = {OPUS: 48_000, L16: RATE_HZ}

_HEADER = struct.Struct("!BBHII")
_VERSION_2 = 0x80


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet; `timestamp` counts the payload type's clock, modulo 2^32."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    marker: bool
    payload: bytes

    def pack(self) -> bytes:
        """The packet as it travels."""
        second = self.payload_type | (0x80 if self.marker else 0)
        return _HEADER.pack(_VERSION_2, second, self.sequence, self.timestamp, self.ssrc) + self.payload


def unpack(data: bytes) -> Packet:
    """Read one packet. Raises WireError on anything this profile does not allow."""
    if len(data) <= _HEADER.size:
        raise WireError(f"an RTP packet of {len(data)} bytes; its header alone has {_HEADER.size}")
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first != _VERSION_2:
        raise WireError(f"an RTP packet beginning {first:#04x}; version 2 without padding, extension or CSRC is 0x80")
    payload_type = second & 0x7F
    if payload_type not in CLOCK_HZ:
        raise WireError(f"an RTP packet of payload type {payload_type}; {OPUS} (Opus) or {L16} (L16) is allowed")
    return Packet(payload_type, sequence, timestamp, ssrc, second >= 0x80, data[_HEADER.size :])


class Packetizer:
    """Puts frames of 20 ms into packets; `sequence` and `timestamp` begin where the caller's dice fell."""

    def __init__(self, payload_type: int, ssrc: int, sequence: int, timestamp: int) -> None:
        self._type = payload_type
        self._ssrc = ssrc
        self._sequence = sequence
        self._timestamp = timestamp
        self._step = CLOCK_HZ[payload_type] * FRAME_SAMPLES // RATE_HZ
        self._silent = True

    def packet(self, payload: bytes) -> bytes:
        """The packet of the next frame."""
        packet = Packet(self._type, self._sequence, self._timestamp, self._ssrc, self._silent, payload)
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + self._step) & 0xFFFFFFFF
        self._silent = False
        return packet.pack()

    def skip(self) -> None:
        """The next frame is silence and not sent: the timestamp goes on, the sequence does not."""
        self._timestamp = (self._timestamp + self._step) & 0xFFFFFFFF
        self._silent = True


class Timeline:
    """Finds the silence between a response's packets, from their timestamps."""

    MAX_GAP_S = 5.0
    """A longer gap is a sender's mistake, not a pause in speech; it is shortened to nothing."""

    def __init__(self) -> None:
        self._next: int | None = None

    def gap(self, packet: Packet) -> int:
        """How many samples at 16 kHz of silence come before this packet."""
        if self._next is None:
            return 0
        ticks = (packet.timestamp - self._next) & 0xFFFFFFFF
        samples = ticks * RATE_HZ // CLOCK_HZ[packet.payload_type]
        return samples if samples <= self.MAX_GAP_S * RATE_HZ else 0

    def played(self, packet: Packet, samples: int) -> None:
        """The packet gave `samples` samples at 16 kHz."""
        ticks = samples * CLOCK_HZ[packet.payload_type] // RATE_HZ
        self._next = (packet.timestamp + ticks) & 0xFFFFFFFF
