"""RIFF/WAVE: a streaming reader for what backends send, and the whole files of `audio_data`."""

import io
import struct
import wave
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hero365_edge.core.pcm import EMPTY, RATE_HZ, Pcm
from hero365_edge.errors import WireError

_RIFF = struct.Struct("<4sI4s")
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
"""Format, channels, rate, bytes per second, bytes per frame, bits per sample."""
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT_AT = 24
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
"""What follows the two bytes of the format in the GUID of WAVE_FORMAT_EXTENSIBLE."""
_MAX_FORMAT_BYTES = 1024
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""Written by servers that stream and do not know the length yet: the data goes on until the end."""
_ENDLESS = 1 << 62
_MIN_RATE_HZ, _MAX_RATE_HZ, _MAX_CHANNELS = 8_000, 192_000, 8


def _from_uint8(data: bytes) -> Pcm:
    return (np.frombuffer(data, np.uint8).astype(np.int16) - 128) << 8


def _from_int16(data: bytes) -> Pcm:
    return np.frombuffer(data, "<i2").astype(np.int16)


def _from_int24(data: bytes) -> Pcm:
    upper = np.frombuffer(data, np.uint8).reshape(-1, 3)[:, 1:]
    return np.ascontiguousarray(upper).view("<i2")[:, 0].astype(np.int16)


def _from_int32(data: bytes) -> Pcm:
    return (np.frombuffer(data, "<i4") >> 16).astype(np.int16)


def _from_float32(data: bytes) -> Pcm:
    samples = np.nan_to_num(np.frombuffer(data, "<f4"), nan=0.0, posinf=1.0, neginf=-1.0)
    pcm: Pcm = np.rint(np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16)
    return pcm


_READERS: dict[tuple[int, int], Callable[[bytes], Pcm]] = {
    (_PCM, 8): _from_uint8,
    (_PCM, 16): _from_int16,
    (_PCM, 24): _from_int24,
    (_PCM, 32): _from_int32,
    (_FLOAT, 32): _from_float32,
}


class WavDecoder:
    """Bytes of a RIFF/WAVE file, cut anywhere, in; mono samples out (port StreamDecoder). Drop it after a WireError.

    Integer PCM of 8, 16, 24 and 32 bit and IEEE float of 32, 8 to 192 kHz, 1 to 8 channels, which are averaged.
    Chunks it does not know are skipped without being held. What follows the data chunk is ignored.
    """

    def __init__(self) -> None:
        self.rate_hz = 0
        self._buffer = bytearray()
        self._step: Callable[[], bool] | None = self._read_riff
        self._skip = 0
        self._format: tuple[int, int, int, Callable[[bytes], Pcm]] | None = None
        self._data_left = 0

    def decode(self, data: bytes) -> Pcm:
        """The samples these bytes completed. Raises WireError for what is no WAVE file or not one of the above."""
        self._buffer += data
        try:
            while self._step is not None and self._step():
                pass
        except WireError:
            self._buffer.clear()  # nothing of a refused file is held
            raise
        return EMPTY if self._step is not None else self._read_samples()

    def finish(self) -> Pcm:
        """Nothing: no whole sample is ever held back. Raises WireError when the file ended before its data."""
        if self._step is not None:
            raise WireError("a WAV file that ends before its data")
        return EMPTY

    # A step reads one thing off the buffer; it is False when that needs more bytes. None is left when samples begin.

    def _read_riff(self) -> bool:
        if not b"RIFF".startswith(self._buffer[:4]):
            raise WireError(f"not a WAV file: it begins with {bytes(self._buffer[:4])!r} instead of b'RIFF'")
        if len(self._buffer) < _RIFF.size:
            return False
        _, _, kind = _RIFF.unpack_from(self._buffer)
        if kind != b"WAVE":
            raise WireError(f"a RIFF file of {kind!r} instead of b'WAVE'")
        del self._buffer[: _RIFF.size]
        self._step = self._read_chunk
        return True

    def _read_chunk(self) -> bool:
        skipped = min(self._skip, len(self._buffer))
        del self._buffer[:skipped]
        self._skip -= skipped
        if self._skip or len(self._buffer) < _CHUNK.size:
            return False
        name, size = _CHUNK.unpack_from(self._buffer)
        if name == b"fmt ":
            if not _FORMAT.size <= size <= _MAX_FORMAT_BYTES:
                raise WireError(f"a WAV format of {size} bytes; {_FORMAT.size} to {_MAX_FORMAT_BYTES} are allowed")
            if len(self._buffer) < _CHUNK.size + size:
                return False
            self._format = _understood(bytes(self._buffer[_CHUNK.size : _CHUNK.size + size]))
        elif name == b"data":
            if self._format is None:
                raise WireError("a WAV file whose data comes before its format")
            del self._buffer[: _CHUNK.size]
            self._data_left = _ENDLESS if size in _UNKNOWN_SIZES else size
            self._step = None
            return False
        self._skip = _CHUNK.size + size + size % 2
        return True

    def _read_samples(self) -> Pcm:
        assert self._format is not None  # noqa: S101  for the type checker: data before format was refused
        rate_hz, channels, frame_bytes, read = self._format
        there = min(self._data_left, len(self._buffer))
        there -= there % frame_bytes
        data = bytes(self._buffer[:there])
        del self._buffer[:there]
        self._data_left -= there
        if self._data_left < frame_bytes:
            self._buffer.clear()
        if not data:
            return EMPTY
        self.rate_hz = rate_hz
        return _averaged(read(data), channels)


def _understood(chunk: bytes) -> tuple[int, int, int, Callable[[bytes], Pcm]]:
    """Rate, channels, bytes per frame and reader that a format chunk asks for. Raises WireError for others."""
    kind, channels, rate_hz, _, frame_bytes, bits = _FORMAT.unpack_from(chunk)
    if kind == _EXTENSIBLE and chunk[_SUBFORMAT_AT + 2 : _SUBFORMAT_AT + 16] == _SUBFORMAT_TAIL:
        kind = int.from_bytes(chunk[_SUBFORMAT_AT : _SUBFORMAT_AT + 2], "little")
    if (kind, bits) not in _READERS:
        raise WireError(f"a WAV file of format {kind:#x} with {bits} bit; PCM of 8 to 32 and float of 32 are read")
    if not 1 <= channels <= _MAX_CHANNELS or frame_bytes != channels * bits // 8:
        found = f"{channels} channels in frames of {frame_bytes} bytes, {bits} bit each"
        raise WireError(f"a WAV file of {found}; 1 to {_MAX_CHANNELS} packed channels are read")
    if not _MIN_RATE_HZ <= rate_hz <= _MAX_RATE_HZ:
        raise WireError(f"a WAV file at {rate_hz} Hz; {_MIN_RATE_HZ} to {_MAX_RATE_HZ} are read")
    return rate_hz, channels, frame_bytes, _READERS[kind, bits]


def _averaged(interleaved: Pcm, channels: int) -> Pcm:
    if channels == 1:
        return interleaved
    sums: NDArray[np.int32] = interleaved.reshape(-1, channels).sum(axis=1, dtype=np.int32)
    return (sums // channels).astype(np.int16)


def wav_bytes(pcm: Pcm) -> bytes:
    """A whole WAV file, 16 kHz mono 16 bit, of these samples."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE_HZ)
        writer.writeframes(pcm.astype("<i2").tobytes())
    return file.getvalue()
