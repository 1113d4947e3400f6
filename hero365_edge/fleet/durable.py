"""Files that are whole after a power cut: the old content or the new one, never a piece, and never an empty file.

Ignition power goes away without notice. Of the ways to write a file, only this one survived every simulated cut:
temporary file, fsync, rename, fsync of the folder.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

Owner: TypeAlias = tuple[int, int]
"""User and group by number."""

_UNFINISHED = ".new"


def write_durably(path: Path, content: bytes, mode: int = 0o600, owner: Owner | None = None) -> None:
    """Put `content` at `path`; when this returns, a power cut leaves the new content, and before that, the old.

    `mode` holds whatever the umask is; `owner` None leaves the file to who writes it. Raises OSError, and then the
    old content is untouched. A power cut may leave a `.NAME.*.new` beside it: `sweep` takes it away.
    """
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_UNFINISHED}")
    file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(file, "wb") as writing:
            os.fchmod(writing.fileno(), mode)
            if owner is not None:
                os.fchown(writing.fileno(), *owner)
            writing.write(content)
            writing.flush()
            os.fsync(writing.fileno())
        unfinished.rename(path)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
    sync_folder(path.parent)


def erase(path: Path) -> None:
    """Overwrite a file with zeros, and delete it once they are on the disk. Raises OSError; links are not followed.

    A flash card keeps what it likes of old blocks: this is the best a program can do, not a promise.
    """
    file = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(file, "wb", buffering=0) as writing:
        left = os.fstat(file).st_size
        while left:
            left -= writing.write(bytes(min(left, 65536)))
        os.fsync(file)
    path.unlink()
    sync_folder(path.parent)


def sweep(path: Path) -> None:
    """Erase what interrupted writes of `path` left behind. Only for who knows that nobody writes it just now."""
    for unfinished in sorted(path.parent.glob(f".{path.name}.*{_UNFINISHED}")):
        erase(unfinished)


def sweep_folder(folder: Path) -> None:
    """Delete what interrupted writes of any file in `folder` left behind. Only for who alone writes there."""
    for unfinished in folder.glob(f".*{_UNFINISHED}"):
        unfinished.unlink()


def make_folder(folder: Path, mode: int = 0o700, owner: Owner | None = None) -> None:
    """Make `folder`, unless it is there, in which case nothing about it is changed. Raises OSError."""
    try:
        folder.mkdir(mode)
    except FileExistsError:
        return
    if owner is not None:
        os.chown(folder, *owner)
    sync_folder(folder.parent)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Be the only process that has `folder` locked; waits for another one. Raises OSError."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def sync_folder(folder: Path) -> None:
    """Bring names to the disk: made, changed and taken away ones. Raises OSError."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
