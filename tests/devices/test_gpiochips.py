"""GPIO chips, as far as a machine without one can tell; the real ones are a matter for the lab."""

from pathlib import Path

from hero365_edge.devices.gpiochips import gpio_chips


def test_where_there_is_none_none_is_found(tmp_path: Path) -> None:
    assert gpio_chips(tmp_path) == ()


def test_what_cannot_be_asked_is_listed_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "gpiochip1").touch()
    (tmp_path / "gpiochip0").symlink_to(tmp_path / "nowhere")
    gone, no_chip = gpio_chips(tmp_path)
    assert (gone.path, gone.lines, gone.problem) == (str(tmp_path / "gpiochip0"), 0, "No such file or directory")
    assert no_chip.problem == "Inappropriate ioctl for device"
