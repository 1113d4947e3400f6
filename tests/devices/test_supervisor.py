"""Which supervisor there is, and systemd's particulars; what all supervisors share is in contract/."""

import logging
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from hero365_edge.devices.supervisor import NoSupervisor, SystemdSupervisor, supervisor
from hero365_edge.errors import ConfigError, DeviceError
from hero365_edge.supervisor_ports import Supervisor


def test_without_a_notification_socket_there_is_nobody_and_everything_may_be_said() -> None:
    nobody: Supervisor = supervisor({"WATCHDOG_USEC": "8000000"})
    assert isinstance(nobody, NoSupervisor)
    assert nobody.watchdog_s is None
    nobody.ready()
    nobody.status("text")
    nobody.alive()
    nobody.reloading()
    nobody.stopping()


@pytest.mark.parametrize(
    ("variables", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "15000000"}, 15.0),
        ({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "15000000", "WATCHDOG_PID": "1"}, None),
    ],
)
def test_the_watchdogs_time_is_told_if_it_watches_this_process(
    variables: dict[str, str], watchdog_s: float | None
) -> None:
    pytest.importorskip("systemd.daemon")
    assert supervisor({"NOTIFY_SOCKET": "/nowhere", **variables}).watchdog_s == watchdog_s


@pytest.mark.parametrize("wrong", ["soon", "-1", "0", "1.5"])
def test_a_watchdog_time_that_is_none_is_refused(wrong: str) -> None:
    pytest.importorskip("systemd.daemon")
    with pytest.raises(ConfigError, match="WATCHDOG_USEC"):
        supervisor({"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": wrong})


def test_a_missing_library_is_named_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "systemd.daemon", None)  # Python's own way to make an import fail
    with pytest.raises(DeviceError, match="apt install python3-systemd"):
        supervisor({"NOTIFY_SOCKET": "/nowhere"})


def test_reloading_carries_the_time_that_notify_reload_wants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("systemd.daemon")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))  # the C library reads it there
        before = time.monotonic_ns() // 1000
        supervisor(os.environ).reloading()
        reloading, stamp = listener.recv(4096).decode().split("\n")
    assert reloading == "RELOADING=1"
    assert before <= int(stamp.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


def test_systemd_that_cannot_be_told_is_a_warning_once_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    answers = [OSError("gone"), OSError("gone"), True, OSError("gone")]

    def notify(_: str) -> object:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    said = SystemdSupervisor(notify, None)
    with caplog.at_level(logging.DEBUG):
        for _ in range(4):
            said.alive()
    assert [record.levelname for record in caplog.records] == ["WARNING", "DEBUG", "WARNING"]
