"""`install-service`: what it writes into a file system, with systemd's own programs; what it refuses, and why."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hero365_edge.cli import main
from hero365_edge.cli.install_service import LINK, PLACES, UNIT, UNITS, Hand, install, program, remove, texts
from hero365_edge.errors import EdgeError

PROGRAM = Path("/opt/hero365-edge/bin/hero365-edge")
SYSTEMD = Path(__file__).parents[2] / "systemd"
OF_A_PACKAGE = "hero365-edge-telemetry.service"
"""Needs vmagent, and comes with Debian's package of the same name; by pip `docs/telemetry.md` says what to do."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty file system with /etc, such as an image's."""
    if os.geteuid() != 0:
        pytest.skip("systemd-sysusers wants to be root, even for another root")
    for name in ("systemctl", "systemd-sysusers"):
        if shutil.which(name) is None:
            pytest.skip(f"{name} missing: apt-get install systemd")
    (tmp_path / "etc").mkdir()
    return tmp_path


@pytest.fixture
def environment() -> Iterator[Path]:
    """A virtual environment, as far as it is looked at, where a service may see it."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder)
        path.chmod(0o755)
        (path / "bin").mkdir()
        (path / "bin/hero365-edge").touch(mode=0o755)
        yield path


def files(root: Path) -> dict[str, str]:
    """Every file and link, with its content or target."""
    paths = [path for path in sorted(root.rglob("*")) if path.is_symlink() or path.is_file()]
    return {
        str(path.relative_to(root)): str(path.readlink()) if path.is_symlink() else path.read_text() for path in paths
    }


def test_every_file_of_systemd_has_a_place_and_only_the_program_of_the_units_is_another() -> None:
    assert {path.name for path in SYSTEMD.iterdir()} == set(PLACES) | {OF_A_PACKAGE}
    written = texts(PROGRAM)
    for name, place in PLACES.items():
        before, after = (SYSTEMD / name).read_text().splitlines(), written[place].splitlines()
        changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
        assert len(changed) == (name in UNITS)
        assert all(new == old.replace("/usr/bin/hero365-edge", str(PROGRAM)) for old, new in changed)
        assert "/usr/bin/hero365-edge" not in written[place]


def test_it_makes_the_user_and_enables_the_unit_and_a_second_time_changes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hand = Hand(root, dry=False)
    install(hand, PROGRAM, start=True)
    first = files(root)
    assert first[PLACES[UNIT].lstrip("/")] == texts(PROGRAM)[PLACES[UNIT]]
    assert all(first[f"etc/systemd/system/multi-user.target.wants/{unit}"].endswith(unit) for unit in UNITS)
    assert first[LINK.lstrip("/")] == str(PROGRAM)
    assert "hero365-edge:" in first["etc/passwd"]
    assert [line for line in first["etc/group"].splitlines() if line.startswith(("audio", "gpio"))]
    assert (root / "etc/hero365-edge/config.d").is_dir()
    assert (root / PLACES[UNIT].lstrip("/")).stat().st_mode & 0o777 == 0o644
    told = capsys.readouterr().out
    assert f"written   {root}{PLACES[UNIT]}" in told
    assert "left      the service to the next boot" in told
    install(hand, PROGRAM, start=True)
    assert files(root) == first
    assert "written" not in capsys.readouterr().out


def test_another_virtual_environment_takes_its_place(root: Path) -> None:
    install(Hand(root, dry=False), PROGRAM, start=True)
    install(Hand(root, dry=False), Path("/srv/edge/bin/hero365-edge"), start=True)
    assert "ExecStart=/srv/edge/bin/hero365-edge run" in files(root)[PLACES[UNIT].lstrip("/")]
    assert files(root)[LINK.lstrip("/")] == "/srv/edge/bin/hero365-edge"


def test_a_dry_run_says_the_same_and_touches_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(Hand(root, dry=True), PROGRAM, start=True)
    planned = capsys.readouterr().out
    assert files(root) == {}
    install(Hand(root, dry=False), PROGRAM, start=True)
    done = capsys.readouterr().out
    assert planned.replace("would have ", "") == done


def test_removing_leaves_what_the_owner_and_the_service_wrote(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(Hand(root, dry=False), PROGRAM, start=True)
    (root / "etc/hero365-edge/config.yaml").write_text("panel: {profile: none}\n")
    remove(Hand(root, dry=False))
    left = files(root)
    assert not [path for path in left if "hero365" in path and path != "etc/hero365-edge/config.yaml"]
    assert "etc/hero365-edge/config.yaml" in left
    assert "/var/lib/hero365-edge" in capsys.readouterr().out
    remove(Hand(root, dry=False))
    assert files(root) == left


def test_somebody_elses_program_of_that_name_is_left_alone(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = root / LINK.lstrip("/")
    other.parent.mkdir(parents=True)
    other.write_text("not ours")
    install(Hand(root, dry=False), PROGRAM, start=True)
    assert "it is something else" in capsys.readouterr().out
    remove(Hand(root, dry=False))
    assert other.read_text() == "not ours"


def test_beside_the_debian_package_it_refuses(root: Path) -> None:
    packaged = root / "usr/lib/systemd/system" / UNIT
    packaged.parent.mkdir(parents=True)
    packaged.touch()
    with pytest.raises(EdgeError, match="apt remove hero365-edge first"):
        install(Hand(root, dry=False), PROGRAM, start=True)


def test_a_command_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=r"`false` failed: exit 1"):
        Hand(tmp_path, dry=False).run("false")
    with pytest.raises(EdgeError, match="no-such-program is not there"):
        Hand(tmp_path, dry=False).run("no-such-program")


def test_the_program_of_a_virtual_environment_that_a_service_sees_is_found(environment: Path) -> None:
    assert program(environment, Path("/usr")) == environment / "bin/hero365-edge"


def test_a_service_could_not_start_what_is_hidden_closed_or_missing(environment: Path) -> None:
    with pytest.raises(EdgeError, match="not of a virtual environment"):
        program(Path("/usr"), Path("/usr"))
    with pytest.raises(EdgeError, match=r"the Python it was made with is below /root.* -m venv /opt/hero365-edge"):
        program(environment, Path("/root/pythons"))
    (environment / "bin/hero365-edge").chmod(0o700)
    with pytest.raises(EdgeError, match=r"may not read it; allow it by: chmod -R o\+rX"):
        program(environment, Path("/usr"))
    environment.chmod(0o700)
    with pytest.raises(EdgeError, match=r"may not enter it; allow it by: chmod o\+rx"):
        program(environment, Path("/usr"))
    (environment / "bin/hero365-edge").unlink()
    with pytest.raises(EdgeError, match=r"is not there; install it by: .*/bin/pip install"):
        program(environment, Path("/usr"))


def test_a_place_that_a_unit_cannot_name_is_refused(environment: Path) -> None:
    odd = environment / "a place"
    (odd / "bin").mkdir(parents=True)
    (odd / "bin/hero365-edge").touch()
    with pytest.raises(EdgeError, match="a unit may start only what is named with"):
        program(odd, Path("/usr"))


def test_a_virtual_environment_in_a_home_folder_or_in_tmp_is_refused_by_the_command_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hidden = [place for place in ("/home", "/root", "/tmp") if Path(sys.prefix).resolve().is_relative_to(place)]  # noqa: S108  looked at only
    if not hidden:
        pytest.skip("these tests run from a virtual environment that a service would see")
    assert main(["install-service", "--dry-run", "--root", str(tmp_path)]) == 1
    assert f"is below {hidden[0]}, which the service does not see" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_root_that_is_no_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install-service", "--dry-run", "--root", str(tmp_path / "nowhere")]) == 1
    assert f"--root {tmp_path}/nowhere: is no folder" in capsys.readouterr().err
