"""The microphone: PortAudio's callback copies each block into a short ring, and to whoever listens."""

import asyncio
import math
from collections import deque
from typing import NamedTuple

import numpy as np

from hero365_edge.core.pcm import Pcm
from hero365_edge.devices.portaudio import CONTINUE, XRUN, Bell, SampleTimes, Stream, TimeInfo, passes_at
from hero365_edge.errors import DeviceError
from hero365_edge.ports import UNREAD_LIMIT_S, Block, Clock


class _Kept(NamedTuple):
    number: int
    data: bytes
    captured_at: float
    ended_at: float


class PortAudioMicrophone:
    """The Microphone port over PyAudio.

    `rate_hz` and `channels` are known once started. 0 asks for the speech rate if the card takes it, else for the
    card's own. Make it where the event loop runs. An idle microphone never wakes that loop.

    Three threads, no lock: PortAudio's fills the ring, the event loop reads, and one that the keeper of the cards makes
    opens or closes. It is right because appending to, popping from, emptying and copying a deque are single steps under
    the GIL, and because what another thread may replace or empty is looked up once, and may be empty all the same.
    """

    def __init__(
        self, clock: Clock, device: str = "default", rate_hz: int = 0, period_ms: int = 20, ring_s: float = 1.5
    ) -> None:
        self.rate_hz = rate_hz
        self.channels = 0
        self.xruns = 0
        """How often the card lost samples because nobody took them in time."""
        self._clock = clock
        self._device = device
        self._asked_hz = rate_hz
        self.period_ms = period_ms
        self._bell = Bell(asyncio.get_running_loop())
        self._stream: Stream | None = None
        self._closing: Stream | None = None
        self._last_block_at = clock.now()
        self._ring: deque[_Kept] = deque(maxlen=math.ceil(ring_s * 1000 / period_ms))
        self._blocks = 0
        self._frames = 0
        self._times = SampleTimes(max(rate_hz, 1))
        self._since = 0.0
        self._delivered = -1
        self._preroll: deque[_Kept] = deque()
        self._live: deque[_Kept] | None = None

    @property
    def last_block_at(self) -> float:
        """When the newest block arrived; the time of `start` before the first. The only sign of life."""
        return self._last_block_at

    @property
    def is_hardware(self) -> bool:
        """Whether it is a card, not a sound server or another device of software; while it is open."""
        stream = self._stream
        return stream is not None and stream.card.is_hardware

    def recent(self, length_s: float) -> Pcm:
        """The newest samples of the ring, shape (frames, channels)."""
        blocks = math.ceil(length_s * 1000 / self.period_ms)
        newest = list(self._ring.copy())[-blocks:]
        whole = b"".join(kept.data for kept in newest)
        return np.frombuffer(whole, dtype=np.int16).reshape(-1, max(self.channels, 1))

    @property
    def stuck_since(self) -> float | None:
        """Since when the card has been at what it was told last, such as to close; None when it is done."""
        streams = (stream for stream in (self._closing, self._stream) if stream is not None and not stream.closed)
        return next((since for stream in streams if (since := stream.busy_since) is not None), None)

    def start(self) -> None:
        """Open the card and begin to fill the ring. Takes some 50 ms, more with many cards.

        Raises DeviceError, naming the device asked for; also while the last `close` still waits for a hung card.
        """
        if self._stream is not None or not (self._closing is None or self._closing.closed):
            raise DeviceError(f"microphone {self._device!r} is still open: it hangs, or was not closed")
        stream = Stream("input", self._device, self._asked_hz, self.rate_hz, self.period_ms, self._arrived)
        self.rate_hz, self.channels = stream.rate_hz, stream.channels
        self._frames = 0
        self._times = SampleTimes(stream.rate_hz)
        self._last_block_at = self._clock.now()
        self._stream = stream
        stream.run()

    def listen(self, since: float) -> None:
        """Deliver to `read` every block whose last sample was captured at `since` or later, oldest first."""
        self._since = since
        # Live first, then the ring: a block that arrives between the two is in both, and `_next` skips the second.
        self._live = deque(maxlen=math.ceil(UNREAD_LIMIT_S * 1000 / self.period_ms))
        self._preroll = self._ring.copy()

    def hush(self) -> None:
        """Stop delivering; what was not read yet is dropped. The ring goes on."""
        self._live = None
        self._preroll.clear()

    async def read(self) -> Block:
        """The next block of this `listen`, waiting for it. Its samples are read-only."""
        while (kept := self._next()) is None:
            await self._bell.wait()
        pcm = np.frombuffer(kept.data, dtype=np.int16).reshape(-1, self.channels)
        return Block(pcm, kept.captured_at)

    def close(self) -> None:
        """Let the card go. Safe to call again, and on a card that is gone; `start` opens it anew.

        Waits half a second at most; a card that hangs longer is left to a thread of its own. Who listens goes on
        listening, and hears the next `start`.
        """
        stream = self._stream
        if stream is not None:
            stream.close()
            self._closing, self._stream = stream, None
        self._ring.clear()
        self._preroll.clear()
        live = self._live
        if live is not None:
            live.clear()

    def _next(self) -> _Kept | None:
        for unread in (self._preroll, self._live):
            while unread:
                try:
                    kept = unread.popleft()
                except IndexError:  # `close` emptied it meanwhile
                    break
                is_new = unread is self._preroll or kept.number > self._delivered
                if is_new and kept.ended_at >= self._since:
                    self._delivered = kept.number
                    return kept
        return None

    def _arrived(self, data: bytes | None, frames: int, times: TimeInfo, flags: int) -> tuple[None, int]:
        now = self._clock.now()
        if flags & XRUN:
            self.xruns += 1
            self._times = SampleTimes(self.rate_hz)  # the count of samples has a hole: begin a new one
        self._times.note(self._frames, frames, now, passes_at(self._clock, times, "input_buffer_adc_time"))
        captured_at = self._times.of(self._frames)
        kept = _Kept(self._blocks, data or b"", captured_at, captured_at + (frames - 1) / self.rate_hz)
        self._frames += frames
        self._blocks += 1
        self._last_block_at = now
        self._ring.append(kept)
        live = self._live  # only now: see `listen`
        if live is not None:
            live.append(kept)
            self._bell.ring()
        return None, CONTINUE
