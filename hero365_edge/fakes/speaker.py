"""A speaker that keeps what it is given and when: paced in real time as a card would, or taken by hand."""

import asyncio
from collections import deque
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from hero365_edge.core.ducking import Ducking
from hero365_edge.core.pcm import EMPTY, RATE_HZ, Pcm, samples_of
from hero365_edge.echo_ports import Played
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Clock


@dataclass(frozen=True, slots=True)
class Heard:
    """Samples that left the card one after the other."""

    at: float
    """When the first of them left the card."""
    first: int
    """Its number."""
    pcm: Pcm


class FakeSpeaker:
    """The Speaker port in memory, and the port Loudspeaker.

    By hand (the default): the card takes samples when `take` is called. `paced`: while awake it takes a period's
    worth each period in real time, which needs a running event loop and a clock that runs.

    Unlike a real card it holds nothing back: a sample leaves the card `latency_s` after it was taken, and waking
    takes no time. What was taken is heard; a flush stops the card before it takes more.
    """

    def __init__(
        self,
        clock: Clock,
        rate_hz: int = RATE_HZ,
        period_ms: int = 20,
        latency_s: float = 0.0,
        *,
        paced: bool = False,
    ) -> None:
        self.rate_hz = rate_hz
        self.period_samples = samples_of(period_ms, rate_hz)
        self._period_s = period_ms / 1000
        self.xruns = 0
        self.period_ms = period_ms
        self.heard: list[Heard] = []
        """Everything that was heard, oldest first; silence is what lies between."""
        self.awake = False
        self._clock = clock
        self._latency_s = latency_s
        self._paced = paced
        self._queue: deque[Pcm] = deque()
        self._written = 0
        self._taken = 0
        self._silent = 0
        self._last_callback_at = clock.now()
        self._progressed = asyncio.Event()
        self._plugged = True
        self._open = False
        self._alive = False
        self._hangs = False
        self._stuck_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stretch = 0
        self._played: list[Played] | None = None
        self._ducking = Ducking()

    def take(self, samples: int) -> Pcm:
        """The card asks for this many samples now; gives what it got, silence where the queue was dry.

        A card that is asleep, closed or unplugged asks for nothing: ValueError.
        """
        if not (self.awake and self._alive):
            raise ValueError("this card is asleep, closed or unplugged: it asks for nothing")
        return self._take(samples, self._clock.now())

    def sound(self, since: float, until: float) -> Pcm:
        """What a microphone in front of it would have recorded between two times, silence included."""
        recorded = np.zeros(samples_of(1000 * (until - since), self.rate_hz), np.int16)
        recent = takewhile(lambda heard: heard.at + heard.pcm.size / self.rate_hz >= since, reversed(self.heard))
        for heard in reversed(list(recent)):
            begin = samples_of(1000 * (heard.at - since), self.rate_hz)
            first, last = max(begin, 0), min(begin + heard.pcm.size, recorded.size)
            if first < last:
                recorded[first:last] = heard.pcm[first - begin : last - begin]
        return recorded

    def unplug(self) -> None:
        """The card is gone: it asks for nothing more, without an error. `start` raises until `plug`."""
        self._plugged = self._alive = False
        self._stop()

    def plug(self) -> None:
        """The card is there again; as with PortAudio, only `close` and `start` find it."""
        self._plugged = True

    def hang(self) -> None:
        """The card stops where it is, as a frozen USB device does: it asks for nothing, and `close` never lets go."""
        self._hangs, self._alive = True, False
        self._stop()

    @property
    def is_open(self) -> bool:
        """Whether it was started, and not closed since."""
        return self._open

    @property
    def queued_samples(self) -> int:
        """Written, and not yet handed to the card."""
        return sum(pcm.size for pcm in self._queue)

    @property
    def silent_samples(self) -> int:
        """How many samples of silence had to be put in so far because the queue was dry."""
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
        """Since when it has been asked to close and hangs."""
        return self._stuck_since

    def start(self) -> None:
        """Open the card, asleep. Raises DeviceError when it is unplugged or open already."""
        if not self._plugged:
            raise DeviceError("speaker 'fake' is not there; there are: none at all")
        if self._open:
            raise DeviceError("speaker 'fake' is still open: it hangs, or was not closed")
        self._open = self._alive = True
        self._last_callback_at = self._clock.now()

    def wake(self) -> None:
        """Let the card run. Idempotent."""
        if self._open and not self.awake:
            self.awake = True
            self._stretch += 1
            self._last_callback_at = self._clock.now()
            if self._paced and self._alive:
                self._pace(self._last_callback_at)

    def sleep(self) -> None:
        """Let the card stop. What is queued is dropped. Idempotent."""
        self.flush()

    def write(self, pcm: Pcm) -> int:
        """Queue mono samples; returns the number of the first. Wakes the card. While closed they are dropped."""
        first = self._written
        self._written += pcm.size
        if not self._open:
            self._progressed.set()
        elif pcm.size:
            self._queue.append(pcm.copy())
            self.wake()
        return first

    def heard_at(self, sample: int) -> float | None:
        """When sample number `sample` left (or will leave) the card; None before it is handed over.

        Unlike a real card it never forgets.
        """
        for heard in reversed(self.heard):
            if heard.first <= sample < heard.first + heard.pcm.size:
                return heard.at + (sample - heard.first) / self.rate_hz
        return None

    def played(self) -> list[Played]:
        """What the card was given since the last call; the first call begins to keep it. Unlike a real one, all."""
        played = self._played or []
        self._played = []
        return played

    def duck(self, by_db: float) -> None:
        """Play so much softer from the next time on that the card asks; 0 is as it was written."""
        self._ducking.by_db = by_db

    async def progress(self) -> None:
        """Return when the card has taken samples, or the queue was dropped, since the last call."""
        await self._progressed.wait()
        self._progressed.clear()

    def flush(self) -> int:
        """Silence at once: drop the queue and stop the card. Returns how many were dropped."""
        dropped = self.queued_samples
        self._queue.clear()
        self._progressed.set()
        if self.awake and self._played is not None:
            # What was taken is heard here: the stop comes behind it.
            self._played.append(Played(self._stretch, EMPTY, self._last_callback_at + self._latency_s + self._period_s))
        self.awake = False
        self._stop()
        return dropped

    def close(self) -> None:
        """Let the card go. Safe to call again; `start` opens it anew."""
        self.flush()
        self._alive = False
        if self._open and self._hangs:
            self._stuck_since = self._stuck_since or self._clock.now()
        else:
            self._open = False

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _take(self, samples: int, now: float) -> Pcm:
        self._last_callback_at = now
        first = self._written - self.queued_samples
        taken = np.zeros(samples, np.int16)
        count = 0
        while self._queue and count < samples:
            piece = self._queue.popleft()
            if piece.size > samples - count:
                self._queue.appendleft(piece[samples - count :])
                piece = piece[: samples - count]
            taken[count : count + piece.size] = piece
            count += piece.size
        softer_db = self._ducking.by_db
        taken = self._ducking.apply(taken)
        if count:
            self.heard.append(Heard(now + self._latency_s, first, taken[:count]))
            self._taken = first + count
            self._progressed.set()
        self._silent += samples - count
        if self._played is not None:
            self._played.append(Played(self._stretch, taken, now + self._latency_s, softer_db))
        return taken

    def _pace(self, due: float) -> None:
        self._take(self.period_samples, due)
        due += self.period_samples / self.rate_hz
        self._timer = asyncio.get_running_loop().call_later(due - self._clock.now(), self._pace, due)
