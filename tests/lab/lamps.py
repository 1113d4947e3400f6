"""What a lamp showed, from the times at which the kernel was told to switch its line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

_SET = re.compile(r"(\d+\.\d+): gpio_value: (\d+) set (\d)")
FRAME_S = 0.04
"""Brightness is what the eye makes of a pulsed LED: the share of time it is on in such a frame (gpiozero's fades step
as often, and its pulses are 10 ms apart)."""


class Shows(StrEnum):
    """What a lamp looks like."""

    OFF = "off"
    DIM = "dim"
    BRIGHT = "bright"
    BLINKING = "blinking"
    BREATHING = "breathing"


@dataclass(frozen=True, slots=True)
class LampTrace:
    """One line's levels: `changes` are (the lab's time, level), in order of time."""

    changes: Sequence[tuple[float, int]]

    def level(self, at: float) -> int:
        """The level of the line at that time; 0 before the first change."""
        earlier = [level for when, level in self.changes if when <= at]
        return earlier[-1] if earlier else 0

    def brightness(self, begin: float, end: float, frame_s: float = FRAME_S) -> NDArray[np.float64]:
        """The share of time on, 0 to 1, in each whole frame from `begin` to `end`."""
        edges = begin + frame_s * np.arange(int((end - begin) / frame_s + 1e-9) + 1)
        if not self.changes:
            return np.zeros(edges.size - 1)
        times = np.array([when for when, _ in self.changes])
        levels = np.array([level for _, level in self.changes], dtype=np.float64)
        on_s = np.concatenate(([0.0], np.cumsum(np.diff(times) * levels[:-1])))
        index = np.searchsorted(times, edges, side="right") - 1
        on_until = np.where(index < 0, 0.0, on_s[index] + (edges - times[index]) * levels[index])
        share: NDArray[np.float64] = np.diff(on_until) / frame_s
        return share

    def flashes(self, begin: float, end: float) -> list[tuple[float, float]]:
        """When it went bright and dark again: (begin, end); none that reach over the ends of the time asked for."""
        brightness = self.brightness(begin, end)
        if brightness.size < 3:
            return []
        # A single frame that falls out of line is a pulse that an emulated processor made late.
        calm = np.median(np.lib.stride_tricks.sliding_window_view(brightness, 3), axis=1)
        found: list[tuple[float, float]] = []
        since: float | None = None
        lit = bool(calm[0] > 0.5)
        for frame, value in enumerate(calm, start=1):
            at = begin + frame * FRAME_S
            if not lit and value > 0.65:
                lit, since = True, at
            elif lit and value < 0.35:
                lit = False
                if since is not None:
                    found.append((since, at))
        return found

    def shows(self, begin: float, end: float) -> Shows:
        """What it looked like; give it at least two periods of what is expected (4 s are enough for all)."""
        brightness = self.brightness(begin, end)
        if brightness.size < 5:
            raise ValueError(f"{end - begin:.2f} s are too short to see what a lamp shows")
        # A pulse that an emulated processor makes late leaves one frame in ten too bright or too dark.
        low, high = float(np.quantile(brightness, 0.04)), float(np.quantile(brightness, 0.96))
        if high - low < 0.4:
            middle = float(brightness.mean())
            return Shows.OFF if middle < 0.01 else Shows.DIM if middle < 0.5 else Shows.BRIGHT
        between = float(((brightness > 0.15) & (brightness < 0.85)).mean())
        return Shows.BREATHING if between > 0.4 else Shows.BLINKING

    def period_s(self, begin: float, end: float) -> float:
        """From one flash, or breath, to the next: the median. Raises ValueError when fewer than two were seen."""
        begins = [on for on, _ in self.flashes(begin, end)]
        if len(begins) < 2:
            raise ValueError(f"{len(begins)} flashes in {end - begin:.1f} s: no period")
        return float(np.median(np.diff(begins)))


def read_trace(text: str, gpio: int, to_host_s: float) -> LampTrace:
    """The line that the kernel knows as `gpio`, from its own trace; `to_host_s` makes its times the host's."""
    found = _SET.findall(text)
    return LampTrace([(float(at) + to_host_s, int(level)) for at, number, level in found if int(number) == gpio])
