"""Tells the kind of a streamed answer from its first bytes, once per answer.

Sources: RFC 3533 (OggS), the RIFF/WAVE header, ID3v2.4 section 3.1, ISO 11172-3 for the MPEG audio header. PCM begins
with FF FF when it is quiet and with any other bytes when it is not, so an MP3 sync counts only when a second header
stands where the first one says, and a magic of a few letters only with the header behind it.
"""

from collections.abc import Container
from enum import StrEnum


class AudioKind(StrEnum):
    """How the sound of an answer is coded."""

    PCM16 = "pcm16"
    MP3 = "mp3"
    OPUS = "opus"
    """Opus in Ogg."""
    OPUS_PACKETS = "opus_packets"
    """One bare Opus packet per message."""
    WAV = "wav"


def _spelt(magic: bytes) -> list[Container[int]]:
    return [(byte,) for byte in magic]


_FILE_HEADERS: dict[AudioKind, list[Container[int]]] = {
    # What each byte may be.
    AudioKind.WAV: [*_spelt(b"RIFF"), *[range(256)] * 4, *_spelt(b"WAVE")],
    AudioKind.OPUS: _spelt(b"OggS"),
    # ID3v2: version 2 to 4, a revision below FF, four flags, and a size of four times seven bits.
    AudioKind.MP3: [*_spelt(b"ID3"), range(2, 5), range(0xFF), range(0, 256, 16), *[range(128)] * 4],
}

_HEADER_BYTES = 4
_BITRATES_KBPS = {
    # MPEG-1 and MPEG-2/2.5, layer III, by the header's index (0 is "free" and 15 is forbidden: neither is taken).
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    0: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def mp3_frame_bytes(header: bytes) -> int:
    """The length of the MPEG layer III frame that this header opens; 0 when it opens none."""
    if len(header) < _HEADER_BYTES or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bitrate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer != 1 or rate == 3 or bitrate in {0, 15}:
        return 0
    slots = 144_000 if version == 3 else 72_000
    return slots * _BITRATES_KBPS[version][bitrate] // _RATES_HZ[version][rate] + padding


class Sniffer:
    """Holds an answer's first bytes until their kind is sure; `settled` (`backend.downlink`) decides beforehand."""

    def __init__(self, settled: AudioKind | None = None) -> None:
        self._settled = settled
        self._held = b""

    def feed(self, data: bytes) -> tuple[AudioKind, bytes] | None:
        """The kind and all bytes so far, or None while more are needed (at most 1,445)."""
        self._held += data
        kind = self._kind()
        return (kind, self._held) if kind else None

    def finish(self) -> tuple[AudioKind, bytes] | None:
        """The kind of an answer that ended this early; None when there was no byte."""
        if not self._held:
            return None
        alone = mp3_frame_bytes(self._held) == len(self._held)
        return self._settled or (AudioKind.MP3 if alone else AudioKind.PCM16), self._held

    def _kind(self) -> AudioKind | None:
        held = self._held
        if self._settled is AudioKind.OPUS:
            return self._ogg_or_packets()
        if self._settled:
            return self._settled
        for kind, header in _FILE_HEADERS.items():
            if all(byte in allowed for byte, allowed in zip(held, header, strict=False)):
                return kind if len(held) >= len(header) else None
        return self._mp3_or_pcm()

    def _ogg_or_packets(self) -> AudioKind | None:
        if self._held.startswith(b"OggS"):
            return AudioKind.OPUS
        return None if b"OggS".startswith(self._held) else AudioKind.OPUS_PACKETS

    def _mp3_or_pcm(self) -> AudioKind | None:
        held = self._held
        if len(held) < _HEADER_BYTES:
            return None if held[0] == 0xFF else AudioKind.PCM16
        length = mp3_frame_bytes(held)
        if not length:
            return AudioKind.PCM16
        second = held[length : length + _HEADER_BYTES]
        if len(second) < _HEADER_BYTES:
            return None
        same_stream = second[1] & 0xFE == held[1] & 0xFE and second[2] & 0x0C == held[2] & 0x0C
        return AudioKind.MP3 if same_stream and mp3_frame_bytes(second) else AudioKind.PCM16
