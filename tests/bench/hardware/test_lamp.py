"""`bench lamp`: a fake lamp, and testers who say what they see."""

from hero365_edge.bench.hardware import lamp
from hero365_edge.bench.hardware.figures import Result, Verdict
from hero365_edge.bench.hardware.lamp import Ask
from hero365_edge.core.board import Limits
from hero365_edge.core.lamp import LOOKS, Light
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.panel import FakePanel


async def shown_to(ask: Ask | None) -> tuple[Result, list[Light | None]]:
    panel = FakePanel(FakeClock())
    panel.start()
    result = await lamp.measure(panel, ask, Limits(), lambda _: None, shown_s=0.0)
    return result, [light for _, light in panel.lights]


async def test_every_light_is_shown_and_described_while_it_is_asked_about() -> None:
    asked = []

    async def yes(what: str) -> bool:
        asked.append(what)
        return True

    result, shown = await shown_to(yes)
    assert shown == list(Light)
    assert asked == [f"{light}: {LOOKS[light]}" for light in Light]
    assert result.verdict is Verdict.GOOD


async def test_a_light_that_the_tester_does_not_recognise_is_bad_and_named() -> None:
    async def no_blue(what: str) -> bool:
        return not what.startswith("processing")

    result, _ = await shown_to(no_blue)
    assert (result.figures[0].value, result.verdict, result.notes) == (1.0, Verdict.BAD, ("wrong: processing",))


async def test_without_a_tester_the_lights_are_shown_and_nothing_is_measured() -> None:
    result, shown = await shown_to(None)
    assert shown == list(Light)
    assert result.verdict is Verdict.NOT_MEASURED
