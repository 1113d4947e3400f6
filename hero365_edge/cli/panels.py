"""The panel on GPIO pins as the settings describe it; loaded only where it is used, for gpiozero may be missing."""

from typing import TYPE_CHECKING

from hero365_edge.panel_settings import Panel
from hero365_edge.ports import Clock

if TYPE_CHECKING:
    from hero365_edge.devices.panel import GpioPanel


def gpio_panel(wanted: Panel, clock: Clock) -> "GpioPanel":
    """Button and lamp, no line taken yet."""
    from hero365_edge.devices.apa102 import Chain  # noqa: PLC0415  a missing library fails here only
    from hero365_edge.devices.panel import GpioPanel, Second  # noqa: PLC0415  as above

    chained = wanted.lamp_kind == "apa102"
    return GpioPanel(
        clock,
        wanted.button_pin,
        wanted.lamp_pins if wanted.lamp_kind == "leds" else (),
        active_low=wanted.button_active_low,
        second=Second(wanted.second_pin, wanted.second_active_low) if wanted.second_does != "none" else None,
        chain=Chain(wanted.lamp_count, wanted.lamp_spi, wanted.lamp_pins) if chained else None,
        debounce_ms=wanted.debounce_ms,
    )


def lamp_in_words(wanted: Panel) -> str:
    """As in `lamp on [22]`."""
    if wanted.lamp_kind == "none":
        return "no lamp"
    if wanted.lamp_kind == "leds":
        return f"lamp on {list(wanted.lamp_pins)}"
    return f"{wanted.lamp_count} APA102 on {f'SPI {wanted.lamp_spi}' if wanted.lamp_spi else list(wanted.lamp_pins)}"


def buttons_in_words(wanted: Panel) -> str:
    """As in `button on GPIO17, mute on GPIO27`."""
    second = "" if wanted.second_does == "none" else f", {wanted.second_does} on GPIO{wanted.second_pin}"
    return f"button on GPIO{wanted.button_pin}{second}"
