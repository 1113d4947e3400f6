"""The journal sent to the fleet by systemd's own tools, as in docs/remote-support.md: on loopback, over TLS."""

import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.authority import Authority
from tests.scraping import free_port

TOOLS = Path("/lib/systemd")
UPLOAD, REMOTE = TOOLS / "systemd-journal-upload", TOOLS / "systemd-journal-remote"
pytestmark = pytest.mark.skipif(
    not UPLOAD.exists() or shutil.which("journalctl") is None, reason="systemd-journal-remote is missing"
)

MACHINE = "0123456789abcdef0123456789abcdef"
START_S = 10.0


def turn(number: int) -> str:
    """What the daemon writes at the end of a turn, in journald's export format."""
    at_us = 1_790_000_000_000_000 + 1_000_000 * number
    fields = {
        "__REALTIME_TIMESTAMP": at_us,
        "__MONOTONIC_TIMESTAMP": at_us - 1_789_999_000_000_000,
        "_BOOT_ID": MACHINE[::-1],
        "_MACHINE_ID": MACHINE,
        "_HOSTNAME": "van-17",
        "_SYSTEMD_UNIT": "hero365-edge.service",
        "PRIORITY": 6,
        "HERO365_EDGE_TURN": "answered",
        "MESSAGE": f"turn {number} answered",
    }
    return "".join(f"{name}={value}\n" for name, value in fields.items()) + "\n"


class Van:
    """A device's journal, and what it shows the fleet."""

    def __init__(self, folder: Path, authority: Authority, url: str) -> None:
        self._folder = folder
        self._url = url
        self._trust = authority.root.file
        self.shows = authority.sign("van", "van-17").file
        self.journal = folder / "journal"
        self.journal.mkdir()

    def says(self, *numbers: int) -> None:
        """Write entries into its journal."""
        file = self.journal / "device.journal"
        entries = "".join(map(turn, numbers))
        subprocess.run([REMOTE, f"--output={file}", "-"], input=entries, text=True, check=True, capture_output=True)  # noqa: S603  systemd's own

    def upload(self) -> int:
        """Send what was not sent yet; the exit code."""
        state = self._folder / "state"
        keys = [f"--key={self.shows}", f"--cert={self.shows}", f"--trust={self._trust}"]
        what = [f"--directory={self.journal}", f"--save-state={state}", "--follow=no"]
        command = [str(UPLOAD), f"--url={self._url}", *keys, *what]
        return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode  # noqa: S603  systemd's own


class Office:
    """Where the journals of the fleet are kept."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder)
        self.port = free_port()
        self.shows = authority.sign("office", "localhost").file
        self.journals = folder / "remote"
        self.journals.mkdir()
        self.van = Van(folder, authority, f"https://localhost:{self.port}")

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """It takes what comes."""
        keys = [f"--key={self.shows}", f"--cert={self.shows}"]
        command = [str(REMOTE), f"--listen-https=127.0.0.1:{self.port}", f"--output={self.journals}", *keys]
        taking = subprocess.Popen(command, stderr=subprocess.PIPE)  # noqa: S603  systemd's own
        try:
            self._wait(taking)
            yield
        finally:
            taking.terminate()
            taking.communicate(timeout=START_S)

    def _wait(self, taking: "subprocess.Popen[bytes]") -> None:
        for _ in range(round(START_S / 0.05)):
            assert taking.poll() is None, taking.communicate()[1]
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise TimeoutError("it does not listen")

    def read(self) -> list[str]:
        """The messages of turns that were answered, as support asks for them."""
        command = ["journalctl", f"--directory={self.journals}", "--output=json", "HERO365_EDGE_TURN=answered"]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  as above
        return [json.loads(line)["MESSAGE"] for line in told.splitlines() if line.startswith("{")]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_what_a_van_wrote_while_the_office_was_away_arrives_in_order_when_it_is_back(office: Office) -> None:
    van = office.van
    van.says(1, 2)
    assert van.upload() != 0, "nobody listens"
    with office.open():
        assert van.upload() == 0
    van.says(3)
    with office.open():
        assert van.upload() == 0
    read = office.read()
    assert list(dict.fromkeys(read)) == ["turn 1 answered", "turn 2 answered", "turn 3 answered"]
    assert len(read) <= 4, "systemd 252 begins with the last entry that it sent before; no more is sent twice"


def test_a_van_gives_its_journal_to_nobody_whom_its_authority_does_not_know(office: Office, tmp_path: Path) -> None:
    office.van.says(1)
    office.shows = Authority(tmp_path, "others").sign("stranger", "localhost").file
    with office.open():
        assert office.van.upload() != 0
    assert office.read() == []
