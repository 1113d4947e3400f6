"""What the program needs to say a text that came without sound: small Protocols, as in `ports.py`."""

from enum import StrEnum
from typing import Protocol

from hero365_edge.core.pcm import Pcm

LONGEST_PHRASE_S = 10
"""A longer answer is not said twice."""


class Whose(StrEnum):
    """Who says a phrase that is kept."""

    AGENT = "agent"
    LOCAL = "local"
    """The voice of this computer, until the agent was heard to say it."""


class PhraseBook(Protocol):
    """How texts sounded, for when one comes without its sound. Never raises; spacing makes no other text."""

    trouble: str
    """Why nothing can be kept; empty when it can."""

    @property
    def figures(self) -> dict[str, int]:
        """`phrases` kept, `bytes` they take, `hits` and `misses` of `find`."""
        ...

    def find(self, text: str) -> Pcm | None:
        """The sound of this text at 16 kHz, if it is known."""
        ...

    def whose(self, text: str) -> Whose | None:
        """Who says this text, if it is known; to look is no use of it."""
        ...

    async def keep(self, text: str, pcm: Pcm, whose: Whose = Whose.AGENT) -> None:
        """Remember how this text sounds, shape (n,) at 16 kHz, if it is LONGEST_PHRASE_S long at the most.

        What is known stays as it is, but the agent takes the place of the local voice.
        """
        ...


class Voice(Protocol):
    """A voice of this computer's own."""

    async def say(self, text: str) -> bytes:
        """The text as a WAV file. Raises DeviceError, also for no text at all."""
        ...
