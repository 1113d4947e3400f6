"""The settings of the button and the lamp; the others are in `settings.py`."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

Pin: TypeAlias = Annotated[int, Meta(ge=0, le=27)]


class Panel(Struct, frozen=True, forbid_unknown_fields=True):
    """The button and the lamp."""

    profile: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
            description="auto: the board that is recognised; none; keyboard; or a file in hardware/profiles. "
            "The board gives the defaults of panel and audio.",
        ),
    ] = "auto"
    button_pin: Annotated[Pin, Meta(description="The button's GPIO line, Broadcom numbering.")] = 17
    lamp_kind: Annotated[
        Literal["leds", "apa102", "none"],
        Meta(description="LEDs on lines of their own, a chain of APA102, or nothing."),
    ] = "leds"
    lamp_pins: Annotated[
        tuple[Pin, ...],
        Meta(
            min_length=1,
            max_length=3,
            description="The lamp's lines. leds: one LED; listen and status; or R, G and B. "
            "apa102 without lamp_spi: clock and data.",
        ),
    ] = (22,)
    lamp_spi: Annotated[
        str,
        Meta(
            pattern=r"^([0-9]\.[0-9])?$",
            description="apa102: bus and chip select, as 0.1 for /dev/spidev0.1. Empty: lamp_pins are clocked instead.",
        ),
    ] = ""
    lamp_count: Annotated[int, Meta(ge=1, le=64, description="apa102: how many LEDs are in the chain.")] = 3
    button_active_low: Annotated[bool, Meta(description="The button pulls its line to ground when pressed.")] = True
    second_does: Annotated[
        Literal["none", "mute", "volume"],
        Meta(
            description="What a second button does: nothing (there is none); mute and unmute the speaker; "
            "or make it a step louder, and from the loudest go to the quietest."
        ),
    ] = "none"
    second_pin: Annotated[Pin, Meta(description="The second button's GPIO line, Broadcom numbering.")] = 27
    second_active_low: Annotated[bool, Meta(description="The second button pulls its line to ground when pressed.")] = (
        True
    )
    debounce_ms: Annotated[int, Meta(ge=1, le=200, description="Edges closer together than this are one.")] = 25
