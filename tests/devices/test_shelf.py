"""A folder of speech: what a crash leaves of it, and what it does when it cannot be written."""

import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm
from hero365_edge.devices import shelf as module
from hero365_edge.devices.shelf import SET_ASIDE, FolderShelf

FRAME = np.arange(FRAME_SAMPLES).astype(np.int16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run" / "outbox"


def lasts(shelf: FolderShelf) -> bool:
    """Looked at anew each time, which type checkers do not expect of a property."""
    return shelf.lasts


def filled(folder: Path, name: str = "a", frames: int = 3) -> FolderShelf:
    shelf = FolderShelf(folder)
    for number in range(frames):
        shelf.add(name, FRAME, 100.0 + number * 0.02)
    return shelf


def test_nobody_else_can_read_what_was_said(folder: Path) -> None:
    filled(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in folder.iterdir()] == [0o600]


def test_no_descriptor_is_left_open_by_what_is_whole_or_removed(folder: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(50):
        shelf = filled(folder, f"u{number}")
        shelf.complete(f"u{number}")
        shelf.remove(f"u{number}")
        filled(folder, f"v{number}").remove(f"v{number}")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


VICTIM = """
import sys, time
from pathlib import Path
import numpy as np
from hero365_edge.devices.shelf import FolderShelf
shelf, number = FolderShelf(Path(sys.argv[1])), 0
began_at = time.monotonic()
while True:
    shelf.add("a", np.full(320, number, np.int16), time.monotonic())
    number += 1
    print(number, flush=True)
    time.sleep(max(0.0, began_at + number * 0.02 - time.monotonic()))
"""


def test_sigkill_at_any_moment_loses_nothing_that_was_added(folder: Path) -> None:
    dice = random.Random(365)  # noqa: S311  a moment to be repeated, not a secret
    for run in range(4):
        command = [sys.executable, "-c", VICTIM, str(folder / str(run))]
        victim = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  our own program
        assert victim.stdout is not None
        with victim:
            assert victim.stdout.readline()
            time.sleep(dice.uniform(0.05, 0.5))
            victim.send_signal(signal.SIGKILL)
            killed_at = time.monotonic()
            added = 1 + len(victim.stdout.read().split())
        [left] = FolderShelf(folder / str(run)).leftovers()
        assert len(left.pcm) >= added * FRAME_SAMPLES
        assert np.array_equal(left.pcm[::FRAME_SAMPLES], np.arange(len(left.pcm) // FRAME_SAMPLES))
        assert left.spoken_at is not None
        assert killed_at - left.spoken_at < 0.2
        assert not left.whole


@pytest.mark.parametrize("cut_bytes", [1, 2, 639, 640, 641])
def test_a_file_that_ends_in_the_middle_of_a_frame_is_read_up_to_there(folder: Path, cut_bytes: int) -> None:
    filled(folder)
    [path] = folder.iterdir()
    os.truncate(path, path.stat().st_size - cut_bytes)
    [left] = FolderShelf(folder).leftovers()
    assert len(left.pcm) == 3 * FRAME_SAMPLES - -(-cut_bytes // 2)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\n", b"\xff\xfe", b"no json\n", b"[]\n", b"null\n", b'"text"\n', b"{}\n", b"x" * 10_000),
        *(b'{"boot_id": "b", "began_at": "soon"}\n', b'{"boot_id": "b", "began_at": NaN}\n'),
        b"[" * 50_000 + b"\n",
        *(b'{"boot_id": "b", "began_at": null}\n', b'{"boot_id": "b"}\n', b'{"began_at": 1.0}\n'),
    ],
)
def test_what_makes_no_sense_is_set_aside_told_and_stops_nothing(
    folder: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    filled(folder, "good")
    (folder / "bad.open").write_bytes(content)
    assert [left.utterance_id for left in FolderShelf(folder).leftovers()] == ["good"]
    assert sorted(path.name for path in folder.iterdir()) == [SET_ASIDE, "good.open"]
    assert "set aside" in caplog.text
    caplog.clear()
    assert len(FolderShelf(folder).leftovers()) == 1
    assert caplog.text == "", "once is enough"


@pytest.mark.parametrize("name", ["a.txt", "open", ".open", "a b.open", "ä.whole", "x" * 65 + ".open"])
def test_what_is_not_ours_by_its_name_is_set_aside(folder: Path, name: str) -> None:
    filled(folder)
    (folder / name).write_bytes(b"{}")
    (folder / "link.open").symlink_to("/etc/hostname")
    assert len(FolderShelf(folder).leftovers()) == 1


def test_how_old_speech_of_before_the_computer_was_started_is_nobody_knows(folder: Path) -> None:
    filled(folder)
    [path] = folder.iterdir()
    head, _, sound = path.read_bytes().partition(b"\n")
    path.write_bytes(json.dumps({**json.loads(head), "boot_id": "another"}).encode() + b"\n" + sound)
    [left] = FolderShelf(folder).leftovers()
    assert left.spoken_at is None
    assert len(left.pcm) == 3 * FRAME_SAMPLES


# -- when it cannot be written -------------------------------------------------------------------------------------


def test_a_link_or_a_folder_that_others_may_write_is_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "file").write_bytes(b"")
    for name in ("link", "open", "file"):
        shelf = FolderShelf(tmp_path / name)
        shelf.add("a", FRAME, 1.0)
        assert not lasts(shelf)
        assert name in shelf.trouble
        assert shelf.leftovers() == []
    assert len(caplog.records) == 3
    assert not list((tmp_path / "elsewhere").iterdir())
    assert not list((tmp_path / "open").iterdir())


def test_a_folder_that_is_gone_is_told_once_and_stops_nothing(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    shelf = FolderShelf(folder)
    folder.rmdir()
    for number in range(50):
        shelf.add("a", FRAME, number * 0.02)
    shelf.complete("a")
    shelf.remove("a")
    assert not lasts(shelf)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    folder.mkdir(mode=0o700)
    shelf.add("b", FRAME, 1.0)
    assert lasts(shelf)
    assert [left.utterance_id for left in FolderShelf(folder).leftovers()] == ["b"]


def run_as_root(*command: str) -> None:
    subprocess.run(command, check=True)  # noqa: S603  these two, with our own folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small tmpfs to fill")
def test_a_full_disk_leaves_no_half_utterance_and_no_open_file(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    run_as_root("mount", "-t", "tmpfs", "-o", "size=64k,mode=0700", "tmpfs", str(small))
    try:
        shelf = FolderShelf(small)
        before = len(list(Path("/proc/self/fd").iterdir()))
        for number in range(500):
            shelf.add("a", FRAME, number * 0.02)
        assert not lasts(shelf)
        assert list(small.iterdir()) == [], "the beginning alone would be another utterance"
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        shelf.add("b", FRAME, 20.0)
        assert lasts(shelf)
        shelf.remove("b")
    finally:
        run_as_root("umount", "--lazy", str(small))


def test_the_longest_utterance_fits_and_nothing_reads_without_end(folder: Path) -> None:
    assert module.LONGEST_BYTES > 121 * 32_000
    filled(folder, frames=1)
    [path] = folder.iterdir()
    os.truncate(path, 50_000_000)
    [left] = FolderShelf(folder).leftovers()
    assert len(left.pcm) <= module.LONGEST_BYTES // 2


def test_a_frame_costs_next_to_nothing(tmp_path: Path) -> None:
    shelf = FolderShelf(Path("/dev/shm") / f"hero365-edge-test-{os.getpid()}")  # noqa: S108  as tmpfs as /run is
    took: list[float] = []
    pcm: Pcm = FRAME
    for number in range(1_000):
        began_at = time.perf_counter()
        shelf.add("a", pcm, number * 0.02)
        took.append(time.perf_counter() - began_at)
    shelf.remove("a")
    shelf._folder.rmdir()
    assert sorted(took)[500] < 0.001
