"""Draws what `hardware/` shows of the boards from their profiles: a picture of the header each, and the tables."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from hero365_edge.core.board import GPIO_AT_PIN, POWER_AT_PIN, Board, Limits, Mark, setting_defaults
from hero365_edge.profiles import load_boards

HARDWARE = Path(__file__).parents[1] / "hardware"
BEGIN = "<!-- drawn by scripts/draw-boards from the profile: change that, not what stands between these lines -->"
END = "<!-- end of what is drawn -->"
COLOURS = {
    "power": "#c62828",
    "ground": "#212121",
    "i2s": "#1565c0",
    "i2c": "#2e7d32",
    "spi": "#6a1b9a",
    "button": "#d84315",
    "lamp": "#b28704",
    "other": "#546e7a",
}
FREE = "#cfd8dc"
FONT = 'font-family="Helvetica, Arial, sans-serif"'
# The functions of the lines that boards use, beside their number.
FUNCTIONS = {2: "I2C data", 3: "I2C clock", 18: "I2S bit clock", 19: "I2S frame clock", 20: "I2S in", 21: "I2S out"}
FUNCTIONS |= {10: "SPI data out", 11: "SPI clock", 0: "EEPROM data", 1: "EEPROM clock"}


def main() -> int:
    """Write what has changed, or with `--check` name it and fail."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when something would change")
    arguments = parser.parse_args()
    stale = [path for path, text in drawn() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if not arguments.check:
        for path, text in drawn():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{'stale' if arguments.check else 'written'}: {path.relative_to(HARDWARE.parent)}")
    return 1 if stale and arguments.check else 0


def drawn() -> Iterator[tuple[Path, str]]:
    """Every file with what it must hold."""
    boards = load_boards()
    for name, board in boards.items():
        yield HARDWARE / "pictures" / f"{name}.svg", header_picture(board)
        page = HARDWARE / "boards" / f"{name}.md"
        yield page, with_facts(page, "\n".join(facts(name, board)))
    yield HARDWARE / "pictures" / "button-and-lamp.svg", button_and_lamp_picture()
    yield HARDWARE / "pictures" / "ignition.svg", ignition_picture()
    readme = HARDWARE / "README.md"
    yield readme, with_facts(readme, "\n".join(overview(boards)))


def with_facts(page: Path, text: str) -> str:
    """The page with what stands between the two lines made new."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise SystemExit(f"{page}: there must be a line {BEGIN!r}, and below it {END!r}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


# Tables


def overview(boards: Mapping[str, Board]) -> Iterator[str]:
    """All boards in one table, and the limits they share."""
    yield "| board | `panel.profile` | button | lamp | cancels its echo | known by |"
    yield "|---|---|---|---|---|---|"
    for name, board in boards.items():
        known = "; ".join(mark_in_words(mark) for mark in board.marks) or "nothing: it is the default"
        echo = board.cancels_echo if isinstance(board.cancels_echo, str) else ("no", "yes")[board.cancels_echo]
        page = f"[{board.title}](boards/{name}.md)"
        yield f"| {page} | `{name}` | GPIO{board.button.line} | {lamp_in_words(board)} | {echo} | {known} |"
    yield ""
    yield "| bench limit | of every board that does not say otherwise |"
    yield "|---|---|"
    for field in Limits.__struct_fields__:
        yield f"| {in_words(field)} | {getattr(Limits(), field):g} |"


def facts(name: str, board: Board) -> Iterator[str]:
    """What the page of a board shows of its profile."""
    yield f"Status: **{board.verified}**." + " What is below comes from public documents, not from a board in hand." * (
        board.verified == "unverified on hardware"
    )
    yield f"\n![The pins of the header that it uses](../pictures/{name}.svg)\n"
    yield "| pin | line | goes to |\n|---|---|---|"
    for wire in sorted(board.wires, key=lambda wire: wire.pin):
        yield f"| {wire.pin} | {line_in_words(wire.pin)} | {wire.to} |"
    yield "\nKnown by: " + ("; or ".join(mark_in_words(mark) for mark in board.marks) or "nothing") + "."
    if board.config_txt:
        yield "\nLines of `/boot/firmware/config.txt`:\n"
        yield from (f"    {line}" for line in board.config_txt)
    yield "\n| sound | rates (Hz) | formats | channels |\n|---|---|---|---|"
    for direction, stream in (("microphone", board.alsa.capture), ("speaker", board.alsa.playback)):
        yield f"| {direction} | {several(stream.rates_hz)} | {several(stream.formats)} | {stream.channels} |"
    if board.alsa.cards:
        yield f"\nALSA's id of its card: {' or '.join(f'`{card}`' for card in board.alsa.cards)}."
    yield from mixer(board)
    yield "\nWhat the profile gives the settings:\n"
    yield from (f"    {key}: {shown(value)}" for key, value in setting_defaults(board).items())
    other = {key: getattr(board.limits, key) for key in Limits.__struct_fields__}
    other = {key: value for key, value in other.items() if value != getattr(Limits(), key)}
    if other:
        yield (
            "\nBench limits of its own: "
            + ", ".join(f"{in_words(key)} {value:g}" for key, value in other.items())
            + "."
        )
    if board.notes:
        yield "\nWorth knowing:\n"
        yield from (f"- {note}" for note in board.notes)


def mixer(board: Board) -> Iterator[str]:
    """The commands that set it."""
    card = next(iter(board.alsa.cards), "CARD")
    if board.alsa.mixer:
        yield "\nThe mixer, to begin with (`hero365-edge bench mic` and `bench speaker` say whether it is right):\n"
        yield from (f"    amixer -c {card} sset '{each.control}' {each.value}" for each in board.alsa.mixer)
        yield "    alsactl store"
    if board.alsa.mixer_state:
        yield "\nThe mixer, once; ALSA's own service keeps it over restarts:\n"
        yield f"    alsactl restore -f {board.alsa.mixer_state}\n    alsactl store"


def mark_in_words(mark: Mark) -> str:
    """What knows the board, in a few words."""
    parts = {
        f"EEPROM with `{mark.hat}`": mark.hat,
        f"product {mark.hat_id}": mark.hat_id,
        f"chip {mark.chip} at I2C {mark.i2c}": mark.i2c,
        f"USB {mark.usb}": mark.usb,
        f"card `{mark.card}`": mark.card,
        "no EEPROM": mark.no_hat,
    }
    return " and ".join(part for part, there in parts.items() if there)


def lamp_in_words(board: Board) -> str:
    """The LEDs and their lines."""
    lamp = board.lamp
    lines = ", ".join(f"GPIO{line}" for line in lamp.lines)
    if lamp.kind == "apa102":
        return f"{lamp.count} APA102 on {f'SPI {lamp.spi}' if lamp.spi else lines}"
    return lines or "none"


def line_in_words(pin: int) -> str:
    """What a pin of the header is."""
    if pin in POWER_AT_PIN:
        return POWER_AT_PIN[pin]
    line = GPIO_AT_PIN[pin]
    return f"GPIO{line}" + (f", {FUNCTIONS[line]}" if line in FUNCTIONS else "")


def several(values: object) -> str:
    """A list, or the word that stands for it."""
    return ", ".join(str(value) for value in values) if isinstance(values, tuple) else str(values)


def shown(value: object) -> str:
    """A value as YAML has it."""
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else (str(value) or '""')


def in_words(field: str) -> str:
    """A field of the limits, unit included."""
    return field.replace("_", " ")


# Pictures


def svg(width: int, height: int, title: str, parts: Iterator[str]) -> str:
    """The whole picture."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    paper = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    return "\n".join((head, f"<title>{escape(title)}</title>", paper, *parts, "</svg>", ""))


def text(
    x: int, y: int, words: str, *, at: str = "start", size: int = 12, colour: str = "#212121", bold: bool = False
) -> str:
    """Words at a place."""
    weight = ' font-weight="bold"' * bold
    return (
        f'<text x="{x}" y="{y}" {FONT} font-size="{size}" text-anchor="{at}" fill="{colour}"{weight}>'
        f"{escape(words)}</text>"
    )


def line(*points: tuple[int, int], colour: str = "#212121", width: float = 1.5) -> str:
    """A wire through these points."""
    path = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def box(x: int, y: int, width: int, height: int, *words: str) -> Iterator[str]:
    """A part with its name in bold."""
    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" fill="#eceff1" stroke="#212121"/>'
    first = y + height // 2 + 4 - 8 * (len(words) - 1)
    for row, each in enumerate(words):
        yield text(x + width // 2, first + 16 * row, each, at="middle", bold=row == 0)


def header_picture(board: Board) -> str:
    """The header from above, pin 1 at the top left; the pins that are used with what is at the other end."""
    return svg(1000, 530, f"{board.title}: pins of the 40 pin header", header(board))


def header(board: Board) -> Iterator[str]:
    """Its parts."""
    yield text(500, 24, board.title, at="middle", size=15, bold=True)
    yield text(
        500,
        42,
        "the 40 pin header from above; pin 1 is at the end of the SD card",
        at="middle",
        size=11,
        colour="#607d8b",
    )
    yield '<rect x="458" y="56" width="84" height="452" rx="6" fill="#263238"/>'
    wires = {wire.pin: wire for wire in board.wires}
    for pin in range(1, 41):
        odd = pin % 2 == 1
        y = 72 + 22 * ((pin - 1) // 2)
        x, side = (484, -1) if odd else (516, 1)
        wire = wires.get(pin)
        colour = COLOURS[wire.kind] if wire else FREE
        shape = f'x="{x - 8}" y="{y - 8}" width="16" height="16"'
        yield f'<rect {shape} rx="{2 if pin == 1 else 8}" fill="{colour}" stroke="#ffffff"/>'
        yield text(x, y + 3, str(pin), at="middle", size=8, colour="#ffffff" if wire else "#263238")
        name = POWER_AT_PIN.get(pin) or f"GPIO{GPIO_AT_PIN[pin]}"
        at = "end" if odd else "start"
        yield text(x + side * 34, y + 4, name, at=at, size=11, colour="#212121" if wire else "#90a4ae")
        if wire:
            yield line((x + side * 84, y), (x + side * 106, y), colour=colour, width=2)
            yield text(x + side * 110, y + 4, wire.to, at=at, colour=colour, bold=True)


def button_and_lamp_picture() -> str:
    """What hangs on three pins where the board has no button of its own."""
    return svg(720, 300, "Button and lamp on wires of one's own", button_and_lamp())


def button_and_lamp() -> Iterator[str]:
    """Its parts."""
    yield from box(20, 30, 120, 240)
    yield text(80, 50, "header", at="middle", bold=True)
    for y, name in ((70, "GPIO17 · pin 11"), (140, "GPIO22 · pin 15"), (230, "ground · pin 14")):
        yield text(134, y - 6, name, at="end", size=10)
    # The button: a contact to ground.
    yield line((140, 70), (420, 70))
    yield line((420, 70), (420, 110))
    yield line((405, 114), (420, 150), width=2.5)
    yield '<circle cx="420" cy="110" r="3"/><circle cx="420" cy="150" r="3"/>'
    yield line((420, 150), (420, 230))
    yield text(436, 128, "button, a contact that closes", size=12, bold=True)
    yield text(436, 144, "no resistor: the chip pulls up", size=11)
    # The LED: resistor, diode, ground.
    yield line((140, 140), (190, 140))
    yield '<rect x="190" y="131" width="54" height="18" fill="#ffffff" stroke="#212121" stroke-width="1.5"/>'
    yield text(217, 125, "330 ohms", at="middle", size=11)
    yield line((244, 140), (310, 140), (310, 168))
    yield '<path d="M298,168 L322,168 L310,188 Z" fill="#f9a825" stroke="#212121"/>'
    yield line((298, 190), (322, 190), width=2.5)
    yield line((310, 190), (310, 230))
    yield text(290, 184, "LED", at="end", bold=True)
    yield line((140, 230), (420, 230))
    yield text(
        40,
        292,
        "The same for each further LED of a pair (listen, status) or of an RGB lamp with a common cathode.",
        size=11,
    )


def ignition_picture() -> str:
    """From the two wires of the vehicle to the header."""
    return svg(820, 340, "Ignition power and safe shutdown", ignition())


def ignition() -> Iterator[str]:
    """Its parts."""
    yield from box(20, 40, 120, 60, "battery +", "terminal 30")
    yield from box(20, 200, 120, 60, "ignition +", "terminal 15")
    yield from box(200, 45, 80, 50, "fuse", "3 A")
    yield from box(340, 30, 160, 80, "converter", "6 to 36 V in, 5.1 V out", "off 60 s after ignition")
    yield from box(600, 30, 190, 230)
    yield text(695, 90, "Raspberry Pi", at="middle", bold=True)
    yield from box(200, 205, 80, 50, "resistor", "1.8 kohm")
    yield from box(340, 190, 160, 80, "optocoupler", "with a diode against", "reverse voltage")
    yield line((140, 70), (200, 70), width=2)
    yield line((280, 70), (340, 70), width=2)
    yield line((500, 55), (600, 55), width=2, colour=COLOURS["power"])
    yield text(550, 48, "5 V", at="middle", size=11, colour=COLOURS["power"])
    yield line((140, 230), (200, 230))
    yield line((280, 230), (340, 230))
    yield line((500, 230), (600, 230), colour=COLOURS["i2s"])
    yield text(594, 224, "GPIO4 · pin 7", at="end", size=11, colour=COLOURS["i2s"])
    yield text(608, 234, "low while ignition is on", size=11)
    yield line((600, 150), (420, 150), (420, 110), colour=COLOURS["lamp"])
    yield text(594, 144, "GPIO26 · pin 37", at="end", size=11, colour=COLOURS["lamp"])
    yield text(608, 154, "high: I am off (optional)", size=11)
    yield line((170, 230), (170, 140), (320, 140), (320, 100), (340, 100))
    yield text(245, 134, "ignition input", at="middle", size=11)
    yield text(
        20,
        310,
        "One ground for all. Both wires on the left come from the vehicle: fuse them where they leave it.",
        size=12,
    )


if __name__ == "__main__":
    sys.exit(main())
