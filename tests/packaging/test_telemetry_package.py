"""The package hero365-edge-telemetry on a trixie that has the appliance."""

from pathlib import Path

import pytest

from tests.packaging.conftest import NEW, OLD
from tests.packaging.shop import Shop
from tests.packaging.trixie import Trixie

pytestmark = pytest.mark.debian

ENVIRONMENT = "/etc/hero365-edge-telemetry/environment"


def installed(device: Trixie, old: Path) -> None:
    """The package of the same build, with what it depends on."""
    device.do("apt-get install -y /old/hero365-edge-telemetry_*.deb", binds={old.parent: "/old"})


def test_it_brings_vmagent_as_its_unit_wants_it_and_leaves_the_store_alone(device: Trixie, old: Path) -> None:
    installed(device, old)

    assert device.do("systemctl is-enabled hero365-edge-telemetry.service").split() == ["enabled"]
    device.do("systemd-analyze verify --man=no hero365-edge-telemetry.service")
    known = device.do("vmagent -help 2>&1 || :")
    unit = device.do("sed -n '/^ExecStart=/,/[^\\\\]$/p' /usr/lib/systemd/system/hero365-edge-telemetry.service")
    used = {word.lstrip("-").partition("=")[0] for word in unit.split() if word.startswith("-")}
    assert len(used) > 5
    assert [flag for flag in used if f"\n  -{flag} " not in known and f"\n  -{flag}\n" not in known] == []
    device.do("systemd-analyze verify --man=no victoria-metrics.service")
    condition = device.do("cat /usr/lib/systemd/system/victoria-metrics.service.d/*.conf")
    assert condition.endswith("\nConditionPathExists=!/usr/lib/systemd/system/hero365-edge-telemetry.service\n")


def test_the_appliance_serves_its_metrics_then_and_not_before(device: Trixie, old: Path) -> None:
    listen = "hero365-edge config show --json | python3 -c 'import json, sys; print(json.load(sys.stdin))'"
    assert "127.0.0.1:9365" not in device.do(listen)
    installed(device, old)
    assert "127.0.0.1:9365" in device.do(listen)


def test_an_edited_environment_survives_and_a_purge_leaves_no_credential(device: Trixie, old: Path) -> None:
    installed(device, old)
    device.write(ENVIRONMENT, "remoteWrite_url=https://metrics.example.com/api/v1/write\n")
    device.write("/etc/credstore/hero365-edge-telemetry.token", "secret")
    device.do("apt-get install -y --reinstall /old/hero365-edge-telemetry_*.deb", binds={old.parent: "/old"})
    assert "metrics.example.com" in device.do(f"cat {ENVIRONMENT}")

    device.do("apt-get purge -y hero365-edge-telemetry")

    left = device.do("ls -d /etc/hero365-edge-telemetry /etc/credstore/hero365-edge-telemetry.token 2>&1 || :")
    assert left.count("cannot access") == 2


def test_a_rollout_in_steps_and_the_way_back_take_both_packages(
    device: Trixie, shop: Shop, old: Path, new: Path
) -> None:
    installed(device, old)
    shop.introduce_to(device)
    telemetry = [next(each.parent.glob("hero365-edge-telemetry_*.deb")) for each in (old, new)]

    shop.offer([new, *telemetry], "--phased", "0")
    device.do("apt-get update; apt-get upgrade -y --with-new-pkgs")
    assert versions(device) == [OLD, OLD]
    shop.offer([])
    device.do("apt-get update; apt-get upgrade -y --with-new-pkgs")
    assert versions(device) == [NEW, NEW]
    device.do(f"apt-get install -y --allow-downgrades hero365-edge={OLD} hero365-edge-telemetry={OLD}")
    assert versions(device) == [OLD, OLD]


def versions(device: Trixie) -> list[str]:
    """Of the appliance and of what sends its metrics."""
    return device.do("dpkg-query --show --showformat '${Version}\\n' hero365-edge hero365-edge-telemetry").split()
