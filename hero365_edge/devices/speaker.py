"""The speaker: PortAudio's callback takes what is queued, and silence where nothing is."""

import asyncio
import math
from collections import deque
from typing import NamedTuple

from hero365_edge.core.ducking import Ducking
from hero365_edge.core.pcm import Pcm, from_bytes, samples_of
from hero365_edge.devices.portaudio import CONTINUE, XRUN, Bell, SampleTimes, Stream, TimeInfo, passes_at
from hero365_edge.echo_ports import Played
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Clock

_SAMPLE_BYTES = 2
_TOLD_S = 3.0  # how long `heard_at` remembers


class _Taken(NamedTuple):
    """What one callback took: content samples from `first` on, at `frame` of the run that `times` is about."""

    first: int
    size: int
    frame: int
    times: SampleTimes


class _Given(NamedTuple):
    """What one callback gave to the card, silence included; nothing, and the time, when the card was stopped."""

    stretch: int
    data: bytes
    frame: int
    times: SampleTimes | float
    softer_db: float = 0.0


class PortAudioSpeaker:
    """The Speaker port over PyAudio, and the port Loudspeaker.

    `rate_hz` and `period_samples` are known once started. 0 asks for the speech rate if the card takes it, else for
    the card's own. A stereo card plays the same on both sides. Make it where the event loop runs.

    Numbers of content samples are never used twice: those that `flush` drops are skipped. `queued_samples` is the
    writer's to watch: the queue itself has no end.

    Two threads, no lock: the event loop writes, PortAudio's takes. It is right because each field has one writer
    (the loop: `_written`, `_floor`, the right end of `_queue`; the callback: `_taken`, the left end) and because a
    step on a deque, or storing an int, is one step under the GIL. The callback looks at `_written` before it asks
    whether a halt was ordered, and takes nothing numbered higher: so what is written after a `flush` cannot slip
    into the run that the flush ends. `start` and `close` may come from a third, while the loop writes nothing; it may
    still `wake`, `sleep` and `flush`.
    """

    def __init__(self, clock: Clock, device: str = "default", rate_hz: int = 0, period_ms: int = 20) -> None:
        self.rate_hz = rate_hz
        self.period_samples = samples_of(period_ms, rate_hz)
        self.xruns = 0
        """How often the card ran dry because a callback came too late; PortAudio drops what it held then."""
        self._clock = clock
        self._device = device
        self._asked_hz = rate_hz
        self.period_ms = period_ms
        self._bell = Bell(asyncio.get_running_loop())
        self._stream: Stream | None = None
        self._closing: Stream | None = None
        self._awake = False
        self._queue: deque[tuple[int, bytes]] = deque()
        self._written = 0
        self._floor = 0
        self._taken = 0
        self._silent = 0
        self._last_callback_at = clock.now()
        self._run = 0
        self._run_frames = 0
        self._times = SampleTimes(max(rate_hz, 1))
        self._notes: deque[_Taken] = deque(maxlen=math.ceil(_TOLD_S * 1000 / period_ms))
        self._stretch = 0
        self._given: deque[_Given] | None = None
        self._ducking = Ducking()

    @property
    def is_open(self) -> bool:
        """Whether it was started, and not closed since."""
        return self._stream is not None

    @property
    def queued_samples(self) -> int:
        """Written, and not yet handed to the card."""
        return self._written - max(self._taken, self._floor)

    @property
    def silent_samples(self) -> int:
        """How many samples of silence the callback had to put in so far because the queue was dry."""
        return self._silent

    @property
    def last_callback_at(self) -> float:
        """When the card last asked for samples, or was last woken; the sign of life while it is awake."""
        return self._last_callback_at

    @property
    def handed_over(self) -> int:
        """The number after that of the last content sample the card took."""
        return self._taken

    @property
    def stuck_since(self) -> float | None:
        """Since when the card has been at what it was told last, such as to close; None when it is done."""
        streams = (stream for stream in (self._closing, self._stream) if stream is not None and not stream.closed)
        return next((since for stream in streams if (since := stream.busy_since) is not None), None)

    def start(self) -> None:
        """Open the card, asleep. Takes some 50 ms, more with many cards.

        Raises DeviceError, naming the device asked for; also while the last `close` still waits for a hung card.
        """
        if self._stream is not None or not (self._closing is None or self._closing.closed):
            raise DeviceError(f"speaker {self._device!r} is still open: it hangs, or was not closed")
        stream = Stream("output", self._device, self._asked_hz, self.rate_hz, self.period_ms, self._wanted)
        self.rate_hz, self.period_samples = stream.rate_hz, stream.period_frames
        self._run = 0
        self._awake = False  # also when it was to be woken while the last stream was closed
        self._last_callback_at = self._clock.now()
        self._stream = stream

    def wake(self) -> None:
        """Let the card run, so that the next `write` is heard without the delay of starting. Idempotent."""
        stream = self._stream
        if stream is not None and not self._awake:
            self._awake = True
            self._last_callback_at = self._clock.now()
            stream.run()

    def sleep(self) -> None:
        """Let the card stop: an idle device costs no callbacks. What is queued is dropped. Idempotent."""
        self.flush()

    def write(self, pcm: Pcm) -> int:
        """Queue mono samples at `rate_hz`; returns the number of the first. Wakes the card when asleep.

        While closed, what is written is dropped.
        """
        first = self._written
        if self._stream is None:
            self._written += pcm.size
            self._drop()
        elif pcm.size:
            self._queue.append((first, pcm.tobytes()))
            self._written += pcm.size
            self.wake()
        return first

    def heard_at(self, sample: int) -> float | None:
        """When sample number `sample` left (or will leave) the card, by its DAC time; None before it is handed over.

        Known for three seconds of callbacks; None for older ones too. While the first two or three callbacks after
        waking fill the card it says up to 50 ms too early; ask again once the sample has been heard. What a flush
        cut off in the card was never heard, whatever this says of the time after the flush.
        """
        for taken in reversed(self._notes.copy()):
            if taken.first <= sample < taken.first + taken.size:
                return taken.times.of(taken.frame + sample - taken.first)
        return None

    def played(self) -> list[Played]:
        """What the card was given since the last call, oldest first: three seconds at most. The first begins it."""
        if self._given is None:
            self._given = deque(maxlen=self._notes.maxlen)
        played = []
        while self._given:
            given = self._given.popleft()
            at = given.times if isinstance(given.times, float) else given.times.of(given.frame)
            played.append(Played(given.stretch, from_bytes(given.data), at, given.softer_db))
        return played

    def duck(self, by_db: float) -> None:
        """Play so much softer from the next callback on, without a step; 0 is as it was written."""
        self._ducking.by_db = by_db

    async def progress(self) -> None:
        """Return when the card has taken samples, or the queue was dropped, since the last call."""
        await self._bell.wait()

    def flush(self) -> int:
        """Silence at once: drop the queue and stop the card within its period. Returns how many were dropped.

        Returns before the card has stopped. The card sleeps afterwards: `wake`, or `write`, lets it run again.
        """
        dropped = self._drop()
        stream = self._stream
        if stream is not None and self._awake:
            self._awake = False
            stream.halt()
            self._note_stop()
        return dropped

    def close(self) -> None:
        """Let the card go. Safe to call again, and on a card that is gone; `start` opens it anew.

        Waits half a second at most; a card that hangs longer is left to a thread of its own.
        """
        if self._awake:
            self._note_stop()
        self._awake = False
        if self._stream is not None:
            self._stream.close()
            self._closing, self._stream = self._stream, None
        self._drop()

    def _note_stop(self) -> None:
        if self._given is not None:
            self._given.append(_Given(self._stretch, b"", 0, self._clock.now()))

    def _drop(self) -> int:
        dropped = self.queued_samples
        self._floor = self._written
        self._bell.ring()
        return dropped

    def _wanted(self, _data: bytes | None, frames: int, times: TimeInfo, flags: int) -> tuple[bytes, int]:
        now = self._clock.now()
        self._last_callback_at = now
        limit = self._written  # before asking for `halting`: see the class
        stream = self._stream
        if stream is None or stream.halting:
            return bytes(frames * _SAMPLE_BYTES), CONTINUE
        if self._run != stream.runs:
            self._run = stream.runs
            self._run_frames = 0
            self._begin_stretch()
        elif flags & XRUN:
            self.xruns += 1
            self._begin_stretch()
        self._times.note(self._run_frames, frames, now, passes_at(self._clock, times, "output_buffer_dac_time"))
        first, content = self._take(frames, limit)
        count = len(content) // _SAMPLE_BYTES
        if count:
            self._notes.append(_Taken(first, count, self._run_frames, self._times))
            self._taken = first + count
            self._bell.ring()
        self._silent += frames - count
        softer_db = self._ducking.by_db
        data = self._ducking.apply(from_bytes(content.ljust(frames * _SAMPLE_BYTES, b"\0"))).tobytes()
        if self._given is not None:
            self._given.append(_Given(self._stretch, data, self._run_frames, self._times, softer_db))
        self._run_frames += frames
        return data, CONTINUE

    def _begin_stretch(self) -> None:
        self._stretch += 1
        self._times = SampleTimes(self.rate_hz)

    def _take(self, frames: int, limit: int) -> tuple[int, bytes]:
        """Up to `frames` samples from the queue, none numbered `limit` or higher, and the number of the first."""
        first = cursor = max(self._taken, self._floor)
        pieces = []
        while self._queue and cursor < min(first + frames, limit):
            number, data = self._queue[0]
            begin = (cursor - number) * _SAMPLE_BYTES
            piece = data[begin : begin + (first + frames - cursor) * _SAMPLE_BYTES]
            if not piece:
                self._queue.popleft()
            pieces.append(piece)
            cursor += len(piece) // _SAMPLE_BYTES
        return first, b"".join(pieces)
