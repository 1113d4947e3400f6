"""What every panel does: the fake one, gpiozero's on mock pins, and the keyboard in a real pseudo-terminal."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, TextIO

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from hero365_edge.core.gestures import DEBOUNCE_MS, DOUBLE_TAP_MS, Edge
from hero365_edge.core.lamp import Light
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.nopanel import NoPanel
from hero365_edge.devices.panel import GpioPanel, Second
from hero365_edge.devices.terminal import TerminalPanel
from hero365_edge.errors import DeviceError
from hero365_edge.fakes.panel import FakePanel
from hero365_edge.ports import Panel

CLOCK = SystemClock()
BUTTON, SECOND, LED = 17, 27, 25


class Rig(Protocol):
    """A panel, a finger for it and an eye."""

    @property
    def panel(self) -> Panel: ...

    def press(self) -> None: ...

    def release(self) -> None: ...

    def lit(self) -> bool: ...


class ChipRig(Rig, Protocol):
    """A panel whose button has a level, which a keyboard's has not, and a second one; its chip can be taken away."""

    def tap_second(self) -> None: ...

    def unplug(self) -> None: ...

    def plug(self) -> None: ...


class FakeRig:
    def __init__(self) -> None:
        self.panel = FakePanel(CLOCK)
        self.press = self.panel.press
        self.release = self.panel.release
        self.tap_second = self.panel.press_second
        self.unplug = self.panel.unplug
        self.plug = self.panel.plug

    def lit(self) -> bool:
        return bool(self.panel.lights) and self.panel.lights[-1][1] is not None


class Pins(MockFactory):  # type: ignore[misc]  # gpiozero has no types
    """A chip that can be gone."""

    def __init__(self) -> None:
        super().__init__(pin_class=Contact)
        self.gone = False


class Contact(MockPWMPin):  # type: ignore[misc]  # gpiozero has no types
    """A pin that a button ties to ground: unlike a mock pin it does not spring up when a resistor pulls at it."""

    pressed = False

    def _get_state(self) -> float:
        if self.factory.gone:
            raise OSError(19, "No such device")
        return float(super()._get_state())

    def _set_state(self, value: float) -> None:
        if self.factory.gone:
            raise OSError(19, "No such device")
        super()._set_state(value)

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        if self.pressed:
            self.drive_low()


class GpioRig:
    """The pin is moved in a thread of its own, as a driver would."""

    def __init__(self, pins: Pins) -> None:
        self._pins = pins
        self.panel = GpioPanel(CLOCK, BUTTON, [LED], second=Second(SECOND), pin_factory=pins)
        self._button = pins.pin(BUTTON)

    def press(self) -> None:
        self._button.pressed = True
        _in_thread(self._button.drive_low)

    def release(self) -> None:
        self._button.pressed = False
        _in_thread(self._button.drive_high)

    def tap_second(self) -> None:
        _in_thread(self._pins.pin(SECOND).drive_low)
        _in_thread(self._pins.pin(SECOND).drive_high)

    def lit(self) -> bool:
        return bool(self._pins.pin(LED).state)

    def unplug(self) -> None:
        self._pins.gone = True

    def plug(self) -> None:
        self._pins.gone = False


class TerminalRig:
    """Key `h` is the finger; the last line drawn is the lamp."""

    def __init__(self, master: int, stdin: TextIO, stdout: TextIO) -> None:
        self._master = master
        self.panel = TerminalPanel(CLOCK, stdin, stdout)

    def press(self) -> None:
        os.write(self._master, b"h")

    release = press

    def lit(self) -> bool:
        os.set_blocking(self._master, False)
        try:
            drawn = os.read(self._master, 4096)
        except BlockingIOError:
            return False
        return bool(drawn.rsplit(b"\x1b[2K", 1)[-1])


def _in_thread(move: Callable[[], None]) -> None:
    thread = threading.Thread(target=move)
    thread.start()
    thread.join()


@contextmanager
def fake_rig() -> Iterator[ChipRig]:
    yield FakeRig()


@contextmanager
def gpio_rig() -> Iterator[ChipRig]:
    pins = Pins()
    yield GpioRig(pins)
    pins.close()


@contextmanager
def terminal_rig() -> Iterator[Rig]:
    master, slave = os.openpty()
    with os.fdopen(slave) as stdin, Path(os.ttyname(slave)).open("w") as stdout:
        yield TerminalRig(master, stdin, stdout)
    os.close(master)


@pytest.fixture(params=[fake_rig, gpio_rig, terminal_rig])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    with ExitStack() as stack:
        rig: Rig = stack.enter_context(request.param())
        yield rig
        rig.panel.close()


@pytest.fixture(params=[fake_rig, gpio_rig])
async def chip(request: pytest.FixtureRequest) -> AsyncIterator[ChipRig]:
    with ExitStack() as stack:
        rig: ChipRig = stack.enter_context(request.param())
        yield rig
        rig.panel.close()


async def next_edge(panel: Panel) -> Edge:
    async with asyncio.timeout(2):
        return await panel.edge()


async def no_edge(panel: Panel, seconds: float = 3 * DEBOUNCE_MS / 1000) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await panel.edge()
    except TimeoutError:
        return True
    return False


async def test_a_press_and_its_release_are_told_in_order_and_stamped_when_they_happened(rig: Rig) -> None:
    rig.panel.start()
    before = CLOCK.now()
    rig.press()
    pressed = await next_edge(rig.panel)
    between = CLOCK.now()
    rig.release()
    released = await next_edge(rig.panel)
    assert (pressed.pressed, released.pressed) == (True, False)
    assert before <= pressed.at <= between <= released.at <= CLOCK.now()
    assert await no_edge(rig.panel)


async def test_it_is_alive_when_nobody_has_pressed_yet(rig: Rig) -> None:
    rig.panel.start()
    assert rig.panel.alive
    rig.panel.close()


async def test_where_all_works_no_part_is_in_trouble(rig: Rig) -> None:
    rig.panel.start()
    rig.panel.show(Light.LISTENING)
    assert not rig.panel.troubles
    rig.panel.close()


async def test_edges_wait_until_they_are_asked_for(rig: Rig) -> None:
    rig.panel.start()
    for _ in range(3):
        rig.press()
        await asyncio.sleep(2 * DEBOUNCE_MS / 1000)
        rig.release()
        await asyncio.sleep(2 * DEBOUNCE_MS / 1000)
    told = [await next_edge(rig.panel) for _ in range(6)]
    assert [edge.pressed for edge in told] == [True, False] * 3
    assert [edge.at for edge in told] == sorted(edge.at for edge in told)


async def test_an_untouched_button_tells_nothing(rig: Rig) -> None:
    rig.panel.start()
    assert await no_edge(rig.panel)


async def test_a_button_that_is_down_when_it_is_opened_is_a_press(chip: ChipRig) -> None:
    chip.press()
    chip.panel.start()
    assert (await next_edge(chip.panel)).pressed
    assert await no_edge(chip.panel)


async def test_a_second_button_is_told_apart_and_leaves_the_first_as_it_is(chip: ChipRig) -> None:
    chip.panel.start()
    chip.press()
    chip.tap_second()
    told = [await next_edge(chip.panel) for _ in range(3)]
    chip.release()
    told.append(await next_edge(chip.panel))
    assert [edge.pressed for edge in told if not edge.second] == [True, False]
    assert [edge.pressed for edge in told if edge.second] == [True, False]
    assert await no_edge(chip.panel)


@pytest.mark.parametrize("on_its_way", [True, False])
async def test_an_edge_from_before_it_was_closed_is_not_told_after(chip: ChipRig, on_its_way: bool) -> None:
    chip.panel.start()
    chip.press()
    if not on_its_way:
        await asyncio.sleep(0)
    chip.panel.close()
    chip.release()
    chip.panel.start()
    assert await no_edge(chip.panel)
    chip.press()
    assert (await next_edge(chip.panel)).pressed


async def test_the_lamp_shows_until_it_is_closed_and_again_when_it_is_opened(rig: Rig) -> None:
    rig.panel.show(Light.LISTENING)
    assert not rig.lit()
    rig.panel.start()
    assert rig.lit()
    rig.panel.close()
    assert not rig.lit()
    rig.panel.start()
    assert rig.lit()


async def test_every_light_can_be_shown_after_every_other(rig: Rig) -> None:
    rig.panel.start()
    for light in [*Light, *reversed(Light)]:
        rig.panel.show(light)
    assert rig.lit()


async def test_closing_twice_and_closing_what_was_never_opened_is_nothing(rig: Rig) -> None:
    rig.panel.close()
    rig.panel.start()
    rig.panel.close()
    rig.panel.close()
    rig.panel.show(Light.FAULT)
    assert not rig.lit()


async def test_a_chip_that_goes_away_is_an_error_of_edge_and_of_start_until_it_is_back(chip: ChipRig) -> None:
    chip.panel.start()
    chip.panel.show(Light.READY)
    chip.unplug()
    chip.panel.show(Light.LISTENING)
    for _ in range(2):
        with pytest.raises(DeviceError):
            await next_edge(chip.panel)
    chip.panel.close()
    with pytest.raises(DeviceError):
        chip.panel.start()
    chip.plug()
    chip.panel.start()
    assert chip.lit()
    chip.press()
    assert (await next_edge(chip.panel)).pressed


async def test_no_panel_is_a_panel_that_is_never_pressed() -> None:
    panel: Panel = NoPanel()
    panel.start()
    for light in Light:
        panel.show(light)
    assert await no_edge(panel, seconds=0.01)
    panel.close()


async def test_the_fingers_of_the_fake_are_taps_and_holds_by_their_stamps() -> None:
    panel = FakePanel(CLOCK)
    panel.start()
    await panel.double_tap()
    await panel.hold(0.2)
    stamps = [(await next_edge(panel)).at for _ in range(6)]
    assert stamps[2] - stamps[1] < DOUBLE_TAP_MS / 1000
    assert stamps[5] - stamps[4] >= 0.2
