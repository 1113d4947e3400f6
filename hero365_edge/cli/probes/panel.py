"""The button and the lamp: the chip, who may use it, and the lines themselves."""

import asyncio
from collections.abc import Mapping

from hero365_edge.cli.boards import WITHOUT_BOARD
from hero365_edge.cli.panels import buttons_in_words, gpio_panel, lamp_in_words
from hero365_edge.cli.probes.finding import Finding, Running, Verdict, told_by_the_daemon
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.gpiochips import gpio_chips
from hero365_edge.errors import DeviceError
from hero365_edge.settings import Settings


async def button(settings: Settings, running: Running) -> Finding:
    """Take the lines, and see that the button is not down."""
    wanted = settings.panel
    if wanted.profile in WITHOUT_BOARD:
        return Finding(Verdict.NOT_CHECKED, f"panel.profile is {wanted.profile}")
    chips = gpio_chips()
    if not chips:
        step = "set panel.profile: none where no button is meant to be; `hero365-edge press` works meanwhile"
        return Finding(Verdict.WARN, "no GPIO chip here", step)
    pins = f"{buttons_in_words(wanted)}, {lamp_in_words(wanted)}"
    if told := told_by_the_daemon("button", pins, running):
        return in_part(pins, running.get("why") or {}) or told
    if all(chip.problem for chip in chips):
        raise DeviceError("; ".join(f"{chip.path}: {chip.problem}" for chip in chips))
    panel = gpio_panel(wanted, SystemClock())
    try:
        panel.start()
        async with asyncio.timeout(0.1):
            edge = await panel.edge()
    except TimeoutError:
        return in_part(pins, panel.troubles) or Finding(Verdict.OK, pins)
    finally:
        panel.close()
    name, pin = ("second", wanted.second_pin) if edge.second else ("button", wanted.button_pin)
    text = f"the {'second button' if edge.second else 'button'} on GPIO{pin} is down"
    return Finding(Verdict.WARN, text, f"let it go; if nobody presses it, turn panel.{name}_active_low around")


def in_part(pins: str, troubles: Mapping[str, str]) -> Finding | None:
    """What of it does nothing while the button works; None where all works, or nothing does."""
    if "button" in troubles:
        return None
    for part, what in (("lamp", "the lamp stays dark"), ("second_button", "the second button does nothing")):
        if part in troubles:
            return Finding(Verdict.WARN, f"{pins}: {what}", troubles[part])
    return None
