"""A computer's own facts: of a Raspberry Pi, of a PC, and of one that says nothing or nonsense."""

from pathlib import Path

import pytest

from hero365_edge.fleet.host import Power, power, temperature_celsius


def put(sys: Path, name: str, text: str) -> None:
    """A file of sysfs."""
    file = sys / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def raspberry_pi(folder: Path, throttled: int) -> Path:
    """Its sysfs with Raspberry Pi OS's kernel; `throttled` as `vcgencmd get_throttled` prints it."""
    sys = folder / "sys"
    put(sys, "class/thermal/thermal_zone0/temp", "51540\n")
    put(sys, "devices/platform/soc/soc:firmware/get_throttled", f"{throttled:x}\n")
    put(sys, "class/hwmon/hwmon0/name", "cpu_thermal\n")
    put(sys, "class/hwmon/hwmon0/in0_lcrit_alarm", "1\n")
    put(sys, "class/hwmon/hwmon1/name", "rpi_volt\n")
    put(sys, "class/hwmon/hwmon1/in0_lcrit_alarm", "0\n")
    return sys


@pytest.mark.parametrize(
    ("throttled", "told"),
    [
        (0x0, Power(under_voltage=False, under_voltage_since_boot=False, throttled=False)),
        (0x1, Power(under_voltage=True, under_voltage_since_boot=False, throttled=False)),
        (0x10000, Power(under_voltage=False, under_voltage_since_boot=True, throttled=False)),
        (0x50005, Power(under_voltage=True, under_voltage_since_boot=True, throttled=True)),
        (0x20002, Power(under_voltage=False, under_voltage_since_boot=False, throttled=False)),
    ],
)
def test_the_firmwares_word_is_read_bit_by_bit(throttled: int, told: Power, tmp_path: Path) -> None:
    assert power(raspberry_pi(tmp_path, throttled)) == told


def test_the_kernels_alarm_is_enough(tmp_path: Path) -> None:
    sys = raspberry_pi(tmp_path, 0)
    put(sys, "class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
    assert power(sys).under_voltage is True
    (sys / "devices/platform/soc/soc:firmware/get_throttled").unlink()
    assert power(sys) == Power(under_voltage=True)


def test_the_hottest_zone_counts(tmp_path: Path) -> None:
    sys = raspberry_pi(tmp_path, 0)
    put(sys, "class/thermal/thermal_zone1/temp", "80000\n")
    put(sys, "class/thermal/thermal_zone2/temp", "-1000\n")
    assert temperature_celsius(sys) == 80.0


def test_a_computer_without_sensors_has_no_such_facts(tmp_path: Path) -> None:
    assert (power(tmp_path), temperature_celsius(tmp_path)) == (Power(), None)
    assert (power(tmp_path / "none"), temperature_celsius(tmp_path / "none")) == (Power(), None)


def test_nonsense_is_no_fact(tmp_path: Path) -> None:
    sys = raspberry_pi(tmp_path, 0)
    for name in (
        "class/thermal/thermal_zone0/temp",
        "devices/platform/soc/soc:firmware/get_throttled",
        "class/hwmon/hwmon1/in0_lcrit_alarm",
    ):
        (sys / name).write_bytes(b"\xff\xfe nonsense")
    (sys / "class/hwmon/hwmon0/name").write_bytes(b"\xff")
    assert (power(sys), temperature_celsius(sys)) == (Power(), None)
