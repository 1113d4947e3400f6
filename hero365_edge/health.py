"""Tells the supervisor how the daemon does, and that it makes progress: not that time passes."""

import asyncio
from collections.abc import Callable

from hero365_edge.cards import Cards
from hero365_edge.ports import Clock, Supervisor

LOOK_EVERY_S = 1.0
LATE_S = 1.0
"""The event loop may be so late and still count as on time."""
CARED_FOR_S = 6.0
"""A missing card is no reason to restart while somebody tries to open it; a try may take so long."""


class Health:
    """Feeds the watchdog only while sound and the event loop move."""

    def __init__(self, clock: Clock, supervisor: Supervisor, cards: Cards, describe: Callable[[], str]) -> None:
        self._clock = clock
        self._supervisor = supervisor
        self._cards = cards
        self._describe = describe

    async def run(self) -> None:
        """Look each second, for ever; the supervisor hears each change, and `alive` as often as it asks for."""
        told = ""
        fed_at = self._clock.now()
        watchdog_s = self._supervisor.watchdog_s
        while True:
            due_at = self._clock.now() + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            now = self._clock.now()
            if (text := self._describe()) != told:
                told = text
                self._supervisor.status(text)
            if watchdog_s and now - fed_at >= watchdog_s / 4 and now - due_at < LATE_S and self.progress(now):
                self._supervisor.alive()
                fed_at = now

    def progress(self, now: float) -> bool:
        """Whether the cards move, or somebody looks after the one that does not."""
        return now - self._cards.progress_at(now) < CARED_FOR_S
