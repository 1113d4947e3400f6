"""The service of the pip road under bookworm's own systemd (252): every line of the unit in force, faults included."""

import json
import time
from collections.abc import Callable

import pytest

from tests.bookworm.conftest import Container

pytestmark = pytest.mark.debian

CALLS = """
from hero365_edge.devices import realtime
realtime.arm()
realtime.raise_this_thread()
print(realtime.is_realtime(0))
realtime.tame()
print(realtime.is_realtime(0))
"""
SETTINGS = "/etc/hero365-edge/config.d/test.yaml"


def wait(booted: Container, true: Callable[[], bool], limit_s: float = 30.0) -> float:
    """Wait for something; how long it took."""
    begin = time.monotonic()
    while not true():
        assert time.monotonic() - begin < limit_s, booted.run("systemctl status hero365-edge").stdout
        time.sleep(0.1)
    return time.monotonic() - begin


def is_active(booted: Container) -> bool:
    return booted.show("ActiveState") == "active" and booted.run("hero365-edge status --json").returncode == 0


@pytest.fixture(autouse=True)
def _runs(booted: Container) -> None:
    booted.do(f"rm -f {SETTINGS}; systemctl reset-failed hero365-edge || true; systemctl start hero365-edge")
    wait(booted, lambda: is_active(booted))


def test_it_is_ready_without_network_cards_gpio_or_token_and_says_what_is_missing(booted: Container) -> None:
    assert booted.do("systemctl is-system-running").strip() == "running"
    assert booted.show("SubState") == "running"
    wait(booted, lambda: "microphone 'default' is not there" in booted.show("StatusText"))
    status = json.loads(booted.do("hero365-edge status --json"))
    assert status["link"]["state"] in ("offline", "connecting")


def test_a_member_of_its_group_may_ask_it_and_others_may_not(booted: Container) -> None:
    booted.do("id tester || useradd tester; usermod -G '' tester")
    ask = "setpriv --reuid=tester --regid=tester --init-groups hero365-edge status"
    refused = booted.run(ask)
    assert refused.returncode == 1
    assert "join the group hero365-edge" in refused.stderr
    booted.do("usermod -G hero365-edge tester")
    booted.do(ask)


def test_it_runs_without_any_privilege_and_without_a_core_file(booted: Container) -> None:
    process = booted.do("cat /proc/$(systemctl show hero365-edge --value --property=MainPID)/status")
    facts = dict(line.split(":\t", 1) for line in process.splitlines() if ":\t" in line)
    assert {int(facts[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert facts["NoNewPrivs"] == "1"
    assert facts["Seccomp"] == "2"
    assert facts["Uid"].split()[0] != "0"
    assert booted.show("LimitCORE") == "0"


def test_the_filter_lets_the_audio_thread_have_its_priority_and_lose_it_again(booted: Container) -> None:
    """As root, for this container may not raise LimitRTPRIO=; the filter is the unit's, and is asked about alone."""
    unit = booted.do("systemctl cat hero365-edge").splitlines()
    filters = " ".join(f"--property='{line}'" for line in unit if line.startswith("SystemCall"))
    called = booted.do(
        f"systemd-run --quiet --pipe --wait {filters} --property=MemoryDenyWriteExecute=yes"
        f" /opt/hero365-edge/bin/python -c '{CALLS}'"
    )
    assert called.split() == ["True", "False"]


def test_a_credential_is_read_when_there_is_one(booted: Container) -> None:
    booted.do("mkdir -p -m 700 /etc/credstore; echo s3cr3t-t0ken >/etc/credstore/hero365-edge.token")
    try:
        booted.do("systemctl restart hero365-edge")
        wait(booted, lambda: is_active(booted))
        inside = "nsenter --mount --target $(systemctl show hero365-edge --value --property=MainPID)"
        read = booted.do(f"{inside} cat /run/credentials/hero365-edge.service/hero365-edge.token")
        assert read.strip() == "s3cr3t-t0ken"
        status = json.loads(booted.do("hero365-edge status --json"))
        assert "token" not in status["why"]
        assert "s3cr3t" not in booted.do("journalctl --unit=hero365-edge")
    finally:
        booted.do("rm /etc/credstore/hero365-edge.token")


def test_a_crash_is_mended_and_what_the_runtime_folder_holds_survives_it_and_a_restart_but_no_stop(
    booted: Container,
) -> None:
    first = booted.show("MainPID")
    booted.do("touch /run/hero365-edge/kept; kill -KILL $(systemctl show hero365-edge --value --property=MainPID)")
    took = wait(booted, lambda: is_active(booted) and booted.show("MainPID") != first)
    assert took < 10
    booted.do("test -e /run/hero365-edge/kept; systemctl restart hero365-edge; test -e /run/hero365-edge/kept")
    booted.do("systemctl stop hero365-edge; ! test -e /run/hero365-edge")


def test_settings_are_read_again_on_reload(booted: Container) -> None:
    booted.do(f"echo 'audio: {{output: {{volume: 0.25}}}}' >{SETTINGS}; systemctl reload hero365-edge")
    wait(booted, lambda: "25" in booted.do("hero365-edge volume"))


def test_a_wrong_setting_ends_it_for_good_with_78(booted: Container) -> None:
    booted.do(f"echo 'audio: {{loudness: 3}}' >{SETTINGS}")
    assert booted.run("systemctl restart hero365-edge").returncode != 0
    wait(booted, lambda: booted.show("ActiveState") == "failed")
    assert booted.show("ExecMainStatus") == "78"
    time.sleep(2)  # RestartSec=1
    assert booted.show("ActiveState") == "failed"
    assert "audio.loudness" in booted.do("journalctl --unit=hero365-edge --lines=20")


def test_a_process_that_stands_still_is_replaced_by_the_watchdog(booted: Container) -> None:
    first = booted.show("MainPID")
    booted.do(f"kill -STOP {first}")
    took = wait(booted, lambda: is_active(booted) and booted.show("MainPID") != first, limit_s=40)
    assert 12 < took < 25


def test_installing_while_it_runs_restarts_it_and_removing_stops_it(booted: Container) -> None:
    first = booted.show("MainPID")
    assert "systemctl restart" in booted.do("hero365-edge install-service")
    wait(booted, lambda: is_active(booted))
    second = booted.show("MainPID")
    assert second != first
    booted.do("/opt/hero365-edge/bin/hero365-edge install-service --remove")
    assert booted.show("LoadState") == "not-found"
    booted.do(f"! test -e /proc/{second}")
    told = booted.do("/opt/hero365-edge/bin/hero365-edge install-service --no-start")
    assert "systemctl start hero365-edge.service" in told
    assert booted.show("ActiveState") == "inactive"


def test_it_stops_within_the_time_it_has(booted: Container) -> None:
    begin = time.monotonic()
    booted.do("systemctl stop hero365-edge")
    assert time.monotonic() - begin < 5.5
    assert booted.show("Result") == "success"
