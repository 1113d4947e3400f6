"""Sets up logging: for the journal when it reads standard error, else for a person; always scrubbed of secrets.

In the journal a record is one entry, however many lines it has, with its priority and where it came from as fields
(`journalctl -u hero365-edge LOGGER=hero365_edge.connection`). What a record was given as `extra={"fields": {...}}`
becomes fields too, named HERO365_EDGE_ and the name in capitals.
"""

import logging
import os
import sys
import threading
from collections.abc import Mapping
from functools import cache
from logging.handlers import DatagramHandler
from pathlib import Path
from typing import TextIO

from hero365_edge.fleet.secrets import Scrubbed, scrub

_PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
"""The numbers of syslog(3), which the journal reads from a `<n>` before each line (sd-daemon(3))."""

STDERR = 2
JOURNAL = Path("/run/systemd/journal/socket")
_IDENTIFIER = "hero365-edge"

_FOR_PEOPLE = logging.Formatter("%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")


_FOR_JOURNAL = logging.Formatter("%(name)s: %(message)s")  # no time: the journal has its own


class _Prefixed(logging.Formatter):
    """A priority before each line, for the journal that reads lines: a traceback keeps its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of `record`, each with its priority."""
        return "\n".join(f"<{_priority(record)}>{line}" for line in _FOR_JOURNAL.format(record).splitlines())


class _Journal(DatagramHandler):
    """A record as one entry with its fields (systemd's NATIVE_JOURNAL_PROTOCOL); as lines where that does not work.

    python3-systemd's own handler would put a record's arguments and its exception into fields past the scrubber.
    """

    def __init__(self, path: Path, lines: logging.Handler) -> None:
        super().__init__(str(path), None)
        self._lines = lines
        self.setFormatter(Scrubbed(_FOR_JOURNAL))

    def makePickle(self, record: logging.LogRecord) -> bytes:  # noqa: N802  the name by which the library calls it
        """The datagram."""
        fields = {
            "MESSAGE": self.format(record),
            "PRIORITY": _priority(record),
            "SYSLOG_IDENTIFIER": _IDENTIFIER,
            "LOGGER": record.name,
            "THREAD": record.threadName,
            "CODE_FILE": record.pathname,
            "CODE_LINE": record.lineno,
            "CODE_FUNC": record.funcName,
        }
        more = {f"HERO365_EDGE_{name.upper()}": value for name, value in getattr(record, "fields", {}).items()}
        return b"".join(_field(name, value) for name, value in {**fields, **more}.items() if value is not None)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the name by which the library calls it
        """The journal did not take it: it is restarting, or the record is longer than a datagram."""
        self._lines.handle(record)


def _field(name: str, value: object) -> bytes:
    """A length before the value, so that it may have lines."""
    content = scrub(str(value)).encode(errors="backslashreplace")
    return name.encode() + b"\n" + len(content).to_bytes(8, "little") + content + b"\n"


def _priority(record: logging.LogRecord) -> int:
    return _PRIORITIES.get(record.levelno, 5)


def set_up(level: str, environ: Mapping[str, str], stream: TextIO | None = None, journal: Path = JOURNAL) -> None:
    """Log to `stream` (standard error) from `level` on. Called again it replaces what it set up before."""
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old.formatter, Scrubbed)]:
        root.removeHandler(old)
        old.close()
    stream = _apart(stream or sys.stderr)
    handler: logging.Handler = logging.StreamHandler(stream)
    handler.setFormatter(Scrubbed(_FOR_PEOPLE))
    if _is_journal(stream, environ):
        handler.setFormatter(Scrubbed(_Prefixed()))
        handler = _Journal(journal, handler) if journal.is_socket() else handler
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
