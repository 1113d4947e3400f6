"""A backend's end of the link in memory: messages pass as they are, at once and in order, and nothing is ever slow."""

import asyncio

from hero365_edge.core.address import Address
from hero365_edge.core.health import Vitals
from hero365_edge.errors import LinkError


class FakeLink:
    """One open link. The test is the backend: it reads `sent` and speaks with `say`."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.closed = False
        self.rtt_s: float | None = 0.05
        self.silent = False
        """Set it, and the link is half open: no more sign of life from the other side."""
        self.retransmits = 0
        self._segments = 0
        self._received_bytes = 0
        self._spoken: asyncio.Queue[str | bytes | LinkError] = asyncio.Queue()
        self._broken: LinkError | None = None

    def say(self, message: str | bytes) -> None:
        """The backend sends a message."""
        self._spoken.put_nowait(message)

    def drop(self, error: LinkError | None = None) -> None:
        """The link breaks: what was said before is still heard, what is sent from now on is not."""
        self._broken = error or LinkError("the link broke")
        self._spoken.put_nowait(self._broken)

    async def send(self, message: str | bytes) -> None:
        """Hand a message to the backend."""
        if self._broken is not None:
            raise self._broken
        self.sent.append(message)

    async def receive(self) -> str | bytes:
        """The backend's next message."""
        message = await self._spoken.get()
        if isinstance(message, LinkError):
            self._spoken.put_nowait(message)
            raise message
        return message

    def vitals(self) -> Vitals:
        """Each look finds a sign of life and ten more segments sent, unless it is `silent`."""
        if not self.silent:
            self._segments += 10
            self._received_bytes += 2
        return Vitals(
            rtt_s=self.rtt_s,
            kernel_rtt_s=self.rtt_s,
            segments=self._segments,
            retransmits=self.retransmits,
            received_bytes=self._received_bytes,
        )

    async def close(self) -> None:
        """Let go."""
        self.closed = True
        if self._broken is None:
            self.drop(LinkError("the link was closed"))


class FakeDialer:
    """Answers dials as it was told to: a link each time, unless `refuse` comes first."""

    def __init__(self) -> None:
        self.addresses: list[Address] = []
        self.links: list[FakeLink] = []
        self._refusals: list[LinkError] = []
        self._dialled = asyncio.Event()

    def refuse(self, error: LinkError, times: int = 1) -> None:
        """The next dials fail like this."""
        self._refusals += [error] * times

    async def dial(self, address: Address) -> FakeLink:
        """Open a link."""
        self.addresses.append(address)
        if self._refusals:
            raise self._refusals.pop(0)
        link = FakeLink()
        self.links.append(link)
        self._dialled.set()
        return link

    async def dialled(self) -> FakeLink:
        """The next link that is opened, or the last one when nobody asked for it yet."""
        await self._dialled.wait()
        self._dialled.clear()
        return self.links[-1]
