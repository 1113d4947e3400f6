"""Opus in Ogg (RFC 3533, RFC 7845) with pages as short as the stream's chunks.

libsndfile writes pages of a second, which no server that streams would send.
"""

import struct

import numpy as np

from hero365_edge.backend.options import Pcm
from hero365_edge.backend.opus import FRAME_SAMPLES, RATE_HZ, Encoder, frames_of
from hero365_edge.backend.pacing import Chunk

TICKS = 48_000 // RATE_HZ  # granule positions count at 48 kHz whatever the sound's rate
FRAME_MS = 20
_FIRST, _LAST = 0x02, 0x04


def ogg_opus(pcm: Pcm, page_ms: int) -> list[Chunk]:
    """The whole stream: the first chunk holds both header pages, each further one a page of sound."""
    encoder = Encoder()
    skip = encoder.lookahead_samples
    # What the encoder holds back comes out behind the end, so the last granule trims to the true length.
    frames = frames_of(np.concatenate([pcm, np.zeros(skip, dtype=np.int16)]))
    packets = [encoder.encode(frame) for frame in frames]
    head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, skip * TICKS, RATE_HZ, 0, 0)
    tags = struct.pack("<8sI7sI", b"OpusTags", 7, b"hero365", 0)
    chunks = [Chunk(_page([head], 0, 0, _FIRST) + _page([tags], 0, 1, 0), 0.0)]
    per_page = max(1, page_ms // FRAME_MS)
    for number, start in enumerate(range(0, len(packets), per_page)):
        end = min(start + per_page, len(packets))
        last = end == len(packets)
        granule = (len(pcm) + skip if last else end * FRAME_SAMPLES) * TICKS
        page = _page(packets[start:end], granule, number + 2, _LAST if last else 0)
        chunks.append(Chunk(page, start * FRAME_MS / 1000))
    return chunks


def _page(packets: list[bytes], granule: int, number: int, flags: int) -> bytes:
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    header = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, _SERIAL, number, 0, len(lacing))
    page = header + lacing + b"".join(packets)
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


_SERIAL = 0x48333635


def _table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x8000_0000 else 0)
        table.append(value & 0xFFFF_FFFF)
    return table


_TABLE = _table()


def _checksum(page: bytes) -> int:
    value = 0
    for byte in page:
        value = (value << 8) & 0xFFFF_FFFF ^ _TABLE[value >> 24 ^ byte]
    return value
