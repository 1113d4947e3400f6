"""The lab's time goes at a third of the world's pace: an emulated processor gets thrice as much done in its second.

Emulation is slow, and how slow changes with what else its host does. So QEMU is told a slower time, by libfaketime, and
with it the whole machine. What it talks to goes by `now`, `sleep` and `slow_event_loop`: stick, backend, tests.
All times and lengths of time in the lab are in its own seconds, except how long to wait for QEMU itself.
"""

import asyncio
import selectors
import time
from pathlib import Path

PACE = 1 / 3


def now() -> float:
    """The lab's monotonic time in its seconds, the same in every process of the host."""
    return PACE * time.monotonic()


def sleep(seconds: float) -> None:
    """Wait so many of the lab's seconds."""
    time.sleep(seconds / PACE)


def slow_event_loop() -> asyncio.AbstractEventLoop:
    """An event loop whose time is the lab's."""
    return _SlowLoop(_SlowSelector())


def slowly(library: Path) -> list[str]:
    """What to put before a command so that its program believes in the lab's pace; `library` is libfaketime's."""
    return ["env", f"LD_PRELOAD={library}", f"FAKETIME=+0 x{PACE}"]


class _SlowSelector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout and timeout / PACE)


class _SlowLoop(asyncio.SelectorEventLoop):
    def time(self) -> float:
        return now()
