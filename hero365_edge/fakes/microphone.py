"""A microphone that hears what it is told: at once, or paced in real time as a card would."""

import asyncio
import math
from collections import deque
from collections.abc import Callable

import numpy as np

from hero365_edge.core.pcm import RATE_HZ, Pcm, samples_of
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Block, Clock


class FakeMicrophone:
    """The Microphone port in memory.

    At once (the default): `hear` puts its blocks into the ring immediately, the first stamped with the clock's now,
    or where the sound before it ended if that is later. The clock is yours to advance, before or after.

    `paced`: from `start` on a block comes each period in real time, holding what there is to hear and silence when
    that is over, which is what a demo without a card needs. Needs a running event loop and a clock that runs.

    Unlike a real card it loses nothing when the program is late, keeps the period it was made with, has no noise of
    its own, and its blocks are stamped exactly.
    """

    def __init__(
        self,
        clock: Clock,
        rate_hz: int = RATE_HZ,
        channels: int = 1,
        period_ms: int = 20,
        ring_s: float = 1.5,
        *,
        paced: bool = False,
    ) -> None:
        self.rate_hz = rate_hz
        self.channels = channels
        self.xruns = 0
        self.period_ms = period_ms
        self.is_hardware = False
        """Yours to set: a card is deaf when it gives nothing but zeros, software may."""
        self.room: Callable[[float, float], Pcm] | None = None
        """Yours to set: what is heard between two times besides, such as an echo; paced microphones only."""
        self._clock = clock
        self._loop = asyncio.get_running_loop() if paced else None
        self._period_s = period_ms / 1000
        self._period_samples = samples_of(period_ms, rate_hz) * channels
        self._ring: deque[Block] = deque(maxlen=math.ceil(ring_s * 1000 / period_ms))
        self._unread: deque[Block] | None = None
        self._since = 0.0
        self._arrived = asyncio.Event()
        self._to_hear: deque[Pcm] = deque()
        self._heard_until = clock.now()
        self._last_block_at = clock.now()
        self._plugged = True
        self._open = False
        self._alive = False
        self._hangs = False
        self._stuck_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def hear(self, pcm: Pcm) -> None:
        """Sound in front of the microphone: interleaved samples at `rate_hz`; a last short block is filled up.

        Nobody hears it while the microphone is closed or unplugged.
        """
        missing = -pcm.size % self._period_samples
        whole = np.concatenate([pcm.reshape(-1), np.zeros(missing, np.int16)])
        blocks = whole.reshape(-1, self._period_samples)
        if self._loop is not None:
            self._to_hear.extend(blocks)
        else:
            self._heard_until = max(self._heard_until, self._clock.now())
            for block in blocks:
                self._arrive(block)

    @property
    def to_hear_s(self) -> float:
        """How much of what it was told to hear is still to come; always 0 when not paced."""
        return len(self._to_hear) * self._period_s

    def unplug(self) -> None:
        """The card is gone: no more blocks, and no error. `start` raises until `plug`."""
        self._plugged = self._alive = False

    def plug(self) -> None:
        """The card is there again; as with PortAudio, only `close` and `start` find it."""
        self._plugged = True

    def hang(self) -> None:
        """The card stops where it is, as a frozen USB device does: no more blocks, and `close` never lets go of it."""
        self._hangs, self._alive = True, False

    def recent(self, length_s: float) -> Pcm:
        """The newest samples of the ring, shape (frames, channels)."""
        newest = list(self._ring)[-math.ceil(length_s / self._period_s) :]
        return np.concatenate([np.zeros((0, self.channels), np.int16), *(block.pcm for block in newest)])

    @property
    def last_block_at(self) -> float:
        """When the newest block arrived; the time of `start` before the first. The only sign of life."""
        return self._last_block_at

    @property
    def stuck_since(self) -> float | None:
        """Since when it has been asked to close and hangs."""
        return self._stuck_since

    def start(self) -> None:
        """Open the card and begin to fill the ring. Raises DeviceError when it is unplugged or open already."""
        if not self._plugged:
            raise DeviceError("microphone 'fake' is not there; there are: none at all")
        if self._open:
            raise DeviceError("microphone 'fake' is still open: it hangs, or was not closed")
        self._open = self._alive = True
        self._last_block_at = self._heard_until = self._clock.now()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._expect_block)

    def listen(self, since: float) -> None:
        """Deliver to `read` every block whose last sample was captured at `since` or later, oldest first."""
        self._since = since
        self._unread = deque(block for block in self._ring if self._ended_at(block) >= since)

    def hush(self) -> None:
        """Stop delivering; what was not read yet is dropped. The ring goes on."""
        self._unread = None

    async def read(self) -> Block:
        """The next block of this `listen`, waiting for it."""
        while not self._unread:
            self._arrived.clear()
            await self._arrived.wait()
        return self._unread.popleft()

    def close(self) -> None:
        """Let the card go. Safe to call again; `start` opens it anew."""
        if self._timer is not None:
            self._timer.cancel()
        self._alive = False
        if self._open and self._hangs:
            self._stuck_since = self._stuck_since or self._clock.now()
        else:
            self._open = False
        self._ring.clear()
        if self._unread is not None:
            self._unread.clear()

    def _arrive(self, samples: Pcm) -> None:
        if not self._alive:
            return
        block = Block(samples.reshape(-1, self.channels), self._heard_until)
        self._heard_until += self._period_s
        self._last_block_at = self._clock.now()
        self._ring.append(block)
        if self._unread is not None and self._ended_at(block) >= self._since:
            self._unread.append(block)
            self._arrived.set()

    def _ended_at(self, block: Block) -> float:
        return block.captured_at + (len(block.pcm) - 1) / self.rate_hz

    def _expect_block(self) -> None:
        if self._loop is not None and self._alive:
            due_s = self._heard_until + self._period_s - self._clock.now()
            self._timer = self._loop.call_later(due_s, self._pace)

    def _pace(self) -> None:
        heard = self._to_hear.popleft() if self._to_hear else np.zeros(self._period_samples, np.int16)
        if self.room is not None:
            around = self.room(self._heard_until, self._heard_until + self._period_s)
            heard = np.clip(heard.astype(np.int32) + around, -32768, 32767).astype(np.int16)
        self._arrive(heard)
        self._expect_block()
