"""The package hero365-edge on a clean trixie: installing, using, upgrading, removing."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.packaging.conftest import NEW, OLD
from tests.packaging.shop import Shop
from tests.packaging.trixie import REPOSITORY, Trixie, on_host

pytestmark = pytest.mark.debian

SETTINGS = "/etc/hero365-edge/config.yaml"
PIECE = "/etc/hero365-edge/config.d/fleet.yaml"
STATE = "/var/lib/hero365-edge/something.json"

# Not the logs and lists of apt and dpkg; nor the copies of the user database that are made when a user is added: the
# user stays, as is Debian's custom.
EVERY_FILE = r"""
find / -xdev \( -path /proc -o -path /dev -o -path /run -o -path /tmp -o -path /var/cache/apt -o -path /var/lib/apt \
    -o -path /var/log -o -path /var/lib/dpkg -o -path '/etc/*shadow-' -o -name __pycache__ \) -prune -o -print | sort
"""
IMPORT_EVERYTHING = """
import importlib, pkgutil, hero365_edge
names = [module.name for module in pkgutil.walk_packages(hero365_edge.__path__, "hero365_edge.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""
# A daemon in the middle of a turn: it tells that it speaks, three times, and then that it is ready.
SPEAKING_DAEMON = """
import json, pathlib, socket
pathlib.Path("/run/hero365-edge").mkdir()
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind("/run/hero365-edge/control.sock")
    listener.listen()
    for state in ["speaking", "speaking", "speaking", "ready"]:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(json.dumps({"ok": True, "state": state}).encode() + b"\\n")
        print(state, flush=True)
"""


def test_apt_installs_it_on_a_machine_that_has_nothing(fresh: Trixie, shop: Shop) -> None:
    shop.introduce_to(fresh)

    fresh.do("apt-get update; apt-get install -y hero365-edge; hero365-edge --help")


def test_every_module_and_every_profile_of_a_board_is_in_the_package(old: Path) -> None:
    ours = ("git", "-c", f"safe.directory={REPOSITORY}")  # root runs this, and the folder may be somebody else's
    listed = on_host(*ours, "ls-files", "--cached", "--others", "--exclude-standard", "hero365_edge/*.py").stdout
    here = {name for name in listed.split() if (REPOSITORY / name).exists()}
    contents = on_host("dpkg-deb", "--contents", old).stdout.splitlines()
    packed = {line.rpartition("dist-packages/")[2] for line in contents}

    assert len(here) > 50
    assert here - packed == set()
    boards = {f"hero365_edge/{path.relative_to(REPOSITORY)}" for path in (REPOSITORY / "hardware/profiles").iterdir()}
    assert boards - packed == set()


def test_the_service_has_a_user_and_starts_with_the_machine(device: Trixie) -> None:
    groups = device.do("id --name --groups hero365-edge").split()
    enabled = device.do("systemctl is-enabled hero365-edge.service hero365-edge-provision.service")

    assert set(groups) >= {"hero365-edge", "audio", "gpio"}
    assert enabled.split() == ["enabled", "enabled"]
    device.do("systemd-analyze verify --man=no hero365-edge.service hero365-edge-provision.service")


def test_its_udev_rule_is_one(device: Trixie) -> None:
    device.do("apt-get install -y udev; udevadm verify /usr/lib/udev/rules.d/60-hero365-edge.rules")


def test_its_commands_work_on_what_debian_has(device: Trixie) -> None:
    device.do("hero365-edge --help")
    device.do("hero365-edge config validate")
    assert int(device.do(f"python3 -W ignore -c '{IMPORT_EVERYTHING}'")) > 50

    checked = device.run("hero365-edge check --json")
    findings = {finding["name"]: finding for finding in json.loads(checked.stdout)}

    # There are no sound cards, and there is no backend; every library is there.
    for library in ("opus", "mp3", "speech detector", "resampler", "portaudio"):
        assert findings[library]["verdict"] == "ok", findings[library]


def test_it_brings_its_manual_and_completes_its_commands(device: Trixie) -> None:
    manual = device.do("zcat /usr/share/man/man1/hero365-edge.1.gz")
    complete = "COMP_WORDS=(hero365-edge stat) COMP_CWORD=1; _hero365_edge; echo ${COMPREPLY[*]}"
    completed = device.do(f"bash -c '. /usr/share/bash-completion/completions/hero365-edge; {complete}'")

    assert ".SH NAME" in manual
    assert completed.split() == ["status"]


def test_the_service_may_read_its_settings_and_nobody_else_may_write_them(device: Trixie) -> None:
    device.do("setpriv --reuid hero365-edge --regid hero365-edge --init-groups hero365-edge config validate")
    assert device.do(f"stat --format '%U %G %a' {SETTINGS}").split() == ["root", "root", "644"]


def test_an_upgrade_keeps_edited_settings_and_asks_nothing(device: Trixie, shop: Shop, new: Path) -> None:
    edited = "audio: {output: {volume: 0.5}}\n"
    device.write(SETTINGS, edited)
    device.write(PIECE, "log: {level: debug}\n")
    shop.introduce_to(device)
    shop.offer([new])

    device.do("apt-get update; apt-get upgrade -y")

    assert _version(device) == NEW
    assert device.do(f"cat {SETTINGS}") == edited
    assert device.do(f"cat {PIECE}") == "log: {level: debug}\n"
    assert device.do("ls /etc/hero365-edge").split() == ["config.d", "config.yaml"]


def test_an_upgrade_waits_for_the_end_of_the_turn(device: Trixie, new: Path) -> None:
    device.write("/daemon.py", SPEAKING_DAEMON)

    said = device.do(
        "python3 /daemon.py & sleep 2; dpkg --install /new/hero365-edge_*.deb >&2; echo upgraded; kill $! || :",
        binds={new.parent: "/new"},
    )

    assert said.split() == ["speaking", "speaking", "speaking", "ready", "upgraded"]


def test_removing_it_keeps_settings_and_state(device: Trixie) -> None:
    device.write(SETTINGS, "audio: {output: {volume: 0.5}}\n")
    device.write(STATE, "{}")

    device.do("apt-get remove -y hero365-edge")

    assert device.do(f"cat {SETTINGS} {STATE}") == "audio: {output: {volume: 0.5}}\n{}"
    assert device.run("hero365-edge --help").returncode == 127


def test_purging_it_leaves_nothing(device: Trixie, bare: Trixie) -> None:
    device.write(SETTINGS, "audio: {output: {volume: 0.5}}\n")
    device.write(PIECE, "log: {level: debug}\n")
    device.write(STATE, "{}")
    device.write("/var/cache/hero365-edge/something.wav", "")
    device.write("/etc/credstore/hero365-edge.token", "secret")
    device.do("hero365-edge config validate")

    device.do("apt-get purge -y hero365-edge")

    before, after = (set(machine.do(EVERY_FILE).splitlines()) for machine in (bare, device))
    assert len(before) > 1000
    assert after - before == set()
    assert before - after == set()


def test_the_same_tree_gives_the_same_package_byte_for_byte(
    build: Callable[[str, Path], Path], old: Path, tmp_path: Path
) -> None:
    assert build(OLD, tmp_path).read_bytes() == old.read_bytes()


def _version(device: Trixie) -> str:
    return device.do("dpkg-query --show --showformat '${Version}' hero365-edge")
