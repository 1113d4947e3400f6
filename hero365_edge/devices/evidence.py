"""What the kernel shows of the board: HAT EEPROM, I2C chips, sound cards. Reads files below a root, tries nothing out.

The firmware reads a HAT's EEPROM and the overlays of config.txt before Linux starts, so what the device tree says is
there at once; a sound card comes when its driver is loaded, and one on USB when it is plugged in.
"""

from collections.abc import Iterator
from pathlib import Path

from hero365_edge.core.recognition import Card, Chip, Evidence, Hat, alsa_id

_CARDS_BY_COMPATIBLE = {"googlevoicehat,googlevoicehat-soundcard": "snd_rpi_googlevoicehat_soundcard"}
"""Names that drivers give to their card themselves; `simple-audio-card`s have theirs in the device tree."""
_MOST_BYTES = 4096


def read_evidence(root: Path = Path("/")) -> Evidence:
    """Everything there is to see below `root`; what is not there or may not be read is left out."""
    tree = root / "proc/device-tree"
    return Evidence(
        computer=_text(tree / "model"),
        hat=_hat(tree / "hat"),
        chips=_chips(tree, root / "sys/bus/i2c/devices"),
        cards=tuple(_cards(root / "proc/asound")),
        promised=tuple(_promised(tree)),
    )


def serial_number(root: Path = Path("/")) -> str:
    """The board's, as its firmware tells; of another computer, where we may read it; empty where there is none."""
    return _text(root / "proc/device-tree/serial-number") or _text(root / "sys/class/dmi/id/product_serial")


def config_txt(root: Path = Path("/")) -> str | None:
    """The firmware's settings, of Raspberry Pi OS 12 and later or before; None on another computer."""
    for path in (root / "boot/firmware/config.txt", root / "boot/config.txt"):
        try:
            return path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
    return None


def _hat(folder: Path) -> Hat | None:
    product = _text(folder / "product")
    return Hat(_text(folder / "vendor"), product, _text(folder / "product_id")) if product else None


def _chips(tree: Path, devices: Path) -> tuple[Chip, ...]:
    """Those that have become devices, and those the tree names on the header's bus whose bus has no driver yet."""
    found: dict[tuple[int, int], Chip] = {}
    bus = _node(tree, "aliases/i2c1")
    for node in sorted(bus.iterdir()) if bus is not None else []:
        register, compatible = _bytes(node / "reg"), _text(node / "compatible")
        if len(register) == 4 and compatible and _is_on(node):
            address = int.from_bytes(register, "big")
            found[1, address] = Chip(1, address, compatible.rpartition(",")[2], answers=False)
    for device in sorted(devices.iterdir()) if devices.is_dir() else []:
        number, _, address_text = device.name.partition("-")
        if number.isdigit() and len(address_text) == 4:  # else a bus, as in i2c-1
            address = int(address_text, 16)
            name = _text(device / "name")
            found[int(number), address] = Chip(int(number), address, name, answers=(device / "driver").exists())
    return tuple(found.values())


def _cards(folder: Path) -> Iterator[Card]:
    for card in sorted(folder.glob("card[0-9]*"), key=lambda path: (len(path.name), path.name)):
        if name := _text(card / "id"):
            captures, plays = (any(card.glob(f"pcm*{letter}")) for letter in "cp")
            yield Card(name, _text(card / "usbid"), captures, plays)


def _promised(tree: Path) -> Iterator[str]:
    sound = _node(tree, "__symbols__/sound")
    if sound is None or not _is_on(sound):
        return
    name = _text(sound / "simple-audio-card,name") or _CARDS_BY_COMPATIBLE.get(_text(sound / "compatible"), "")
    if name:
        yield alsa_id(name)


def _node(tree: Path, pointer: str) -> Path | None:
    """The folder of a node that an alias or a symbol of the tree names by its path."""
    path = _text(tree / pointer)
    node = tree / path.lstrip("/")
    return node if path and node.is_dir() else None


def _is_on(node: Path) -> bool:
    """Whether a node of the tree is in force; one that says nothing is (Devicetree Specification, `status`)."""
    return _text(node / "status") in ("", "okay", "ok")


def _text(path: Path) -> str:
    """The first string of a file; the device tree ends each with a zero. Empty if it cannot be read."""
    return _bytes(path).partition(b"\0")[0].decode("utf-8", "replace").strip()


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return b""
