"""A chain of APA102 LEDs: the bits on two lines, the device on SPI, and what the panel shows on it."""

import asyncio
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from hero365_edge.core.lamp import Light, apa102_frame, level, pattern
from hero365_edge.devices.apa102 import Apa102, Chain, LineWire, SpiWire
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.panel import GpioPanel
from hero365_edge.errors import DeviceError

CLOCK_PIN, DATA_PIN, BUTTON = 6, 5, 17
DARK, GREEN, RED = (0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)


class Seen(MockPin):  # type: ignore[misc]  # gpiozero has no types
    """A line that is watched as the LEDs do: what the data line is when the clock rises."""

    def _set_state(self, value: float) -> None:
        if repr(self) == f"GPIO{CLOCK_PIN}" and value and not self._state:
            self.factory.bits.append(int(self.factory.pin(DATA_PIN).state))
        super()._set_state(value)


class Strip(MockFactory):  # type: ignore[misc]  # as above
    """A chain of LEDs on two lines of a chip."""

    def __init__(self) -> None:
        super().__init__(pin_class=Seen)
        self.bits: list[int] = []

    def taken(self) -> bytes:
        """What the chain has taken since it was last asked."""
        bits, self.bits = self.bits, []
        assert len(bits) % 8 == 0
        return int("".join(map(str, bits)) or "0", 2).to_bytes(len(bits) // 8, "big")


@pytest.fixture
def strip() -> Iterator[Strip]:
    factory = Strip()
    yield factory
    factory.close()


class Diary:
    """A wire that remembers; it can be cut."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.trouble = ""
        self.closed = False

    def write(self, frame: bytes) -> None:
        if not self.trouble:
            self.frames.append(frame)

    def close(self) -> None:
        self.closed = True


def chain_on(wire: Diary, strip: Strip) -> Apa102:
    return Apa102(wire, 3, strip)


# The bits


@pytest.mark.parametrize("frame", [b"\x00", b"\xff\x00\xff", b"\xa5\x5a\x01\x80", bytes(range(256))])
def test_the_leds_take_from_two_lines_what_was_written(strip: Strip, frame: bytes) -> None:
    wire = LineWire(CLOCK_PIN, DATA_PIN, strip)
    wire.write(frame)
    assert strip.taken() == frame
    wire.close()


def test_a_second_line_that_is_taken_lets_the_first_one_go(strip: Strip) -> None:
    other = gpiozero.LED(DATA_PIN, pin_factory=strip)
    with pytest.raises(gpiozero.GPIOPinInUse):
        LineWire(CLOCK_PIN, DATA_PIN, strip)
    other.close()
    LineWire(CLOCK_PIN, DATA_PIN, strip).close()


# The device on SPI


def test_what_goes_out_by_spi_is_the_frame_after_the_speed_was_set(tmp_path: Path) -> None:
    device = tmp_path / "spidev0.1"
    device.touch()
    set_on: list[int] = []
    wire = SpiWire(str(device), set_on.append)
    wire.write(b"one")
    wire.write(b"two")
    assert len(set_on) == 1
    assert device.read_bytes() == b"onetwo"
    wire.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(set_on[0])
    wire.close()


def test_a_device_that_is_not_there_is_logged_once_and_used_as_soon_as_it_comes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    device = tmp_path / "spidev0.1"
    wire = SpiWire(str(device), lambda _: None)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            wire.write(b"lost")
    assert len(caplog.records) == 1
    assert "dtparam=spi=on" in caplog.text
    assert "No such file" in wire.trouble
    device.touch()
    wire.write(b"shown")
    assert (device.read_bytes(), wire.trouble) == (b"shown", "")
    wire.close()


def test_what_is_no_spi_device_is_told_and_not_kept_open(tmp_path: Path) -> None:
    (tmp_path / "spidev0.1").touch()
    before = len(list(Path("/proc/self/fd").iterdir()))
    wire = SpiWire(str(tmp_path / "spidev0.1"))
    wire.write(b"lost")
    assert "Inappropriate ioctl" in wire.trouble
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# The chain


def test_it_is_dark_when_opened_and_when_closed(strip: Strip) -> None:
    wire = Diary()
    chain = chain_on(wire, strip)
    chain.value = GREEN
    chain.close()
    chain.close()
    assert wire.frames == [apa102_frame(colour, 3) for colour in (DARK, GREEN, DARK)]
    assert wire.closed


def test_what_is_shown_already_is_not_sent_again(strip: Strip) -> None:
    wire = Diary()
    chain = chain_on(wire, strip)
    for _ in range(3):
        chain.value = GREEN
    assert len(wire.frames) == 2
    chain.close()


def test_what_did_not_get_through_is_sent_again(strip: Strip) -> None:
    wire = Diary()
    chain = chain_on(wire, strip)
    wire.trouble = "cut"
    chain.value = GREEN
    assert chain.trouble == "cut"
    wire.trouble = ""
    chain.value = GREEN
    assert wire.frames[-1] == apa102_frame(GREEN, 3)
    chain.close()


# On the panel


def panel_on(strip: Strip, chain: Chain) -> GpioPanel:
    return GpioPanel(SystemClock(), BUTTON, chain=chain, pin_factory=strip)


def colour_of(frame: bytes) -> tuple[float, ...]:
    """Red, green and blue of all LEDs, which must be alike."""
    leds = {frame[at : at + 4] for at in range(4, 16, 4)}
    assert len(leds) == 1
    _, blue, green, red = leds.pop()
    return red / 255, green / 255, blue / 255


async def test_a_steady_light_has_its_colour_and_its_brightness(strip: Strip) -> None:
    panel = panel_on(strip, Chain(3, pins=(CLOCK_PIN, DATA_PIN)))
    panel.start()
    strip.taken()
    panel.show(Light.LISTENING)
    assert colour_of(strip.taken()) == GREEN
    panel.show(Light.READY)
    assert colour_of(strip.taken()) == pytest.approx((0, pattern(Light.READY).brightness, 0), abs=0.005)
    panel.close()
    assert colour_of(strip.taken()) == DARK


@pytest.mark.parametrize("light", [Light.FAULT, Light.PROCESSING])
async def test_a_light_that_moves_shows_what_its_pattern_is_at_some_time(strip: Strip, light: Light) -> None:
    panel = panel_on(strip, Chain(3, pins=(CLOCK_PIN, DATA_PIN)))
    panel.start()
    strip.taken()
    panel.show(light)
    await asyncio.sleep(0.9)
    panel.close()
    bits = strip.taken()
    length = len(apa102_frame(DARK, 3))
    shown = [colour_of(bits[at : at + length]) for at in range(0, len(bits), length)]
    assert len(shown) >= 6
    possible = {level(pattern(light), t_ms) for t_ms in range(2000)} | {0.0}
    for colour in shown:
        brightness = max(colour)
        assert colour == pytest.approx([part * brightness for part in pattern(light).colour], abs=0.01)
        assert min(abs(brightness - other) for other in possible) < 0.01
    assert max(max(colour) for colour in shown) > 0.9
    assert min(max(colour) for colour in shown) < 0.1


async def test_without_spi_the_lamp_stays_dark_and_the_button_works(strip: Strip) -> None:
    panel = panel_on(strip, Chain(3, "9.9"))
    panel.start()
    assert "/dev/spidev9.9" in panel.troubles["lamp"]
    panel.show(Light.FAULT)
    strip.pin(BUTTON).drive_low()
    async with asyncio.timeout(1):
        assert (await panel.edge()).pressed
    panel.close()
    assert panel.troubles == {}


async def test_lines_that_are_in_use_are_named(strip: Strip) -> None:
    other: Any = gpiozero.LED(DATA_PIN, pin_factory=strip)
    with pytest.raises(DeviceError, match=r"lamp of 3 APA102 on GPIO pins \[6, 5\]: .*in use"):
        panel_on(strip, Chain(3, pins=(CLOCK_PIN, DATA_PIN))).start()
    other.close()
