"""A whole appliance on fakes, with verbs of the technician and of the backend."""

import asyncio
from collections.abc import Callable

import msgspec

from hero365_edge.core import messages as m
from hero365_edge.core.address import Address
from hero365_edge.fakes.link import FakeDialer, FakeLink


async def until(true: Callable[[], bool], limit_s: float = 2.0) -> None:
    """Wait for something that has no event of its own. Raises TimeoutError."""
    async with asyncio.timeout(limit_s):
        while not true():  # noqa: ASYNC110  what is waited for has no event of its own
            await asyncio.sleep(0.002)


# -- the backend ---------------------------------------------------------------------------------------------------


def heard(link: FakeLink) -> list[m.AnyMessage | bytes]:
    """What the backend got so far, its JSON read."""
    return [message if isinstance(message, bytes) else m.decode(message) for message in link.sent]


def say(link: FakeLink, kind: str, **fields: object) -> None:
    """The backend sends a message of this type."""
    link.say(msgspec.json.encode({"type": kind, **fields}).decode())


async def confirm(link: FakeLink, *, realtime: bool = True) -> None:
    """The backend opens its door; returns once the session is asked for."""
    say(link, "connection_confirmed", session_id="s", realtime_available=realtime, buffered_available=True)
    await until(lambda: any(isinstance(message, m.StartSession) for message in heard(link)))


async def start(link: FakeLink) -> None:
    """It starts the session; returns once realtime audio is asked for."""
    say(link, "session_started", session_id="s", status="active")
    await until(lambda: any(isinstance(message, m.EnableRealtime) for message in heard(link)))


async def open_session(link: FakeLink, profile: str = "seed") -> None:
    """The whole opening: `seed`, `v1`, or `buffered` for a backend that takes no realtime audio."""
    await confirm(link, realtime=profile != "buffered")
    if profile == "buffered":
        say(link, "session_started", session_id="s", status="active")
        return
    await start(link)
    audio = {"audio": {"profile": "v1", "uplink": "opus", "downlink": "opus"}} if profile == "v1" else {}
    say(link, "realtime_enabled", session_id="s", status="enabled", **audio)


class HangingDialer(FakeDialer):
    """Answers no dial until `free` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()
        self.begun = 0

    async def dial(self, address: Address) -> FakeLink:
        self.begun += 1
        await self.free.wait()
        return await super().dial(address)
