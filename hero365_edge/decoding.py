"""From an answer's bytes, as they come, to its samples at 16 kHz: a little at a time, and never an exception."""

from collections import deque
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from hero365_edge.codec_ports import Codecs, PacketDecoder, Resampler, StreamDecoder
from hero365_edge.core import rtp
from hero365_edge.core.pcm import EMPTY, RATE_HZ, Pcm, from_bytes, silence
from hero365_edge.core.sniff import AudioKind, Sniffer
from hero365_edge.core.wav import WavDecoder
from hero365_edge.errors import WireError

SLICE_BYTES = 8192
"""So much is decoded at a time: a quarter of a second of PCM, a second of MP3; a few milliseconds of work."""
MAX_BACKLOG_BYTES = 32 * 1024 * 1024
"""More encoded sound than this is not kept: 17 minutes of PCM, hours of Opus."""


Conceal: TypeAlias = Callable[[int], Pcm]
"""Plausible sound behind the newest, so many samples of it."""


class Pcm16Decoder:
    """PCM16LE 16 kHz mono, cut anywhere, also in the middle of a sample."""

    rate_hz = RATE_HZ

    def __init__(self) -> None:
        self._half = b""

    def decode(self, data: bytes) -> Pcm:
        """The whole samples so far."""
        data = self._half + data
        whole = len(data) & ~1
        self._half = data[whole:]
        return from_bytes(data[:whole])

    def finish(self) -> Pcm:
        """Half a sample is none."""
        return EMPTY


class OpusPacketsDecoder:
    """Bare Opus packets, one per message."""

    rate_hz = RATE_HZ

    def __init__(self, opus: PacketDecoder) -> None:
        self._opus = opus
        self.conceal: Conceal | None = opus.conceal

    def decode(self, data: bytes) -> Pcm:
        """The packet's samples."""
        return self._opus.decode(data)

    def finish(self) -> Pcm:
        """Packets hold nothing back."""
        return EMPTY


class RtpDecoder:
    """RTP packets of one SSRC, Opus or L16; a gap in the timestamp is silence."""

    rate_hz = RATE_HZ

    def __init__(self, ssrc: int, opus: PacketDecoder) -> None:
        self._ssrc = ssrc
        self._opus = opus
        self._timeline = rtp.Timeline()
        self.conceal: Conceal | None = None

    def decode(self, data: bytes) -> Pcm:
        """The packet's samples, behind the silence before them. Raises WireError, also on an unknown SSRC."""
        packet = rtp.unpack(data)
        if packet.ssrc != self._ssrc:
            raise WireError(f"an RTP packet of SSRC {packet.ssrc:#x}; this response has {self._ssrc:#x}")
        if packet.payload_type == rtp.OPUS:
            pcm = self._opus.decode(packet.payload)
            self.conceal = self._opus.conceal
        elif len(packet.payload) % 2:
            raise WireError(f"an L16 packet of {len(packet.payload)} bytes; samples have two each")
        else:
            pcm = np.frombuffer(packet.payload, dtype=">i2").astype(np.int16)
        gap = self._timeline.gap(packet)
        self._timeline.played(packet, len(pcm))
        return np.concatenate([silence(gap), pcm]) if gap else pcm

    def finish(self) -> Pcm:
        """Packets hold nothing back."""
        return EMPTY


class Answer:
    """One answer's sound on its way. `reject` is told why something was skipped."""

    def __init__(self, codecs: Codecs, reject: Callable[[str], None], settled: AudioKind | None = None) -> None:
        """`settled` is the kind where it is known beforehand; else the first bytes tell."""
        self._codecs = codecs
        self._reject = reject
        self._sniffer = Sniffer(settled)
        self._decoder: StreamDecoder | None = None
        self._whole_messages = False
        self._resampler: Resampler | None = None
        self._backlog: deque[bytes] = deque()
        self.backlog_bytes = 0
        """Encoded sound that waits to be decoded."""
        self._ended = False
        self._flushing = False
        self.paused = False
        """Whether the answer seemed to be over, without an end marker, and nothing has come since."""
        self.done = False
        """Whether the answer has ended and all its samples were given."""
        self.sounded = False
        """Whether it gave any sample."""

    @classmethod
    def of_rtp(cls, codecs: Codecs, reject: Callable[[str], None], ssrc: int) -> "Answer":
        """A `v1` response: each message one RTP packet of this SSRC."""
        answer = cls(codecs, reject)
        answer._use(RtpDecoder(ssrc, codecs.opus_decoder()), whole_messages=True)
        return answer

    @classmethod
    def of_file(cls, codecs: Codecs, reject: Callable[[str], None], audio: bytes, audio_format: str) -> "Answer":
        """A whole file, complete; its first bytes count more than what the backend calls it."""
        sniffed = Sniffer().feed(audio) or (AudioKind.PCM16, audio)
        named = {"mp3": AudioKind.MP3, "wav": AudioKind.WAV, "opus": AudioKind.OPUS}.get(audio_format)
        answer = cls(codecs, reject, named if sniffed[0] is AudioKind.PCM16 and named else sniffed[0])
        answer.feed(audio)
        answer.end()
        return answer

    @property
    def pending(self) -> bool:
        """Whether `step` has something to do."""
        return bool(self._backlog) or self._flushing or (self._ended and not self.done)

    @property
    def conceal(self) -> Conceal | None:
        """What bridges a piece that does not come in time, where the kind of sound allows it: packets of Opus do."""
        return self._decoder.conceal if isinstance(self._decoder, OpusPacketsDecoder | RtpDecoder) else None

    @property
    def ended(self) -> bool:
        """Whether no more bytes will come."""
        return self._ended

    def feed(self, data: bytes) -> None:
        """Take the next bytes; nothing is decoded yet."""
        self.paused = False
        if self.backlog_bytes + len(data) > MAX_BACKLOG_BYTES:
            self._reject(f"more than {MAX_BACKLOG_BYTES} bytes of sound wait to be played")
            return
        if self._decoder is None:
            sniffed = self._sniffer.feed(data)
            if sniffed is None:
                return
            kind, data = sniffed
            self._use(self._open(kind), whole_messages=kind is AudioKind.OPUS_PACKETS)
        self._queue(data)

    def pause(self) -> None:
        """No byte has come for long: give what is held back. Should more come, it is of the same stream."""
        self._decide()
        self.paused = self._flushing = True

    def end(self) -> None:
        """No more bytes will come."""
        self._decide()
        self._ended = True

    def step(self) -> Pcm:
        """Decode one slice; its samples at 16 kHz, shape (n,), often none."""
        if self._backlog:
            data = self._backlog.popleft()
            self.backlog_bytes -= len(data)
            return self._decode(data)
        self._flushing = False
        if self._ended:
            self.done = True
            if self._decoder is not None:
                return self._finish(self._decoder)
        return self._resampler.finish() if self._resampler else EMPTY

    def _decide(self) -> None:
        """The first bytes have to do, few as they are."""
        if self._decoder is None and (sniffed := self._sniffer.finish()):
            kind, data = sniffed
            self._use(self._open(kind), whole_messages=False)
            self._queue(data)

    def _use(self, decoder: StreamDecoder, whole_messages: bool) -> None:
        self._decoder = decoder
        self._whole_messages = whole_messages

    def _open(self, kind: AudioKind) -> StreamDecoder:
        match kind:
            case AudioKind.MP3:
                return self._codecs.mp3_decoder()
            case AudioKind.OPUS:
                return self._codecs.ogg_opus_decoder()
            case AudioKind.WAV:
                return WavDecoder()
            case AudioKind.OPUS_PACKETS:
                return OpusPacketsDecoder(self._codecs.opus_decoder())
            case AudioKind.PCM16:
                return Pcm16Decoder()

    def _queue(self, data: bytes) -> None:
        step = len(data) if self._whole_messages else SLICE_BYTES
        for start in range(0, len(data), max(step, 1)):
            self._backlog.append(data[start : start + step])
        self.backlog_bytes += len(data)

    def _decode(self, data: bytes) -> Pcm:
        if self._decoder is None:
            return EMPTY
        try:
            pcm = self._at_16_khz(self._decoder.decode(data))
        except WireError as error:
            self._reject(str(error))
            return EMPTY
        self.sounded = self.sounded or len(pcm) > 0
        return pcm

    def _finish(self, decoder: StreamDecoder) -> Pcm:
        try:
            pcm = self._at_16_khz(decoder.finish())
        except WireError as error:
            self._reject(str(error))
            pcm = EMPTY
        return np.concatenate([pcm, self._resampler.finish()]) if self._resampler else pcm

    def _at_16_khz(self, pcm: Pcm) -> Pcm:
        if self._decoder is None or not len(pcm) or self._decoder.rate_hz == RATE_HZ:
            return pcm
        if self._resampler is None:
            self._resampler = self._codecs.resampler(self._decoder.rate_hz, RATE_HZ)
        return self._resampler.process(pcm)
