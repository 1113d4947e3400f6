"""The pip road on a clean Debian bookworm: a wheel into a virtual environment, `install-service`, and what is there."""

import json
import tarfile
import zipfile

import pytest

from tests.bookworm.conftest import PACKAGES, Shelf
from tests.packaging.trixie import REPOSITORY, Trixie

pytestmark = pytest.mark.debian

UNIT = "/etc/systemd/system/hero365-edge.service"


def test_wheel_and_source_hold_the_units_that_are_in_systemd(shelf: Shelf) -> None:
    for unit in (REPOSITORY / "systemd").iterdir():
        with zipfile.ZipFile(shelf.wheel) as wheel:
            assert wheel.read(f"hero365_edge/systemd/{unit.name}") == unit.read_bytes()
        with tarfile.open(shelf.sdist) as sdist:
            top = shelf.sdist.name.removesuffix(".tar.gz")
            member = sdist.extractfile(f"{top}/hero365_edge/systemd/{unit.name}")
            assert member is not None
            assert member.read() == unit.read_bytes()


def test_the_packages_from_apt_are_those_that_the_document_names() -> None:
    assert set(PACKAGES) <= set((REPOSITORY / "docs/pip.md").read_text(encoding="utf-8").split())


def test_the_service_has_a_user_and_starts_with_the_machine(device: Trixie) -> None:
    assert set(device.do("id --name --groups hero365-edge").split()) == {"hero365-edge", "audio", "gpio", "spi"}
    assert device.do("systemctl is-enabled hero365-edge").strip() == "enabled"
    assert "ExecStart=/opt/hero365-edge/bin/hero365-edge run" in device.do(f"cat {UNIT}")
    device.do("systemd-analyze verify --man=no hero365-edge.service")
    device.do(f"systemd-analyze security --offline=true --threshold=20 {UNIT}")


def test_its_commands_work_and_every_library_is_there(device: Trixie) -> None:
    device.do("hero365-edge config validate")
    checked = device.run("hero365-edge check --json")
    findings = {finding["name"]: finding for finding in json.loads(checked.stdout)}
    for library in ("opus", "mp3", "speech detector", "resampler", "portaudio"):
        assert findings[library]["verdict"] == "ok", findings[library]
    for absent in ("microphone", "speaker"):
        assert findings[absent]["verdict"] == "fail", findings[absent]
    assert checked.returncode == 1


def test_installing_again_changes_nothing_and_removing_leaves_the_settings_alone(device: Trixie) -> None:
    listing = "find /etc /opt /usr /var -xdev -newer /stamp -type f -not -name resolv.conf"
    device.do("touch /stamp; sleep 0.1")
    told = device.do("/opt/hero365-edge/bin/hero365-edge install-service")
    assert f"kept      {UNIT}" in told
    assert "written" not in told
    changed = [name for name in device.do(listing).split() if not name.endswith(".pyc")]
    assert changed == []
    device.write("/etc/hero365-edge/config.yaml", "panel: {profile: none}\n")
    device.do("hero365-edge install-service --remove")
    device.do(f"! test -e {UNIT}; ! test -e /usr/local/bin/hero365-edge; test -e /etc/hero365-edge/config.yaml")
    assert device.run("systemctl is-enabled hero365-edge").returncode != 0


def test_a_virtual_environment_where_the_service_could_not_see_it_is_refused(device: Trixie, shelf: Shelf) -> None:
    made = device.run(
        "python3 -m venv /home/edge; /home/edge/bin/pip install --no-index --no-deps --find-links /shelf"
        " hero365-edge msgspec pyyaml; /home/edge/bin/hero365-edge install-service",
        binds={shelf.folder: "/shelf"},
    )
    assert made.returncode == 1
    assert "is below /home, which the service does not see" in made.stderr
