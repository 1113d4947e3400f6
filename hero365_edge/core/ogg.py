"""An Ogg demultiplexer for one Opus stream (RFC 3533, RFC 7845): bytes cut anywhere in, Opus packets out.

Chained streams (one Ogg file behind another, as a server makes that encodes sentence by sentence) are followed;
several streams at the same time are not.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from hero365_edge.errors import WireError

_CAPTURE = b"OggS"
_HEADER = struct.Struct("<4sBBqIIIB")
"""Capture pattern, version, flags, granule position, serial, sequence, checksum, number of segments (RFC 3533, 6)."""
_CONTINUED, _FIRST, _LAST = 1, 2, 4
_CHECKSUM_AT = 22
_MAX_PAGE = 27 + 255 + 255 * 255

_HEAD = struct.Struct("<8sBBHIhB")
"""Magic, version, channels, pre-skip, input rate, output gain, mapping family (RFC 7845, 5.1)."""
_HEAD_MAGIC, _TAGS_MAGIC = b"OpusHead", b"OpusTags"

_MAX_PACKET = 61_440  # what a demultiplexer is asked to take (RFC 7845, 6); 120 ms of stereo need no more
_MAX_DURATION = 5_760  # 120 ms at 48 kHz (RFC 6716, 3.2.5)
_MAX_EFFORT = 4 * _MAX_PAGE
"""Bytes examined in vain before a stream is given up. Garbage made of false page headers costs a checksum each."""

_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class OpusHead:
    """A stream begins: what its identification header says."""

    channels: int
    gain_q8: int
    """Gain the decoder must apply, in dB times 256 (RFC 7845, 5.1: players SHOULD apply it)."""


@dataclass(frozen=True, slots=True)
class OpusPacket:
    """One packet, and which of its samples are to be heard: those before `first` and from `end` on are not.

    All packets have to be decoded in order, also those of which nothing is heard: they settle the decoder.
    Counted in samples at 48 kHz, as Ogg counts, whatever rate is decoded to.
    """

    audio: bytes
    first: int
    end: int


def opus_duration(packet: bytes) -> int:
    """How long an Opus packet lasts, in samples at 48 kHz (RFC 6716, 3.1). Raises WireError when it is none."""
    if not packet:
        raise WireError("an Opus packet of no bytes")
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:  # SILK
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:  # hybrid
        frame = (480, 960)[config & 1]
    else:  # CELT
        frame = (120, 240, 480, 960)[config & 3]
    if code == 3 and len(packet) < 2:
        raise WireError("an Opus packet that ends before its frame count")
    frames = (1, 2, 2, packet[1] & 63 if code == 3 else 0)[code]
    if not 0 < frames * frame <= _MAX_DURATION:
        raise WireError(f"an Opus packet of {frames} frames of {frame / 48:g} ms; 120 ms in all are allowed")
    return frames * frame


class OggOpusDemuxer:
    """Pages in, packets out. Drop it after a WireError.

    A page whose checksum is wrong is skipped and the next one is looked for; packets that lost a part are dropped.
    Holds at most one page and one packet.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._synchronised = False
        self._effort = 0
        self._serial: int | None = None
        self._sequence = 0
        self._position = 0
        self._preskip = 0
        self._packet: bytearray | None = None

    def feed(self, data: bytes) -> list[OpusHead | OpusPacket]:
        """What these bytes completed. Raises WireError for a stream that is no Ogg, holds no Opus or is beyond hope."""
        self._buffer += data
        return [item for page in self._pages() for item in self._open(page)]

    def _pages(self) -> Iterator[bytes]:
        while len(self._buffer) >= len(_CAPTURE):
            if not self._buffer.startswith(_CAPTURE):
                self._look_for_page()
                continue
            if len(self._buffer) < _HEADER.size:
                return
            lacing = self._buffer[_HEADER.size : _HEADER.size + self._buffer[_HEADER.size - 1]]
            size = _HEADER.size + len(lacing) + sum(lacing)
            if len(lacing) < self._buffer[_HEADER.size - 1] or len(self._buffer) < size:
                return
            page = bytes(self._buffer[:size])
            if page[4] == 0 and _checksum_holds(page):
                del self._buffer[:size]
                self._synchronised = True
                self._effort = 0
                yield page
            else:
                del self._buffer[: len(_CAPTURE)]
                self._waste(size)

    def _look_for_page(self) -> None:
        if not self._synchronised and self._effort == 0:
            begins = bytes(self._buffer[:4])
            self._buffer.clear()
            raise WireError(f"not an Ogg stream: it begins with {begins!r}")
        at = self._buffer.find(_CAPTURE)
        garbage = at if at >= 0 else len(self._buffer) - len(_CAPTURE) + 1
        del self._buffer[:garbage]
        self._waste(garbage)

    def _waste(self, size: int) -> None:
        self._effort += size
        if self._effort > _MAX_EFFORT:
            self._buffer.clear()
            raise WireError(f"no sound Ogg page in {_MAX_EFFORT} bytes")

    def _open(self, page: bytes) -> Iterator[OpusHead | OpusPacket]:
        _, _, flags, granule, serial, sequence, _, segments = _HEADER.unpack_from(page)
        lacing, body = page[_HEADER.size : _HEADER.size + segments], page[_HEADER.size + segments :]
        if flags & _FIRST:
            yield self._begin(body, serial, sequence)
        elif self._serial is None:
            raise WireError("an Ogg stream without a first page")
        elif serial == self._serial:
            if sequence != self._sequence or not flags & _CONTINUED:
                self._packet = None if flags & _CONTINUED else bytearray()
            self._sequence = (sequence + 1) & 0xFFFFFFFF
            yield from self._place(self._split(lacing, body), granule, last=bool(flags & _LAST))

    def _begin(self, body: bytes, serial: int, sequence: int) -> OpusHead:
        if not body.startswith(_HEAD_MAGIC) or len(body) < _HEAD.size:
            raise WireError(f"an Ogg stream of something else than Opus: its first page holds {body[:8]!r}")
        _, version, channels, preskip, _, gain_q8, family = _HEAD.unpack_from(body)
        if version > 15 or family != 0 or channels not in (1, 2):
            found = f"version {version}, mapping family {family}, {channels} channels"
            raise WireError(f"OpusHead of {found}; allowed are versions up to 15, family 0, 1 or 2 channels")
        self._serial, self._sequence, self._packet = serial, (sequence + 1) & 0xFFFFFFFF, bytearray()
        self._position, self._preskip = 0, preskip
        return OpusHead(channels, gain_q8)

    def _split(self, lacing: bytes, body: bytes) -> list[bytes]:
        """The audio packets that end on this page; `_packet` is the open one, None while skipping one cut short."""
        packets, at = [], 0
        for size in lacing:
            if self._packet is not None:
                self._packet += body[at : at + size]
                self._bound(self._packet)
            at += size
            if size < 255:
                if self._packet is not None and not self._packet.startswith(_TAGS_MAGIC):
                    packets.append(bytes(self._packet))
                self._packet = bytearray()
        return packets

    def _bound(self, packet: bytearray) -> None:
        if len(packet) <= _MAX_PACKET:
            return
        if not packet.startswith(_TAGS_MAGIC):
            self._packet = None
            raise WireError(f"an Opus packet of more than {_MAX_PACKET} bytes")
        del packet[len(_TAGS_MAGIC) :]  # comments may be long, with a picture inside; nobody here reads them

    def _place(self, packets: list[bytes], granule: int, *, last: bool) -> Iterator[OpusPacket]:
        """Cut off the pre-skip and, on the last page, what lies behind the granule position (RFC 7845, 4.2, 4.4)."""
        durations = [opus_duration(packet) for packet in packets]
        length = sum(durations)
        audible = granule - self._position if last and granule >= 0 else length
        self._position = granule if granule >= 0 else self._position + length
        for packet, duration in zip(packets, durations, strict=True):
            first = min(self._preskip, duration)
            self._preskip -= first
            yield OpusPacket(packet, first, max(first, min(audible, duration)))
            audible -= duration


def _checksum_holds(page: bytes) -> bool:
    """Ogg's CRC runs from the most significant bit and zlib's from the least: mirror the bytes, then the result."""
    blanked = page[:_CHECKSUM_AT] + bytes(4) + page[_CHECKSUM_AT + 4 :]
    mirrored = zlib.crc32(blanked.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    checksum = int(f"{mirrored:032b}"[::-1], 2)
    return checksum == int.from_bytes(page[_CHECKSUM_AT : _CHECKSUM_AT + 4], "little")
