"""Tells the supervisor how the daemon does, and feeds its watchdog for progress: not because time passes.

What is missing is no reason to restart: no network, no microphone, no button, while somebody tries again. What hangs
is: then the watchdog goes hungry, the status says why, and the supervisor starts a new process.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TypeAlias

from hero365_edge.ports import Clock
from hero365_edge.supervisor_ports import Supervisor

log = logging.getLogger(__name__)

Check: TypeAlias = Callable[[float], str]
"""Told the time, says why a part of the daemon makes no progress; nothing while it does."""

LOOK_EVERY_S = 1.0
LATE_S = 5.0
"""An event loop less late than this is slow, not hung: on an overloaded board a new process would be no faster."""
OVERDUE_S = 5.0
"""So much later than it said, a task may move on."""


HUNGRY_S = 6.0
"""What makes no progress for so long, beyond what it may take, hangs: the watchdog need not wait for the rest of its
own time, which is there for an event loop that stands still and can ask for nothing. So a card that hangs ends in a new
process within the watchdog's 15 s + 5."""


class Health:
    """Feeds the watchdog only while every check is content and the event loop is on time."""

    def __init__(
        self, clock: Clock, supervisor: Supervisor, describe: Callable[[], str], checks: Mapping[str, Check]
    ) -> None:
        self._clock = clock
        self._supervisor = supervisor
        self._describe = describe
        self._checks = checks
        self.withheld: Counter[str] = Counter()
        """How often the watchdog began to go hungry, by the check that was not content, or `event_loop`."""

    async def run(self) -> None:
        """Look each second, or four times in what the watchdog waits if that is more often, for ever."""
        watchdog_s = self._supervisor.watchdog_s
        every_s = min(LOOK_EVERY_S, watchdog_s / 4) if watchdog_s else LOOK_EVERY_S
        told = ""
        hungry_since: float | None = None
        while True:
            due_at = self._clock.now() + every_s
            await asyncio.sleep(every_s)
            now = self._clock.now()
            check, trouble = self._trouble(now, now - due_at)
            if not trouble:
                if hungry_since is not None:
                    log.info("there is progress again")
                hungry_since = None
                if watchdog_s:
                    self._supervisor.alive()
            elif hungry_since is None:
                hungry_since = now
                self.withheld[check] += 1
                log.warning("no progress, so the watchdog is not fed: %s", trouble)
            elif watchdog_s and now >= hungry_since + HUNGRY_S:
                self._supervisor.hung()
            if (text := f"no progress: {trouble}" if trouble else self._describe()) != told:
                told = text
                self._supervisor.status(text)

    def _trouble(self, now: float, late_s: float) -> tuple[str, str]:
        """Who is to blame that the watchdog goes hungry, the event loop being so late, and why; empty if nobody."""
        if late_s >= LATE_S:
            return "event_loop", f"the event loop was {late_s:.0f} s late"
        return next(((name, why) for name, check in self._checks.items() if (why := check(now))), ("", ""))


def overdue(what: str, due_at: Callable[[], float]) -> Check:
    """Looks at a task that says by when it will have moved on."""

    def check(now: float) -> str:
        late_s = now - due_at()
        return f"{what} should have moved on {late_s:.0f} s ago" if late_s > OVERDUE_S else ""

    return check
