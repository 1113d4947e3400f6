"""The signed repository: what a device takes from it, and what it refuses."""

import shutil
from pathlib import Path

import pytest

from tests.packaging.conftest import NEW, OLD
from tests.packaging.shop import KEY_FILE, Keyring, Shop, keyring, open_shop, repacked
from tests.packaging.trixie import Trixie

pytestmark = pytest.mark.debian

INSTALL = "apt-get update; apt-get install -y hero365-edge"
FLEET = [f"{number:032x}" for number in range(10)]
"""Machine ids, by which apt decides whether a device belongs to the share."""


def test_a_device_that_trusts_the_key_installs(bare: Trixie, shop: Shop) -> None:
    shop.introduce_to(bare)

    bare.do(INSTALL)

    assert _version(bare) == OLD


def test_a_device_without_the_key_refuses(bare: Trixie, shop: Shop) -> None:
    shop.introduce_to(bare)
    bare.do(f"rm {KEY_FILE}")

    _refuses(bare, "is not signed")


def test_a_repository_signed_by_somebody_else_is_refused(bare: Trixie, shop: Shop, tmp_path: Path) -> None:
    shop.introduce_to(bare)
    signed = (shop.folder / "InRelease").read_text()
    plain = tmp_path / "Release"
    plain.write_text(signed.split("\n\n", 1)[1].split("-----BEGIN PGP SIGNATURE")[0])
    with keyring() as somebody_else:
        somebody_else.clearsign(plain, shop.folder / "InRelease")

    _refuses(bare, "is not signed")


def test_a_changed_release_is_refused(bare: Trixie, shop: Shop) -> None:
    shop.introduce_to(bare)
    _change(shop.folder / "InRelease", "Label: hero365-edge", "Label: hero365-edgf")

    _refuses(bare, "is not signed")


def test_a_changed_index_is_refused(bare: Trixie, shop: Shop) -> None:
    shop.introduce_to(bare)
    _change(shop.folder / "Packages", "voice appliance", "other appliance")
    (shop.folder / "Packages.xz").unlink()

    _refuses(bare, "Hash Sum mismatch")


def test_a_device_that_does_not_reach_the_repository_says_so(
    bare: Trixie, signing: Keyring, old: Path, tmp_path: Path
) -> None:
    with open_shop(tmp_path / "gone", signing) as shop:
        shop.offer([old])
        shop.introduce_to(bare)
        bare.do("apt-get update")

    assert bare.run("apt-get update").returncode != 0, "the tests' own setting: apt would be content with what it has"


def test_a_changed_package_is_refused(bare: Trixie, shop: Shop, new: Path) -> None:
    shop.introduce_to(bare)
    (offered,) = shop.folder.glob("hero365-edge_*.deb")
    content = bytearray(offered.read_bytes())
    content[-1] ^= 1
    offered.write_bytes(content)

    _refuses(bare, "Hash Sum mismatch")


@pytest.mark.parametrize(("percent", "version"), [(0, OLD), (100, NEW)])
def test_a_new_version_reaches_the_share_of_the_fleet_it_is_offered_to(
    device: Trixie, shop: Shop, new: Path, percent: int, version: str
) -> None:
    shop.introduce_to(device)
    shop.offer([new], "--phased", str(percent))

    device.do("apt-get update; apt-get upgrade -y")

    assert _version(device) == version


def test_a_growing_share_reaches_further_devices_and_loses_none(device: Trixie, shop: Shop, new: Path) -> None:
    shop.introduce_to(device)
    few, many = (_offered_to(device, shop, new, percent) for percent in (30, 60))

    assert 0 < len(few) < len(many) < len(FLEET)
    assert few < many


def test_going_back_is_one_command_that_keeps_the_settings(device: Trixie, shop: Shop, new: Path) -> None:
    shop.introduce_to(device)
    shop.offer([new])
    device.write("/etc/hero365-edge/config.yaml", "log: {level: debug}\n")
    device.do("apt-get update; apt-get upgrade -y")
    assert _version(device) == NEW

    device.do(f"apt-get install -y --allow-downgrades hero365-edge={OLD}")

    assert _version(device) == OLD
    assert device.do("cat /etc/hero365-edge/config.yaml") == "log: {level: debug}\n"


def test_a_bad_release_is_seen_stopped_and_taken_back_with_all_that_is_the_devices_own(
    device: Trixie, shop: Shop, old: Path, new: Path, tmp_path: Path
) -> None:
    shop.introduce_to(device)
    own = {
        "/etc/hero365-edge/config.yaml": "log: {level: debug}\n",
        "/var/lib/hero365-edge/session.json": "{}\n",
        "/etc/credstore/hero365-edge.token": "the device's own\n",
    }
    for path, text in own.items():
        device.write(path, text)
    shop.offer([repacked(new, tmp_path / "bad", NEW, breaks=True)])
    device.do("apt-get update; apt-get upgrade -y")
    assert device.run("hero365-edge config validate").returncode not in {0, 78}, "this is how ops sees it"

    shop.offer([], "--phased", "0")
    device.do(f"apt-get update; apt-get install -y --allow-downgrades hero365-edge={OLD}; apt-get upgrade -y")
    assert _version(device) == OLD, "and does not take the bad one again the next night"
    device.do("hero365-edge config validate")

    (shop.folder / f"hero365-edge_{NEW}_all.deb").unlink()
    shop.offer([repacked(old, tmp_path / "again", f"{NEW}+back.to.{OLD}")])
    device.do("apt-get update; apt-get upgrade -y")
    assert _version(device) == f"{NEW}+back.to.{OLD}"
    device.do("hero365-edge config validate")
    assert {path: device.do(f"cat {path}") for path in own} == own


def test_another_package_of_the_same_version_is_not_taken_in(shop: Shop, old: Path, tmp_path: Path) -> None:
    other = tmp_path / old.name
    shutil.copy(old, other)
    with other.open("ab") as file:
        file.write(b"\n")

    done = shop.try_to_offer([other])

    assert done.returncode == 2
    assert "with a new version" in done.stderr


@pytest.mark.parametrize("share", ["101", "-1", "5.5", "many"])
def test_a_share_that_is_none_is_refused(shop: Shop, new: Path, share: str) -> None:
    done = shop.try_to_offer([new], "--phased", share)

    assert done.returncode == 2
    assert "from 0 to 100" in done.stderr
    assert NEW not in (shop.folder / "Packages").read_text()


def _offered_to(device: Trixie, shop: Shop, new: Path, percent: int) -> set[str]:
    """Those of the fleet that would take the new version when it is offered to this share."""
    shop.offer([new], "--phased", str(percent))
    upgrade = "apt-get upgrade --simulate -o APT::Machine-ID=$machine"
    plan = f"for machine in {' '.join(FLEET)}; do {upgrade} | grep -q '^Inst hero365-edge ' && echo $machine || :; done"
    return set(device.do(f"apt-get update >&2; {plan}").split())


def _refuses(device: Trixie, why: str) -> None:
    """Nothing of the repository gets onto the device, and apt says why."""
    done = device.run(INSTALL)
    assert done.returncode != 0
    assert why in done.stdout + done.stderr
    assert device.run("dpkg --status hero365-edge").returncode != 0


def _change(path: Path, what: str, to: str) -> None:
    text = path.read_text()
    assert what in text
    path.write_text(text.replace(what, to, 1))


def _version(device: Trixie) -> str:
    return device.do("dpkg-query --show --showformat '${Version}' hero365-edge")
