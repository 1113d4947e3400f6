"""What is on the disk while a file is written, and after."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hero365_edge.fleet.durable import erase, locked, make_folder, sweep, write_durably


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_new_content_takes_the_place_of_the_old_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "state"
    for content in (b"old and longer", b"new", b""):
        write_durably(path, content)
        assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


@pytest.mark.parametrize("wanted", [0o600, 0o640, 0o644])
def test_the_mode_is_the_one_asked_for_whatever_the_umask(wanted: int, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_durably(tmp_path / "state", b"x", wanted)
    finally:
        os.umask(before)
    assert mode(tmp_path / "state") == wanted


def test_the_owner_is_the_one_asked_for(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    write_durably(tmp_path / "state", b"x", owner=(1234, 2345))
    status = (tmp_path / "state").stat()
    assert (status.st_uid, status.st_gid) == (1234, 2345)


def test_a_write_that_fails_leaves_the_old_content_and_no_remains(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_durably(path, b"old")
    with pytest.raises(TypeError):
        write_durably(path, "not bytes")  # type: ignore[arg-type]  # any failure in the middle of it
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["state"]


def test_a_full_disk_is_told_and_leaves_the_old_content(tmp_path: Path) -> None:
    program = """
import resource, signal, sys
from pathlib import Path
from hero365_edge.fleet.durable import write_durably
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
write_durably(path, b"old")
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_durably(path, bytes(5000))
except OSError as error:
    sys.exit(0 if path.read_bytes() == b"old" and len(list(path.parent.iterdir())) == 1 else error.errno)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "state")]
    assert subprocess.run(command, check=False).returncode == 0  # noqa: S603  our own program


def test_the_order_is_write_sync_rename_sync_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the system calls themselves shows it: a power cut cannot be had in a unit test."""
    seen: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def watched_fsync(file: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(file).st_mode) else f"file of {os.fstat(file).st_size}"
        seen.append(f"sync {kind}")
        fsync(file)

    def watched_rename(self: Path, target: Path) -> Path:
        seen.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "rename", watched_rename)
    write_durably(tmp_path / "state", b"12345")
    assert seen == ["sync file of 5", "rename", "sync folder"]


def test_a_link_at_the_target_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "state").symlink_to(victim)
    write_durably(tmp_path / "state", b"x")
    assert victim.read_bytes() == b"mine"
    assert not (tmp_path / "state").is_symlink()


def test_erasing_overwrites_with_zeros_before_it_deletes(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"canary" * 20_000)
    (tmp_path / "other name").hardlink_to(path)  # what is left of the blocks
    erase(path)
    assert not path.exists()
    assert (tmp_path / "other name").read_bytes() == bytes(120_000)


def test_erasing_does_not_follow_a_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        erase(tmp_path / "link")
    assert (tmp_path / "victim").read_bytes() == b"mine"


def test_sweeping_takes_what_interrupted_writes_of_that_name_left_and_nothing_else(tmp_path: Path) -> None:
    for name in (".state.12345678.new", ".state.zz.new", "state", ".other.12345678.new", ".state.old"):
        (tmp_path / name).write_bytes(b"x")
    sweep(tmp_path / "state")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.12345678.new", ".state.old", "state"]


def test_a_folder_is_made_closed_and_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    make_folder(folder)
    assert mode(folder) == 0o700
    folder.chmod(0o750)
    make_folder(folder)
    assert mode(folder) == 0o750


def test_one_process_at_a_time_has_a_folder_locked(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from hero365_edge.fleet.durable import locked\n"
    program += "with locked(Path(sys.argv[1])): print('in', flush=True)"
    with locked(tmp_path):
        other = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE)  # noqa: S603  ours
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.7)
    assert other.communicate(timeout=10)[0] == b"in\n"
