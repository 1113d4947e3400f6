"""A supervisor in memory: a test reads what it heard."""


class FakeSupervisor:
    """Hears what systemd would hear, one assignment of sd_notify(3) a line; it never restarts anybody."""

    def __init__(self, watchdog_s: float | None = None) -> None:
        self.watchdog_s = watchdog_s
        self.heard: list[str] = []
        """As in `READY=1` and `STATUS=…`, oldest first."""

    def ready(self) -> None:
        """The daemon does its work from here on."""
        self.heard.append("READY=1")

    def status(self, text: str) -> None:
        """One line for a person."""
        self.heard.append(f"STATUS={' '.join(text.split())}")

    def alive(self) -> None:
        """Progress was made."""
        self.heard.append("WATCHDOG=1")

    def hung(self) -> None:
        """Nothing moves any more."""
        self.heard.append("WATCHDOG=trigger")

    def reloading(self) -> None:
        """The configuration is being read again."""
        self.heard.append("RELOADING=1")

    def stopping(self) -> None:
        """The daemon is on its way out."""
        self.heard.append("STOPPING=1")
