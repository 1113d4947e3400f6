"""One call to the backend, on one open link: shake hands, converse, look after the link's health, say goodbye."""

import asyncio
import contextlib
import logging
import math
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Protocol

from hero365_edge.core import messages as m
from hero365_edge.core import wire
from hero365_edge.core.framing import Outgoing
from hero365_edge.core.handshake import Agreement, Handshake, LinkState
from hero365_edge.core.health import LOOK_EVERY_S, RECONNECT_EVERY_S, LinkHealth
from hero365_edge.errors import LinkError, WireError
from hero365_edge.ports import Clock, Link

log = logging.getLogger(__name__)

POSTED = 64
"""So many messages of the session may wait for the socket; more means that the link does not work."""
GOODBYE_S = 1.5
"""So long `end_session` waits for `session_ended`."""


class Listener(Protocol):
    """What the connection tells, and asks; `dialogue.py` listens."""

    def link_up(self, agreement: Agreement) -> None:
        """A session is on."""
        ...

    def link_down(self, refused: bool, tell: bool, too_big: bool, hung_up: bool) -> None:
        """The link broke, or could not be had; `tell` the technician when it has failed often enough.

        `refused`: for the token. `too_big`: for the size of a message. `hung_up`: it was not ended
        by anybody here.
        """
        ...

    def message(self, message: m.AnyMessage) -> None:
        """A message of the backend."""
        ...

    def sound(self, data: bytes) -> None:
        """A binary message of sound."""
        ...

    def idle(self) -> bool:
        """Whether nobody would miss the link for a moment."""
        ...


@dataclass(slots=True)
class Counts:
    """What happened on all links together."""

    rejected: int = 0
    """Messages that could not be understood."""
    degraded: int = 0
    """How often a link became too slow or too lossy for speech."""
    lost: int = 0
    """How many links ended while a session was on, otherwise than by somebody here: a dial that fails is none."""
    causes: Counter[str] = field(default_factory=Counter)
    """How often a link ended, or could not be had, by what the matter was."""
    sent_bytes: Counter[str] = field(default_factory=Counter)
    """Of messages to the backend: `audio` (binary), `audio_data` (an utterance in one piece) and `control`."""
    received_bytes: Counter[str] = field(default_factory=Counter)
    """Of the backend's: `audio`, `agent_response`, `control`, and `other` for what could not be understood."""


class Call:
    """One link's life from its opening to its end."""

    def __init__(self, clock: Clock, link: Link, handshake: Handshake, listener: Listener, counts: Counts) -> None:
        self._clock = clock
        self._link = link
        self._handshake = handshake
        self._listener = listener
        self._counts = counts
        self._posted: asyncio.Queue[m.AnyMessage] = asyncio.Queue(POSTED)
        self._began_at = clock.now()
        self._due_at = math.inf
        self.health = LinkHealth(clock.now())
        self.agreement: Agreement | None = None
        """What was agreed, once it was."""
        self.over = False
        """Whether the backend ended the session."""

    @property
    def state(self) -> LinkState:
        """How far it is."""
        return self._handshake.state

    @property
    def due_at(self) -> float:
        """By when it will have moved on; infinite while it may wait as long as it takes."""
        return self._due_at

    @property
    def rtt_s(self) -> float | None:
        """The newest round trip of a ping."""
        return self._link.rtt_s

    async def send(self, message: Outgoing) -> None:
        """Hand a message to the socket, waiting while it is full. Raises LinkError when the link is gone."""
        encoded = message if isinstance(message, bytes) else m.encode(message, self._clock.utc())
        await self._link.send(encoded)
        kinds: dict[type, str] = {bytes: "audio", m.AudioData: "audio_data"}
        self._counts.sent_bytes[kinds.get(type(message), "control")] += _bytes_of(encoded)

    def post(self, message: m.AnyMessage) -> None:
        """Send a message soon, in order with other posted ones."""
        with contextlib.suppress(asyncio.QueueFull):
            self._posted.put_nowait(message)

    async def shake_hands(self) -> Agreement:
        """Open the session. Raises LinkError when the backend does not want to or takes too long."""
        handshake = self._handshake
        while handshake.agreement is None:
            wait_s = None if handshake.deadline is None else handshake.deadline - self._clock.now()
            self._due_at = math.inf if handshake.deadline is None else handshake.deadline
            try:
                async with asyncio.timeout(wait_s):
                    received = self._read(await self._link.receive())
                answers = [] if received is None else handshake.received(received, self._clock.now())
            except TimeoutError:
                received, answers = None, handshake.time_up(self._clock.now())
            for answer in answers:
                await self.send(answer)
            if received is not None:
                self._listener.message(received)
        self._due_at = math.inf
        self.agreement = handshake.agreement
        return self.agreement

    async def converse(self) -> None:
        """Tell what comes and send what is posted, until the link breaks (LinkError)."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(), name="link listener")
                tasks.create_task(self._send_posted(), name="link poster")
                tasks.create_task(self._watch(), name="link watcher")
        except* LinkError as broken:
            self._counts.lost += 1
            raise broken.exceptions[0] from None

    async def say_goodbye(self) -> None:
        """Send what was posted before, then `end_session`; the backend may say its own goodbye."""
        self._due_at = self._clock.now() + GOODBYE_S
        with contextlib.suppress(LinkError, TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                while not self._posted.empty():
                    await self.send(self._posted.get_nowait())
                await self.send(m.EndSession())
                while not isinstance(self._read(await self._link.receive()), m.SessionEnded):
                    pass

    async def _listen(self) -> None:
        while True:
            received = self._read(await self._link.receive())
            if isinstance(received, m.SessionEnded):
                self.over = True
                raise LinkError("the backend ended the session", cause="ended")
            if received is not None:
                self._listener.message(received)

    async def _send_posted(self) -> None:
        while True:
            await self.send(await self._posted.get())

    async def _watch(self) -> None:
        """Look each second; a dead link is dropped, a bad one replaced where nobody misses it, once a minute."""
        health, was_degraded = self.health, False
        while True:
            self._due_at = self._clock.now() + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            now = self._clock.now()
            health.look(self._link.vitals(), now)
            if health.dead:
                raise LinkError("the link gives no sign of life", cause="silent")
            if health.degraded and not was_degraded:
                self._counts.degraded += 1
                log.warning("the link is bad: %s", "slow" if health.slow else "lossy")
            was_degraded = health.degraded
            if was_degraded and now - self._began_at >= RECONNECT_EVERY_S and self._listener.idle():
                raise LinkError("the link is bad; perhaps another is better", cause="degraded")

    def _read(self, message: str | bytes) -> m.AnyMessage | None:
        try:
            received = wire.read(message)
        except WireError as error:
            self._counts.rejected += 1
            level = logging.WARNING if self._counts.rejected == 1 else logging.DEBUG
            log.log(level, "a message of the backend was skipped: %s", error)
            self._counts.received_bytes["other"] += _bytes_of(message)
            return None
        kinds: dict[type, str] = {bytes: "audio", m.AgentResponse: "agent_response"}
        self._counts.received_bytes[kinds.get(type(received), "control")] += _bytes_of(message)
        if isinstance(received, bytes):
            self._listener.sound(received)
            return None
        return received


def _bytes_of(message: str | bytes) -> int:
    if isinstance(message, bytes) or message.isascii():
        return len(message)
    return len(message.encode(errors="surrogatepass"))


async def unless(stop: asyncio.Event, work: Coroutine[None, None, None]) -> None:
    """Do `work` until `stop` is set; then it is cancelled. Raises what it raises."""
    working = asyncio.create_task(work, name="link")
    stopping = asyncio.create_task(stop.wait(), name="link stopper")
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
