"""The jitter buffer: an answer's samples between the network and the sound card, in order and never dropped.

Over a WebSocket nothing is lost or reordered; frames come late in bursts, or far ahead. So what runs ahead is kept
as protection, and what comes late is waited for: the buffer only decides when to start, to pause and to go on.
"""

from collections import deque
from enum import StrEnum

from hero365_edge.core.pcm import EMPTY, Pcm, samples_of


class Playout(StrEnum):
    """What the buffer is doing."""

    IDLE = "idle"
    PRIMING = "priming"
    """Collecting a start's worth before the first sample, or before going on after a pause."""
    PLAYING = "playing"
    DRY = "dry"
    """All was played: an underrun if more of the answer comes, else its end."""


class JitterBuffer:
    """Samples at 16 kHz in, the same samples out, when it is time. Told the time; fixed depth."""

    def __init__(self, start_ms: int) -> None:
        """`start_ms`: how much must be there before the first sample is played (PRODUCT section 6: 40 to 60)."""
        self._start_s = start_ms / 1000
        self._start_samples = samples_of(start_ms)
        self._chunks: deque[Pcm] = deque()
        self._primed_at = 0.0
        self._ended = False
        self.state = Playout.IDLE
        self.buffered = 0
        """Samples in hand."""
        self.underruns = 0
        """How often the card ran dry in the middle of an answer."""

    def put(self, pcm: Pcm, now: float) -> None:
        """Take the next samples, shape (n,); behind an end they open the next answer, joined without a gap."""
        if len(pcm) == 0:
            return
        if self.state is Playout.DRY and not self._ended:
            self.underruns += 1
        if self.state in {Playout.IDLE, Playout.DRY}:
            self.state = Playout.PRIMING
            self._primed_at = now + self._start_s
        self._ended = False
        self._chunks.append(pcm)
        self.buffered += len(pcm)

    def end(self) -> None:
        """The answer is complete: what is in hand is all there is."""
        self._ended = True

    @property
    def deadline(self) -> float | None:
        """When to ask `take` again though nothing new has come; None when only `put` or the card can change things."""
        return self._primed_at if self.state is Playout.PRIMING else None

    @property
    def finished(self) -> bool:
        """Whether the answer has ended and all of it was taken."""
        return self._ended and not self.buffered

    def take(self, want: int, ahead: int, now: float) -> Pcm:
        """At most `want` samples to hand to the card, which still holds `ahead` samples; none while priming."""
        if self.state is Playout.PRIMING and self._ready(now):
            self.state = Playout.PLAYING
        if self.state is Playout.PLAYING and not self.buffered and not ahead:
            self.state = Playout.DRY
        return self._pop(want) if self.state is Playout.PLAYING else EMPTY

    def flush(self) -> int:
        """Forget the answer, for the next one; how many samples were still in hand."""
        dropped = self.buffered
        self._chunks.clear()
        self.buffered = 0
        self._ended = False
        self.state = Playout.IDLE
        return dropped

    def _ready(self, now: float) -> bool:
        return self._ended or self.buffered >= self._start_samples or now >= self._primed_at

    def _pop(self, want: int) -> Pcm:
        if want <= 0 or not self._chunks:
            return EMPTY
        chunk = self._chunks.popleft()
        if len(chunk) > want:
            self._chunks.appendleft(chunk[want:])
            chunk = chunk[:want]
        self.buffered -= len(chunk)
        return chunk
