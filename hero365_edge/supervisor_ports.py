"""What the program needs from whoever started it and watches it: a small Protocol, as in `ports.py`."""

from typing import Protocol


class Supervisor(Protocol):
    """Whoever started the daemon and watches it: systemd, or nobody."""

    watchdog_s: float | None
    """How often it wants to hear `alive`, at the latest; None when it does not watch."""

    def ready(self) -> None:
        """The daemon does its work from here on."""
        ...

    def status(self, text: str) -> None:
        """One line for a person: what it is doing."""
        ...

    def alive(self) -> None:
        """Progress was made since the last call."""
        ...

    def hung(self) -> None:
        """There is no progress any more: it shall do at once what it does when it hears no `alive`."""
        ...

    def reloading(self) -> None:
        """The configuration is being read again; `ready` follows."""
        ...

    def stopping(self) -> None:
        """The daemon is on its way out."""
        ...
