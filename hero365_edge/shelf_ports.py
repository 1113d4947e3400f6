"""What the program needs to keep utterances beyond the life of its process: a small Protocol, as in `ports.py`."""

from dataclasses import dataclass
from typing import Protocol

from hero365_edge.core.pcm import Pcm


@dataclass(frozen=True, slots=True)
class Leftover:
    """An utterance that an earlier process did not get rid of."""

    utterance_id: str
    pcm: Pcm
    """16 kHz mono."""
    spoken_at: float | None
    """When its last sample was captured; None when that was before the computer was started."""
    whole: bool
    """Whether it was recorded to its end."""


class Shelf(Protocol):
    """Where an utterance outlives the process, from its first frame until the backend has it. Never raises."""

    @property
    def lasts(self) -> bool:
        """Whether a next process will find what this one leaves."""
        ...

    def add(self, utterance_id: str, frame: Pcm, at: float) -> None:
        """One more frame of 16 kHz mono, whose last sample was captured at `at`. What was added survives SIGKILL."""
        ...

    def complete(self, utterance_id: str) -> None:
        """That was all of it."""
        ...

    def remove(self, utterance_id: str) -> None:
        """It is not needed any more."""
        ...

    def leftovers(self) -> list[Leftover]:
        """What an earlier process left, in the order it was spoken; asked once, before anything is added."""
        ...
