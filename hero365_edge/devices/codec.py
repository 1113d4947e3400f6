"""Opus through libopus: packets for the wire, and whole Ogg streams.

`opuslib` 3.0.1 supplies the declarations only (`opuslib.api`): its classes cannot set in-band FEC nor conceal, and
its `decode` wrapper copies sample by sample.
"""

import ctypes
import weakref
from ctypes.util import find_library
from functools import cache
from typing import Any

import numpy as np

from hero365_edge.core.ogg import OggOpusDemuxer, OpusHead
from hero365_edge.core.pcm import EMPTY, FRAME_SAMPLES, RATE_HZ, Pcm
from hero365_edge.errors import DeviceError, WireError

_BITRATE = 24_000
_COMPLEXITY = 5
_MAX_FRAME_BYTES = 1_275  # of one Opus frame (RFC 6716, 3.4)
_MAX_SAMPLES = RATE_HZ * 120 // 1000  # of one packet (RFC 6716, 3.2.5)
_CONCEAL_STEP = RATE_HZ * 5 // 2000  # libopus conceals in multiples of 2.5 ms
_OGG_RATE_HZ = 48_000


@cache
def _opus() -> Any:
    """The package `opuslib`, with its `api` loaded. Raises DeviceError when libopus is missing."""
    if find_library("opus") is None:  # asked first, because opuslib's import raises a bare Exception then
        raise DeviceError("libopus is missing: install the Debian package libopus0")
    import opuslib.api.ctl  # noqa: PLC0415  it loads libopus, so it can only be imported when that is there
    import opuslib.api.decoder  # noqa: PLC0415  likewise
    import opuslib.api.encoder  # noqa: PLC0415  likewise

    return opuslib


class OpusEncoder:
    """Speech into Opus packets of 20 ms, 24 kbit/s (port PacketEncoder).

    Discontinuous transmission is on. In-band FEC is off: nothing is lost over TCP, and it cost quality (PLCMOS 4.79
    to 3.89 at this rate).
    """

    def __init__(self) -> None:
        """Raises DeviceError when libopus is missing."""
        opus = _opus()
        self._encoder = opus.api.encoder
        self._state = self._encoder.create_state(RATE_HZ, 1, opus.APPLICATION_VOIP)
        weakref.finalize(self, self._encoder.destroy, self._state)
        for setting, value in (
            (opus.api.ctl.set_bitrate, _BITRATE),
            (opus.api.ctl.set_complexity, _COMPLEXITY),
            (opus.api.ctl.set_dtx, 1),
            (opus.api.ctl.set_inband_fec, 0),
        ):
            self._encoder.encoder_ctl(self._state, setting, value)

    def encode(self, frame: Pcm) -> bytes:
        """One packet for 320 samples at 16 kHz; a packet of two bytes or less is silence. Raises ValueError else."""
        if frame.shape != (FRAME_SAMPLES,) or frame.dtype != np.int16:
            raise ValueError(f"a frame is {FRAME_SAMPLES} samples of int16, not {frame.shape} of {frame.dtype}")
        packet: bytes = self._encoder.encode(self._state, frame.tobytes(), FRAME_SAMPLES, _MAX_FRAME_BYTES)
        return packet


class OpusDecoder:
    """Opus packets into samples at 16 kHz, whatever rate and channels they were encoded from (port PacketDecoder)."""

    def __init__(self, gain_q8: int = 0) -> None:
        """`gain_q8` is the gain to apply, in dB times 256. Raises DeviceError when libopus is missing."""
        opus = _opus()
        self._decode = opus.api.decoder.libopus_decode
        self._state = opus.api.decoder.create_state(RATE_HZ, 1)
        weakref.finalize(self, opus.api.decoder.destroy, self._state)
        opus.api.decoder.decoder_ctl(self._state, opus.api.ctl.set_gain, gain_q8)
        self._pcm = np.empty(_MAX_SAMPLES, dtype=np.int16)
        self._pcm_pointer = self._pcm.ctypes.data_as(ctypes.POINTER(ctypes.c_int16))

    def decode(self, packet: bytes) -> Pcm:
        """The packet's samples, 120 ms at most. Raises WireError on a packet that does not decode."""
        if not packet:  # to libopus that would be an order to conceal
            raise WireError("an Opus packet of no bytes")
        return self._run(packet, _MAX_SAMPLES)

    def conceal(self, samples: int) -> Pcm:
        """Plausible sound for a packet that did not come, `samples` long; it fades when asked for again and again."""
        pieces = [EMPTY]
        for start in range(0, samples, _MAX_SAMPLES):
            wanted = min(samples - start, _MAX_SAMPLES)
            pieces.append(self._run(None, -(-wanted // _CONCEAL_STEP) * _CONCEAL_STEP)[:wanted])
        return np.concatenate(pieces)

    def _run(self, packet: bytes | None, room: int) -> Pcm:
        count = self._decode(self._state, packet, len(packet or b""), self._pcm_pointer, room, 0)
        if count < 0:
            raise WireError(f"libopus cannot decode a packet of {len(packet or b'')} bytes (its error {count})")
        return self._pcm[:count].copy()


class OggOpusDecoder:
    """Opus in Ogg (RFC 7845) into samples at 16 kHz (port StreamDecoder). Drop it after a WireError.

    Pre-skip and end trimming are kept to the sample, as far as 48 kHz can be divided; the header's output gain is
    applied by libopus, which also mixes stereo down. Sound comes page by page, because checksums do.
    """

    def __init__(self) -> None:
        """Raises DeviceError when libopus is missing."""
        self._demuxer = OggOpusDemuxer()
        self._decoder = OpusDecoder()
        self.rate_hz = 0

    def decode(self, data: bytes) -> Pcm:
        """The samples of the pages these bytes completed. Raises WireError when it is no Ogg stream of Opus."""
        pieces = [EMPTY]
        for item in self._demuxer.feed(data):
            if isinstance(item, OpusHead):
                self._decoder = OpusDecoder(item.gain_q8)
                continue
            heard = slice(*(-(-edge * RATE_HZ // _OGG_RATE_HZ) for edge in (item.first, item.end)))
            pieces.append(self._decoder.decode(item.audio)[heard])
        pcm = np.concatenate(pieces)
        if len(pcm):
            self.rate_hz = RATE_HZ
        return pcm

    def finish(self) -> Pcm:
        """Nothing: half a page is not played. Raises WireError when not one packet was."""
        if not self.rate_hz:
            raise WireError("an Ogg stream that ends before its sound")
        return EMPTY
