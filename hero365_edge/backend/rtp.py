"""RTP (RFC 3550) as `v1` uses it, Opus (RFC 7587) or L16: strict about what comes up, exact in what goes down."""

import secrets
import struct
from dataclasses import dataclass

import numpy as np

from hero365_edge.backend import opus
from hero365_edge.backend.options import Codec, Pcm
from hero365_edge.backend.opus import FRAME_SAMPLES, frames_of
from hero365_edge.backend.pacing import Chunk

HEADER = struct.Struct("!BBHII")
PAYLOAD_TYPE: dict[Codec, int] = {"opus": 111, "pcm16": 96}
TICKS: dict[Codec, int] = {"opus": 3, "pcm16": 1}
"""Ticks of the RTP clock (48 kHz, 16 kHz) to a sample at 16 kHz."""
FRAME_S = 0.02
LONGEST_SAMPLES = 16_000 * 90


@dataclass(frozen=True, slots=True)
class Packet:
    """One RTP packet, taken apart."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def parse(data: bytes) -> Packet:
    """Take a binary message apart. Raises ValueError unless it is a plain 12-byte header and a payload."""
    if len(data) <= HEADER.size:
        raise ValueError(f"RTP: {len(data)} bytes hold no header of 12 and a payload")
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first != 0x80:
        version, rest = first >> 6, first & 0x3F
        told = f"version {version}" if version != 2 else f"padding, extension or CSRC bits {rest:#04x}"
        raise ValueError(f"RTP: {told}; expected version 2 and nothing else")
    return Packet(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, data[HEADER.size :])


class Assembler:
    """Puts the packets of one utterance together and notices what is wrong with them."""

    def __init__(self, codec: Codec) -> None:
        self._codec: Codec = codec
        self._decoder = opus.Decoder() if codec == "opus" else None
        self._pieces: list[Pcm] = []
        self._samples = 0
        self._origin = 0
        self._sequence: int | None = None

    @property
    def samples(self) -> int:
        """How long the sound is so far, gaps included."""
        return self._samples

    def pcm(self, frames: int = 0) -> Pcm:
        """The sound with zeros in its gaps, and behind it up to `frames` frames: DTX can end an utterance."""
        missing = max(0, frames * FRAME_SAMPLES - self._samples)
        return np.concatenate([*self._pieces, np.zeros(missing, dtype=np.int16)])

    def add(self, packet: Packet) -> list[str]:
        """Take the next packet; returns what is wrong with it (and leaves it out when it has no place)."""
        wrong = []
        expected = PAYLOAD_TYPE[self._codec]
        if packet.payload_type != expected:
            return [f"RTP: payload type {packet.payload_type}; {self._codec} was chosen, which is {expected}"]
        if self._sequence is None:
            self._origin = packet.timestamp
        elif packet.sequence != (self._sequence + 1) & 0xFFFF:
            wrong.append(f"RTP: sequence jumps from {self._sequence} to {packet.sequence}")
        first = self._sequence is None
        self._sequence = packet.sequence
        place, odd = divmod((packet.timestamp - self._origin) & 0xFFFF_FFFF, TICKS[self._codec])
        gap = place - self._samples
        if odd or gap % FRAME_SAMPLES or gap < 0 or place > LONGEST_SAMPLES:
            return [*wrong, f"RTP: timestamp {packet.timestamp} is not whole frames behind the packet before"]
        if packet.marker != (first or gap > 0):
            wrong.append(
                f"RTP: marker {packet.marker} on packet {packet.sequence}, which "
                f"{'begins' if first or gap else 'does not begin'} a talkspurt"
            )
        try:
            pcm = self._decode(packet.payload)
        except ValueError as error:
            return [*wrong, f"RTP: {error}"]
        if len(pcm) != FRAME_SAMPLES:
            wrong.append(f"RTP: a packet of {len(pcm)} samples; the frame is {FRAME_SAMPLES}")
        self._pieces += [np.zeros(gap, dtype=np.int16), pcm]
        self._samples = place + len(pcm)
        return wrong

    def _decode(self, payload: bytes) -> Pcm:
        if self._decoder:
            return self._decoder.decode(payload)
        if len(payload) % 2:
            raise ValueError(f"an L16 payload of {len(payload)} bytes, which is odd")
        return np.frombuffer(payload, dtype=">i2").astype(np.int16)


def packetize(pcm: Pcm, codec: Codec, ssrc: int) -> list[Chunk]:
    """An answer as packets of 20 ms. Digital silence inside is not sent: it is a gap in the timestamps.

    Its first frame is sent all the same, for the encoder holds sound back, and so is the answer's last frame, so
    that the length can be seen.
    """
    encoder = opus.Encoder() if codec == "opus" else None
    if encoder:
        pcm = np.concatenate([pcm, np.zeros(encoder.lookahead_samples, dtype=np.int16)])
    frames = frames_of(pcm)
    sequence, timestamp = secrets.randbelow(0x1_0000), secrets.randbelow(0x1_0000_0000)
    chunks: list[Chunk] = []
    talking = sounding = False
    for index, frame in enumerate(frames):
        payload = encoder.encode(frame) if encoder else frame.astype(">i2").tobytes()
        sounding, before = bool(frame.any()), sounding
        if not sounding and not before and index < len(frames) - 1:
            talking = False
            continue
        header = HEADER.pack(
            0x80,
            PAYLOAD_TYPE[codec] | (0 if talking else 0x80),
            (sequence + len(chunks)) & 0xFFFF,
            (timestamp + index * FRAME_SAMPLES * TICKS[codec]) & 0xFFFF_FFFF,
            ssrc,
        )
        chunks.append(Chunk(header + payload, index * FRAME_S))
        talking = True
    return chunks
