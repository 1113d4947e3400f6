"""What the program needs of speech detection, codecs and rate conversion: small Protocols, as in `ports.py`."""

from typing import Protocol

from hero365_edge.core.pcm import Pcm


class Detector(Protocol):
    """Says whether a frame holds speech."""

    @property
    def late_ms(self) -> int:
        """So much later than the sound its verdicts change."""
        ...

    @property
    def doubtful(self) -> bool:
        """Whether the last frame, though it counts as none, may hold speech all the same."""
        ...

    def is_speech(self, frame: Pcm) -> bool:
        """`frame` is 320 samples (20 ms) at 16 kHz."""
        ...

    def prepare(self, frame: Pcm) -> None:
        """Take a frame from before the recording, behind a `reset`: what it is like around here."""
        ...

    def reset(self) -> None:
        """Forget the utterance before."""
        ...


class PacketEncoder(Protocol):
    """A speech encoder fed by frames."""

    def encode(self, frame: Pcm) -> bytes:
        """One packet for 320 samples at 16 kHz; a packet of two bytes or less is silence (DTX)."""
        ...


class PacketDecoder(Protocol):
    """A speech decoder fed by packets, which can bridge a missing one."""

    def decode(self, packet: bytes) -> Pcm:
        """The packet's samples at 16 kHz. Raises WireError on a packet that does not decode."""
        ...

    def conceal(self, samples: int) -> Pcm:
        """Plausible sound for a packet that did not come (packet loss concealment), `samples` long."""
        ...


class StreamDecoder(Protocol):
    """A decoder fed by bytes as they arrive, cut anywhere; gives what is ready."""

    @property
    def rate_hz(self) -> int:
        """The rate of the samples it gives; only known (not 0) once some were given."""
        ...

    def decode(self, data: bytes) -> Pcm:
        """Mono samples that these bytes completed. Raises WireError when the stream cannot be understood."""
        ...

    def finish(self) -> Pcm:
        """What was still held back when the stream has ended. Raises WireError when nothing was understood."""
        ...


class Resampler(Protocol):
    """A streaming rate converter: the lengths it gives add up to the exact ratio at the end."""

    def process(self, pcm: Pcm) -> Pcm:
        """Mono samples in, mono samples out; some may be held back."""
        ...

    def finish(self) -> Pcm:
        """What was held back; the next `process` begins a new stream."""
        ...


class Codecs(Protocol):
    """Makes encoders, decoders and rate converters; each is used by one stream."""

    def opus_encoder(self) -> PacketEncoder:
        """An Opus encoder for speech at 16 kHz (24 kbit/s, complexity 5, DTX)."""
        ...

    def opus_decoder(self) -> PacketDecoder:
        """An Opus decoder at 16 kHz."""
        ...

    def ogg_opus_decoder(self) -> StreamDecoder:
        """A decoder of Opus in Ogg (RFC 7845)."""
        ...

    def mp3_decoder(self) -> StreamDecoder:
        """A decoder of MPEG layer III."""
        ...

    def resampler(self, from_hz: int, to_hz: int) -> Resampler:
        """A rate converter for mono samples."""
        ...
