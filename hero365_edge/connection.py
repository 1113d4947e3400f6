"""Keeps one session with the backend: dial, converse, back off, dial again, for ever. `call.py` is one link of it."""

import asyncio
import contextlib
import logging
import math
import random
import uuid
from dataclasses import dataclass

from hero365_edge.call import GOODBYE_S, Call, Counts, Listener, unless
from hero365_edge.core import messages as m
from hero365_edge.core.address import Address, address
from hero365_edge.core.backoff import REFUSED_S, SPREAD_S, Backoff
from hero365_edge.core.clock_gate import LONGEST_S, ClockGate
from hero365_edge.core.framing import Outgoing
from hero365_edge.core.handshake import Agreement, Handshake, Limits, LinkState
from hero365_edge.core.health import LinkHealth, Vitals
from hero365_edge.core.remedy import hung_up
from hero365_edge.errors import ConfigError, LinkError, LinkRefused, LinkTooBig
from hero365_edge.ports import Clock, Dialer, Link, Tokens

log = logging.getLogger(__name__)

STALE_DIAL_S = 1.0
"""A dial that took so long already is begun anew for who presses: its first packet may have been lost."""
BEGUN_ANEW_S = 3.0
"""But one that was begun anew has so long, however often somebody presses: on a road of half a second's round trip all
its handshakes need two seconds, and Linux sends the first packet again after 1 and 3 s."""
LOOK_S = 1.0
"""So often it is looked whether a refused token is another by now, or the clock right."""


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
    reconnect_spread_s: float = SPREAD_S


class Connection:
    """The link's life. `send` and `post` work while a session is on."""

    def __init__(self, clock: Clock, dialer: Dialer, backend: Backend, tokens: Tokens, listener: Listener) -> None:
        self._clock = clock
        self._dialer = dialer
        self._backend = backend
        self._tokens = tokens
        self._listener = listener
        self._backoff = Backoff(random.SystemRandom().random, backend.reconnect_spread_s)
        self._call: Call | None = None
        self._dialling_since: float | None = None
        self._begun_anew = False
        """Whether the dial under way took the place of another because somebody pressed."""
        self._due_at = math.inf
        self._stamp: object = None
        """Which token the last dial was made with."""
        self._dial = asyncio.Event()
        self._dropped = asyncio.Event()
        self._wanted = True
        self._ending = False
        self._ended = asyncio.Event()
        self.session_id = str(uuid.uuid4())
        self.counts = Counts()
        self.reconnects = 0
        self.trouble = ""
        """Why there is no session, once a try has failed; empty while there is one."""
        self.waits_for = ""
        """What has to change before the next dial is worth while: `token` or `clock`; empty while nothing has to."""

    @property
    def state(self) -> LinkState:
        """How far the link is."""
        if self._call is not None:
            return self._call.state
        return LinkState.OFFLINE if self._dialling_since is None else LinkState.CONNECTING

    @property
    def due_at(self) -> float:
        """By when it will have moved on; infinite while it may wait as long as it takes."""
        return self._due_at if self._call is None else self._call.due_at

    @property
    def agreement(self) -> Agreement | None:
        """What was agreed for this session; None without one."""
        return None if self._call is None else self._call.agreement

    @property
    def health(self) -> LinkHealth | None:
        """How the link of this session does; None without one."""
        return self._call.health if self._call is not None and self._call.agreement is not None else None

    @property
    def rtt_s(self) -> float | None:
        """The newest round trip of a ping."""
        return self._call.rtt_s if self._call is not None and self._call.agreement is not None else None

    def facts(self) -> dict[str, object]:
        """What `status` tells of it."""
        agreement, health = self.agreement, self.health
        vitals = Vitals() if health is None else health.vitals
        return {
            "state": self.state.value,
            "profile": None if agreement is None else agreement.profile,
            "realtime": None if agreement is None else agreement.realtime,
            "rtt_ms": None if self.rtt_s is None else round(self.rtt_s * 1000),
            "kernel_rtt_ms": None if vitals.kernel_rtt_s is None else round(vitals.kernel_rtt_s * 1000),
            "retransmitted_percent": None if health is None else round(health.retransmitted * 100),
            "degraded": health is not None and health.degraded,
            "became_degraded": self.counts.degraded,
            "reconnects": self.reconnects,
            "ended_by": dict(self.counts.causes) or None,
            "waits_for": self.waits_for or None,
        }

    async def send(self, message: Outgoing) -> None:
        """Hand a message to the socket, waiting while it is full. Raises LinkError without a session."""
        if self._call is None or self._call.agreement is None:
            raise LinkError("there is no session to send on")
        await self._call.send(message)

    def post(self, message: m.AnyMessage) -> None:
        """Send a message soon, in order with other posted ones; without a session it is dropped."""
        if self._call is not None and self._call.agreement is not None:
            self._call.post(message)

    def dial_now(self) -> None:
        """Somebody waits: dial at once, whatever the back-off says.

        Even when the server asked for patience (`Retry-After`, 1013): one press is one dial, at the pace of a person,
        and who presses must hear that it does not work. What dials by itself waits as it was told.
        """
        self._wanted = True
        self._dial.set()
        patience_s = BEGUN_ANEW_S if self._begun_anew else STALE_DIAL_S
        if self._dialling_since is not None and self._clock.now() - self._dialling_since > patience_s:
            self._begun_anew = True
            self._dropped.set()

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
                self._due_at = math.inf
                await self._dial.wait()
            for event in (self._dial, self._dropped, self._ended):
                event.clear()
            self._ending = False
            error = await self._one_link()
            if not self._ending:
                self.reconnects += 1
                refused, too_big = isinstance(error, LinkRefused | ConfigError), isinstance(error, LinkTooBig)
                waited_for, wait_s = self.waits_for, self._failed(error)
                tell = self._backoff.tell or self.waits_for == "clock" != waited_for
                self._listener.link_down(refused, tell, too_big, hung_up(error))
                await self._wait(wait_s)
            if self._ending:
                self.session_id = str(uuid.uuid4())

    async def close(self) -> None:
        """End the session on the way out of the program."""
        self.end_session()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S + 1.0):
                await self._ended.wait()

    async def _one_link(self) -> Exception | None:
        """One link from dialling to its end, and what ended it; None when somebody here did."""
        link: Link | None = None
        self._dialling_since = self._clock.now()
        self._due_at = self._dialling_since + self._backend.connect_timeout_s

        async def dial() -> None:
            nonlocal link
            self._stamp = self._tokens.stamp()
            link = await self._dialer.dial(await self._address())

        try:
            async with asyncio.timeout(self._backend.connect_timeout_s):
                await unless(self._dropped, dial())
            self._dialling_since = None
            if link is not None:
                await self._hold(link)
        except (LinkError, ConfigError, TimeoutError) as error:
            return error
        finally:
            self._dialling_since = None
            if link is not None:
                await self._let_go(link)
        return None

    async def _hold(self, link: Link) -> None:
        """Converse on this link. Raises LinkError when it ends otherwise than by somebody here."""
        backend, now = self._backend, self._clock.now()
        handshake = Handshake(backend.profile, backend.seed_uplink, backend.limits, now)
        self._call = Call(self._clock, link, handshake, self._listener, self.counts)
        await unless(self._dropped, self._live(self._call))
        if self._ending:
            await self._call.say_goodbye()

    async def _let_go(self, link: Link) -> None:
        call = self._call
        if call is not None:
            call.agreement = None
            if call.state is LinkState.ACTIVE:
                self._backoff.succeeded()  # `session_started` came; an open door alone would be no success
            if call.over:
                self.session_id = str(uuid.uuid4())
        self._call = None
        self._due_at = self._clock.now() + GOODBYE_S
        await link.close()

    async def _live(self, call: Call) -> None:
        """Shake hands and converse until the link breaks (LinkError)."""
        agreement = await call.shake_hands()
        self.trouble = self.waits_for = ""
        self._begun_anew = False
        self._dial.clear()  # whoever asked for a link has it
        log.info("a session is on: profile %s, realtime %s", agreement.profile, agreement.realtime)
        if not self._ending:
            self._listener.link_up(agreement)
        await call.converse()

    def _failed(self, error: Exception | None) -> float:
        """Count the failure and tell it; how long to wait before the next dial."""
        if error is None:
            self.counts.causes["dropped"] += 1
            return 0.0
        self._begun_anew = False
        other = LinkError("", cause="no_token" if isinstance(error, ConfigError) else "")
        told = error if isinstance(error, LinkError) else other
        self.counts.causes[told.cause or "timeout"] += 1
        awaited = not self._listener.idle()
        wait_s = self._backoff.failed(told.retry_after_s, by_backend=told.by_backend, awaited=awaited)
        first = self._backoff.failures == 1
        self.trouble = str(error) if told.cause else "no answer in time"
        log.log(logging.WARNING if first else logging.DEBUG, "no link to the backend: %s", self.trouble)
        if isinstance(error, LinkRefused):
            self._tokens.refused()
        self.waits_for = self._obstacle(error)
        return {"token": REFUSED_S, "clock": LONGEST_S}.get(self.waits_for, wait_s)

    def _obstacle(self, error: Exception) -> str:
        """What stands in the way of the next dial, where time alone does not help."""
        if isinstance(error, LinkRefused | ConfigError):
            return "token"
        not_yet_valid = isinstance(error, LinkError) and error.cause == "clock"
        return "clock" if not_yet_valid and not self._clock.synchronised() else ""

    async def _wait(self, wait_s: float) -> None:
        """Until it is time to dial, somebody waits for it, or what stood in the way does so no more."""
        gate = ClockGate(self._clock.now(), self._clock.utc())
        self._due_at = self._clock.now() + wait_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while not self._is_free(gate):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_S if self.waits_for else None):
                            await self._dial.wait()
                            return

    def _is_free(self, gate: ClockGate) -> bool:
        clock = self._clock
        if self.waits_for == "clock":
            return gate.is_open(clock.now(), clock.utc(), synchronised=clock.synchronised())
        return self.waits_for == "token" and self._tokens.stamp() != self._stamp

    async def _address(self) -> Address:
        backend = self._backend
        return address(
            backend.url,
            self.session_id,
            backend.user_id,
            backend.business_id,
            await self._tokens.token(),
            backend.auth_transport,
        )
