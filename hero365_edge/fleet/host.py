"""What the computer says of itself: heat, and whether its supply holds. Each fact may be missing."""

from dataclasses import dataclass
from pathlib import Path

SYS = Path("/sys")
UNDER_VOLTAGE, THROTTLED, UNDER_VOLTAGE_SINCE_BOOT = 1 << 0, 1 << 2, 1 << 16
"""Bits of a Raspberry Pi's firmware, as `vcgencmd get_throttled` prints them."""


@dataclass(frozen=True, slots=True)
class Power:
    """Whether the supply holds, and what the firmware does about it; None where nobody says."""

    under_voltage: bool | None = None
    """Just now, which is within the last 2 s where the kernel's rpi_volt looks."""
    under_voltage_since_boot: bool | None = None
    throttled: bool | None = None


def power(sys: Path = SYS) -> Power:
    """From the firmware's own word (Raspberry Pi OS), and rpi_volt's alarm, which Debian's kernel has not on arm64."""
    alarms = [_number(chip / "in0_lcrit_alarm") for chip in sys.glob("class/hwmon/hwmon*") if _is_rpi_volt(chip)]
    alarm = next((bool(each) for each in alarms if each is not None), None)
    word = _number(sys / "devices/platform/soc/soc:firmware/get_throttled", 16)
    if word is None:
        return Power(alarm)
    return Power(
        bool(word & UNDER_VOLTAGE) or bool(alarm), bool(word & UNDER_VOLTAGE_SINCE_BOOT), bool(word & THROTTLED)
    )


def temperature_celsius(sys: Path = SYS) -> float | None:
    """Of the hottest thermal zone; None without one."""
    zones = [_number(zone) for zone in sys.glob("class/thermal/thermal_zone*/temp")]
    return max((zone / 1000 for zone in zones if zone is not None), default=None)


def _is_rpi_volt(chip: Path) -> bool:
    try:
        return (chip / "name").read_text(encoding="ascii").strip() == "rpi_volt"
    except (OSError, ValueError):
        return False


def _number(file: Path, base: int = 10) -> int | None:
    """What the file holds; None where there is none, it cannot be read just now, or it holds something else."""
    try:
        return int(file.read_text(encoding="ascii"), base)
    except (OSError, ValueError):
        return None
