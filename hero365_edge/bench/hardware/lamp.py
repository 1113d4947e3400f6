"""`bench lamp`: each light is shown, and a tester says whether it looks as it should."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from hero365_edge.bench.hardware.cards import Progress
from hero365_edge.bench.hardware.figures import Result, Spec, Unmeasured, Value, judged
from hero365_edge.core.board import Limits
from hero365_edge.core.lamp import LOOKS, Light
from hero365_edge.ports import Panel

NAME = "lamp"
SHOWN_S = 4.0
"""Twice the longest rhythm."""
LASTS_S = SHOWN_S * len(Light)

SPECS = (
    Spec("wrong", "lights that look wrong", "", most=lambda _: 0.0, means=f"of {len(Light)}, by the tester's eye"),
)

Ask: TypeAlias = Callable[[str], Awaitable[bool]]
"""Whether what this says is what the tester sees."""


async def measure(
    panel: Panel, ask: Ask | None, limits: Limits, progress: Progress, shown_s: float = SHOWN_S
) -> Result:
    """Show each light, and ask. Without anybody to `ask` they are shown all the same. The panel is open already."""
    seen: dict[Light, bool] = {}
    for light in Light:
        panel.show(light)
        await asyncio.sleep(shown_s)
        progress(SHOWN_S)
        if ask is not None:
            seen[light] = await ask(f"{light}: {LOOKS[light]}")
    wrong = ", ".join(light for light, right in seen.items() if not right)
    notes = (f"wrong: {wrong}",) if wrong else ()
    return Result(bench=NAME, figures=judged(SPECS, limits, {"wrong": _value(seen)}), notes=notes)


def _value(seen: Mapping[Light, bool]) -> Value:
    if not seen:
        return Unmeasured("nobody is at a terminal to say what the lamp looks like")
    return float(sum(not right for right in seen.values()))
