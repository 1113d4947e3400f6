"""Who holds a sound card: the kernel's own list of open PCM streams."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Holder:
    """A program that has one direction of a card open."""

    card: str
    """By its stable name, as in `Device` or `seeed2micvoicec`."""
    direction: Literal["input", "output"]
    pid: int
    program: str
    """Its name; empty when it may not be seen."""

    def __str__(self) -> str:
        return f"{self.program or 'a program'} (pid {self.pid}) on card {self.card}"


def holders(proc: Path = Path("/proc")) -> tuple[Holder, ...]:
    """Every open stream of every card, by card; none where the kernel has no sound."""
    found = []
    for status in sorted(proc.glob("asound/card*/pcm*/sub*/status")):
        owner = re.search(r"^owner_pid\s*:\s*(\d+)", _text(status), re.MULTILINE)
        if owner is None:  # "closed"
            continue
        folder = status.parents[1]
        pid = int(owner[1])
        found.append(
            Holder(
                card=_text(folder.parent / "id") or folder.parent.name,
                direction="input" if folder.name.endswith("c") else "output",
                pid=pid,
                program=_program(proc, pid),
            )
        )
    return tuple(found)


def _program(proc: Path, thread: int) -> str:
    """The process's name: the kernel names the thread that opened the card, and threads have names of their own."""
    group = re.search(r"^Tgid:\s*(\d+)", _text(proc / str(thread) / "status"), re.MULTILINE)
    return _text(proc / (group[1] if group else str(thread)) / "comm")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # it was closed, or ended, between two looks
        return ""
