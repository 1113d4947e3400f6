"""Keeps one session with the backend: dial, shake hands, listen, back off, dial again, for ever."""

import asyncio
import contextlib
import logging
import random
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Protocol

from hero365_edge.core import messages as m
from hero365_edge.core import wire
from hero365_edge.core.address import Address, address
from hero365_edge.core.backoff import REFUSED_S, Backoff
from hero365_edge.core.framing import Outgoing
from hero365_edge.core.handshake import Agreement, Handshake, Limits, LinkState
from hero365_edge.errors import ConfigError, LinkError, LinkRefused, WireError
from hero365_edge.ports import Clock, Dialer, Link

log = logging.getLogger(__name__)

POSTED = 64
"""So many messages of the session may wait for the socket; more means that the link does not work."""
GOODBYE_S = 1.5
"""So long `end_session` waits for `session_ended`."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Where to dial and how to agree; the settings of the same names."""

    url: str
    user_id: str
    business_id: str
    auth_transport: str
    profile: str
    seed_uplink: str
    connect_timeout_s: float
    limits: Limits


class Listener(Protocol):
    """What the connection tells; `dialogue.py` listens."""

    def link_up(self, agreement: Agreement) -> None:
        """A session is on."""
        ...

    def link_down(self, refused: bool, tell: bool) -> None:
        """The link broke, or could not be had; `tell` the technician when it has failed often enough."""
        ...

    def message(self, message: m.AnyMessage) -> None:
        """A message of the backend."""
        ...

    def sound(self, data: bytes) -> None:
        """A binary message of sound."""
        ...


class Connection:
    """The link's life. `send` and `post` work while a session is on."""

    def __init__(
        self, clock: Clock, dialer: Dialer, backend: Backend, read_token: Callable[[], str], listener: Listener
    ) -> None:
        self._clock = clock
        self._dialer = dialer
        self._backend = backend
        self._read_token = read_token
        self._listener = listener
        self._backoff = Backoff(random.SystemRandom().random)
        self._opened: Link | None = None
        self._posted: asyncio.Queue[m.AnyMessage] = asyncio.Queue(POSTED)
        self._dial = asyncio.Event()
        self._dropped = asyncio.Event()
        self._wanted = True
        self._ending = False
        self._ended = asyncio.Event()
        self.state = LinkState.OFFLINE
        self.session_id = str(uuid.uuid4())
        self.agreement: Agreement | None = None
        self.rejected = 0
        """Messages that could not be understood."""
        self.reconnects = 0

    @property
    def rtt_s(self) -> float | None:
        """The newest round trip of a ping."""
        return self._opened.rtt_s if self._opened is not None and self.agreement is not None else None

    async def send(self, message: Outgoing) -> None:
        """Hand a message to the socket, waiting while it is full. Raises LinkError without a session."""
        link = self._opened
        if link is None or self.agreement is None:
            raise LinkError("there is no session to send on")
        await self._hand_over(link, message)

    def post(self, message: m.AnyMessage) -> None:
        """Send a message soon, in order with other posted ones; without a session it is dropped."""
        with contextlib.suppress(asyncio.QueueFull):
            if self.agreement is not None:
                self._posted.put_nowait(message)

    def dial_now(self) -> None:
        """Somebody waits: dial at once, whatever the back-off says."""
        self._wanted = True
        self._dial.set()

    def redial(self, reason: str) -> None:
        """Drop a link that does not do its work."""
        log.warning("the link is dropped: %s", reason)
        self._dropped.set()

    def end_session(self) -> None:
        """End the session; the next `dial_now` begins a new one."""
        self._wanted = False
        self._ending = True
        self._dropped.set()
        self._dial.set()

    async def run(self) -> None:
        """Dial and listen, for ever."""
        while True:
            while not self._wanted:
                self._dial.clear()
                self._ended.set()
                await self._dial.wait()
            for event in (self._dial, self._dropped, self._ended):
                event.clear()
            self._ending = False
            wait_s, refused = await self._one_link()
            self.state = LinkState.OFFLINE
            if not self._ending:
                self.reconnects += 1
                self._listener.link_down(refused, tell=self._backoff.tell)
                await self._wait(wait_s)
            if self._ending:
                self.session_id = str(uuid.uuid4())

    async def close(self) -> None:
        """End the session on the way out of the program."""
        self.end_session()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S + 1.0):
                await self._ended.wait()

    async def _one_link(self) -> tuple[float, bool]:
        """One link from dialling to its end: how long to wait before the next, and whether the token was refused."""
        self.state = LinkState.CONNECTING
        try:
            async with asyncio.timeout(self._backend.connect_timeout_s):
                await self._unless_dropped(self._open())
            if self._opened is not None:
                await self._unless_dropped(self._live(self._opened))
                if self._ending:
                    await self._say_goodbye(self._opened)
        except (LinkError, ConfigError, TimeoutError) as error:
            return self._failed(error)
        finally:
            self.agreement = None
            while not self._posted.empty():
                self._posted.get_nowait()
            if self._opened is not None:
                await self._opened.close()
            self._opened = None
        return 0.0, False

    async def _open(self) -> None:
        self._opened = await self._dialer.dial(self._address())

    async def _unless_dropped(self, work: Coroutine[None, None, None]) -> None:
        """Do `work` until somebody wants the link dropped; then it is cancelled."""
        working = asyncio.create_task(work, name="link")
        dropping = asyncio.create_task(self._dropped.wait(), name="link dropper")
        try:
            await asyncio.wait({working, dropping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            working.cancel()
            dropping.cancel()
            await asyncio.gather(working, dropping, return_exceptions=True)

    async def _live(self, link: Link) -> None:
        """Shake hands and converse until the link breaks (LinkError)."""
        handshake = Handshake(self._backend.profile, self._backend.seed_uplink, self._backend.limits, self._clock.now())
        await self._shake_hands(link, handshake)
        await self._converse(link)

    def _failed(self, error: Exception) -> tuple[float, bool]:
        retry_after_s = error.retry_after_s if isinstance(error, LinkError) else None
        wait_s = self._backoff.failed(retry_after_s)
        first = self._backoff.failures == 1
        text = "no answer in time" if isinstance(error, TimeoutError) else str(error)
        log.log(logging.WARNING if first else logging.DEBUG, "no link to the backend: %s", text)
        refused = isinstance(error, LinkRefused | ConfigError)
        return (REFUSED_S if refused else wait_s), refused

    async def _shake_hands(self, link: Link, handshake: Handshake) -> None:
        while handshake.agreement is None:
            wait_s = None if handshake.deadline is None else handshake.deadline - self._clock.now()
            try:
                async with asyncio.timeout(wait_s):
                    received = self._read(await link.receive())
                answers = [] if received is None else handshake.received(received, self._clock.now())
            except TimeoutError:
                received, answers = None, handshake.time_up(self._clock.now())
            for answer in answers:
                await self._hand_over(link, answer)
            self.state = handshake.state
            if handshake.state is LinkState.ACTIVE:
                self._backoff.succeeded()
            if received is not None:
                self._listener.message(received)
        self.agreement = handshake.agreement
        self._dial.clear()  # whoever asked for a link has it
        log.info("a session is on: profile %s, realtime %s", self.agreement.profile, self.agreement.realtime)
        if not self._ending:
            self._listener.link_up(self.agreement)

    async def _converse(self, link: Link) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(link), name="link listener")
                tasks.create_task(self._send_posted(link), name="link poster")
        except* LinkError as broken:
            raise broken.exceptions[0] from None

    async def _listen(self, link: Link) -> None:
        while True:
            received = self._read(await link.receive())
            if isinstance(received, m.SessionEnded):
                self.session_id = str(uuid.uuid4())
                raise LinkError("the backend ended the session")
            if received is not None:
                self._listener.message(received)

    async def _send_posted(self, link: Link) -> None:
        while True:
            await self._hand_over(link, await self._posted.get())

    def _read(self, message: str | bytes) -> m.AnyMessage | None:
        try:
            received = wire.read(message)
        except WireError as error:
            self.rejected += 1
            level = logging.WARNING if self.rejected == 1 else logging.DEBUG
            log.log(level, "a message of the backend was skipped: %s", error)
            return None
        if isinstance(received, bytes):
            self._listener.sound(received)
            return None
        return received

    async def _hand_over(self, link: Link, message: Outgoing) -> None:
        await link.send(message if isinstance(message, bytes) else m.encode(message, self._clock.utc()))

    async def _say_goodbye(self, link: Link) -> None:
        with contextlib.suppress(LinkError, TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._hand_over(link, m.EndSession())
                while not isinstance(self._read(await link.receive()), m.SessionEnded):
                    pass

    async def _wait(self, wait_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._dial.wait()

    def _address(self) -> Address:
        backend = self._backend
        return address(
            backend.url,
            self.session_id,
            backend.user_id,
            backend.business_id,
            self._read_token(),
            backend.auth_transport,
        )
