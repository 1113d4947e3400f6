"""Whoever started the daemon: systemd over its notification socket (systemd-python), or nobody."""

import logging
import os
import time
from collections.abc import Callable, Mapping

from hero365_edge.errors import ConfigError, DeviceError
from hero365_edge.supervisor_ports import Supervisor

_log = logging.getLogger(__name__)


def supervisor(environ: Mapping[str, str]) -> Supervisor:
    """systemd when NOTIFY_SOCKET is set, else nobody.

    Raises DeviceError when systemd waits for a notification that cannot be sent.
    """
    if not environ.get("NOTIFY_SOCKET"):
        return NoSupervisor()
    try:
        from systemd.daemon import notify  # noqa: PLC0415  needed only here, and absent where there is no systemd
    except ImportError as error:
        raise DeviceError(
            "systemd waits for a notification, but Python's systemd library is missing: "
            "apt install python3-systemd, or pip install 'hero365-edge[pi]'"
        ) from error
    return SystemdSupervisor(notify, _watchdog_s(environ))


class NoSupervisor:
    """Nobody listens and nobody watches."""

    watchdog_s: float | None = None

    def ready(self) -> None:
        """Nobody to tell."""

    def status(self, text: str) -> None:
        """Nobody to tell."""

    def alive(self) -> None:
        """Nobody to tell."""

    def hung(self) -> None:
        """Nobody to tell."""

    def reloading(self) -> None:
        """Nobody to tell."""

    def stopping(self) -> None:
        """Nobody to tell."""


class SystemdSupervisor:
    """systemd, spoken to as in sd_notify(3)."""

    def __init__(self, notify: Callable[[str], object], watchdog_s: float | None) -> None:
        self._notify = notify
        self.watchdog_s = watchdog_s
        self._is_deaf = False

    def ready(self) -> None:
        """The daemon does its work from here on."""
        self._say("READY=1")

    def status(self, text: str) -> None:
        """One line for a person, shown by `systemctl status`."""
        self._say(f"STATUS={' '.join(text.split())}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._say("WATCHDOG=1")

    def hung(self) -> None:
        """Let the watchdog bite now."""
        self._say("WATCHDOG=trigger")

    def reloading(self) -> None:
        """The configuration is being read again. `Type=notify-reload` wants the time with it."""
        self._say(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The daemon is on its way out."""
        self._say("STOPPING=1")

    def _say(self, what: str) -> None:
        try:
            self._notify(what)
            self._is_deaf = False
        except OSError as error:  # systemd being re-executed; if it lasts, its watchdog acts
            _log.log(logging.DEBUG if self._is_deaf else logging.WARNING, "systemd cannot be told (%s)", error)
            self._is_deaf = True


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    """The unit's WatchdogSec, from WATCHDOG_USEC unless WATCHDOG_PID is another process (sd_watchdog_enabled(3))."""
    microseconds = environ.get("WATCHDOG_USEC")
    if not microseconds or environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    if not microseconds.isdecimal() or int(microseconds) == 0:
        raise ConfigError(f"variable WATCHDOG_USEC is {microseconds!r}; it must be microseconds, a whole number")
    return int(microseconds) / 1e6
