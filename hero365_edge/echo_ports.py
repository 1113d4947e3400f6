"""What hearing without echo needs of the world: small Protocols, as in `ports.py`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hero365_edge.core.pcm import Pcm
from hero365_edge.core.referee import Referee
from hero365_edge.ports import Block


@dataclass(frozen=True, slots=True)
class Played:
    """What one callback of the speaker gave to the card, silence included."""

    stretch: int
    """Pieces of one stretch follow one another without a hole; a card that wakes, or ran dry, begins another."""
    pcm: Pcm
    """Mono samples at the speaker's rate. None: the card was stopped, and what it still held was never heard."""
    leaves_at: float
    """When its first sample leaves the card, as well as it can be told by now; when the card was stopped."""
    softer_db: float = 0.0
    """So much softer than it was written it was given."""


class Loudspeaker(Protocol):
    """A Speaker that tells what its card is given."""

    @property
    def rate_hz(self) -> int:
        """The rate of its samples."""
        ...

    def played(self) -> list[Played]:
        """What was given since the last call, oldest first: three seconds at most. The first call begins to keep it."""
        ...

    def duck(self, by_db: float) -> None:
        """Play so much softer from the next callback on; 0 is as it was written."""
        ...


class Canceller(Protocol):
    """Takes what the speaker plays out of what the microphone hears."""

    @property
    def late_samples(self) -> int:
        """So much later than its input is its output."""
        ...

    def cancel(self, heard: Pcm, played: Pcm) -> Pcm:
        """The next 320 samples at 16 kHz of the microphone without those of the speaker.

        `played` is what left the speaker at the same time or up to some 100 ms before.
        """
        ...

    def reset(self) -> None:
        """Forget the room."""
        ...


class Ear(Protocol):
    """As much of a Microphone as whoever records needs."""

    @property
    def rate_hz(self) -> int:
        """The rate of its samples; known once it has given a block."""
        ...

    def listen(self, since: float) -> None:
        """Deliver to `read` every block whose last sample was captured at `since` or later, oldest first."""
        ...

    def hush(self) -> None:
        """Stop delivering; what was not read yet is dropped."""
        ...

    async def read(self) -> Block:
        """The next block of this `listen`, waiting for it."""
        ...


@dataclass(frozen=True, slots=True)
class Echo:
    """What is needed against the answer's echo."""

    canceller: Canceller
    loudspeaker: Loudspeaker
    referee: Callable[[], Referee] | None = None
    """Makes one who says whether it is speech that is left; None: nobody is to interrupt an answer by speaking."""
