"""One suite for every supervisor: systemd (a real notification socket and systemd-python), and the fake."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from hero365_edge.devices.supervisor import supervisor
from hero365_edge.fakes.supervisor import FakeSupervisor
from hero365_edge.supervisor_ports import Supervisor

Rig: TypeAlias = tuple[Supervisor, Callable[[], list[str]]]


@pytest.fixture(params=["fake", "systemd"])
def rig(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    """A supervisor that waits eight seconds at the most, and what it has heard so far."""
    if request.param == "fake":
        fake = FakeSupervisor(watchdog_s=8.0)
        yield fake, lambda: fake.heard
        return
    pytest.importorskip("systemd.daemon")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        # The C library reads the process's own environment, so that is where the socket must be named.
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "8000000"}
        heard: list[str] = []

        def so_far() -> list[str]:
            while True:
                try:
                    heard.append(listener.recv(4096).decode().partition("\nMONOTONIC_USEC=")[0])
                except BlockingIOError:
                    return heard

        yield supervisor(environ), so_far


def test_what_is_said_is_heard_in_order(rig: Rig) -> None:
    said, heard = rig
    said.status("starting")
    said.ready()
    said.alive()
    said.hung()
    said.reloading()
    said.ready()
    said.stopping()
    assert heard() == [
        *("STATUS=starting", "READY=1", "WATCHDOG=1", "WATCHDOG=trigger", "RELOADING=1", "READY=1", "STOPPING=1")
    ]


def test_a_status_stays_one_line_so_that_it_cannot_say_anything_else(rig: Rig) -> None:
    said, heard = rig
    said.status("no microphone\nREADY=1")
    assert heard() == ["STATUS=no microphone READY=1"]


def test_a_status_may_hold_any_script(rig: Rig) -> None:
    said, heard = rig
    said.status("Straße 車")
    assert heard() == ["STATUS=Straße 車"]


def test_it_tells_how_long_it_waits_to_be_fed(rig: Rig) -> None:
    assert rig[0].watchdog_s == 8.0
