"""Clock, disk, realtime and power, with the figures of good and bad computers."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hero365_edge.cli.probes.computer import MADE, judge_clock, judge_folders, judge_power
from hero365_edge.cli.probes.finding import Verdict
from hero365_edge.errors import DeviceError
from tests.cli.probes.taking import taken


def test_a_clock_from_before_the_program_was_made_is_wrong_and_what_follows_is_told() -> None:
    finding = judge_clock(datetime(1970, 1, 1, tzinfo=UTC), MADE)
    assert finding.verdict is Verdict.FAIL
    assert "1970-01-01 00:00:00 UTC" in finding.text
    assert "not yet valid" in finding.text
    assert judge_clock(MADE, MADE).verdict is not Verdict.FAIL
    assert judge_clock(MADE - timedelta(seconds=1), MADE).verdict is Verdict.FAIL


async def test_the_clock_is_looked_at_for_real() -> None:
    finding, _ = await taken("clock")
    assert f"{datetime.now(UTC):%Y-%m-%d}" in finding.text


def test_a_folder_that_takes_a_file_is_good_and_left_as_it_was(tmp_path: Path) -> None:
    finding = judge_folders([tmp_path])
    assert finding.verdict is Verdict.OK
    assert f"{tmp_path} is writable, " in finding.text
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_yet_is_not_checked(tmp_path: Path) -> None:
    finding = judge_folders([tmp_path, tmp_path / "later"])
    assert finding.verdict is Verdict.NOT_CHECKED
    assert "later is not there yet" in finding.text


@pytest.mark.skipif(not Path("/dev/full").exists() or os.geteuid() != 0, reason="mounts need root")
@pytest.mark.parametrize(
    ("options", "reason"),
    [("size=4k", "takes nothing (No space left on device)"), ("size=1m", "has 1 MB left"), ("ro", "Read-only")],
)
def test_a_full_disk_and_a_read_only_one_are_failures(options: str, reason: str, tmp_path: Path) -> None:
    """On a real little file system, in a mount namespace of its own."""
    program = f"""
import subprocess, sys
from pathlib import Path
from hero365_edge.cli.probes.computer import judge_folders
from hero365_edge.errors import DeviceError
subprocess.run(["mount", "-t", "tmpfs", "-o", {options!r}, "tmpfs", {str(tmp_path)!r}], check=True)
try:
    if {options!r} == "size=4k":
        Path({str(tmp_path)!r}, "full").write_bytes(bytes(4096))
    judge_folders([Path({str(tmp_path)!r})])
except DeviceError as error:
    print(error)
"""
    command = ["unshare", "--mount", sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603  the text above
    if "unshare failed" in ended.stderr or "permission denied" in ended.stderr:
        pytest.skip("no mount namespaces here")
    assert reason in ended.stdout, ended.stderr


async def test_a_state_folder_that_takes_nothing_fails_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/proc/self/fdinfo")
    finding, code = await taken("disk")
    assert (finding.verdict, code) == (Verdict.FAIL, 1)
    assert "/proc/self/fdinfo takes nothing" in finding.text


async def test_realtime_is_tried_and_given_back() -> None:
    before = os.sched_getscheduler(0)
    finding, code = await taken("realtime")
    assert (finding.verdict in (Verdict.OK, Verdict.WARN), code) == (True, 0)
    assert os.sched_getscheduler(0) == before


@pytest.mark.parametrize(
    ("told", "verdict", "text"),
    [
        ("0", Verdict.OK, "neither low nor hot"),
        ("50005", Verdict.WARN, "the voltage is too low now, throttled now"),
        ("0x50000", Verdict.WARN, "not always since the last boot (0x50000)"),
        ("sorry", Verdict.NOT_CHECKED, "does not say"),
        (None, Verdict.NOT_CHECKED, "does not say"),
    ],
)
def test_the_firmwares_word_is_read(told: str | None, verdict: Verdict, text: str, tmp_path: Path) -> None:
    file = tmp_path / "get_throttled"
    if told is not None:
        file.write_text(f"{told}\n")
    finding = judge_power(file)
    assert finding.verdict is verdict
    assert text in finding.text


def test_a_folder_that_may_not_be_tried_says_who_can(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    try:
        finding = judge_folders([tmp_path, tmp_path / "inside"])
    finally:
        os.seteuid(me)
    assert finding.verdict is Verdict.NOT_CHECKED
    assert f"{tmp_path} cannot be tried by this user (sudo can)" in finding.text


def test_no_room_is_a_failure_of_its_own() -> None:
    with pytest.raises(DeviceError, match="takes nothing"):
        judge_folders([Path("/proc/self/fdinfo")])
