"""MP3 through libmpg123, bound by ctypes: decoded as it streams, which no Python package does on every board.

Only symbols without an `off_t` in their signature are used, so that the same declarations hold for Debian 12
(1.31) and 13 (1.32), 64 bit and 32.
"""

import ctypes
import weakref
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_long, c_size_t, c_void_p
from functools import cache

import numpy as np

from hero365_edge.core.pcm import EMPTY, Pcm
from hero365_edge.errors import DeviceError, WireError

_SONAME = "libmpg123.so.0"

# From mpg123.h.
_OK, _NEED_MORE, _NEW_FORMAT = 0, -10, -11
_FLAGS, _RESYNC_LIMIT = 1, 14
_MONO_MIX, _QUIET, _GAPLESS, _SKIP_ID3V2, _AUTO_RESAMPLE = 0x4, 0x20, 0x40, 0x2000, 0x8000
_MONO, _SIGNED_16 = 1, 0xD0

_RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_MAX_MUTE_BYTES = 1 << 20
"""Fed in a row without a sample coming out, before the stream is refused; libmpg123 itself would seek for ever.
An ID3 tag with a picture may stand in front, and libmpg123 holds it until it is complete."""


@cache
def _library(soname: str) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(soname)
    except OSError as error:
        packages = "libmpg123-0t64 (Debian 13) or libmpg123-0 (Debian 12)"
        raise DeviceError(f"{soname} is missing: install the Debian package {packages}") from error
    library.mpg123_new.restype = c_void_p
    library.mpg123_strerror.restype = c_char_p
    library.mpg123_delete.restype = None
    library.mpg123_new.argtypes = (c_char_p, POINTER(c_int))
    library.mpg123_strerror.argtypes = (c_void_p,)
    library.mpg123_delete.argtypes = (c_void_p,)
    library.mpg123_param.argtypes = (c_void_p, c_int, c_long, c_double)
    library.mpg123_format_none.argtypes = (c_void_p,)
    library.mpg123_format.argtypes = (c_void_p, c_long, c_int, c_int)
    library.mpg123_getformat.argtypes = (c_void_p, POINTER(c_long), POINTER(c_int), POINTER(c_int))
    library.mpg123_open_feed.argtypes = (c_void_p,)
    library.mpg123_feed.argtypes = (c_void_p, c_char_p, c_size_t)
    library.mpg123_read.argtypes = (c_void_p, c_void_p, c_size_t, POINTER(c_size_t))
    return library


class Mp3Decoder:
    """An MP3 stream, cut anywhere, into mono samples at its own rate (port StreamDecoder). Drop it after a WireError.

    Channels are mixed, tags skipped, garbage between frames stepped over. The encoder's delay and padding are cut
    when a LAME header tells them; a second header (one MP3 behind another) is not looked at and is heard as up to
    90 ms of silence. Should the rate change in mid stream, libmpg123 converts to the first one.
    """

    def __init__(self, soname: str = _SONAME) -> None:
        """Raises DeviceError when libmpg123 is missing."""
        self._mpg123 = _library(soname)
        error = c_int()
        self._handle = self._mpg123.mpg123_new(None, byref(error))
        if not self._handle:
            raise DeviceError(f"{soname} gives no decoder (its error {error.value})")
        weakref.finalize(self, self._mpg123.mpg123_delete, self._handle)
        flags = _MONO_MIX | _QUIET | _GAPLESS | _SKIP_ID3V2 | _AUTO_RESAMPLE
        self._check(self._mpg123.mpg123_param(self._handle, _FLAGS, flags, 0))
        self._check(self._mpg123.mpg123_param(self._handle, _RESYNC_LIMIT, -1, 0))
        self._give_only(*_RATES_HZ)
        self._check(self._mpg123.mpg123_open_feed(self._handle))
        self._out = np.empty(1 << 14, dtype=np.int16)
        self._mute_bytes = 0
        self._stream_rate_hz = 0
        self.rate_hz = 0

    def decode(self, data: bytes) -> Pcm:
        """The samples of the frames these bytes completed. Raises WireError when there is no MP3 in 1 MiB."""
        if self._mute_bytes > _MAX_MUTE_BYTES:
            raise WireError(f"no MP3 in {_MAX_MUTE_BYTES} bytes")
        self._check(self._mpg123.mpg123_feed(self._handle, data, len(data)))
        pieces = [EMPTY]
        while (status := self._read(pieces)) != _NEED_MORE:
            if status == _NEW_FORMAT:
                self._keep_rate()
            else:
                self._check(status)
        pcm = np.concatenate(pieces)
        if len(pcm):
            self.rate_hz = self._stream_rate_hz
        self._mute_bytes = 0 if len(pcm) else self._mute_bytes + len(data)
        return pcm

    def finish(self) -> Pcm:
        """Nothing: a frame is given as soon as it is whole. Raises WireError when not one came."""
        if not self.rate_hz:
            raise WireError(f"no MP3 in {self._mute_bytes} bytes")
        return EMPTY

    def _read(self, pieces: list[Pcm]) -> int:
        done = c_size_t()
        status: int = self._mpg123.mpg123_read(self._handle, self._out.ctypes.data, self._out.nbytes, byref(done))
        pieces.append(self._out[: done.value // 2].copy())
        return status

    def _keep_rate(self) -> None:
        """From the first frame on only its rate is allowed, so that the samples of one stream have one rate."""
        rate_hz = c_long()
        self._check(self._mpg123.mpg123_getformat(self._handle, byref(rate_hz), byref(c_int()), byref(c_int())))
        self._stream_rate_hz = rate_hz.value
        self._give_only(rate_hz.value)

    def _give_only(self, *rates_hz: int) -> None:
        self._check(self._mpg123.mpg123_format_none(self._handle))
        for rate_hz in rates_hz:
            self._check(self._mpg123.mpg123_format(self._handle, rate_hz, _MONO, _SIGNED_16))

    def _check(self, status: int) -> None:
        if status != _OK:
            reason = self._mpg123.mpg123_strerror(self._handle).decode(errors="replace")
            raise WireError(f"libmpg123: {reason}")
