"""The ignition: from power to the first turn, and power that goes away at any moment."""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hero365_edge.core.pcm import Pcm
from hero365_edge.core.secret import Secret
from tests.fleet import writing_all_the_time
from tests.lab.appliance import SHOP, UNIT, at_work, beside_a_backend
from tests.lab.machine import Machine
from tests.lab.pace import now, sleep
from tests.listening import words_of
from tests.packaging.shop import ENTRY_FILE, KEY_FILE

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

Speech = Callable[[str], Pcm]
Say = Callable[[str], None]

CANARY = "canary-5e1f6a02c7d94b3b"
IDENTITY = f"user_id: technician\nbusiness_id: business\ntoken: {CANARY}\n"
BOOT_FILE = "/boot/hero365-edge.yaml"
APT_LISTS = "/var/lib/apt/lists/_srv_hero365-edge_"
STAGES = {
    "systemd begins": r"systemd\[1\]: systemd .* running in system mode",
    "the boot partition was read": r"Finished hero365-edge-provision\.service",
    "the service is started": r"Starting hero365-edge\.service",
    "READY=1": r"Started hero365-edge\.service",
    "the microphone works": "the microphone works",
    "a session is on": "a session is on",
    "the first turn is answered": "turn answered",
}
POWER_CUTS = 50
LONGEST_S = 3.0
"""A power cut comes at most so long after the writing began."""


def test_from_the_first_ignition_to_the_first_turn(installed: Machine, speech: Speech, say: Say) -> None:
    """A card with a provisioning file on its boot partition, as ops hands it out."""
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    installed.put(IDENTITY, BOOT_FILE)
    with beside_a_backend(installed, answer_pcm=answer, pacing="1.5x", token=CANARY) as appliance:
        assert installed.run(f"systemctl is-enabled {UNIT}; sync").out == "enabled\n"
        installed.cut_power()
        installed.power_on()
        installed.plug_usb()
        appliance.a_turn_works(words, answer)
        journal = installed.journal(None, "--boot")
        assert appliance.show("NRestarts") == "0"
        assert installed.run(f"test -e {BOOT_FILE}", check=False).code != 0, "it is used once"
        assert f"{Secret(CANARY).fingerprint} (fingerprint)" in installed.run("hero365-edge identity show").out
    found = {stage: re.search(rf"\[ *([\d.]+)\].*{pattern}", journal) for stage, pattern in STAGES.items()}
    told = "; ".join(f"{float(at[1]):.1f} {stage}" for stage, at in found.items() if at)
    say(f"lab: seconds after the kernel began: {told}")
    assert all(found.values()), found


def test_power_that_goes_away_at_any_moment_leaves_identity_and_state_whole(
    installed: Machine, tmp_path: Path, say: Say
) -> None:
    """The last number that came over the network was told after its change was on the disk for good."""
    installed.put(Path(writing_all_the_time.__file__), "/root/writing.py")
    installed.run("mkdir /root/kept; sync")
    installed.snapshot("before-the-cuts")
    chance, changes, started_at = random.Random(365), [], now()  # noqa: S311  a plan, no secret
    for cut in range(POWER_CUTS):
        installed.restore("before-the-cuts")
        with installed.far_listener() as listener:
            port = listener.getsockname()[1]
            writer = f"exec python3 /root/writing.py write /root/kept >/dev/tcp/lab-backend/{port} 2>/root/error"
            installed.run(f"setsid bash -c '{writer}' </dev/null >/dev/null 2>&1 &")
            listener.settimeout(60.0)
            numbers, _ = listener.accept()
            with numbers:
                numbers.settimeout(60.0)
                told = numbers.recv(64)  # it has begun
                sleep(LONGEST_S * chance.random())
                installed.cut_power()
                numbers.settimeout(0.2)
                try:
                    while more := numbers.recv(65536):
                        told += more
                except TimeoutError:
                    pass
        left = tmp_path / str(cut)
        left.mkdir()
        installed.left_on_disk("/root/kept", left)
        acknowledged = int(told.split(b"\n")[-2])
        changes.append(acknowledged)
        assert writing_all_the_time.judge(left / "kept", acknowledged) == [], f"cut {cut}, after {acknowledged}"
    say(
        f"lab: {POWER_CUTS} power cuts after {min(changes)} to {max(changes)} changes: all whole; "
        f"in {now() - started_at:.0f} s"
    )


SETTINGS = "{log: {level: debug, transcripts: true}, backend: {reconnect_spread_s: 0}}\n"


def test_a_token_is_found_nowhere_but_in_its_file(installed: Machine, speech: Speech, say: Say) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    installed.put(SETTINGS, "/etc/hero365-edge/config.d/60-debug.yaml")
    installed.run("hero365-edge provision --stdin", stdin=IDENTITY.encode())
    with at_work(installed, answer_pcm=answer, pacing="1.5x", token=CANARY) as appliance:
        appliance.a_turn_works(words, answer)
        appliance.backend.drop_links()
        appliance.ready()
        for what in ("status", "status --json", "check", "identity show"):
            installed.run(f"hero365-edge {what}", check=False)
        installed.run("hero365-edge bundle --out /root/bundle.tar.gz && mkdir /root/bundle", check=False)
        installed.run("tar -xf /root/bundle.tar.gz -C /root/bundle", check=False)
        installed.run(f"cat /proc/{appliance.pid}/cmdline /proc/{appliance.pid}/environ >/root/proc")
        installed.run(f"kill -ABRT {appliance.pid}; sleep 3")  # a crash shows its stacks, and leaves no core
        installed.run("journalctl --output=export >/root/journal")
    search = "cat >/dev/shm/pattern; grep -rlaFf /dev/shm/pattern /boot /etc /home /opt /root /run /srv /tmp /var"
    found = installed.run(search, stdin=CANARY.encode()).out
    size = installed.run("du -ch /root/journal /root/bundle | tail -1").out.split()[0]
    say(f"lab: the token is in {found.split()}, and not in {size} of journal and bundle")
    assert [name.startswith("/var/lib/hero365-edge/") for name in found.split()] == [True]


def test_purging_it_leaves_nothing(installed: Machine) -> None:
    installed.run(f"systemctl start {UNIT}; sleep 3; DEBIAN_FRONTEND=noninteractive apt-get purge -y hero365-edge")
    places = "/etc /opt /run /srv /tmp /usr /var/cache /var/lib /var/log /var/tmp"
    left = installed.run(f"find {places} -xdev -iname '*hero365*' -not -path '/var/lib/dpkg/*'").out
    # The lab's own: its drop-in, and the repository with how it is known. APT_LISTS is what apt remembers of that.
    of_the_lab = ("/etc/systemd/system/hero365-edge.service.d", SHOP.rstrip("/"), KEY_FILE, ENTRY_FILE, APT_LISTS)
    assert [name for name in left.split() if not name.startswith(of_the_lab)] == []
    assert installed.run("pgrep -u hero365-edge", check=False).code != 0
