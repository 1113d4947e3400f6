"""`hero365-edge logs`, reading from a program that stands in for journalctl."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hero365_edge.cli import main
from hero365_edge.cli.logs import UNIT, query

CANARY = "canary-in-the-journal"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings that name a token file."""
    (tmp_path / "token").write_text(CANARY)
    file = tmp_path / "config.yaml"
    file.write_text(f"backend: {{token_file: {tmp_path}/token}}\n")
    return file


@pytest.fixture
def journalctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a journalctl of these shell lines before the real one; it notes its arguments in the file returned."""

    def install(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        program, noted = folder / "journalctl", tmp_path / "noted"
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {noted}\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")  # by which `logs` finds journalctl
        return noted

    return install


def test_it_prints_the_units_entries_without_secrets(
    config: Path, journalctl: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    noted = journalctl(
        f"echo 'one {CANARY} two'; echo 'GET /ws?token=abc&user_id=1'; echo 'old eyJhbGciOiJI.eyJleHAiOjF9.c2ln'"
    )
    assert main(["logs", "--config", str(config), "-n", "7", "--since=-2h"]) == 0
    assert capsys.readouterr().out == "one *** two\nGET /ws?token=***&user_id=1\nold ***\n"
    assert noted.read_text().splitlines() == query(since="-2h", count=7)[1:]
    assert f"--unit={UNIT}" in query()


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        ([], ["--lines=200"]),
        (["--since", "today"], ["--since=today"]),
        (["-f"], ["--follow", "--lines=200"]),
        (["--since=--no-such-option"], ["--since=--no-such-option"]),
    ],
)
def test_what_is_asked_for_is_handed_on(
    options: list[str], asked: list[str], config: Path, journalctl: Callable[[str], Path]
) -> None:
    noted = journalctl("echo x")
    assert main(["logs", *options, "--config", str(config)]) == 0
    assert noted.read_text().splitlines()[3:] == asked


def test_without_journalctl_it_says_where_the_lines_are(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # a folder without any program
    assert main(["logs", "--config", str(config)]) == 1
    assert "there is no journal to read: journalctl cannot be run" in capsys.readouterr().err


def test_a_journal_that_cannot_be_read_fails_with_its_own_words(
    config: Path, journalctl: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    journalctl(f"echo 'Failed to parse timestamp: {CANARY}' >&2; exit 1")
    assert main(["logs", "--config", str(config), "--since", "nonsense"]) == 1
    assert capsys.readouterr().err == "hero365-edge: the journal cannot be read: Failed to parse timestamp: ***\n"


def test_an_empty_journal_is_told_and_so_is_one_that_may_not_be_seen(
    config: Path, journalctl: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    journalctl("echo '-- No entries --'; echo 'Hint: You are currently not seeing messages' >&2")
    assert main(["logs", "--config", str(config)]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Hint: You are currently not seeing messages" in printed.err
    assert "the journal has nothing of it" in printed.err


@pytest.mark.parametrize("lines", ["0", "-1", "all", "1.5"])
def test_a_number_of_lines_that_is_none_is_wrong_usage(lines: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["logs", f"--lines={lines}"])
    assert ended.value.code == 2


def test_following_prints_as_it_comes_and_ends_with_ctrl_c_leaving_nobody_behind(
    config: Path, journalctl: Callable[[str], Path], tmp_path: Path
) -> None:
    journalctl(f"echo $$ > {tmp_path}/pid; echo first; exec sleep 60")
    command = [sys.executable, "-m", "hero365_edge", "logs", "-f", "--config", str(config)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as following:  # noqa: S603  our own interpreter
        assert following.stdout is not None
        assert following.stdout.readline() == "first\n"
        following.send_signal(signal.SIGINT)
        assert following.communicate(timeout=10) == ("", "")
    assert following.returncode == 130
    pid = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 5
    while Path(f"/proc/{pid}/cmdline").exists() and time.monotonic() < until:
        time.sleep(0.05)  # /proc tells nobody that a process has ended, and this one is no child of ours
    assert not Path(f"/proc/{pid}/cmdline").exists()
