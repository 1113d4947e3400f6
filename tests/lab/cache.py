"""The lab's folder in the user's cache: what is built is kept there, and swept when nobody holds it any more."""

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = "held"


def cache() -> Path:
    """The folder, which is made if need be."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "hero365-edge" / "lab"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else is in such a block for the same folder, in no process; waits for its turn."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def held(folder: Path) -> Iterator[Path]:
    """The folder is not swept during the block, by no process; it may be held by several."""
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield folder


def sweep(folders: Iterable[Path]) -> None:
    """Remove those that nobody holds: built from other inputs, or left by a run that was killed."""
    for folder in folders:
        with (folder / _LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(folder)
