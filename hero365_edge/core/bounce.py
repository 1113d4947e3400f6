"""What a contact did before it was debounced: its strokes, each a press or a release with its bounce."""

from collections.abc import Sequence
from dataclasses import dataclass

QUIET_MS = 30
"""A contact that lay still for so long has ended its stroke: no finger is so quick, no sound contact so restless."""


@dataclass(frozen=True, slots=True)
class Change:
    """The contact closed or opened, as the kernel stamped it."""

    pressed: bool
    at: float


@dataclass(frozen=True, slots=True)
class Stroke:
    """A press or a release."""

    pressed: bool
    """How it was left."""
    at: float
    """Its first change."""
    bounce_ms: float
    """From its first change to its last; 0 for a contact that does not bounce."""
    changes: int


def strokes(changes: Sequence[Change], quiet_ms: int = QUIET_MS) -> list[Stroke]:
    """The strokes of a contact, from all its changes in order of time."""
    groups: list[list[Change]] = []
    for change in changes:
        if groups and 1000 * (change.at - groups[-1][-1].at) < quiet_ms:
            groups[-1].append(change)
        else:
            groups.append([change])
    return [Stroke(group[-1].pressed, group[0].at, 1000 * (group[-1].at - group[0].at), len(group)) for group in groups]
