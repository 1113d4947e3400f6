"""Tells the agent what the technician does and where: at the start of each session, and when it changes."""

import asyncio
import logging
from collections.abc import Callable

from hero365_edge.core import messages as m
from hero365_edge.core.context import Context
from hero365_edge.errors import DeviceError
from hero365_edge.location_ports import Location
from hero365_edge.ports import Clock

log = logging.getLogger(__name__)

AGAIN_S = 10.0
"""A receiver that is not there is asked again after so long."""


class Surroundings:
    """Keeps the context; `location` None where nobody knows the place, or nobody is to know it."""

    def __init__(self, clock: Clock, location: Location | None, post: Callable[[m.AnyMessage], None]) -> None:
        """`post` sends a message to the session that is on."""
        self._clock = clock
        self._location = location
        self._post = post
        self._on = False
        self._context = Context()
        self.trouble = ""
        """Why the place is not known; empty while it is, or is not asked for."""

    def facts(self) -> dict[str, object]:
        """All that is known, as the agent is told."""
        return self._context.data(self._clock.now())

    def set(self, activity_mode: str | None, current_task: str | None) -> None:
        """What is done, and on what, from now on; None leaves it as it is."""
        if activity_mode is not None:
            self._context.activity_mode = activity_mode
        if current_task is not None:
            self._context.current_task = current_task
        self._tell()

    def session_on(self) -> None:
        """A session began: it is told everything."""
        self._on = True
        self._context.session_began()
        self._tell()

    def session_off(self) -> None:
        """There is nobody to tell."""
        self._on = False

    async def run(self) -> None:
        """Follow the vehicle, for ever."""
        while self._location is not None:
            try:
                self._context.fix = await self._location.fix()
            except DeviceError as error:
                if not self.trouble:
                    log.warning("the agent is not told where the vehicle is: %s", error)
                self.trouble = str(error)
                await asyncio.sleep(AGAIN_S)
            else:
                self.trouble = ""
                self._tell()

    def _tell(self) -> None:
        if self._on and (news := self._context.news(self._clock.now())):
            self._post(m.ContextUpdate(data=news))
