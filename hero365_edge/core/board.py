"""What a profile of a board says: how to know the board, its cards, button, lamp and the limits it must keep.

One file each in `hardware/profiles/`; `profiles.py` reads them, `core/recognition.py` chooses among them.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

UNVERIFIED = "unverified on hardware"
"""What stands for a figure that nobody has measured on the board, and that no public document gives."""
Unverified: TypeAlias = Literal["unverified on hardware"]

Line: TypeAlias = Annotated[int, Meta(ge=0, le=27)]
"""A GPIO line of the 40 pin header, Broadcom numbering."""
Text: TypeAlias = Annotated[str, Meta(min_length=1)]
SampleFormat: TypeAlias = Literal["S16_LE", "S24_LE", "S32_LE"]

_PINS_AND_LINES = (
    *((3, 2), (5, 3), (7, 4), (8, 14), (10, 15), (11, 17), (12, 18), (13, 27), (15, 22), (16, 23), (18, 24), (19, 10)),
    *((21, 9), (22, 25), (23, 11), (24, 8), (26, 7), (27, 0), (28, 1), (29, 5), (31, 6), (32, 12), (33, 13), (35, 19)),
    *((36, 16), (37, 26), (38, 20), (40, 21)),
)
GPIO_AT_PIN: Mapping[int, int] = dict(_PINS_AND_LINES)
"""Pin of the 40 pin header: its GPIO line (Raspberry Pi documentation, GPIO and the 40-pin header)."""
POWER_AT_PIN: Mapping[int, str] = {1: "3.3 V", 2: "5 V", 4: "5 V", 17: "3.3 V"} | dict.fromkeys(
    (6, 9, 14, 20, 25, 30, 34, 39), "ground"
)


class Mark(Struct, frozen=True, forbid_unknown_fields=True):
    """What must be seen at once to know the board; an empty field asks for nothing."""

    hat: str = ""
    """A part of the product's name in the HAT's EEPROM, whatever the case."""
    hat_id: Annotated[str, Meta(pattern="^(0x[0-9a-f]{4})?$")] = ""
    """Beside `hat`, the product's number, as the firmware writes it."""
    no_hat: bool = False
    """No HAT with an EEPROM may be there."""
    i2c: Annotated[str, Meta(pattern="^(0x[0-7][0-9a-f])?$")] = ""
    """The address on the header's I2C bus that `chip` has."""
    chip: str = ""
    usb: Annotated[str, Meta(pattern="^([0-9a-f]{4}(:[0-9a-f]{4})?)?$")] = ""
    """Vendor, or vendor:product, of a USB card that has both a microphone and a speaker."""
    card: Annotated[str, Meta(max_length=15)] = ""
    """ALSA's id of the card, as in `/proc/asound/cards`; one that the device tree promises counts too."""


class Stream(Struct, frozen=True, forbid_unknown_fields=True):
    """One direction of the card, as its driver opens it. Rates and formats are converted here, not by ALSA."""

    rates_hz: tuple[Annotated[int, Meta(ge=8000, le=192_000)], ...] | Unverified
    formats: tuple[SampleFormat, ...] | Unverified
    channels: Annotated[int, Meta(ge=1, le=8)] | Unverified


class Capture(Stream, frozen=True, forbid_unknown_fields=True):
    """The microphone's direction."""

    channel: Literal["average"] | Annotated[int, Meta(ge=0, le=7)] = "average"
    """Which channel hears: `audio.input.channel`."""
    own_gain: bool = False
    """The board raises a quiet voice itself: ours, `audio.input.max_gain_db`, is off then."""


class Control(Struct, frozen=True, forbid_unknown_fields=True):
    """One control of the card's mixer: `amixer -c CARD sset CONTROL VALUE`; a value may be two, as in `75% cap`."""

    control: Text
    value: Text


class Alsa(Struct, frozen=True, forbid_unknown_fields=True):
    """The sound card."""

    cards: tuple[Annotated[str, Meta(min_length=1, max_length=15)], ...]
    """ALSA's ids of the card, the usual one first; none where the id is the product's own."""
    capture: Capture
    playback: Stream
    mixer: tuple[Control, ...] = ()
    """What the controls must be for the microphone to hear and the speaker to be heard; empty where nothing need be."""
    mixer_state: str = ""
    """Name of the board maker's own file for `alsactl restore`, needed once and kept by ALSA's own service."""


class Button(Struct, frozen=True, forbid_unknown_fields=True):
    """A push button on a GPIO line."""

    line: Line
    active_low: bool = True
    """It pulls its line to ground; the chip's own resistor pulls the other way."""


class SecondButton(Button, frozen=True, forbid_unknown_fields=True):
    """Another one, for the speaker."""

    does: Literal["none", "mute", "volume"] = "mute"
    """none: the board has none, and this is the line where one of the owner's own goes."""


class Lamp(Struct, frozen=True, forbid_unknown_fields=True):
    """What shows the state."""

    kind: Literal["none", "leds", "apa102"]
    lines: tuple[Line, ...] = ()
    """leds: one; listen and status; or red, green, blue. apa102 without SPI: clock and data."""
    spi: Annotated[str, Meta(pattern=r"^([0-9]\.[0-9])?$")] = ""
    """apa102: bus and chip select, as in /dev/spidev0.1."""
    count: Annotated[int, Meta(ge=0, le=64)] = 0
    """apa102: how many in the chain."""


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What `hero365-edge bench` holds the board to. Demands of ours, not properties of the board."""

    noise_floor_dbfs: float = -55.0
    """Loudest that 10 s of a quiet room may be."""
    dc_dbfs: float = -60.0
    hum_dbfs: float = -65.0
    """The mains' 50 or 60 Hz and their harmonics."""
    snr_db: float = 20.0
    """Speech above the floor in a parked vehicle, the least."""
    clipped_percent: float = 0.0
    dead_channels: float = 0.0
    """More than none where one microphone hangs on a bus of two channels."""
    speaker_thd_percent: float = 5.0
    loopback_thd_n_percent: float = 1.0
    response_db: float = 6.0
    """How far 300 to 3400 Hz may be from their mean, either way."""
    round_trip_ms: float = 150.0
    """From a sample written to the same sample read, through speaker, air and microphone."""
    drift_ppm: float = 100.0
    erle_db: float = 18.0
    """Echo taken out, the least."""
    press_ms: float = 20.0
    """Edge to recording at the 99th percentile (PRODUCT section 7)."""
    bounce_ms: float = 20.0
    """The 99th percentile; below `panel.debounce_ms`, or a press counts twice."""
    rtt_ms: float = 100.0
    """To the backend, median (the seed's figure)."""
    up_kbit_s: float = 300.0
    """Speech as 16 bit PCM, the seed's, takes 256 and its frames' heads."""
    down_kbit_s: float = 300.0
    session_s: float = 5.0
    """From dialling to `session_started`."""
    xruns_per_hour: float = 0.0
    memory_growth_mb_per_hour: float = 1.0


class Wire(Struct, frozen=True, forbid_unknown_fields=True):
    """One pin of the 40 pin header that the board uses, for the pin table and the picture."""

    pin: Annotated[int, Meta(ge=1, le=40)]
    """Where on the header, counted as it is printed there."""
    to: Text
    """What is at the other end."""
    kind: Literal["power", "ground", "i2s", "i2c", "spi", "button", "lamp", "other"]


class Board(Struct, frozen=True, forbid_unknown_fields=True):
    """One profile."""

    title: Text
    verified: str
    """`unverified on hardware`, or by whom, when and on which serial number."""
    marks: tuple[Mark, ...]
    """Any one of them is enough."""
    config_txt: tuple[str, ...]
    """Lines of /boot/firmware/config.txt that the board needs."""
    alsa: Alsa
    button: Button
    lamp: Lamp
    cancels_echo: bool | Unverified
    """The board itself takes the speaker's sound out of the microphone's."""
    wires: tuple[Wire, ...]
    second: SecondButton | None = None
    """A button beside the one that is spoken by, where the board has one, or has the settings' usual line in use."""
    limits: Limits = Limits()
    notes: tuple[str, ...] = ()
    """What cost somebody a day."""


def setting_defaults(board: Board, card: str = "") -> Mapping[str, object]:
    """What the board makes of the settings that nobody has said anything about, by their dotted keys.

    `card` is ALSA's id of the card that was found; without one, the board's usual id.
    """
    lamp = board.lamp
    values: dict[str, object] = {
        "panel.button_pin": board.button.line,
        "panel.button_active_low": board.button.active_low,
        "panel.lamp_kind": lamp.kind,
    }
    if board.second is not None:
        values["panel.second_does"] = board.second.does
        values["panel.second_pin"] = board.second.line
        values["panel.second_active_low"] = board.second.active_low
    if lamp.lines:
        values["panel.lamp_pins"] = list(lamp.lines)
    if lamp.kind == "apa102":
        values["panel.lamp_spi"] = lamp.spi
        values["panel.lamp_count"] = lamp.count
    if device := card or next(iter(board.alsa.cards), ""):
        values["audio.input.device"] = values["audio.output.device"] = f"hw:CARD={device}"
        values["audio.input.channel"] = board.alsa.capture.channel
    if board.alsa.capture.own_gain:
        values["audio.input.max_gain_db"] = 0
    return values


PARTS = _BUTTON, _SECOND, _LAMP, _INPUT, _OUTPUT = (
    *("panel.button_", "panel.second_", "panel.lamp_"),
    *("audio.input.", "audio.output."),
)
"""How the settings of each part of a board begin; together they are all that a board gives."""
_GROUPS = {
    f"{_BUTTON}pin": _BUTTON,
    f"{_SECOND}pin": _SECOND,
    f"{_LAMP}kind": _LAMP,
    f"{_LAMP}pins": _LAMP,
    f"{_INPUT}device": _INPUT,
    f"{_OUTPUT}device": _OUTPUT,
}
"""Who says this key means another button, lamp or card than the board's: nothing that begins so is the board's then."""


def not_overruled(defaults: Mapping[str, object], said: Mapping[str, object]) -> Mapping[str, object]:
    """Those of a board's `defaults` that stand beside what a person `said`, both by dotted key.

    A line that a person gave to one of the buttons or to the lamp is taken from the board's others.
    """
    gone = [prefix for key, prefix in _GROUPS.items() if key in said]
    for part in (_BUTTON, _SECOND, _LAMP):
        elsewhere = [line for other in (_BUTTON, _SECOND, _LAMP) if other != part for line in _lines(said, other)]
        if any(line in elsewhere for line in _lines(defaults, part)):
            gone.append(part)
    return {key: value for key, value in defaults.items() if key not in said and not key.startswith(tuple(gone))}


def _lines(settings: Mapping[str, object], part: str) -> Sequence[object]:
    if part != _LAMP:
        return [settings[f"{part}pin"]] if f"{part}pin" in settings else []
    lines = settings.get("panel.lamp_pins")
    return lines if isinstance(lines, list | tuple) else ()
