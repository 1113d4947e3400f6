"""Tells the supervisor how the daemon does, and that it makes progress: not that time passes."""

import asyncio
from collections.abc import Callable

from hero365_edge.cards import Cards
from hero365_edge.ports import World

LOOK_EVERY_S = 1.0
LATE_S = 1.0
"""The event loop may be so late and still count as on time."""
CARED_FOR_S = 6.0
"""A missing microphone is no reason to restart while somebody tries to open it; a try may take so long."""


class Health:
    """Feeds the watchdog only while sound and the event loop move."""

    def __init__(self, world: World, cards: Cards, describe: Callable[[], str]) -> None:
        self._clock = world.clock
        self._microphone = world.microphone
        self._speaker = world.speaker
        self._supervisor = world.supervisor
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
        """Whether capture moves or is being cared for, and playback moves if it has something to play."""
        capture_at = max(self._microphone.last_block_at, self._cards.looked_at)
        playing = self._speaker.queued_samples > 0 and not self._cards.speaker_trouble
        playback_at = self._speaker.last_callback_at if playing else now
        return now - capture_at < CARED_FOR_S and now - playback_at < CARED_FOR_S
