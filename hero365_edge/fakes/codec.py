"""Codecs in memory: samples travel as they are, in packets and streams shaped like the real ones.

There is no fake beside `devices/mp3.py`: the streams of Ogg and MP3 differ in their first bytes only.
"""

import struct

import numpy as np

from hero365_edge.codec_ports import PacketDecoder, PacketEncoder, Resampler, StreamDecoder
from hero365_edge.core.pcm import EMPTY, FRAME_SAMPLES, RATE_HZ, Pcm, from_bytes, silence
from hero365_edge.errors import WireError
from hero365_edge.fakes.resampler import FakeResampler

_SILENT_PACKET = b"\x00"
_MAX_PACKET_BYTES = RATE_HZ * 120 // 1000 * 2

_BLOCK_BYTES = 480
_BLOCK_HEADER = struct.Struct("<4sH")
_BLOCK_SAMPLES = (_BLOCK_BYTES - _BLOCK_HEADER.size) // 2
_OGG_MAGIC = b"OggS"
_MP3_MAGIC = bytes.fromhex("fff3e4c4")
"""A true MPEG-2 layer III header, 24 kHz and 160 kbit/s, which says that the next one stands 480 bytes on."""
_MP3_RATE_HZ = 24_000


class FakeOpusEncoder:
    """A packet is the frame's PCM, or a single byte for a frame of zeros (port PacketEncoder).

    Unlike the real one it saves nothing, loses nothing, and is silent from the first frame of zeros on.
    """

    def encode(self, frame: Pcm) -> bytes:
        """One packet for 320 samples. Raises ValueError else."""
        if frame.shape != (FRAME_SAMPLES,) or frame.dtype != np.int16:
            raise ValueError(f"a frame is {FRAME_SAMPLES} samples of int16, not {frame.shape} of {frame.dtype}")
        return frame.astype("<i2").tobytes() if frame.any() else _SILENT_PACKET


class FakeOpusDecoder:
    """The counterpart of FakeOpusEncoder (port PacketDecoder); it conceals by repeating itself at half the level."""

    def __init__(self) -> None:
        self._newest = silence(FRAME_SAMPLES)

    def decode(self, packet: bytes) -> Pcm:
        """The packet's samples. Raises WireError for no bytes, an odd number, or more than 120 ms."""
        if packet == _SILENT_PACKET:
            return silence(FRAME_SAMPLES)
        if not packet or len(packet) % 2 or len(packet) > _MAX_PACKET_BYTES:
            raise WireError(f"a fake packet of {len(packet)} bytes")
        self._newest = from_bytes(packet).astype(np.int16)
        return self._newest

    def conceal(self, samples: int) -> Pcm:
        """The newest packet once more, `samples` long."""
        self._newest = self._newest // 2
        return np.resize(self._newest, samples)


class FakeStreamDecoder:
    """A stream of blocks of 480 bytes: four of magic, the number of samples, the samples (port StreamDecoder)."""

    def __init__(self, magic: bytes, rate_hz: int) -> None:
        self.rate_hz = 0
        self._magic = magic
        self._stream_rate_hz = rate_hz
        self._buffer = bytearray()

    def decode(self, data: bytes) -> Pcm:
        """The samples of the blocks these bytes completed. Raises WireError where a block has no magic."""
        self._buffer += data
        pieces = [EMPTY]
        while len(self._buffer) >= _BLOCK_BYTES:
            magic, samples = _BLOCK_HEADER.unpack_from(self._buffer)
            if magic != self._magic or samples > _BLOCK_SAMPLES:
                raise WireError(f"a block of a fake stream that begins with {magic!r}")
            end = _BLOCK_HEADER.size + 2 * samples
            pieces.append(from_bytes(bytes(self._buffer[_BLOCK_HEADER.size : end])))
            del self._buffer[:_BLOCK_BYTES]
        pcm: Pcm = np.concatenate(pieces).astype(np.int16)
        if len(pcm):
            self.rate_hz = self._stream_rate_hz
        return pcm

    def finish(self) -> Pcm:
        """Nothing: half a block is dropped. Raises WireError when not one block came."""
        if not self.rate_hz:
            raise WireError("a fake stream that ends before its first block")
        return EMPTY


def fake_ogg_opus(pcm: Pcm) -> bytes:
    """A stream for `FakeCodecs.ogg_opus_decoder` that gives these samples at 16 kHz; it begins like Ogg."""
    return _blocks(_OGG_MAGIC, pcm)


def fake_mp3(pcm: Pcm) -> bytes:
    """A stream for `FakeCodecs.mp3_decoder` that gives these samples at 24 kHz; its headers stand like MP3's."""
    return _blocks(_MP3_MAGIC, pcm)


def _blocks(magic: bytes, pcm: Pcm) -> bytes:
    pieces = (pcm[start : start + _BLOCK_SAMPLES] for start in range(0, len(pcm), _BLOCK_SAMPLES))
    return b"".join(
        (_BLOCK_HEADER.pack(magic, len(piece)) + piece.astype("<i2").tobytes()).ljust(_BLOCK_BYTES, b"\x00")
        for piece in pieces
    )


class FakeCodecs:
    """Makes the fakes above (port Codecs). They understand one another and nothing of the real formats."""

    def opus_encoder(self) -> PacketEncoder:
        """An encoder whose packets are PCM."""
        return FakeOpusEncoder()

    def opus_decoder(self) -> PacketDecoder:
        """A decoder of packets that are PCM."""
        return FakeOpusDecoder()

    def ogg_opus_decoder(self) -> StreamDecoder:
        """A decoder of what `fake_ogg_opus` makes."""
        return FakeStreamDecoder(_OGG_MAGIC, RATE_HZ)

    def mp3_decoder(self) -> StreamDecoder:
        """A decoder of what `fake_mp3` makes."""
        return FakeStreamDecoder(_MP3_MAGIC, _MP3_RATE_HZ)

    def resampler(self, from_hz: int, to_hz: int) -> Resampler:
        """Linear interpolation."""
        return FakeResampler(from_hz, to_hz)
