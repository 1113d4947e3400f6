"""Stands between the appliance and its sound cards and keeps what really passed, with the times of the cards."""

from collections import deque

import numpy as np

from hero365_edge.core.pcm import Pcm, samples_of
from hero365_edge.ports import Block, Microphone, Speaker


class Track:
    """Sound with gaps: pieces at one rate, each with the time of its first sample."""

    def __init__(self) -> None:
        self.rate_hz = 0
        self._pieces: list[tuple[float, Pcm]] = []

    def add(self, at: float, pcm: Pcm, rate_hz: int) -> None:
        """A piece of mono sound whose first sample is of this moment."""
        self.rate_hz = rate_hz
        self._pieces.append((at, pcm))

    @property
    def since(self) -> float | None:
        """When it begins."""
        return min((at for at, _ in self._pieces), default=None)

    @property
    def until(self) -> float | None:
        """When it ends."""
        return max((at + len(pcm) / self.rate_hz for at, pcm in self._pieces), default=None)

    def sound(self, since: float, until: float) -> Pcm:
        """What was there between two moments, silence where nothing passed; empty when nothing ever did."""
        recorded = np.zeros(samples_of(1000 * (until - since), self.rate_hz), np.int16)
        joined_at = None
        for at, pcm in self._pieces:
            begin = samples_of(1000 * (at - since), self.rate_hz)
            if joined_at is not None and abs(begin - joined_at) <= samples_of(5, self.rate_hz):
                begin = joined_at  # the card's times wobble by a sample or two; the sound itself does not
            joined_at = begin + len(pcm)
            first, last = max(begin, 0), min(joined_at, len(recorded))
            if first < last:
                recorded[first:last] = pcm[first - begin : last - begin]
        return recorded


class WitnessedMicrophone:
    """A microphone whose blocks are kept as they leave its ring: what is not listened to is not seen here either."""

    def __init__(self, inner: Microphone) -> None:
        self._inner = inner
        self.track = Track()

    @property
    def is_hardware(self) -> bool:
        """The inner one's."""
        return self._inner.is_hardware

    def recent(self, length_s: float) -> Pcm:
        """The inner one's."""
        return self._inner.recent(length_s)

    @property
    def rate_hz(self) -> int:
        """The inner one's."""
        return self._inner.rate_hz

    @property
    def channels(self) -> int:
        """The inner one's."""
        return self._inner.channels

    @property
    def last_block_at(self) -> float:
        """The inner one's."""
        return self._inner.last_block_at

    @property
    def period_ms(self) -> int:
        """The inner one's."""
        return self._inner.period_ms

    @period_ms.setter
    def period_ms(self, period_ms: int) -> None:
        self._inner.period_ms = period_ms

    @property
    def xruns(self) -> int:
        """The inner one's."""
        return self._inner.xruns

    @property
    def stuck_since(self) -> float | None:
        """The inner one's."""
        return self._inner.stuck_since

    def start(self) -> None:
        """Open it."""
        self._inner.start()

    def listen(self, since: float) -> None:
        """Deliver."""
        self._inner.listen(since)

    def hush(self) -> None:
        """Stop delivering."""
        self._inner.hush()

    async def read(self) -> Block:
        """The next block, kept."""
        block = await self._inner.read()
        self.track.add(block.captured_at, block.pcm[:, 0].copy(), self.rate_hz)
        return block

    def close(self) -> None:
        """Let it go."""
        self._inner.close()


class WitnessedSpeaker:
    """A speaker whose samples are kept with the time they left the card; what was flushed before is not kept."""

    def __init__(self, inner: Speaker) -> None:
        self._inner = inner
        self._written: deque[tuple[int, Pcm]] = deque()
        self.track = Track()

    @property
    def rate_hz(self) -> int:
        """The inner one's."""
        return self._inner.rate_hz

    @property
    def is_open(self) -> bool:
        """The inner one's."""
        return self._inner.is_open

    @property
    def period_samples(self) -> int:
        """The inner one's."""
        return self._inner.period_samples

    @property
    def queued_samples(self) -> int:
        """The inner one's."""
        return self._inner.queued_samples

    @property
    def silent_samples(self) -> int:
        """The inner one's."""
        return self._inner.silent_samples

    @property
    def last_callback_at(self) -> float:
        """The inner one's."""
        return self._inner.last_callback_at

    @property
    def handed_over(self) -> int:
        """The inner one's."""
        return self._inner.handed_over

    @property
    def period_ms(self) -> int:
        """The inner one's."""
        return self._inner.period_ms

    @period_ms.setter
    def period_ms(self, period_ms: int) -> None:
        self._inner.period_ms = period_ms

    @property
    def xruns(self) -> int:
        """The inner one's."""
        return self._inner.xruns

    @property
    def stuck_since(self) -> float | None:
        """The inner one's."""
        return self._inner.stuck_since

    def start(self) -> None:
        """Open it."""
        self._inner.start()

    def wake(self) -> None:
        """Let it run."""
        self._inner.wake()

    def sleep(self) -> None:
        """Let it stop; what it did not take by then is dropped."""
        self._keep_heard()
        self._written.clear()
        self._inner.sleep()

    def write(self, pcm: Pcm) -> int:
        """Queue samples; they are kept when they are heard."""
        index = self._inner.write(pcm)
        if pcm.size:  # nothing is never heard
            self._written.append((index, pcm))
        return index

    def heard_at(self, sample: int) -> float | None:
        """The inner one's."""
        return self._inner.heard_at(sample)

    async def progress(self) -> None:
        """Keep what the card has taken meanwhile."""
        await self._inner.progress()
        self._keep_heard()

    def flush(self) -> int:
        """Silence at once; what the card did not take was never heard."""
        self._keep_heard()
        self._written.clear()
        return self._inner.flush()

    def close(self) -> None:
        """Let it go."""
        self._keep_heard()
        self._inner.close()

    def _keep_heard(self) -> None:
        while self._written:
            index, pcm = self._written[0]
            taken = min(self._inner.handed_over - index, len(pcm))
            at = self._inner.heard_at(index)
            if taken <= 0 or at is None:
                return
            self.track.add(at, pcm[:taken], self.rate_hz)
            if taken == len(pcm):
                self._written.popleft()
            else:
                self._written[0] = (index + taken, pcm[taken:])
