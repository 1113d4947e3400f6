"""A whole appliance on fakes, with verbs of the technician and of the backend."""

import asyncio
from collections.abc import Callable


async def until(true: Callable[[], bool], limit_s: float = 2.0) -> None:
    """Wait for something that has no event of its own. Raises TimeoutError."""
    async with asyncio.timeout(limit_s):
        while not true():  # noqa: ASYNC110  what is waited for has no event of its own
            await asyncio.sleep(0.002)
