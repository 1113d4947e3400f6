"""When each piece of a streamed answer is sent: servers differ, and a client must live with all of them."""

import math
from dataclasses import dataclass

from hero365_edge.backend.options import Pacing

BURST_S = 0.2
BURST_SPEED = 4
HICCUP_S = 0.4


@dataclass(frozen=True, slots=True)
class Chunk:
    """One binary message of an answer."""

    data: bytes
    at_s: float
    """Where its first sample stands in the answer."""


def due_s(pacing: Pacing, at_s: float, total_s: float) -> float:
    """How long after the answer's first byte a chunk is sent whose sound begins at `at_s` of `total_s`."""
    match pacing:
        case "realtime":
            return at_s
        case "1.5x":
            return at_s / 1.5
        case "bursts":
            return math.floor(at_s / BURST_S + 1e-9) * BURST_S / BURST_SPEED
        case "hiccup":
            return at_s + (HICCUP_S if at_s >= total_s / 2 else 0.0)
        case "instant":
            return 0.0
