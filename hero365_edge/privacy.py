"""Proves that nothing goes up while nobody talks: counts what the link is given, and what no open turn asked for."""

from collections.abc import Awaitable, Callable

from hero365_edge.core.framing import Outgoing
from hero365_edge.core.messages import AudioData


class SoundMeter:
    """Stands before the link. Sound is a binary message or an `audio_data`; what else is said is no sound."""

    def __init__(self, send: Callable[[Outgoing], Awaitable[None]], may_send: Callable[[], bool]) -> None:
        """`may_send`: whether an utterance is being recorded or on its way just now."""
        self._send = send
        self._may_send = may_send
        self.sent_bytes = 0
        """Of sound, as it was handed to the link."""
        self.unasked_bytes = 0
        """Of those, what went up while no utterance was open: 0, or there is a mistake."""

    async def send(self, message: Outgoing) -> None:
        """Count it, then hand it on."""
        if isinstance(message, AudioData):
            size = len(message.audio)
        else:
            size = len(message) if isinstance(message, bytes) else 0
        self.sent_bytes += size
        if not self._may_send():
            self.unasked_bytes += size
        await self._send(message)
