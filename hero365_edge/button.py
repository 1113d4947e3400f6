"""Keeps the panel open and hands the button's edges on; a panel that is missing or lost is tried again."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from hero365_edge.core.gestures import Edge
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Clock, Panel

log = logging.getLogger(__name__)

TRY_EVERY_S = 5.0


class Button:
    """The panel's life. Without one the appliance still listens to `hero365-edge press`."""

    def __init__(
        self, clock: Clock, panel: Panel, tell: Callable[[Edge], None], tell_second: Callable[[], None]
    ) -> None:
        """Edges of the button go to `tell`; of the second one only its presses count."""
        self._clock = clock
        self._panel = panel
        self._tell = tell
        self._tell_second = tell_second
        self.trouble = "not opened yet"
        """Why there is no button; empty while there is."""

    async def run(self) -> None:
        """Open the panel and hand its edges on, for ever."""
        while True:
            told = self.trouble
            pressed = False
            try:
                self._panel.start()
                self.trouble = ""
                while True:
                    edge = await self._panel.edge()
                    if not edge.second:
                        pressed = edge.pressed
                        self._tell(edge)
                    elif edge.pressed:
                        self._tell_second()
            except DeviceError as error:
                self.trouble = str(error)
            if self.trouble != told:
                log.warning("there is no button and no lamp: %s", self.trouble)
            if pressed:  # a button that was lost while it was down must not hold for ever
                self._tell(Edge(pressed=False, at=self._clock.now()))
            self._panel.close()
            await asyncio.sleep(TRY_EVERY_S)

    @property
    def troubles(self) -> Mapping[str, str]:
        """Why the button, or what else is on the panel, does nothing; by the name of the part."""
        return {"button": self.trouble} if self.trouble else self._panel.troubles

    def stuck(self, _now: float) -> str:
        """Why only a new process helps; empty while a press is told, or a missing panel is tried again."""
        return "" if self.trouble or self._panel.alive else "the button's thread has died: no press is heard"

    def close(self) -> None:
        """Lamp off, lines let go."""
        self._panel.close()
