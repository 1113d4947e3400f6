"""What the two readings of binary messages have in common: where they tell what they heard."""

from typing import Protocol

from hero365_edge.backend.records import Utterance


class Listener(Protocol):
    """The connection, as an uplink sees it."""

    async def began(self, size_bytes: int, utterance_id: str | None) -> None:
        """Somebody speaks: an answer that is still being sent stops."""
        ...

    async def heard(self, utterance: Utterance) -> None:
        """The utterance is over: answer it."""
        ...

    async def went_on(self, utterance: Utterance) -> None:
        """It was not over: the answer to it stops, and it is not known yet."""
        ...

    async def interrupt(self) -> None:
        """Stop answering, if an answer is under way, and say so."""
        ...

    def violation(self, text: str) -> None:
        """The client broke the protocol."""
        ...


class Uplink(Protocol):
    """Takes the binary messages of one connection."""

    async def binary(self, data: bytes) -> None:
        """One binary message."""
        ...
