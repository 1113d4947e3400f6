"""The button and the lamp on GPIO pins, by gpiozero.

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
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeAlias

import gpiozero

from hero365_edge.core.gestures import DEBOUNCE_MS, Debouncer, Edge
from hero365_edge.core.lamp import Light, Pattern, level, pattern
from hero365_edge.devices.apa102 import Apa102, Chain
from hero365_edge.errors import ConfigError, DeviceError
from hero365_edge.ports import Clock

_LampLeds: TypeAlias = Sequence[Any]
"""PWMLEDs, or one RGBLED or Apa102; gpiozero ships no types."""

_KINDS_OF_LAMP = "none, 1 (LED), 2 (listen, status) or 3 (red, green, blue)"
_REMEDY = (
    "On a Raspberry Pi install python3-lgpio (apt) or hero365-edge[pi] (pip), be in the group gpio, "
    "and let LG_WD name a writable folder; elsewhere set panel.profile to none or keyboard"
)
# Nobody reads that many presses; even, so that dropping the oldest two keeps press and release in turn.
_EDGES = 64
_FADE_STEP_S = 0.04
_TIMER_SLACK_NS = 4_000_000
_PR_SET_TIMERSLACK = 29
# A kernel before 5.7 stamps edges by the wall clock: an edge older than this when it is told has such a stamp.
_MAX_EDGE_AGE_S = 1.0


class GpioPanel:
    """A button and up to three LEDs, or a `chain`. Use it from the thread of the event loop only.

    `lamp_pins` is empty, one LED, a pair (listen, status) or red, green, blue; pins are numbered as BCM does.
    The button is wired to ground when `active_low`, else to 3.3 V; the chip's own resistor pulls the other way.
    `pin_factory` is gpiozero's own choice if None.
    """

    def __init__(
        self,
        clock: Clock,
        button_pin: int,
        lamp_pins: Sequence[int] = (),
        *,
        active_low: bool = True,
        chain: Chain | None = None,
        debounce_ms: int = DEBOUNCE_MS,
        pin_factory: Any = None,
    ) -> None:
        if len(lamp_pins) > 3:
            raise ConfigError(f"lamp on GPIO pins {list(lamp_pins)}: a lamp has {_KINDS_OF_LAMP} pins")
        self._clock = clock
        self._button_pin = button_pin
        self._lamp_pins = tuple(lamp_pins)
        self._chain = chain
        self._active_low = active_low
        self._debounce_ms = debounce_ms
        self._pin_factory = pin_factory
        self._button_name = f"button on GPIO{button_pin}"
        self._lamp_name = f"lamp on GPIO pins {list(lamp_pins)}" if chain is None else f"lamp of {chain}"

        self._edges: asyncio.Queue[Edge | DeviceError] = asyncio.Queue(_EDGES)
        self._light: Light | None = None
        self._button: Any = None
        self._leds: _LampLeds = ()
        self._debouncer = Debouncer(debounce_ms)
        self._settling: asyncio.TimerHandle | None = None
        self._interrupter: threading.Thread | None = None

    def start(self) -> None:
        """Take the lines, from within the event loop. A button that is already down is a press.

        Raises DeviceError, naming the pin and what to install.
        """
        self._loop = asyncio.get_running_loop()
        self._debouncer = Debouncer(self._debounce_ms)
        self._interrupter = None
        while not self._edges.empty():
            self._edges.get_nowait()
        with warnings.catch_warnings(record=True) as fallbacks:
            warnings.simplefilter("always")  # gpiozero tells only by warnings why it could not use a driver
            try:
                pressed = self._open()
            except DeviceError as error:
                self.close()
                reasons = "; ".join(str(fallback.message) for fallback in fallbacks)
                raise DeviceError(f"{error} ({reasons}). {_REMEDY}" if reasons else str(error)) from error
        if pressed:
            self._changed(self._button, True, self._clock.now())
        if self._light is not None:
            self._play(self._light)

    async def edge(self) -> Edge:
        """The next debounced edge. Raises DeviceError once a line has failed, until started again."""
        edge = await self._edges.get()
        if isinstance(edge, DeviceError):
            self._edges.put_nowait(edge)
            raise edge
        return edge

    @property
    def alive(self) -> bool:
        """False once the driver's thread that told the last edge has died; with lgpio no other ever takes its place."""
        return self._interrupter is None or self._interrupter.is_alive()

    @property
    def lamp_trouble(self) -> str:
        """Why a chain of LEDs stays dark while the button works; empty while it does not."""
        return next((led.trouble for led in self._leds if isinstance(led, Apa102)), "")

    def show(self, light: Light) -> None:
        """Let the lamp show this until told otherwise; kept over `close` and `start`."""
        if light != self._light:
            self._light = light
            self._play(light)

    def close(self) -> None:
        """Lamp off, lines let go. Safe to call again; `start` takes them anew."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        devices = [device for device in (self._button, *self._leds) if device is not None]
        self._button, self._leds = None, ()
        for device in devices:
            with suppress(*_gpio_errors()):
                device.close()  # LEDs of all kinds go dark by it
        if self._pin_factory is None and gpiozero.Device.pin_factory is not None:
            # gpiozero would keep its handle of the chip, and `start` would find it as dead as it was left.
            with suppress(*_gpio_errors()):
                gpiozero.Device.pin_factory.close()
            gpiozero.Device.pin_factory = None

    def _open(self) -> bool:
        """Whether the button is down already."""
        with _explained(self._button_name):
            self._button = self._open_button()
            pressed = bool(self._button.is_active)
        with _explained(self._lamp_name):
            self._leds = self._open_lamp()
        return pressed

    def _open_button(self) -> Any:
        """A DigitalInputDevice, which is a gpiozero Button without a thread for its `when_held`."""
        with _seldom_woken():
            button = gpiozero.DigitalInputDevice(
                self._button_pin, pull_up=self._active_low, pin_factory=self._pin_factory
            )
            button.when_activated = partial(self._interrupted, button, True)
            button.when_deactivated = partial(self._interrupted, button, False)
        return button

    def _open_lamp(self) -> _LampLeds:
        if self._chain is not None:
            return [self._chain.open(self._pin_factory)]
        if len(self._lamp_pins) == 3:
            return [gpiozero.RGBLED(*self._lamp_pins, pin_factory=self._pin_factory)]
        return [gpiozero.PWMLED(pin, pin_factory=self._pin_factory) for pin in self._lamp_pins]

    def _interrupted(self, button: Any, pressed: bool) -> None:
        """Stamp the edge and hand it over; runs in gpiozero's thread."""
        self._interrupter = threading.current_thread()
        age_s = button.active_time if pressed else button.inactive_time
        now = self._clock.now()
        at = now - age_s if age_s is not None and 0 <= age_s < _MAX_EDGE_AGE_S else now
        self._loop.call_soon_threadsafe(self._changed, button, pressed, at)

    def _changed(self, button: Any, pressed: bool, at: float) -> None:
        if button is self._button:  # else it was closed while this was on its way from the thread
            self._deliver(self._debouncer.change(pressed, at))

    def _settle(self) -> None:
        self._settling = None
        try:
            with _explained(self._button_name):
                pressed = self._button.is_active
        except DeviceError as error:
            self._put(error)
        else:
            self._deliver(self._debouncer.settle(pressed, self._clock.now()))

    def _deliver(self, edges: list[Edge]) -> None:
        for edge in edges:
            self._put(edge)
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        if self._debouncer.deadline is not None:
            delay_s = self._debouncer.deadline - self._clock.now()
            self._settling = self._loop.call_later(delay_s, self._settle)

    def _put(self, edge: Edge | DeviceError) -> None:
        if self._edges.full():
            for _press_and_release in range(2):
                self._edges.get_nowait()
        self._edges.put_nowait(edge)

    def _play(self, light: Light) -> None:
        try:
            with _explained(self._lamp_name):
                _play(self._leds, pattern(light))
        except DeviceError as error:
            self._put(error)


def _play(leds: _LampLeds, pattern: Pattern) -> None:
    """Set `pattern` going, in a thread of gpiozero's when it is not steady."""
    if len(leds) == 2:
        listen, status = leds
        dark, lit = (status, listen) if pattern.on_listen_led else (listen, status)
        dark.off()
        leds = [lit]
    for led in leds:
        in_colour = isinstance(led, gpiozero.RGBLED | Apa102)
        led.source = None
        if pattern.steady:
            led.value = _value(pattern, pattern.brightness, in_colour)
        elif pattern.fade_ms or isinstance(led, Apa102):
            led.source_delay = _FADE_STEP_S
            led.source = _fading(pattern, in_colour)
        else:
            colour = {"on_color": pattern.colour} if in_colour else {}
            led.blink(on_time=pattern.on_ms / 1000, off_time=pattern.off_ms / 1000, **colour)


def _fading(pattern: Pattern, in_colour: bool) -> Iterator[float | tuple[float, ...]]:
    """The lamp's value at each look; gpiozero's own fades grow longer by each step that a busy computer is late."""
    began_at = time.monotonic()
    while True:
        yield _value(pattern, level(pattern, 1000 * (time.monotonic() - began_at)), in_colour)


def _value(pattern: Pattern, brightness: float, in_colour: bool) -> float | tuple[float, ...]:
    return tuple(part * brightness for part in pattern.colour) if in_colour else brightness


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
def _explained(what: str) -> Iterator[None]:
    """Turn what gpiozero or its driver raises into a DeviceError that names `what`."""
    try:
        yield
    except _gpio_errors() as error:
        raise DeviceError(f"{what}: {str(error) or type(error).__name__}") from error


def _gpio_errors() -> tuple[type[Exception], ...]:
    """What using a pin can raise: gpiozero lets its drivers' errors through.

    RPi.GPIO raises RuntimeError. The errors of lgpio and pigpio derive from nothing but Exception, and the drivers
    cannot be imported to name them: gpiozero chooses one, and importing lgpio alone writes a FIFO.
    """
    drivers = (sys.modules.get(name) for name in ("lgpio", "pigpio"))
    return (gpiozero.GPIOZeroError, OSError, RuntimeError, *(d.error for d in drivers if d is not None))
