"""The button and the lamp on GPIO pins, by gpiozero."""

import asyncio
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

import gpiozero

from hero365_edge.core.bounce import Change
from hero365_edge.core.gestures import DEBOUNCE_MS, Edge
from hero365_edge.core.lamp import Light, Pattern, level, pattern
from hero365_edge.devices.apa102 import Apa102, Chain
from hero365_edge.devices.gpiobutton import GpioButton, explained, gpio_errors
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


@dataclass(frozen=True, slots=True)
class Second:
    """Where the second button is, the one for mute or volume."""

    pin: int
    active_low: bool = True


class GpioPanel:
    """A button and up to three LEDs, or a `chain`. Use it from the thread of the event loop only.

    `lamp_pins` is empty, one LED, a pair (listen, status) or red, green, blue; pins are numbered as BCM does.
    A button is wired to ground when `active_low`, else to 3.3 V; the chip's own resistor pulls the other way.
    `pin_factory` is gpiozero's own choice if None.
    """

    def __init__(
        self,
        clock: Clock,
        button_pin: int,
        lamp_pins: Sequence[int] = (),
        *,
        active_low: bool = True,
        second: Second | None = None,
        chain: Chain | None = None,
        debounce_ms: int = DEBOUNCE_MS,
        pin_factory: Any = None,
    ) -> None:
        if len(lamp_pins) > 3:
            raise ConfigError(f"lamp on GPIO pins {list(lamp_pins)}: a lamp has {_KINDS_OF_LAMP} pins")
        self._lamp_pins = tuple(lamp_pins)
        self._chain = chain
        self._pin_factory = pin_factory
        self._lamp_name = f"lamp on GPIO pins {list(lamp_pins)}" if chain is None else f"lamp of {chain}"

        def button(pin: int, active_low: bool, second: bool) -> GpioButton:
            return GpioButton(clock, pin, self._put, active_low, second, debounce_ms, pin_factory)

        self._button = button(button_pin, active_low, False)
        self._second = None if second is None else button(second.pin, second.active_low, True)
        self._second_trouble = ""

        self._edges: asyncio.Queue[Edge | DeviceError] = asyncio.Queue(_EDGES)
        self._light: Light | None = None
        self._leds: _LampLeds = ()

    def start(self) -> None:
        """Take the lines, from within the event loop. A button that is already down is a press.

        Raises DeviceError, naming the pin and what to install.
        """
        while not self._edges.empty():
            self._edges.get_nowait()
        with warnings.catch_warnings(record=True) as fallbacks:
            warnings.simplefilter("always")  # gpiozero tells only by warnings why it could not use a driver
            try:
                self._open()
            except DeviceError as error:
                self.close()
                reasons = "; ".join(str(fallback.message) for fallback in fallbacks)
                raise DeviceError(f"{error} ({reasons}). {_REMEDY}" if reasons else str(error)) from error
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
        return self._button.alive and (self._second is None or self._second.alive)

    @property
    def watch(self) -> Callable[[Change], None]:
        """Is told what the button's contact does, before it is debounced; for the bench."""
        return self._button.watch

    @watch.setter
    def watch(self, watch: Callable[[Change], None]) -> None:
        self._button.watch = watch

    @property
    def troubles(self) -> Mapping[str, str]:
        """Why a part does nothing while the button works: a chain of LEDs that stays dark, a second button."""
        dark = next((led.trouble for led in self._leds if isinstance(led, Apa102)), "")
        return {part: why for part, why in (("lamp", dark), ("second_button", self._second_trouble)) if why}

    def show(self, light: Light) -> None:
        """Let the lamp show this until told otherwise; kept over `close` and `start`."""
        if light != self._light:
            self._light = light
            self._play(light)

    def close(self) -> None:
        """Lamp off, lines let go. Safe to call again; `start` takes them anew."""
        self._button.close()
        if self._second is not None:
            self._second.close()
        leds, self._leds = self._leds, ()
        for led in leds:
            with suppress(*gpio_errors()):
                led.close()  # LEDs of all kinds go dark by it
        if self._pin_factory is None and gpiozero.Device.pin_factory is not None:
            # gpiozero would keep its handle of the chip, and `start` would find it as dead as it was left.
            with suppress(*gpio_errors()):
                gpiozero.Device.pin_factory.close()
            gpiozero.Device.pin_factory = None

    def _open(self) -> None:
        self._button.open()
        with explained(self._lamp_name):
            self._leds = self._open_lamp()
        self._second_trouble = ""
        if self._second is not None:
            try:
                self._second.open()
            except DeviceError as error:  # a line that is taken, say; press and lamp count for more
                self._second_trouble = str(error)

    def _open_lamp(self) -> _LampLeds:
        if self._chain is not None:
            return [self._chain.open(self._pin_factory)]
        if len(self._lamp_pins) == 3:
            return [gpiozero.RGBLED(*self._lamp_pins, pin_factory=self._pin_factory)]
        return [gpiozero.PWMLED(pin, pin_factory=self._pin_factory) for pin in self._lamp_pins]

    def _put(self, edge: Edge | DeviceError) -> None:
        if self._edges.full():
            waiting = [self._edges.get_nowait() for _ in range(_EDGES)]
            mine = [each for each in waiting if isinstance(each, DeviceError) or not each.second]
            for each in mine[2:] if len(mine) == _EDGES else mine:  # the newest presses, each with its release
                self._edges.put_nowait(each)
        self._edges.put_nowait(edge)

    def _play(self, light: Light) -> None:
        try:
            with explained(self._lamp_name):
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
