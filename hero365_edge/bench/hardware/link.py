"""`bench link`: round trip, rates and time to a session, on the daemon's own link; nothing is asked of the agent.

Rates are measured with control frames of WebSocket (RFC 6455, 5.5): a peer drops a pong that nobody asked for, and
sends a ping's filling back. No sound goes up, so no backend takes it for an utterance.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from hero365_edge.bench.hardware.cards import Progress
from hero365_edge.bench.hardware.figures import Result, Spec, Unmeasured, Values, judged
from hero365_edge.bench.hardware.plot import Plot, curve
from hero365_edge.connection import Backend, Connection
from hero365_edge.core import messages as m
from hero365_edge.core.address import Address
from hero365_edge.core.board import Limits
from hero365_edge.core.handshake import Agreement
from hero365_edge.errors import LinkError
from hero365_edge.ports import Clock, Link, Tokens

NAME = "link"
PINGS = 20
PING_EVERY_S = 0.1
FRAME_BYTES = 131
"""A control frame from the device: its head of 2, its mask of 4 and 125 of filling (RFC 6455, 5.2)."""
FIRST_FRAMES, MOST_FRAMES = 100, 6400
LONG_ENOUGH_S = 0.5
"""A burst that took so long tells a rate; a shorter one is followed by one of four times its size."""
LOOK_EVERY_S = 0.005
GIVE_UP_S = 30.0
LASTS_S = 9.0

SPECS = (
    Spec(
        *("session", "time to session", "s"),
        error=0.01,
        most=lambda limits: limits.session_s,
        means="from dialling until the backend has a session",
    ),
    Spec(
        *("rtt", "round trip, median", "ms"),
        error=3.0,
        most=lambda limits: limits.rtt_ms,
        means=f"{PINGS} pings of WebSocket, the backend's own delay included",
    ),
    Spec(
        *("up", "up", "kbit/s"),
        error_percent=15.0,
        least=lambda limits: limits.up_kbit_s,
        means="a burst of pongs, which the backend drops",
    ),
    Spec(
        *("down", "down, at least", "kbit/s"),
        error_percent=15.0,
        least=lambda limits: limits.down_kbit_s,
        means="a burst of pings, whose filling comes back: no more than goes up",
    ),
)


class PingedLink(Link, Protocol):
    """A link that can be measured."""

    async def round_trip_s(self) -> float:
        """Of one ping, now. Raises LinkError."""
        ...

    async def burst_s(self, frames: int, *, come_back: bool) -> float:
        """How long so many full control frames take to be through. Raises LinkError."""
        ...


class PingingDialer(Protocol):
    """Opens links that can be measured."""

    async def dial(self, address: Address) -> PingedLink:
        """As Dialer does."""
        ...


class _Ear:
    """Hears what the connection tells (port Listener), and keeps the link that was dialled last (port Dialer)."""

    def __init__(self, dialer: PingingDialer) -> None:
        self._dialer = dialer
        self.link: PingedLink | None = None
        self.up = asyncio.Event()

    async def dial(self, address: Address) -> PingedLink:
        self.link = await self._dialer.dial(address)
        return self.link

    def link_up(self, agreement: Agreement) -> None:  # noqa: ARG002  the port has it
        self.up.set()

    def link_down(self, refused: bool, tell: bool, too_big: bool, hung_up: bool) -> None:
        pass

    def message(self, message: m.AnyMessage) -> None:
        pass

    def sound(self, data: bytes) -> None:
        pass

    def idle(self) -> bool:
        return False


async def measure(
    clock: Clock,
    dialer: PingingDialer,
    backend: Backend,
    tokens: Tokens,
    limits: Limits,
    progress: Progress,
    phases_s: Mapping[str, float],
    scrub: Callable[[str], str],
) -> Result:
    """Open a session, measure, end it. `phases_s` of the dial are told beside. A link that fails was not measured.

    `scrub` takes secrets out of what the backend says, before it is in a report.
    """
    ear = _Ear(dialer)
    connection = Connection(clock, ear, backend, tokens, ear)
    began_at = clock.now()
    running = asyncio.create_task(connection.run(), name="link under measurement")
    found: dict[str, float] = {}
    trips_ms: list[float] = []
    why = ""
    try:
        async with asyncio.timeout(GIVE_UP_S):
            opened = await _opened(connection, ear)
            found["session"] = clock.now() - began_at
            progress(1.0)
            for _ in range(PINGS):
                trips_ms.append(1000 * await opened.round_trip_s())
                progress(PING_EVERY_S)
                await asyncio.sleep(PING_EVERY_S)
            found["rtt"] = float(np.median(trips_ms))
            for name, come_back in (("up", False), ("down", True)):
                found[name] = await _kbit_s(opened, found["rtt"] / 1000, come_back)
                progress(3.0)
    except LinkError as error:
        why = scrub(str(error))
    except TimeoutError:
        why = f"not done within {GIVE_UP_S:g} s"
    finally:
        await connection.close()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    values: Values = {spec.name: found.get(spec.name, Unmeasured(why)) for spec in SPECS}
    told = ", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in phases_s.items())
    notes = (f"the way there: {told}",) if told else ()
    return Result(bench=NAME, figures=judged(SPECS, limits, values), plots=_plots(trips_ms), notes=notes)


async def _opened(connection: Connection, ear: _Ear) -> PingedLink:
    """The link, once there is a session on it. Raises LinkError after the first try that failed."""
    while not ear.up.is_set() or ear.link is None:
        if connection.trouble:
            raise LinkError(connection.trouble)
        await asyncio.sleep(LOOK_EVERY_S)
    return ear.link


async def _kbit_s(link: PingedLink, rtt_s: float, come_back: bool) -> float:
    """Of the first burst that takes long enough, or of the largest; the last frame's own round trip is no transfer."""
    frames = FIRST_FRAMES
    while True:
        took_s = await link.burst_s(frames, come_back=come_back) - rtt_s
        if took_s >= LONG_ENOUGH_S or frames >= MOST_FRAMES:
            return frames * FRAME_BYTES * 8 / 1000 / max(took_s, 1e-3)
        frames *= 4


def _plots(trips_ms: list[float]) -> tuple[Plot, ...]:
    if not trips_ms:
        return ()
    trips = curve("round trip", [PING_EVERY_S * index for index in range(len(trips_ms))], trips_ms)
    return (Plot(title="Round trips, one after the other", x_label="s", y_label="ms", curves=(trips,)),)
