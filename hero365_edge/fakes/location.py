"""A receiver in memory: it is where the test says."""

import asyncio

from hero365_edge.core.context import Fix
from hero365_edge.errors import DeviceError


class FakeLocation:
    """Tells each place once, in order; unlike a real receiver it is silent while nobody moves it."""

    def __init__(self) -> None:
        self._told: asyncio.Queue[Fix | DeviceError] = asyncio.Queue()

    def be_at(self, fix: Fix) -> None:
        """The vehicle is here now."""
        self._told.put_nowait(fix)

    def unplug(self) -> None:
        """The next question fails."""
        self._told.put_nowait(DeviceError("the receiver is not there"))

    async def fix(self) -> Fix:
        """The next place. Raises DeviceError once for each `unplug`."""
        told = await self._told.get()
        if isinstance(told, DeviceError):
            raise told
        return told
