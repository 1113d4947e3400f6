"""A rate converter in memory: straight lines between the samples."""

import numpy as np

from hero365_edge.core.pcm import EMPTY, Pcm


class FakeResampler:
    """Linear interpolation (port Resampler).

    Like the real one: exact lengths, equal rates untouched, a new stream after `finish`. Unlike it: it holds back one
    sample only, not blocks of up to 20 ms, and it does not filter, so that it aliases.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        """Raises ValueError for a rate that is not positive."""
        if min(from_hz, to_hz) <= 0:
            raise ValueError(f"cannot convert from {from_hz} to {to_hz} Hz: rates are positive")
        self._from_hz = from_hz
        self._to_hz = to_hz
        self._taken = 0
        self._given = 0
        self._newest = EMPTY

    def process(self, pcm: Pcm) -> Pcm:
        """What these samples completed at the new rate."""
        if self._from_hz == self._to_hz or not len(pcm):
            return pcm
        known = np.concatenate([self._newest, pcm])
        start = self._taken - len(self._newest)
        self._taken += len(pcm)
        self._newest = pcm[-1:].copy()
        return self._between(known, start, (self._taken - 1) * self._to_hz // self._from_hz + 1)

    def finish(self) -> Pcm:
        """What was held back; the next `process` begins a new stream."""
        rest = self._between(self._newest, self._taken - 1, round(self._taken * self._to_hz / self._from_hz))
        self._taken, self._given, self._newest = 0, 0, EMPTY
        return rest

    def _between(self, known: Pcm, start: int, end: int) -> Pcm:
        """Output samples up to number `end`, from the input samples `known` whose first is number `start`."""
        if not len(known) or end <= self._given:
            return EMPTY
        at = np.arange(self._given, end) * self._from_hz / self._to_hz - start
        self._given = end
        return np.interp(at, np.arange(len(known)), known).astype(np.int16)
