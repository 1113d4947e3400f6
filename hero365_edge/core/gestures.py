"""What the technician's finger meant: levels of the contact in, edges out; edges in, gestures out.

All figures are PRODUCT section 7's.
"""

from dataclasses import dataclass
from typing import TypeAlias

HOLD_MS = 350
"""A press this long is a hold, a shorter one a tap."""
DOUBLE_TAP_MS = 300
"""A press this soon after a tap's release makes the two a double tap."""
LONG_HOLD_S = 8.0
STUCK_S = 60.0
"""Nobody presses for this long: the button, or what lies on it, is at fault."""
DEBOUNCE_MS = 25


@dataclass(frozen=True, slots=True)
class Edge:
    """The button changed, debounced."""

    pressed: bool
    at: float
    second: bool = False
    """Of the second button, the one for mute or volume."""


class Debouncer:
    """Takes the bounce out of a contact: a press counts at once, a release when it has lasted `debounce_ms`.

    Both are stamped with the moment they happened. The press cannot wait, because recording starts with it; the
    release can, and so neither the bounce of either nor a contact that flickers while it is held cuts a sentence.
    """

    def __init__(self, debounce_ms: int = DEBOUNCE_MS) -> None:
        self._debounce_s = debounce_ms / 1000
        self._pressed = False
        self._level = False
        self._level_since = 0.0
        self._deadline: float | None = None

    @property
    def deadline(self) -> float | None:
        """When the contact should be read again and told to `settle`, if it should."""
        return self._deadline

    def change(self, pressed: bool, at: float) -> list[Edge]:
        """The contact changed at `at`; the edges that follow from it. No change is no edge."""
        if pressed == self._level:
            return []
        edges = self._release_if_lasting(at)
        self._level, self._level_since = pressed, at
        self._deadline = at + self._debounce_s
        if pressed and not self._pressed:
            self._pressed = True
            edges.append(Edge(pressed=True, at=at))
        return edges

    def settle(self, pressed: bool, now: float) -> list[Edge]:
        """The contact as it reads at `now`, which also heals a change that the driver did not tell."""
        edges = self.change(pressed, now)
        if self._deadline is not None and now >= self._deadline:
            edges += self._release_if_lasting(now)
            self._deadline = None
        return edges

    def _release_if_lasting(self, now: float) -> list[Edge]:
        if self._level or not self._pressed or now < self._level_since + self._debounce_s:
            return []
        self._pressed = False
        return [Edge(pressed=False, at=self._level_since)]


@dataclass(frozen=True, slots=True)
class Pressed:
    """The button went down; told at once, for recording starts with it."""

    at: float


@dataclass(frozen=True, slots=True)
class DoubleTapped:
    """The button went down again within DOUBLE_TAP_MS of a tap; told at once, instead of `Pressed`."""

    at: float


@dataclass(frozen=True, slots=True)
class HoldBegan:
    """The button has been down for HOLD_MS; `at` is when that became true."""

    at: float


@dataclass(frozen=True, slots=True)
class Released:
    """The button went up after `HoldBegan`."""

    at: float


@dataclass(frozen=True, slots=True)
class Tapped:
    """A tap was one tap: DOUBLE_TAP_MS passed without a second. `at` is its release, not when it settled."""

    at: float


@dataclass(frozen=True, slots=True)
class LongHeld:
    """The button has been down for LONG_HOLD_S; `at` is when that became true."""

    at: float


@dataclass(frozen=True, slots=True)
class Stuck:
    """The button has been down for STUCK_S; nothing more is told of this press, its release neither."""

    at: float


Gesture: TypeAlias = Pressed | DoubleTapped | HoldBegan | Released | Tapped | LongHeld | Stuck

_WHILE_DOWN: tuple[tuple[float, type[HoldBegan] | type[LongHeld] | type[Stuck]], ...] = (
    (HOLD_MS / 1000, HoldBegan),
    (LONG_HOLD_S, LongHeld),
    (STUCK_S, Stuck),
)
_DOUBLE_TAP_S = DOUBLE_TAP_MS / 1000


class Gestures:
    """Tells gestures from the edges of one button.

    How late it is ticked changes nothing about the gestures, their order or their times, only when they are told;
    but hand in every edge that has arrived before a tick. A release after up, or a press while down, is ignored.
    `debounce_ms` is the Debouncer's: a release is told so much late, so "still down" is only known so much later.

    The second press of a double tap is followed by `HoldBegan`, `Released` and so on like any other press, but not
    by `Tapped`; a third tap begins anew with `Pressed`.
    """

    def __init__(self, debounce_ms: int = DEBOUNCE_MS) -> None:
        self._release_lateness_s = debounce_ms / 1000
        self._pressed_at: float | None = None
        self._told_while_down = 0
        self._second_tap = False
        self._tapped_at: float | None = None

    @property
    def deadline(self) -> float | None:
        """When to `tick`, if no edge comes before."""
        if self._pressed_at is not None and self._told_while_down < len(_WHILE_DOWN):
            return self._pressed_at + _WHILE_DOWN[self._told_while_down][0] + self._release_lateness_s
        if self._tapped_at is not None:
            return self._tapped_at + _DOUBLE_TAP_S
        return None

    def edge(self, edge: Edge) -> list[Gesture]:
        """The gestures that this edge completes, with those that time had completed before it."""
        gestures = self._completed_by(edge.at, lateness_s=0.0)
        if edge.pressed and self._pressed_at is None:
            gestures.append(self._press(edge.at))
        elif not edge.pressed and self._pressed_at is not None:
            gestures += self._release(edge.at)
        return gestures

    def tick(self, now: float) -> list[Gesture]:
        """The gestures that time has completed by `now`."""
        return self._completed_by(now, lateness_s=self._release_lateness_s)

    def _completed_by(self, now: float, lateness_s: float) -> list[Gesture]:
        gestures: list[Gesture] = []
        if self._pressed_at is not None:
            for after_s, gesture in _WHILE_DOWN[self._told_while_down :]:
                if now < self._pressed_at + after_s + lateness_s:
                    break
                gestures.append(gesture(self._pressed_at + after_s))
                self._told_while_down += 1
        elif self._tapped_at is not None and now >= self._tapped_at + _DOUBLE_TAP_S:
            gestures.append(Tapped(self._tapped_at))
            self._tapped_at = None
        return gestures

    def _press(self, at: float) -> Pressed | DoubleTapped:
        self._second_tap = self._tapped_at is not None
        self._tapped_at = None
        self._pressed_at = at
        self._told_while_down = 0
        return DoubleTapped(at) if self._second_tap else Pressed(at)

    def _release(self, at: float) -> list[Gesture]:
        self._pressed_at = None
        if self._told_while_down == 0:
            self._tapped_at = None if self._second_tap else at
            return []
        return [Released(at)] if self._told_while_down < len(_WHILE_DOWN) else []
