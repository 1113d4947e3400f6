"""No button and no lamp, for a box that only listens to the control socket (`panel.profile: none`)."""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

from hero365_edge.core.gestures import Edge
from hero365_edge.core.lamp import Light


class NoPanel:
    """A panel that is never pressed and shows nothing."""

    alive = True
    troubles: Mapping[str, str] = MappingProxyType({})

    def start(self) -> None:
        """Nothing to take."""

    async def edge(self) -> Edge:
        """Wait for ever."""
        never: asyncio.Future[Edge] = asyncio.get_running_loop().create_future()
        return await never

    def show(self, light: Light) -> None:
        """Nothing to show it on."""

    def close(self) -> None:
        """Nothing to let go."""
