"""What the program needs to say a text that came without sound: small Protocols, as in `ports.py`."""

from typing import Protocol

from hero365_edge.core.pcm import Pcm


class PhraseBook(Protocol):
    """How texts sounded, for when one comes without its sound. Never raises."""

    @property
    def figures(self) -> dict[str, int]:
        """`phrases` kept, `bytes` they take, `hits` and `misses`."""
        ...

    def find(self, text: str) -> Pcm | None:
        """The sound of this text at 16 kHz, if it is known."""
        ...

    async def keep(self, text: str, pcm: Pcm) -> None:
        """Remember how this text sounds, if it is short. One at a time: the caller waits."""
        ...


class Voice(Protocol):
    """A voice of this computer's own."""

    async def say(self, text: str) -> bytes:
        """The text as a WAV file. Raises DeviceError."""
        ...
