"""How one utterance travels in each profile: frames of 20 ms in, socket messages out."""

from collections.abc import Callable, Iterator
from typing import Protocol

from hero365_edge.core import messages as m
from hero365_edge.core import rtp
from hero365_edge.core.pcm import FRAME_MS, FRAME_SAMPLES, Pcm, silence

Encode = Callable[[Pcm], bytes]
Outgoing = m.AnyMessage | bytes

DTX_BYTES = 2
"""An Opus packet of at most two bytes says "silence" and need not be sent (RFC 6716 section 2.1.9, libopus DTX)."""


class Framing(Protocol):
    """One utterance's way onto the socket."""

    def opening(self) -> Iterator[Outgoing]:
        """What goes before the first frame."""
        ...

    def frame(self, frame: Pcm) -> Iterator[Outgoing]:
        """What goes up for the next 320 samples."""
        ...

    def pause(self, ended: bool) -> Iterator[Outgoing]:
        """What goes where the utterance may have ended, or had not."""
        ...

    def closing(self) -> Iterator[Outgoing]:
        """What goes behind the last frame."""
        ...


def pcm16(frame: Pcm) -> bytes:
    """The seed's binary audio: PCM16LE, 640 bytes."""
    return frame.astype("<i2", copy=False).tobytes()


def l16(frame: Pcm) -> bytes:
    """RTP's L16: big-endian PCM (RFC 3551 section 4.5.11)."""
    return frame.astype(">i2").tobytes()


class SeedFraming:
    """Bare binary frames; the end is told by silence, sent at once, because the seed has no end marker."""

    def __init__(self, encode: Encode, tail_silence_ms: int) -> None:
        self._encode = encode
        self._tail_frames = -(-tail_silence_ms // FRAME_MS)

    def opening(self) -> Iterator[Outgoing]:
        """Nothing: the first frame opens the utterance."""
        return iter(())

    def frame(self, frame: Pcm) -> Iterator[Outgoing]:
        """The encoded frame, nothing around it."""
        yield self._encode(frame)

    def pause(self, ended: bool) -> Iterator[Outgoing]:  # noqa: ARG002  the seed has no word for it
        """Nothing."""
        return iter(())

    def closing(self) -> Iterator[Outgoing]:
        """The backend listens for silence, and a van is never silent: digital silence it is."""
        for _ in range(self._tail_frames):
            yield self._encode(silence(FRAME_SAMPLES))


class V1Framing:
    """`utterance_started`, RTP packets under one SSRC, `utterance_ended`."""

    def __init__(self, utterance_id: str, ssrc: int, encode: Encode, packetizer: rtp.Packetizer, dtx: bool) -> None:
        """`dtx`: whether packets of two bytes or less are silence that is not sent."""
        self._id = utterance_id
        self._ssrc = ssrc
        self._encode = encode
        self._packetizer = packetizer
        self._dtx = dtx
        self._frames = 0

    def opening(self) -> Iterator[Outgoing]:
        """Names the utterance and its SSRC."""
        yield m.UtteranceStarted(utterance_id=self._id, ssrc=self._ssrc)

    def frame(self, frame: Pcm) -> Iterator[Outgoing]:
        """One packet, or none for silence."""
        self._frames += 1
        payload = self._encode(frame)
        if self._dtx and len(payload) <= DTX_BYTES:
            self._packetizer.skip()
        else:
            yield self._packetizer.packet(payload)

    def pause(self, ended: bool) -> Iterator[Outgoing]:
        """Says that it may have ended with the frames so far, or that it had not."""
        if ended:
            yield m.UtteranceEnded(utterance_id=self._id, frames=self._frames, tentative=True)
        else:
            yield m.UtteranceResumed(utterance_id=self._id)

    def closing(self) -> Iterator[Outgoing]:
        """Says how many frames of 20 ms the utterance has, silent ones too."""
        yield m.UtteranceEnded(utterance_id=self._id, frames=self._frames)
