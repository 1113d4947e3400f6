"""Files as the kernel shows them on real boards, made below a folder: /proc/device-tree, /proc/asound, /sys/bus/i2c.

The strings are those that owners of such boards have published, but for the AIY HAT's: of its name only `AIY` is known,
and its number. The folders' names are those of a Raspberry Pi 4.
"""

from pathlib import Path

I2C1 = "soc/i2c@7e804000"
SOUND = "soc/sound"


class Tree:
    """A root to be filled; each method adds one thing that is plugged in or configured."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: str, content: bytes | str) -> None:
        """A file; text gets a newline, as /proc and /sys end it."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else f"{content}\n".encode())

    def node(self, path: str, **properties: str) -> None:
        """A node of the device tree; an underscore at the end of a name stands for nothing, two within for a comma."""
        for name, value in properties.items():
            place = f"proc/device-tree/{path}/{name.rstrip('_').replace('__', ',')}"
            self.put(place, value.encode() + b"\0")

    def raspberry_pi(self) -> "Tree":
        """The computer alone, with the sound of HDMI."""
        self.put("proc/device-tree/model", b"Raspberry Pi 4 Model B Rev 1.4\0")
        self.node("aliases", i2c1=f"/{I2C1}")
        self.node("__symbols__", sound=f"/{SOUND}")
        self.node(I2C1, status="okay", compatible="brcm,bcm2711-i2c")
        self.node(SOUND, status="disabled")
        (self.root / "sys/bus/i2c/devices/i2c-1").mkdir(parents=True)
        self.put("sys/bus/i2c/devices/i2c-1/name", "bcm2835 (i2c@7e804000)")
        self.card(0, "vc4hdmi0", plays=True)
        return self

    def hat(self, product: str, product_id: str, vendor: str) -> None:
        """What an EEPROM makes of the device tree."""
        self.node("hat", name="hat", product=product, product_id=product_id, product_ver="0x0001", vendor=vendor)

    def chip(self, address: int, compatible: str, *, driver: bool = True) -> None:
        """A codec in an overlay, and whether its driver got an answer from it."""
        name = compatible.rpartition(",")[2]
        self.node(f"{I2C1}/{name}@{address:x}", compatible=compatible)
        self.put(f"proc/device-tree/{I2C1}/{name}@{address:x}/reg", address.to_bytes(4, "big"))
        device = f"sys/bus/i2c/devices/1-{address:04x}"
        self.put(f"{device}/name", name)
        if driver:
            (self.root / device / "driver").symlink_to(self.root)

    def promise(self, card_name: str = "", compatible: str = "simple-audio-card") -> None:
        """The sound card that an overlay describes."""
        self.node(SOUND, status="okay", compatible=compatible)
        if card_name:
            self.node(SOUND, **{"simple-audio-card__name": card_name})

    def card(self, number: int, name: str, *, captures: bool = False, plays: bool = False, usb: str = "") -> None:
        """A sound card of the kernel's."""
        self.put(f"proc/asound/card{number}/id", name)
        if usb:
            self.put(f"proc/asound/card{number}/usbid", usb)
        for letter, there in (("c", captures), ("p", plays)):
            if there:
                self.put(f"proc/asound/card{number}/pcm0{letter}/info", f"card: {number}")


def respeaker_v1(tree: Tree) -> None:
    """With the kernel's own overlay."""
    tree.chip(0x1A, "wlf,wm8960")
    tree.promise("wm8960-soundcard")
    tree.card(1, "wm8960soundcard", captures=True, plays=True)


def respeaker_v1_with_seeeds_driver(tree: Tree) -> None:
    tree.chip(0x1A, "wlf,wm8960")
    tree.promise("seeed-2mic-voicecard")
    tree.card(1, "seeed2micvoicec", captures=True, plays=True)


def respeaker_v2(tree: Tree) -> None:
    tree.chip(0x18, "ti,tlv320aic3104")
    tree.promise("seeed2micvoicec")
    tree.card(1, "seeed2micvoicec", captures=True, plays=True)


def aiy_voice_hat(tree: Tree) -> None:
    tree.hat("AIY Voice Hat", "0x0001", "Google, Inc")
    tree.promise(compatible="googlevoicehat,googlevoicehat-soundcard")
    tree.card(1, "sndrpigooglevoi", captures=True, plays=True)


def i2s_on_wires(tree: Tree) -> None:
    tree.promise(compatible="googlevoicehat,googlevoicehat-soundcard")
    tree.card(1, "sndrpigooglevoi", captures=True, plays=True)


def codec_zero(tree: Tree) -> None:
    tree.hat("Raspberry Pi Codec Zero", "0x0101", "Raspberry Pi Ltd.")
    tree.chip(0x1A, "dlg,da7213")
    tree.card(1, "Zero", captures=True, plays=True)


def codec_zero_by_iqaudio(tree: Tree) -> None:
    tree.hat("Pi-CodecZero", "0x0013", "IQaudIO Limited www.iqaudio.com")
    tree.chip(0x1A, "dlg,da7213")
    tree.card(1, "Zero", captures=True, plays=True)


def codec_zero_by_iqaudio_as_it_comes(tree: Tree) -> None:
    """With the overlay that its own EEPROM names."""
    tree.hat("Pi-CodecZero", "0x0013", "IQaudIO Limited www.iqaudio.com")
    tree.chip(0x1A, "dlg,da7213")
    tree.card(1, "IQaudIOCODEC", captures=True, plays=True)


def jabra(tree: Tree) -> None:
    tree.card(1, "USB", captures=True, plays=True, usb="0b0e:0420")
