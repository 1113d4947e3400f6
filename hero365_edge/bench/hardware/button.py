"""`bench button`: how soon a press is recorded, how long the contact bounces, and whether each press counts once."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from hero365_edge.bench.hardware.cards import Progress
from hero365_edge.bench.hardware.figures import Result, Spec, Unmeasured, Values, judged
from hero365_edge.bench.hardware.plot import Plot, curve
from hero365_edge.core.board import Limits
from hero365_edge.core.bounce import Change, Stroke, strokes
from hero365_edge.core.gestures import Edge
from hero365_edge.echo_ports import Ear
from hero365_edge.ports import Clock, Panel

NAME = "button"
PRESSES = 50
FEWEST = 10
"""Of fewer presses nothing is said."""
FIRST_S, NEXT_S = 20.0, 10.0
"""So long it waits for the first press, and for each further edge."""
SETTLE_S = 0.3
BIN_MS = 1.0

SPECS = (
    Spec(
        *("press_median", "press to recording, median", "ms"),
        error=0.1,
        most=lambda limits: limits.press_ms,
        means="from the kernel's stamp of the edge until the microphone's sound is taken",
    ),
    Spec(
        *("press_p99", "press to recording, 99 %", "ms"),
        error=0.1,
        most=lambda limits: limits.press_ms,
        means="the same, the 99th percentile",
    ),
    Spec(
        *("bounce_p99", "bounce, 99 %", "ms"),
        error=0.1,
        most=lambda limits: limits.bounce_ms,
        means="first to last change of each press and release, by the kernel's stamps",
    ),
    Spec("miscounted", "presses not told once", "", most=lambda _: 0.0, means="strokes of the contact against presses"),
    Spec("stuck", "does not come up", "", most=lambda _: 0.0, means="down for ten seconds, or at the end"),
)


class Contact(Panel, Protocol):
    """A panel that also tells what its contact does before it is debounced."""

    watch: Callable[[Change], None]


async def measure(
    clock: Clock,
    panel: Contact,
    microphone: Ear,
    limits: Limits,
    progress: Progress,
    waits_s: tuple[float, float] = (FIRST_S, NEXT_S),
) -> Result:
    """Wait for PRESSES presses of a tester, with the microphone open. Raises DeviceError when the chip is gone.

    Both are open already. `waits_s`: for the first press, and for each further edge.
    """
    changes: list[Change] = []
    late_ms: list[float] = []
    panel.watch = changes.append
    pressed = False
    wait_s, next_s = waits_s
    while len(late_ms) < PRESSES or pressed:
        edge = await _next(panel, wait_s)
        if edge is None:
            break
        wait_s = next_s
        if edge.second:
            continue
        pressed = edge.pressed
        if pressed:
            microphone.listen(edge.at)
            late_ms.append(1000 * (clock.now() - edge.at))
            progress(1.0)
        else:
            microphone.hush()
    await asyncio.sleep(SETTLE_S)  # the last bounce
    microphone.hush()
    told = strokes(changes)
    figures = judged(SPECS, limits, values(late_ms, told, stuck=pressed))
    notes = (f"{len(late_ms)} presses, {sum(each.changes > 1 for each in told)} of {len(told)} strokes bounced",)
    return Result(bench=NAME, figures=figures, plots=_plots(late_ms, told, limits), notes=notes)


async def _next(panel: Panel, limit_s: float) -> Edge | None:
    try:
        async with asyncio.timeout(limit_s):
            return await panel.edge()
    except TimeoutError:
        return None


def values(late_ms: Sequence[float], told: Sequence[Stroke], *, stuck: bool) -> Values:
    """The figures of presses that were recorded so many ms late, and of what the contact did."""
    if stuck:
        why = "the button stayed down"
    elif not late_ms:
        why = f"nobody pressed the button within {FIRST_S:g} s"
    else:
        why = f"only {len(late_ms)} presses; it takes {FEWEST}"
    if len(late_ms) < FEWEST:
        few = {spec.name: Unmeasured(why) for spec in SPECS if spec.name != "stuck"}
        return {**few, "stuck": float(stuck) if late_ms else Unmeasured(why)}
    return {
        "press_median": float(np.quantile(late_ms, 0.5)),
        "press_p99": float(np.quantile(late_ms, 0.99)),
        "bounce_p99": float(np.quantile([each.bounce_ms for each in told], 0.99)),
        "miscounted": float(abs(len(late_ms) - sum(each.pressed for each in told))),
        "stuck": float(stuck),
    }


def histogram(of_ms: Sequence[float]) -> tuple[list[float], list[float]]:
    """How many are in each bin of BIN_MS, by the bin's lower end."""
    counts = np.bincount(np.floor(np.asarray(of_ms, dtype=float) / BIN_MS).astype(int)) if of_ms else np.zeros(1)
    return [BIN_MS * index for index in range(len(counts))], [float(count) for count in counts]


def _plots(late_ms: Sequence[float], told: Sequence[Stroke], limits: Limits) -> tuple[Plot, ...]:
    bounced = [each.bounce_ms for each in told]
    return tuple(
        Plot(title=title, x_label="ms", y_label=of, curves=(curve(of, *histogram(ms)),), bars=True)
        for title, of, ms in (
            (f"Bounce; {limits.bounce_ms:g} ms are allowed", "strokes", bounced),
            (f"Press to recording; {limits.press_ms:g} ms are allowed", "presses", late_ms),
        )
        if ms
    )
