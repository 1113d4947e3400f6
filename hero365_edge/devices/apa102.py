"""A chain of APA102 LEDs that looks to gpiozero like one RGB LED; on SPI, or clocked out on two plain lines."""

import fcntl
import logging
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import gpiozero

from hero365_edge.core.lamp import Colour, apa102_frame

log = logging.getLogger(__name__)

SPI_HZ = 1_000_000
_SET_MAX_SPEED = 0x4004_6B04
"""SPI_IOC_WR_MAX_SPEED_HZ of linux/spi/spidev.h: _IOW('k', 4, __u32)."""
_DARK: Colour = (0.0, 0.0, 0.0)


class Wire(Protocol):
    """What the bytes go out by."""

    trouble: str
    """Why they do not; empty while they do."""

    def write(self, frame: bytes) -> None:
        """All of it, most significant bit first. Raises what gpiozero's driver raises."""

    def close(self) -> None:
        """Let the device go. Safe to call again."""


def _set_speed(device: int) -> None:
    fcntl.ioctl(device, _SET_MAX_SPEED, struct.pack("=I", SPI_HZ))


class SpiWire:
    """`/dev/spidevBUS.SELECT`; the chain has no select line, so which one is taken matters to nobody.

    It is no part of the GPIO chip: where it is missing the lamp stays dark, which is logged once, and the button works.
    """

    def __init__(self, path: str, set_speed: Callable[[int], object] = _set_speed) -> None:
        self._path = path
        self._set_speed = set_speed
        self._device: int | None = None
        self.trouble = ""

    def write(self, frame: bytes) -> None:
        """One transfer. Opens the device if it is not open; it may have come since."""
        try:
            self._device = self._opened() if self._device is None else self._device
            os.write(self._device, frame)
            trouble = ""
        except OSError as error:
            self.close()
            trouble = f"{self._path}: {error.strerror}; is dtparam=spi=on in config.txt, this user in the group spi?"
        if trouble and trouble != self.trouble:
            log.warning("the lamp stays dark: %s", trouble)
        self.trouble = trouble

    def close(self) -> None:
        """Let the device go."""
        if self._device is not None:
            os.close(self._device)
            self._device = None

    def _opened(self) -> int:
        device = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            self._set_speed(device)
        except OSError:
            os.close(device)
            raise
        return device


class LineWire:
    """Two GPIO lines, changed one by one: fast enough for a lamp, too slow for a moving picture."""

    trouble = ""

    def __init__(self, clock_pin: int, data_pin: int, pin_factory: Any = None) -> None:
        self._clock = gpiozero.OutputDevice(clock_pin, pin_factory=pin_factory)
        try:
            self._data = gpiozero.OutputDevice(data_pin, pin_factory=pin_factory)
        except BaseException:
            self._clock.close()
            raise

    def write(self, frame: bytes) -> None:
        """The LEDs take a bit as the clock rises."""
        clock, data = self._clock.pin, self._data.pin
        was: bool | None = None
        for byte in frame:
            for place in range(7, -1, -1):
                bit = bool(byte >> place & 1)
                if bit is not was:
                    data.state = was = bit
                clock.state = True
                clock.state = False

    def close(self) -> None:
        """Let the lines go."""
        self._data.close()
        self._clock.close()


class Apa102(gpiozero.SourceMixin, gpiozero.Device):  # type: ignore[misc]  # gpiozero ships no types
    """All LEDs of the chain in one colour: red, green and blue, each 0 to 1. Dark when closed.

    Its `source`, and so whatever fades and blinks, is played by a thread of gpiozero's.
    """

    def __init__(self, wire: Wire, count: int, pin_factory: Any = None) -> None:
        super().__init__(pin_factory=pin_factory)
        self._wire: Wire | None = wire
        self._count = count
        self._sent = b""
        self.value = _DARK

    @property
    def value(self) -> Colour:
        """The colour; what is shown already is not sent again."""
        return self._colour

    @value.setter
    def value(self, colour: Colour) -> None:
        self._colour = colour
        frame = apa102_frame(colour, self._count)
        if self._wire is not None and frame != self._sent:
            self._wire.write(frame)
            self._sent = b"" if self._wire.trouble else frame

    @property
    def trouble(self) -> str:
        """Why it stays dark; empty while it does not."""
        return "" if self._wire is None else self._wire.trouble

    @property
    def closed(self) -> bool:
        """Whether its wire has been let go."""
        return self._wire is None

    def close(self) -> None:
        """Stop the thread, go dark, let the wire go. Safe to call again."""
        wire: Wire | None = getattr(self, "_wire", None)  # gpiozero closes what its own constructor failed to make, too
        if wire is not None:
            super().close()  # ends the thread
            try:
                self.value = _DARK
            finally:
                self._wire = None
                wire.close()


@dataclass(frozen=True, slots=True)
class Chain:
    """Where a chain hangs; not opened yet."""

    count: int
    spi: str = ""
    """Bus and select, as in `0.1`."""
    pins: tuple[int, ...] = ()
    """Clock and data, where there is no SPI."""

    def __str__(self) -> str:
        """As in `3 APA102 on SPI 0.1`."""
        return f"{self.count} APA102 on {f'SPI {self.spi}' if self.spi else f'GPIO pins {list(self.pins)}'}"

    def open(self, pin_factory: Any = None) -> Apa102:
        """The chain, dark. Raises what gpiozero raises."""
        on_spi = SpiWire(f"/dev/spidev{self.spi}") if self.spi else None
        wire: Wire = on_spi or LineWire(self.pins[0], self.pins[1], pin_factory)
        try:
            return Apa102(wire, self.count, pin_factory)
        except BaseException:
            wire.close()
            raise
