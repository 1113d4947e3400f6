"""`hero365-edge bench button` and `bench lamp`: the panel that is measured, real or fake, and the tester."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tqdm import tqdm

from hero365_edge.aside import aside
from hero365_edge.bench.hardware import button, lamp
from hero365_edge.bench.hardware.button import Contact
from hero365_edge.bench.hardware.cards import Progress, opened
from hero365_edge.bench.hardware.figures import Result
from hero365_edge.cli.bench_world import Bench
from hero365_edge.cli.boards import WITHOUT_BOARD
from hero365_edge.cli.panels import buttons_in_words, gpio_panel, lamp_in_words
from hero365_edge.errors import DeviceError
from hero365_edge.fakes.panel import FakePanel


async def measure_button(bench: Bench, progress: Progress) -> Result:
    """Have the tester press, with the microphone open as it is in the daemon."""
    microphone, _ = bench.cards()
    async with _panel(bench) as panel, opened(microphone):
        tqdm.write(f"Press the button {button.PRESSES} times, as you would to speak ({_where(bench)}).")
        finger = asyncio.create_task(_press(panel)) if isinstance(panel, FakePanel) else None
        try:
            return await button.measure(bench.clock, panel, microphone, bench.limits, progress)
        finally:
            if finger is not None:
                finger.cancel()


async def measure_lamp(bench: Bench, progress: Progress) -> Result:
    """Show each light, and ask whoever is at the terminal."""
    if bench.settings.panel.lamp_kind == "none":
        raise DeviceError("the board has no lamp (panel.lamp_kind is none)")
    async with _panel(bench) as panel:
        return await lamp.measure(panel, _asked if sys.stdin.isatty() else None, bench.limits, progress)


@asynccontextmanager
async def _panel(bench: Bench) -> AsyncIterator[Contact]:
    """Open. Raises DeviceError where none opens, or none is wanted."""
    wanted = bench.settings.panel
    panel: Contact
    if bench.fake:
        panel = FakePanel(bench.clock)
    elif wanted.profile in WITHOUT_BOARD:
        raise DeviceError(f"panel.profile is {wanted.profile}")
    else:
        panel = gpio_panel(wanted, bench.clock)
    panel.start()
    try:
        yield panel
    finally:
        panel.close()


def _where(bench: Bench) -> str:
    wanted = bench.settings.panel
    return "a fake in memory" if bench.fake else f"{buttons_in_words(wanted)}, {lamp_in_words(wanted)}"


async def _press(panel: FakePanel) -> None:
    """A finger of no weight."""
    for _ in range(button.PRESSES):
        await panel.tap()
        await asyncio.sleep(0.05)


async def _asked(what: str) -> bool:
    answer = await aside(lambda: input(f"{what}? [y/n] "), "the tester's answer")
    return answer.strip().lower().startswith("y")
