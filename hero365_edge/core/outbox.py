"""Which utterances the backend has not accepted yet, and what to do about each.

The sound itself stays with the uplink; keeping it across a crash is a later step and belongs behind this interface.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class _Entry:
    utterance_id: str
    spoken_at: float
    sent: bool


class Outbox:
    """Utterances in the order they were spoken, held until accepted, for a bounded time and in bounded number."""

    def __init__(self, max_age_s: float, max_utterances: int) -> None:
        self._max_age_s = max_age_s
        self._max_utterances = max_utterances
        self._entries: list[_Entry] = []

    def __len__(self) -> int:
        return len(self._entries)

    def hold(self, utterance_id: str, spoken_at: float, sent: bool) -> list[str]:
        """Keep an utterance; the ids of those that had to go to make room, oldest first."""
        self._entries.append(_Entry(utterance_id, spoken_at, sent))
        over = max(0, len(self._entries) - self._max_utterances)
        gone, self._entries = self._entries[:over], self._entries[over:]
        return [entry.utterance_id for entry in gone]

    def accept(self, utterance_id: str | None = None) -> str | None:
        """The backend has this one, or the oldest it was sent; its id, or None when nothing waited."""
        for entry in self._entries:
            if entry.sent and utterance_id in {None, entry.utterance_id}:
                self._entries.remove(entry)
                return entry.utterance_id
        return None

    def next_to_send(self) -> str | None:
        """Mark the oldest unsent utterance as sent; its id."""
        for entry in self._entries:
            if not entry.sent:
                entry.sent = True
                return entry.utterance_id
        return None

    def link_lost(self) -> None:
        """What was sent and not accepted must be sent again."""
        for entry in self._entries:
            entry.sent = False

    @property
    def waiting(self) -> bool:
        """Whether an utterance is still to be sent."""
        return any(not entry.sent for entry in self._entries)

    @property
    def deadline(self) -> float | None:
        """When the oldest expires."""
        return self._entries[0].spoken_at + self._max_age_s if self._entries else None

    def clear(self) -> list[str]:
        """Give up on all of them; their ids."""
        gone = [entry.utterance_id for entry in self._entries]
        self._entries = []
        return gone

    def expire(self, now: float) -> list[str]:
        """The ids of those too old to be executed still; they are forgotten."""
        old = [entry for entry in self._entries if now >= entry.spoken_at + self._max_age_s]
        self._entries = [entry for entry in self._entries if entry not in old]
        return [entry.utterance_id for entry in old]
