"""One button on a GPIO pin, by gpiozero.

Found out about gpiozero 1.6.2 and 2.0.1, and the reason why it is used as it is here:

- Its `bounce_time` is not used, for it means something else on each driver, and nothing good on any: lgpio holds
  every edge back until the line was quiet that long, so a press would be told 25 ms late (PRODUCT section 7 allows
  20); RPi.GPIO drops all edges that long, so the release of a short press is lost and the button stays down; mock
  pins ignore it. `core.gestures.Debouncer` does it instead.
- It keeps a driver's own time of the edge: with lgpio the kernel's, by the monotonic clock since Linux 5.7, otherwise
  `time.monotonic()` where the driver called. `active_time` and `inactive_time` are the public way to it.
- It tells no edge for a button that is already down when it is opened.
"""

import asyncio
import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import gpiozero

from hero365_edge.core.bounce import Change
from hero365_edge.core.gestures import Debouncer, Edge
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Clock

_TIMER_SLACK_NS = 4_000_000
_PR_SET_TIMERSLACK = 29
# A kernel before 5.7 stamps edges by the wall clock: an edge older than this when it is told has such a stamp.
_MAX_EDGE_AGE_S = 1.0
_LOOKS, _AT_ONCE_S = 5, 0.0005


class GpioButton:
    """Hands the debounced edges of one contact to `tell`, in the event loop; what breaks it afterwards too.

    It is wired to ground when `active_low`, else to 3.3 V; the chip's own resistor pulls the other way.
    `pin_factory` is gpiozero's own choice if None.
    """

    def __init__(
        self,
        clock: Clock,
        pin: int,
        tell: Callable[[Edge | DeviceError], None],
        active_low: bool,
        second: bool,
        debounce_ms: int,
        pin_factory: Any,
    ) -> None:
        self._clock = clock
        self._pin = pin
        self._tell = tell
        self._active_low = active_low
        self._second = second
        self._debounce_ms = debounce_ms
        self._pin_factory = pin_factory
        self.watch: Callable[[Change], None] = lambda _: None
        """Told what the contact does, before it is debounced."""
        self._name = f"{'second ' if second else ''}button on GPIO{pin}"
        self._contact: Any = None
        self._debouncer = Debouncer(debounce_ms)
        self._settling: asyncio.TimerHandle | None = None
        self._interrupter: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """False once the driver's thread that told the last edge has died."""
        return self._interrupter is None or self._interrupter.is_alive()

    def open(self) -> None:
        """Take the line, from within the event loop. If it is down already, that is a press. Raises DeviceError."""
        self._loop = asyncio.get_running_loop()
        self._debouncer = Debouncer(self._debounce_ms)
        self._interrupter = None
        with explained(self._name):
            self._contact = self._taken()
            pressed = bool(self._contact.is_active)
        if pressed:
            self._changed(self._contact, True, self._clock.now())

    def close(self) -> None:
        """Let the line go. Safe to call again; `open` takes it anew."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        contact, self._contact = self._contact, None
        if contact is not None:
            with suppress(*gpio_errors()):
                contact.close()

    def _taken(self) -> Any:
        """A DigitalInputDevice, which is a gpiozero Button without a thread for its `when_held`."""
        with _seldom_woken():
            contact = gpiozero.DigitalInputDevice(self._pin, pull_up=self._active_low, pin_factory=self._pin_factory)
            contact.when_activated = partial(self._interrupted, contact, True)
            contact.when_deactivated = partial(self._interrupted, contact, False)
        return contact

    def _interrupted(self, contact: Any, pressed: bool) -> None:
        """Stamp the edge and hand it over; runs in gpiozero's thread."""
        self._interrupter = threading.current_thread()
        for _ in range(_LOOKS):  # gpiozero tells the age by a clock of its own: another thread may come in between
            before = self._clock.now()
            age_s = contact.active_time if pressed else contact.inactive_time
            now = self._clock.now()
            if now - before < _AT_ONCE_S:
                break
        at = now - age_s if age_s is not None and 0 <= age_s < _MAX_EDGE_AGE_S else now
        self._loop.call_soon_threadsafe(self._changed, contact, pressed, at)

    def _changed(self, contact: Any, pressed: bool, at: float) -> None:
        if contact is self._contact:  # else it was closed while this was on its way from the thread
            self.watch(Change(pressed, at))
            self._deliver(self._debouncer.change(pressed, at))

    def _settle(self) -> None:
        self._settling = None
        try:
            with explained(self._name):
                pressed = self._contact.is_active
        except DeviceError as error:
            self._tell(error)
        else:
            self._deliver(self._debouncer.settle(pressed, self._clock.now()))

    def _deliver(self, edges: list[Edge]) -> None:
        for edge in edges:
            self._tell(replace(edge, second=self._second))
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        if self._debouncer.deadline is not None:
            delay_s = self._debouncer.deadline - self._clock.now()
            self._settling = self._loop.call_later(delay_s, self._settle)


@contextmanager
def _seldom_woken() -> Iterator[None]:
    """Threads that are made in here may be woken by a timer `_TIMER_SLACK_NS` too late; by an edge, at once.

    lgpio has a thread for edges that wakes up every half millisecond for as long as a button is open, and costs a small
    board a tenth of its time. An edge is told so much later for it; its time stamp is the kernel's.
    """
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_TIMERSLACK, _TIMER_SLACK_NS, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_TIMERSLACK, 0, 0, 0, 0)  # this thread's default


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what gpiozero or its driver raises into a DeviceError that names `what`."""
    try:
        yield
    except gpio_errors() as error:
        raise DeviceError(f"{what}: {str(error) or type(error).__name__}") from error


def gpio_errors() -> tuple[type[Exception], ...]:
    """What using a pin can raise: gpiozero lets its drivers' errors through.

    RPi.GPIO raises RuntimeError. The errors of lgpio and pigpio derive from nothing but Exception, and the drivers
    cannot be imported to name them: gpiozero chooses one, and importing lgpio alone writes a FIFO.
    """
    drivers = (sys.modules.get(name) for name in ("lgpio", "pigpio"))
    return (gpiozero.GPIOZeroError, OSError, RuntimeError, *(d.error for d in drivers if d is not None))
