"""A shelf in memory: it ends with the process, and what a next one finds is what a test gives it."""

import numpy as np

from hero365_edge.core.pcm import EMPTY, Pcm
from hero365_edge.shelf_ports import Leftover


class FakeShelf:
    """The Shelf port in memory."""

    def __init__(self, lasts: bool = False) -> None:
        self.lasts = lasts
        self._kept: dict[str, Leftover] = {}

    def add(self, utterance_id: str, frame: Pcm, at: float) -> None:
        """One more frame."""
        before = self._kept.get(utterance_id)
        pcm = np.concatenate([EMPTY if before is None else before.pcm, frame])
        self._kept[utterance_id] = Leftover(utterance_id, pcm, at, whole=False)

    def complete(self, utterance_id: str) -> None:
        """That was all of it."""
        if (kept := self._kept.get(utterance_id)) is not None:
            self._kept[utterance_id] = Leftover(utterance_id, kept.pcm, kept.spoken_at, whole=True)

    def remove(self, utterance_id: str) -> None:
        """It is not needed any more."""
        self._kept.pop(utterance_id, None)

    def leftovers(self) -> list[Leftover]:
        """All of it, in the order it was spoken."""
        return sorted(self._kept.values(), key=lambda left: left.spoken_at or 0.0)
