"""Bare Opus packets of 20 ms (RFC 6716), through `opuslib.api`: its classes cannot be relied on (3.0.1)."""

import weakref

import numpy as np
import opuslib
import opuslib.api.ctl
import opuslib.api.decoder
import opuslib.api.encoder

from hero365_edge.backend.options import Pcm

RATE_HZ = 16_000
FRAME_SAMPLES = 320
LONGEST_PACKET = 1275  # RFC 6716, 3.4: of one frame
LONGEST_SAMPLES = RATE_HZ * 120 // 1000  # the longest duration a packet may have
BITRATE = 24_000


class Encoder:
    """Sound at 16 kHz to packets. Without DTX, which takes any tone that lasts for silence after 0.9 s."""

    def __init__(self) -> None:
        self._state = opuslib.api.encoder.create_state(RATE_HZ, 1, opuslib.APPLICATION_VOIP)
        weakref.finalize(self, opuslib.api.encoder.destroy, self._state)
        for setting, value in (
            (opuslib.api.ctl.set_bitrate, BITRATE),
            (opuslib.api.ctl.set_complexity, 5),
        ):
            opuslib.api.encoder.encoder_ctl(self._state, setting, value)

    def encode(self, frame: Pcm) -> bytes:
        """One packet for 320 samples."""
        packet: bytes = opuslib.api.encoder.encode(
            self._state, frame.astype("<i2").tobytes(), FRAME_SAMPLES, LONGEST_PACKET
        )
        return packet

    @property
    def lookahead_samples(self) -> int:
        """How far the decoded sound lags behind what was encoded, at 16 kHz."""
        lookahead: int = opuslib.api.encoder.encoder_ctl(self._state, opuslib.api.ctl.get_lookahead)
        return lookahead


class Decoder:
    """Packets to samples at 16 kHz."""

    def __init__(self) -> None:
        self._state = opuslib.api.decoder.create_state(RATE_HZ, 1)
        weakref.finalize(self, opuslib.api.decoder.destroy, self._state)

    def decode(self, packet: bytes) -> Pcm:
        """The packet's samples. Raises ValueError when it is not an Opus packet."""
        if not packet:
            raise ValueError("an Opus packet of no bytes")
        try:
            pcm = opuslib.api.decoder.decode(self._state, packet, len(packet), LONGEST_SAMPLES, False, 1)
        except opuslib.OpusError as error:
            raise ValueError(f"an Opus packet of {len(packet)} bytes does not decode: {error}") from None
        return np.frombuffer(pcm, dtype=np.int16)


def frames_of(pcm: Pcm) -> Pcm:
    """Cut into frames, shape (n, 320); the last is filled up with zeros."""
    count = -(-len(pcm) // FRAME_SAMPLES)
    padded = np.zeros(count * FRAME_SAMPLES, dtype=np.int16)
    padded[: len(pcm)] = pcm
    return padded.reshape(count, FRAME_SAMPLES)
