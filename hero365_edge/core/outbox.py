"""Which utterances the backend has not accepted yet, and what to do about each.

The sound itself stays with the uplink, and on its shelf, which outlives the process.
"""

import math
from collections import Counter
from dataclasses import dataclass

MOST_AUDIO_S = 120.0
"""So much sound is held in all (PRODUCT section 4)."""
MOST_DEATHS = 5
"""So many links in a row died on an utterance that they had carried whole: it is the utterance, not the road."""
LIVE, WHOLE, FRAMES = "live", "whole", "frames"
"""How an utterance went: as it was spoken; kept, and then in one piece; kept, and then frame by frame."""
REST_S = 1.0
"""After the second such death it waits so long before it is sent again, and twice as long after each further one."""


@dataclass(slots=True)
class _Entry:
    utterance_id: str
    spoken_at: float
    length_s: float
    sent: bool
    tried: bool
    """Whether it was ever sent, on this link or another."""
    sent_as: str = LIVE
    deaths: int = 0
    """How many links died on it."""
    rests_until: float = -math.inf


class Outbox:
    """Utterances in the order they were spoken, held until accepted, for a bounded time and in bounded number."""

    def __init__(self, max_age_s: float, max_utterances: int) -> None:
        self._max_age_s = max_age_s
        self._max_utterances = max_utterances
        self._entries: list[_Entry] = []
        self.tally: Counter[str] = Counter(accepted=0, resent=0, duplicate=0, expired=0)
        """How many utterances so far; those set aside, because links died on them, are among the expired."""
        self.on_the_way: set[str] = set()
        """Those given up that this link was carrying: of what is not over yet, the rest would arrive."""

    def __len__(self) -> int:
        return len(self._entries)

    def hold(self, utterance_id: str, spoken_at: float, length_s: float, sent: bool) -> list[str]:
        """Keep an utterance; the ids of those that had to go to make room, oldest first."""
        self._entries.append(_Entry(utterance_id, spoken_at, length_s, sent, tried=sent))
        self._entries.sort(key=lambda entry: entry.spoken_at)  # what an earlier process left comes late
        gone: list[_Entry] = []
        while len(self._entries) > 1 and self._over_full:
            gone.append(self._entries.pop(0))
        return self._expired(gone)

    def accept(self, utterance_id: str | None = None) -> str | None:
        """The backend has this one, or the oldest it was sent; its id, or None when nothing waited."""
        for entry in self._entries:
            if entry.sent and utterance_id in {None, entry.utterance_id}:
                self._entries.remove(entry)
                self.tally["accepted"] += 1
                return entry.utterance_id
        return None

    def next_to_send(self, now: float, sent_as: str = WHOLE) -> str | None:
        """Mark the oldest unsent utterance that need not rest as sent; its id."""
        for entry in self._entries:
            if not entry.sent and now >= entry.rests_until:
                self.tally["resent"] += entry.tried
                entry.sent = entry.tried = True
                entry.sent_as = sent_as
                return entry.utterance_id
        return None

    def sent_as(self, utterance_id: str) -> str:
        """How this one is on its way; empty when it is not."""
        return next((entry.sent_as for entry in self._entries if entry.sent and entry.utterance_id == utterance_id), "")

    def link_lost(self) -> None:
        """What was sent and not accepted must be sent again."""
        for entry in self._entries:
            entry.sent = False
        self.on_the_way.clear()

    def link_died_on(self, utterance_id: str, now: float) -> list[str]:
        """The backend hung up after it had all of this one: it rests, or is set aside; its id in that case.

        One that kills whoever takes it must not keep the link from all the others, nor be dialled for without end.
        """
        for entry in self._entries:
            if entry.utterance_id == utterance_id and entry.sent:
                entry.deaths += 1
                entry.rests_until = now + (REST_S * 2.0 ** (entry.deaths - 2) if entry.deaths > 1 else 0.0)
                if entry.deaths >= MOST_DEATHS:
                    self.tally["set_aside"] += 1
                    return self.give_up(utterance_id)
        return []

    @property
    def waiting(self) -> bool:
        """Whether an utterance is still to be sent."""
        return any(not entry.sent for entry in self._entries)

    @property
    def ready_at(self) -> float | None:
        """From when on one is to be sent; None when none is."""
        return min((entry.rests_until for entry in self._entries if not entry.sent), default=None)

    @property
    def deadline(self) -> float | None:
        """When the oldest expires."""
        return self._entries[0].spoken_at + self._max_age_s if self._entries else None

    def give_up(self, utterance_id: str) -> list[str]:
        """This one will never be accepted; its id, if it was held."""
        gone = [entry for entry in self._entries if entry.utterance_id == utterance_id]
        self._entries = [entry for entry in self._entries if entry not in gone]
        return self._expired(gone)

    def clear(self) -> list[str]:
        """Give up on all of them; their ids."""
        gone, self._entries = self._entries, []
        return self._expired(gone)

    def expire(self, now: float) -> list[str]:
        """The ids of those too old to be executed still; they are forgotten."""
        old = [entry for entry in self._entries if now >= entry.spoken_at + self._max_age_s]
        self._entries = [entry for entry in self._entries if entry not in old]
        return self._expired(old)

    @property
    def _over_full(self) -> bool:
        audio_s = sum(entry.length_s for entry in self._entries)
        return len(self._entries) > self._max_utterances or audio_s > MOST_AUDIO_S

    def _expired(self, gone: list[_Entry]) -> list[str]:
        self.tally["expired"] += len(gone)
        self.on_the_way.update(entry.utterance_id for entry in gone if entry.sent)
        return [entry.utterance_id for entry in gone]
