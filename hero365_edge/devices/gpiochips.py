"""What GPIO chips there are, asked of the kernel's character devices."""

import fcntl
import struct
from dataclasses import dataclass
from pathlib import Path

_INFO = struct.Struct("32s32sI")
"""struct gpiochip_info of linux/gpio.h: name, label, number of lines."""

_GET_CHIPINFO = 0x8044_B401
"""GPIO_GET_CHIPINFO_IOCTL: _IOR(0xB4, 0x01, struct gpiochip_info)."""


@dataclass(frozen=True, slots=True)
class GpioChip:
    """One chip."""

    path: str
    label: str
    """As in `pinctrl-bcm2711`; empty when it could not be asked."""
    lines: int
    problem: str
    """Why it could not be asked (permissions); empty when it could."""


def gpio_chips(folder: Path = Path("/dev")) -> tuple[GpioChip, ...]:
    """Every GPIO chip in `folder`, by name."""
    return tuple(_asked(path) for path in sorted(folder.glob("gpiochip*")))


def _asked(path: Path) -> GpioChip:
    try:
        with path.open("rb") as chip:
            _, label, lines = _INFO.unpack(fcntl.ioctl(chip, _GET_CHIPINFO, bytes(_INFO.size)))
    except OSError as error:
        return GpioChip(str(path), "", 0, error.strerror or str(error))
    return GpioChip(str(path), label.rstrip(b"\0").decode("utf-8", "replace"), lines, "")
