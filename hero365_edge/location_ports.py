"""What the program needs to know where the vehicle is: a small Protocol, as in `ports.py`."""

from typing import Protocol

from hero365_edge.core.context import Fix


class Location(Protocol):
    """Knows where the vehicle is."""

    async def fix(self) -> Fix:
        """The next place it is told, waiting for it. Raises DeviceError when the receiver, or who reads it, is gone."""
        ...
