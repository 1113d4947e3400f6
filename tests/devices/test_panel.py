"""What is particular to the panel on GPIO pins: bounce, time stamps, the kinds of lamp, and what can be broken."""

import asyncio
import importlib.util
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin

from hero365_edge.core.gestures import DEBOUNCE_MS, Edge
from hero365_edge.core.lamp import Light, Pattern, level, pattern
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.panel import GpioPanel, Second
from hero365_edge.errors import ConfigError, DeviceError

CLOCK = SystemClock()
BUTTON, LED, LISTEN, STATUS, RED, GREEN, BLUE = 17, 25, 23, 24, 5, 6, 13
SETTLED_S = 2 * DEBOUNCE_MS / 1000
HAS_CHIP = any(Path("/dev").glob("gpiochip*"))


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.close()


def panel_on(pins: MockFactory, *lamp_pins: int, **options: Any) -> GpioPanel:
    return GpioPanel(CLOCK, BUTTON, lamp_pins, pin_factory=pins, **options)


async def told_by(panel: GpioPanel) -> list[Edge]:
    """All edges so far, and those that are only waiting to settle."""
    told = []
    try:
        while True:
            async with asyncio.timeout(SETTLED_S):
                told.append(await panel.edge())
    except TimeoutError:
        return told


# The button


async def test_a_bouncing_press_and_a_bouncing_release_are_one_edge_each(pins: MockFactory) -> None:
    panel = panel_on(pins)
    panel.start()
    button = pins.pin(BUTTON)
    before = CLOCK.now()
    for _ in range(4):
        button.drive_low()
        button.drive_high()
    button.drive_low()
    pressed = CLOCK.now()
    await asyncio.sleep(SETTLED_S)
    for _ in range(4):
        button.drive_high()
        button.drive_low()
    button.drive_high()
    released = CLOCK.now()
    first, second = await told_by(panel)
    assert first.pressed
    assert before <= first.at <= pressed
    assert not second.pressed
    assert pressed + SETTLED_S <= second.at <= released
    panel.close()


async def test_a_press_shorter_than_the_debounce_is_told_with_its_release(pins: MockFactory) -> None:
    panel = panel_on(pins)
    panel.start()
    pins.pin(BUTTON).drive_low()
    await asyncio.sleep(DEBOUNCE_MS / 1000 / 5)
    pins.pin(BUTTON).drive_high()
    released = CLOCK.now()
    pressed, release = await told_by(panel)
    assert (pressed.pressed, release.pressed) == (True, False)
    assert release.at <= released
    panel.close()


async def test_it_is_not_alive_once_the_thread_that_told_the_last_edge_has_died(pins: MockFactory) -> None:
    """As lgpio's only one does when something raises in it. Opened anew it is believed until the next edge."""
    panel = panel_on(pins)
    panel.start()
    driver = threading.Thread(target=pins.pin(BUTTON).drive_low)
    driver.start()
    driver.join()
    assert [edge.pressed for edge in await told_by(panel)] == [True]
    dead = not panel.alive
    panel.close()
    panel.start()
    assert (dead, panel.alive) == (True, True)
    panel.close()


async def test_a_press_is_told_without_waiting_for_the_debounce(pins: MockFactory) -> None:
    panel = panel_on(pins, debounce_ms=1000)
    panel.start()
    pins.pin(BUTTON).drive_low()
    async with asyncio.timeout(0.5):
        assert (await panel.edge()).pressed
    panel.close()


async def test_a_button_to_the_supply_is_pressed_when_its_pin_is_high(pins: MockFactory) -> None:
    panel = panel_on(pins, active_low=False)
    panel.start()
    assert await told_by(panel) == []
    pins.pin(BUTTON).drive_high()
    assert [edge.pressed for edge in await told_by(panel)] == [True]
    panel.close()


class SlowDriver(MockPWMPin):  # type: ignore[misc]  # gpiozero has no types
    """Tells an edge some time after it happened, and says so, as lgpio does with the kernel's time stamp."""

    ticks = staticmethod(lambda: time.monotonic() - 0.1)

    def _call_when_changed(self) -> None:
        super(MockPin, self)._call_when_changed(self.ticks(), self.state)


class OldKernel(SlowDriver):
    """Stamps edges by the wall clock, as Linux did before 5.7."""

    ticks = staticmethod(time.time)


@pytest.mark.parametrize(("driver", "late_s"), [(SlowDriver, 0.1), (OldKernel, 0.0)])
async def test_an_edge_carries_the_time_of_its_driver_if_that_is_monotonic(
    driver: type[MockPWMPin], late_s: float
) -> None:
    pins = MockFactory(pin_class=driver)
    panel = panel_on(pins)
    panel.start()
    before = CLOCK.now()
    pins.pin(BUTTON).drive_low()
    after = CLOCK.now()
    (edge,) = await told_by(panel)
    assert before - late_s <= edge.at <= after - late_s + 1e-6
    panel.close()
    pins.close()


class Interrupted(SystemClock):
    """Before one of the looks at it another thread has its turn."""

    looks_left = -1

    def now(self) -> float:
        self.looks_left -= 1
        if self.looks_left == 0:
            time.sleep(0.05)  # in earnest: the driver's own clock goes on meanwhile
        return super().now()


@pytest.mark.parametrize("look", [1, 2])
async def test_an_edge_s_time_is_right_when_another_thread_comes_in_between(pins: MockFactory, look: int) -> None:
    clock = Interrupted()
    panel = GpioPanel(clock, BUTTON, pin_factory=pins)
    panel.start()
    clock.looks_left = look
    before = CLOCK.now()
    pins.pin(BUTTON).drive_low()
    assert (await panel.edge()).at - before < 0.04
    panel.close()


async def test_of_more_edges_than_anybody_reads_the_newest_are_kept_in_turn(pins: MockFactory) -> None:
    panel = panel_on(pins, debounce_ms=1)
    panel.start()
    for press in range(40):
        if press == 1:
            assert (await panel.edge()).pressed
        pins.pin(BUTTON).drive_low()
        await asyncio.sleep(0.002)
        pins.pin(BUTTON).drive_high()
        await asyncio.sleep(0.004)
    last = CLOCK.now()
    told = await told_by(panel)
    assert 60 <= len(told) <= 64
    assert [edge.pressed for edge in told] == [index % 2 == 1 for index in range(len(told))]  # a release comes first
    assert last - told[-1].at < 0.1
    panel.close()


# A second button


async def test_a_second_button_that_chatters_unread_takes_no_press_from_the_first(pins: MockFactory) -> None:
    panel = panel_on(pins, debounce_ms=1, second=Second(27))
    panel.start()
    pins.pin(BUTTON).drive_low()
    for _ in range(60):
        pins.pin(27).drive_low()
        await asyncio.sleep(0.002)
        pins.pin(27).drive_high()
        await asyncio.sleep(0.003)
    pins.pin(BUTTON).drive_high()
    told = await told_by(panel)
    assert [edge.pressed for edge in told if not edge.second] == [True, False]
    panel.close()


@pytest.mark.parametrize("taken", [BUTTON, LED])
async def test_a_second_button_on_a_line_that_is_taken_leaves_button_and_lamp_working(
    pins: MockFactory, taken: int
) -> None:
    panel = panel_on(pins, LED, second=Second(taken))
    panel.start()
    panel.show(Light.LISTENING)
    pins.pin(BUTTON).drive_low()
    assert [(edge.pressed, edge.second) for edge in await told_by(panel)] == [(True, False)]
    assert pins.pin(LED).state == 1
    assert panel.troubles["second_button"].startswith(f"second button on GPIO{taken}: ")
    panel.close()


async def test_a_second_button_to_the_supply_is_pressed_when_its_pin_is_high(pins: MockFactory) -> None:
    panel = panel_on(pins, second=Second(27, active_low=False))
    panel.start()
    pins.pin(27).drive_high()
    assert [(edge.pressed, edge.second) for edge in await told_by(panel)] == [(True, True)]
    assert panel.troubles == {}
    panel.close()


# The lamp


def colour_of(pins: MockFactory, *leds: int) -> tuple[float, ...]:
    return tuple(pins.pin(led).state for led in leds)


def assert_played(changes: list[Any], played: Pattern) -> None:
    """Each change of the pin is one that the pattern makes, within two steps of its fading."""
    t_ms = 0.0
    for after_s, brightness in changes:
        t_ms += after_s * 1000
        near = [level(played, t) for t in range(int(t_ms) - 80, int(t_ms) + 81)]
        assert min(near) - 0.01 <= brightness <= max(near) + 0.01


@pytest.mark.parametrize("light", [Light.FAULT, Light.PROCESSING])
async def test_a_single_led_plays_the_rhythm_of_the_pattern(pins: MockFactory, light: Light) -> None:
    panel = panel_on(pins, LED)
    panel.start()
    pins.pin(LED).clear_states()
    panel.show(light)
    await asyncio.sleep(0.9)
    changes = pins.pin(LED).states[1:]
    panel.close()
    assert len(changes) >= 8
    assert_played(changes, pattern(light))


class SlowLine(MockPWMPin):  # type: ignore[misc]  # gpiozero has no types
    """A line on a small and busy computer: each change of it takes its time."""

    def _change_state(self, value: float) -> bool:
        time.sleep(0.01)
        return bool(super()._change_state(value))


async def test_a_busy_computer_makes_no_breath_longer() -> None:
    pins = MockFactory(pin_class=SlowLine)
    panel = panel_on(pins, LED)
    panel.start()
    pins.pin(LED).clear_states()
    panel.show(Light.PROCESSING)
    await asyncio.sleep(2.0)
    changes = pins.pin(LED).states[1:]
    panel.close()
    pins.close()
    assert len(changes) >= 25
    assert_played(changes, pattern(Light.PROCESSING))


async def test_a_single_led_is_dim_when_ready_and_bright_when_listening(pins: MockFactory) -> None:
    panel = panel_on(pins, LED)
    panel.start()
    panel.show(Light.READY)
    assert pins.pin(LED).state == pattern(Light.READY).brightness
    panel.show(Light.LISTENING)
    assert pins.pin(LED).state == 1
    panel.close()


async def test_an_rgb_lamp_has_the_colour_of_the_pattern(pins: MockFactory) -> None:
    panel = panel_on(pins, RED, GREEN, BLUE)
    panel.start()
    panel.show(Light.LISTENING)
    assert colour_of(pins, RED, GREEN, BLUE) == pattern(Light.LISTENING).colour
    panel.show(Light.READY)
    assert colour_of(pins, RED, GREEN, BLUE) == (0, pattern(Light.READY).brightness, 0)
    panel.show(Light.HOLDING)
    await asyncio.sleep(0.1)
    assert colour_of(pins, RED, GREEN, BLUE) == pattern(Light.HOLDING).colour
    panel.close()
    assert colour_of(pins, RED, GREEN, BLUE) == (0, 0, 0)


async def test_of_a_pair_one_led_says_listening_and_the_other_all_else(pins: MockFactory) -> None:
    panel = panel_on(pins, LISTEN, STATUS)
    panel.start()
    panel.show(Light.LISTENING)
    assert colour_of(pins, LISTEN, STATUS) == (1, 0)
    panel.show(Light.HOLDING)
    await asyncio.sleep(0.1)
    assert colour_of(pins, LISTEN, STATUS) == (0, 1)
    panel.show(Light.LISTENING)
    assert colour_of(pins, LISTEN, STATUS) == (1, 0)
    panel.close()
    assert colour_of(pins, LISTEN, STATUS) == (0, 0)


async def test_showing_the_same_light_again_does_not_disturb_its_rhythm(pins: MockFactory) -> None:
    panel = panel_on(pins, LED)
    panel.start()
    panel.show(Light.PROCESSING)
    for _ in range(10):
        await asyncio.sleep(0.05)
        panel.show(Light.PROCESSING)
    panel.close()
    assert max(change.state for change in pins.pin(LED).states) > 0.9


async def test_a_blinking_lamp_is_dark_once_closed(pins: MockFactory) -> None:
    panel = panel_on(pins, LED)
    panel.start()
    panel.show(Light.FAULT)
    panel.close()
    pins.pin(LED).clear_states()
    await asyncio.sleep(0.25)
    assert [change.state for change in pins.pin(LED).states] == [0]


# What can be wrong


async def test_a_pin_that_does_not_exist_is_named(pins: MockFactory) -> None:
    with pytest.raises(DeviceError, match=r"button on GPIO99: .*99"):
        GpioPanel(CLOCK, 99, [LED], pin_factory=pins).start()
    with pytest.raises(DeviceError, match=r"lamp on GPIO pins \[99\]"):
        panel_on(pins, 99).start()


async def test_a_pin_in_use_is_named_and_nothing_is_kept(pins: MockFactory) -> None:
    panel = panel_on(pins, LISTEN, STATUS)
    other = gpiozero.LED(STATUS, pin_factory=pins)
    with pytest.raises(DeviceError, match=r"lamp on GPIO pins \[23, 24\]: .*in use"):
        panel.start()
    other.close()
    panel.start()
    panel.show(Light.LISTENING)
    assert pins.pin(LISTEN).state == 1
    panel.close()


async def test_a_driver_without_pwm_is_told() -> None:
    pins = MockFactory(pin_class=MockPin)
    with pytest.raises(DeviceError, match=r"lamp on GPIO pins \[25\]: PinPWMUnsupported"):
        panel_on(pins, LED).start()
    pins.close()


def test_a_lamp_of_four_pins_is_a_wrong_setting(pins: MockFactory) -> None:
    with pytest.raises(ConfigError, match=r"1 .LED., 2 .listen, status. or 3"):
        panel_on(pins, 1, 2, 3, 4)


class Chip(MockPWMPin):  # type: ignore[misc]  # gpiozero has no types
    """A pin of a chip that can go away."""

    gone = False

    def _get_state(self) -> Any:
        if Chip.gone:
            raise OSError(19, "No such device")
        return super()._get_state()

    def _set_state(self, value: float) -> None:
        if Chip.gone:
            raise OSError(19, "No such device")
        super()._set_state(value)


@pytest.fixture
def chip() -> Iterator[MockFactory]:
    Chip.gone = False
    factory = MockFactory(pin_class=Chip)
    yield factory
    Chip.gone = False
    factory.close()


async def test_a_chip_that_goes_away_is_noticed_at_the_next_press_and_can_come_back(chip: MockFactory) -> None:
    panel = panel_on(chip, LED)
    panel.start()
    chip.pin(BUTTON).drive_low()
    Chip.gone = True
    assert (await panel.edge()).pressed
    for _ in range(2):
        with pytest.raises(DeviceError, match=r"button on GPIO17: .*No such device"):
            async with asyncio.timeout(1):
                await panel.edge()
    panel.close()
    with pytest.raises(DeviceError, match=r"GPIO17: .*No such device"):
        panel.start()
    Chip.gone = False
    panel.start()
    assert await told_by(panel) == []
    panel.close()


async def test_a_lamp_that_cannot_be_set_is_told_by_the_next_edge_and_not_by_show(chip: MockFactory) -> None:
    panel = panel_on(chip, LED)
    panel.start()
    Chip.gone = True
    panel.show(Light.LISTENING)
    with pytest.raises(DeviceError, match=r"lamp on GPIO pins \[25\]: .*No such device"):
        async with asyncio.timeout(1):
            await panel.edge()
    panel.close()


def run_apart(script: str, folder: Path) -> str:
    """The output of a Python of its own: importing lgpio writes into the working folder and starts a thread."""
    done = subprocess.run(  # noqa: S603  the scripts below
        [sys.executable, "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "LG_WD": str(folder)},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.skipif(HAS_CHIP, reason="this machine has a GPIO chip")
def test_without_a_gpio_chip_the_error_says_why_and_what_to_do(tmp_path: Path) -> None:
    script = """
import asyncio
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.panel import GpioPanel, Second
from hero365_edge.errors import DeviceError

async def main():
    try:
        GpioPanel(SystemClock(), 17, [25]).start()
    except DeviceError as error:
        print(error)

asyncio.run(main())
"""
    told = run_apart(script, tmp_path)
    for part in ("button on GPIO17", "Falling back from lgpio", "python3-lgpio", "panel.profile"):
        assert part in told


@pytest.mark.skipif(importlib.util.find_spec("lgpio") is None, reason="lgpio is not installed")
def test_an_error_of_lgpio_itself_is_explained(tmp_path: Path) -> None:
    script = """
import asyncio, lgpio
from gpiozero.pins.mock import MockFactory, MockPWMPin
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.panel import GpioPanel, Second
from hero365_edge.errors import DeviceError

class Busy(MockPWMPin):
    def __init__(self, *args):
        raise lgpio.error("GPIO busy")

async def main():
    try:
        GpioPanel(SystemClock(), 17, [25], pin_factory=MockFactory(pin_class=Busy)).start()
    except DeviceError as error:
        print(error)

asyncio.run(main())
"""
    assert run_apart(script, tmp_path) == "button on GPIO17: 'GPIO busy'\n"
