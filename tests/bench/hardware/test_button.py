"""`bench button` with a finger whose presses come at known times and bounce in a known pattern."""

import asyncio
from collections.abc import Sequence

import pytest

from hero365_edge.bench.hardware import button
from hero365_edge.bench.hardware.figures import Result, Verdict
from hero365_edge.core.board import Limits
from hero365_edge.core.bounce import Change
from hero365_edge.core.gestures import Edge
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.panel import FakePanel

LATE_MS = 5.0
WAITS_S = (0.2, 0.2)


class Listener(FakeMicrophone):
    """Notes from when on it was to be heard."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.since: list[float] = []

    def listen(self, since: float) -> None:
        self.since.append(since)
        super().listen(since)


class Finger:
    """Presses so that each press is told `late_ms` after it was stamped, and bounces for `bounce_ms`."""

    def __init__(self, bounce_ms: Sequence[float] = (0.0,), extra_ms: float = 0.0) -> None:
        self.clock = FakeClock()
        self.panel = FakePanel(self.clock)
        self.pressed_at: list[float] = []
        self._bounce_ms = bounce_ms
        self._extra_ms = extra_ms

    async def press(self, times: int, *, stay_down: bool = False) -> None:
        for index in range(times):
            at = self.clock.now()
            late_ms = LATE_MS + (self._extra_ms if index == 0 else 0.0)
            self.clock.advance(late_ms / 1000)
            self.panel.press(at)
            self.pressed_at.append(at)
            for_ms = self._bounce_ms[index % len(self._bounce_ms)]
            if for_ms:
                self.panel.watch(Change(False, at + for_ms / 2000))
                self.panel.watch(Change(True, at + for_ms / 1000))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            self.clock.advance(0.2)
            if stay_down and index == times - 1:
                return
            self.panel.release()
            await asyncio.sleep(0)
            self.clock.advance(0.2)

    async def measured(self, times: int, *, stay_down: bool = False) -> Result:
        microphone = Listener(self.clock)
        self.panel.start()
        microphone.start()
        pressing = asyncio.create_task(self.press(times, stay_down=stay_down))
        result = await button.measure(self.clock, self.panel, microphone, Limits(), lambda _: None, WAITS_S)
        await pressing
        assert microphone.since == self.pressed_at, "each press is recorded from its edge on"
        return result


def verdicts(result: Result) -> dict[str, tuple[float | None, Verdict]]:
    return {figure.name: (figure.value and round(figure.value, 3), figure.verdict) for figure in result.figures}


async def test_presses_of_a_known_lateness_and_bounce_are_told_as_they_are() -> None:
    result = await Finger(bounce_ms=(4.0,)).measured(button.PRESSES)
    assert verdicts(result) == {
        "press_median": (5.0, Verdict.GOOD),
        "press_p99": (5.0, Verdict.GOOD),
        "bounce_p99": (4.0, Verdict.GOOD),
        "miscounted": (0.0, Verdict.GOOD),
        "stuck": (0.0, Verdict.GOOD),
    }
    counted = result.plots[0].curves[0]
    assert dict(zip(counted.x, counted.y, strict=True))[4.0] == button.PRESSES
    assert sum(counted.y) == 2 * button.PRESSES, "the releases, which do not bounce, count too"


async def test_a_late_press_and_a_long_bounce_are_bad() -> None:
    told = verdicts(await Finger(bounce_ms=(26.0,), extra_ms=100.0).measured(button.PRESSES))
    assert told["press_median"] == (5.0, Verdict.GOOD)
    assert told["press_p99"][1] is Verdict.BAD
    assert told["bounce_p99"] == (26.0, Verdict.BAD)


async def test_a_stroke_that_no_press_was_told_of_is_counted() -> None:
    finger = Finger()

    async def more() -> None:
        await finger.press(button.PRESSES - 1)
        finger.panel.watch(Change(True, finger.clock.now()))
        finger.panel.watch(Change(False, finger.clock.now() + 0.1))
        finger.clock.advance(0.4)
        await finger.press(1)

    microphone = FakeMicrophone(finger.clock)
    finger.panel.start()
    microphone.start()
    pressing = asyncio.create_task(more())
    told = verdicts(await button.measure(finger.clock, finger.panel, microphone, Limits(), lambda _: None, WAITS_S))
    await pressing
    assert told["miscounted"] == (1.0, Verdict.BAD)


@pytest.mark.parametrize(("presses", "why"), [(0, "nobody pressed"), (3, "only 3 presses")])
async def test_too_few_presses_are_no_measurement(presses: int, why: str) -> None:
    result = await Finger().measured(presses)
    told = {figure.name: figure for figure in result.figures}
    assert told["press_p99"].verdict is Verdict.NOT_MEASURED
    assert why in told["press_p99"].remark


async def test_a_button_that_stays_down_is_told() -> None:
    told = {figure.name: figure for figure in (await Finger().measured(20, stay_down=True)).figures}
    assert (told["stuck"].value, told["stuck"].verdict) == (1.0, Verdict.BAD)


async def test_one_that_was_never_let_go_is_bad_though_nothing_else_is_known() -> None:
    told = {figure.name: figure for figure in (await Finger().measured(1, stay_down=True)).figures}
    assert told["stuck"].verdict is Verdict.BAD
    assert told["press_p99"].remark == "the button stayed down"


async def test_presses_of_a_second_button_are_none_of_the_first() -> None:
    finger = Finger()
    finger.panel.start()
    finger.panel.press_second()
    assert await finger.panel.edge() == Edge(True, finger.clock.now(), second=True)
    assert verdicts(await finger.measured(0))["stuck"] == (None, Verdict.NOT_MEASURED)
