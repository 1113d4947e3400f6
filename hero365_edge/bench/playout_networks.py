"""When the frames of streamed answers reach the client: server pacings, generated networks, recorded traces.

A WebSocket loses and reorders nothing: whatever the network does shows as a time of arrival that never runs back.
"""

import math
import random
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TypeAlias

from hero365_edge.core.pcm import RATE_HZ

FRAME_S = 0.02
UTTERANCE_S = 8.0
PAUSE_S = 4.0
"""Between two answers, in which the network goes on."""
BASE_S = 0.03
"""The way of a frame that nothing holds up."""
RTT_S = 2 * BASE_S

Times: TypeAlias = list[float]
Network: TypeAlias = Callable[[Times], Times]
"""From when each frame of a session was sent to when it arrived, in s, both in order."""


def dice_of(seed: str) -> random.Random:
    """The same dice for the same seed."""
    return random.Random(seed)  # noqa: S311  they make a network's weather, no secret


# -- the server ---------------------------------------------------------------------------------------------------

_BURST_S = 0.2
_HICCUP_S = 0.4


def _real_time(at_s: float) -> float:
    return at_s


def _one_and_a_half(at_s: float) -> float:
    return at_s / 1.5


def _bursts(at_s: float) -> float:
    return math.floor(at_s / _BURST_S + 1e-9) * _BURST_S / 4


def _hiccup(at_s: float) -> float:
    return at_s + (_HICCUP_S if at_s >= UTTERANCE_S / 2 else 0.0)


PACINGS: Mapping[str, Callable[[float], float]] = {
    "real time": _real_time,
    "1.5x": _one_and_a_half,
    "bursts": _bursts,
    "hiccup": _hiccup,
}
"""When the frame that begins at a place of the answer is sent, in s after the first: real time, 1.5 times that, chunks
of 200 ms at four times that, and real time with one pause of 400 ms in the middle."""


def sent(pacing: str, utterances: int, dice: random.Random) -> list[Times]:
    """When each frame of each utterance of a session is sent."""
    frames = round(UTTERANCE_S / FRAME_S)
    begins = [number * (UTTERANCE_S + PAUSE_S) + dice.uniform(0, PAUSE_S / 2) for number in range(utterances)]
    return [[begin + PACINGS[pacing](frame * FRAME_S) for frame in range(frames)] for begin in begins]


# -- the generator ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cell:
    """Outages of a cellular link to a moving vehicle: Poisson arrivals, lognormal lengths in ms (cut at 5 s)."""

    per_minute: float
    mu: float
    sigma: float


CELLS: Mapping[str, Cell] = {
    "wifi": Cell(30, 4.0, 0.5),
    "ATT LTE driving": Cell(18, 5.04, 0.92),
    "ATT LTE driving 2016": Cell(57, 4.84, 0.64),
    "T-Mobile LTE driving": Cell(112, 4.66, 0.53),
    "Verizon LTE": Cell(28, 4.56, 0.49),
    "T-Mobile UMTS driving": Cell(32, 5.04, 1.00),
    "New York taxi LTE": Cell(12, 4.60, 0.46),
    "New York bus LTE": Cell(48, 4.55, 0.42),
}
"""Fitted to recorded traces: the network has these outages' statistics, not any trace's order. Wifi is assumed: a busy
channel each two seconds, for some 50 ms."""

LOSSES: Mapping[str, float] = {"TCP loss 0.5 %": 0.005, "TCP loss 2 %": 0.02}

_LONGEST_OUTAGE_S = 5.0
_GE_LOSS_IN_BAD = 0.5
_GE_LEAVE_BAD = 0.25
_RTO_S = 0.2
_RESENT_LOST = 0.125
"""The chance that what is sent again, a round trip later, is lost too."""


def _cellular(cell: Cell, seed: str) -> Network:
    def deliver(times: Times) -> Times:
        dice = dice_of(seed)
        outages = []
        at = 0.0
        while at < times[-1]:
            at += dice.expovariate(cell.per_minute / 60)
            outages.append((at, at + min(dice.lognormvariate(cell.mu, cell.sigma) / 1000, _LONGEST_OUTAGE_S)))
        ends = list(accumulate((end for _, end in outages), max))

        def through(at: float) -> float:
            number = bisect_left(outages, (at, 0.0)) - 1
            return max(at, ends[number]) if number >= 0 else at

        return [through(at + BASE_S + dice.expovariate(1 / 0.003)) for at in times]

    return deliver


def _tcp(loss: float, seed: str) -> Network:
    """Gilbert-Elliott loss; a lost segment costs a round trip and three spacings, or time-outs that double."""

    def deliver(times: Times) -> Times:
        dice = dice_of(seed)
        bad = False
        enter_bad = _GE_LEAVE_BAD * loss / (_GE_LOSS_IN_BAD - loss)
        arrivals = []
        for number, at in enumerate(times):
            bad = dice.random() >= _GE_LEAVE_BAD if bad else dice.random() < enter_bad
            late_s = dice.expovariate(1 / 0.002)
            if bad and dice.random() < _GE_LOSS_IN_BAD:
                third = times[min(number + 3, len(times) - 1)] - at
                late_s += RTT_S + third if third < _RTO_S else RTT_S + _RTO_S
                timeout_s = _RTO_S
                while dice.random() < _RESENT_LOST:
                    late_s += timeout_s
                    timeout_s *= 2
            arrivals.append(at + BASE_S + late_s)
        return arrivals

    return deliver


def generated(seed: int) -> dict[str, Network]:
    """The networks of the generator, by name. The same seed gives the same arrivals."""
    return {
        **{name: _tcp(loss, f"{seed} {name}") for name, loss in LOSSES.items()},
        **{name: _cellular(cell, f"{seed} {name}") for name, cell in CELLS.items()},
    }


# -- recorded traces ----------------------------------------------------------------------------------------------

PACKET_BYTES = 1500
FRAME_BYTES = 120
"""A frame of Opus with its headers."""


def recorded(folder: Path) -> dict[str, Network]:
    """The traces of a folder, by name: all its files but *.md and hidden ones.

    Raises ValueError on one that is no trace: each line is a millisecond, none before the one above it.
    """
    found = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix != ".md" and not path.name.startswith("."):
            found[path.name] = _trace(path)
    if not found:
        raise ValueError(f"{folder}: no trace in it")
    return found


def _trace(path: Path) -> Network:
    try:
        marks = [int(line) for line in path.read_text(encoding="ascii").split()]
    except ValueError as error:
        raise ValueError(f"{path}: a trace is one whole number of ms a line: {error}") from error
    if not marks or marks[-1] <= 0 or marks != sorted(marks):
        raise ValueError(f"{path}: a trace is rising ms, the last of them its period; this is {len(marks)} lines")
    return lambda times: _opportunities(times, marks)


def _opportunities(times: Times, marks: Sequence[int]) -> Times:
    """Each delivery opportunity carries as many of the waiting frames as fit into its 1,500 bytes."""
    period = marks[-1]
    arrivals: Times = []
    turn, number, room = 0, 0, PACKET_BYTES
    for at in times:
        ready_ms = (at + BASE_S) * 1000
        if room < FRAME_BYTES or turn * period + marks[number] < ready_ms:
            if turn * period + marks[number] < ready_ms:
                turn = max(0, math.ceil(ready_ms / period) - 1)
                number = bisect_left(marks, ready_ms - turn * period)
            else:
                number += 1
            if number == len(marks):
                turn, number = turn + 1, 0
            room = PACKET_BYTES
        room -= FRAME_BYTES
        arrivals.append((turn * period + marks[number]) / 1000)
    return arrivals


def arrivals(network: Network, utterances: list[Times]) -> list[Times]:
    """When each frame of each utterance arrives: in order, whatever the network did to single ones.

    In whole samples: so all who play them pause for the same time, to the sample.
    """
    arrived = accumulate(network([at for times in utterances for at in times]), max)
    flat = [math.ceil(at * RATE_HZ - 1e-6) / RATE_HZ for at in arrived]
    frames = len(utterances[0])
    return [flat[begin : begin + frames] for begin in range(0, len(flat), frames)]
