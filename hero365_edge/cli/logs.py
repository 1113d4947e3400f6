"""Sets up logging: for the journal when it reads standard error, else for a person; always scrubbed of secrets."""

import logging
import os
import sys
import threading
from collections.abc import Mapping
from functools import cache
from typing import TextIO

from hero365_edge.fleet.secrets import Scrubbed

_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""The numbers of syslog(3), which the journal reads from a `<n>` before each line (sd-daemon(3))."""

STDERR = 2

_FOR_PEOPLE = logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")


class _ForJournal(logging.Formatter):
    """No time (the journal has its own) and a priority before each line: a traceback keeps its own."""

    def __init__(self) -> None:
        super().__init__("%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The lines of `record`, each with its priority."""
        prefix = f"<{_PRIORITIES.get(record.levelno, 5)}>"
        return "\n".join(prefix + line for line in super().format(record).splitlines())


def set_up(level: str, environ: Mapping[str, str], stream: TextIO | None = None) -> None:
    """Log to `stream` (standard error) from `level` on. Called again it replaces what it set up before."""
    stream = _apart(stream or sys.stderr)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Scrubbed(_ForJournal() if _is_journal(stream, environ) else _FOR_PEOPLE))
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old.formatter, Scrubbed)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    # At DEBUG it logs every header and the request path; the scrubber would mask them, but twice is better.
    logging.getLogger("websockets").setLevel(max(logging.INFO, root.level))
    # A line that cannot be formatted is otherwise printed raw, arguments and all, past the scrubber.
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    threading.excepthook = _log_dead_thread
    sys.unraisablehook = _log_unraisable


def _log_dead_thread(died: threading.ExceptHookArgs) -> None:
    """A thread that dies says so in the log (scrubbed), not on bare standard error."""
    if died.exc_value is not None:
        name = died.thread.name if died.thread else "?"
        logging.getLogger(__name__).error("thread %s died", name, exc_info=died.exc_value)


def _log_unraisable(lost: "sys.UnraisableHookArgs") -> None:
    """An exception that nobody can catch, in a finalizer for one, is told in the log too."""
    if lost.exc_value is not None:
        what = lost.err_msg or "exception ignored in"
        logging.getLogger(__name__).error("%s: %r", what, lost.object, exc_info=lost.exc_value)


def _apart(stream: TextIO) -> TextIO:
    """Standard error by a descriptor of its own; any other stream as it is.

    `devices/quiet.py` turns descriptor 2 away while a sound card is opened, and no line may be lost meanwhile.
    """
    try:
        return _standard_error() if stream.fileno() == STDERR else stream
    except (OSError, ValueError):  # a stream without a file descriptor
        return stream


@cache
def _standard_error() -> TextIO:
    """Made once, when the program begins: later, descriptor 2 may be turned away just then."""
    return os.fdopen(os.dup(STDERR), "w", buffering=1, errors="backslashreplace", closefd=False)


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the journal is at the other end: JOURNAL_STREAM names its device and inode (systemd.exec(5)).

    The variable alone is not enough: a shell started from a service inherits it.
    """
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):  # a stream without a file descriptor
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
