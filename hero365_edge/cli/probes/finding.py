"""What a look finds: the words of the report."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from typing import Any, TypeAlias

from hero365_edge.settings import Settings

Running: TypeAlias = Mapping[str, Any]
"""What a running daemon says of itself (its `status`); empty when there is none, `unseen` when it does not say."""


class Verdict(StrEnum):
    """What came of a look; `not checked` is never a pass, `suggested` never a fault."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SUGGESTED = "suggested"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    verdict: Verdict
    text: str
    """What was found and, unless it is good, the reason."""
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """One look: it returns a Finding or raises an EdgeError (or ImportError), which is a failure."""

    name: str
    look: Callable[[Settings, Running], Awaitable[Finding]]
    next_step: str = ""
    """What to do when it fails."""
    needs_settings: bool = True


def told_by_the_daemon(part: str, device: str, running: Running) -> Finding | None:
    """What the running daemon says of a part that it has open; None when none runs: then the part may be opened."""
    if not running:
        return None
    if "unseen" in running:
        return Finding(Verdict.NOT_CHECKED, str(running["unseen"]))
    reason = (running.get("why") or {}).get(part)
    if reason:
        step = "`hero365-edge status` and `hero365-edge logs` tell more; the daemon goes on trying by itself"
        return Finding(Verdict.FAIL, f"the running hero365-edge says: {reason}", step)
    return Finding(Verdict.OK, f"{device} works in the running hero365-edge")


def version_of(*distributions: str) -> str:
    """Name and version of the first that is installed; Debian and PyPI call some differently."""
    for name in distributions:
        try:
            return f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
    return f"{distributions[-1]} (version unknown)"
