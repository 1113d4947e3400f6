"""`bench soak` on a wire whose losses are known, and memory that grows by a known amount."""

import pytest

from hero365_edge.bench.hardware import soak
from hero365_edge.bench.hardware.cards import CardLost, Desk
from hero365_edge.bench.hardware.figures import Figure, Unmeasured, Verdict
from hero365_edge.core.board import Limits
from tests.bench.hardware.wire import WiredMicrophone, desk
from tests.impairment import Impairment

MB_PER_HOUR = 7.2


async def soaked(on: Desk, seconds: float) -> dict[str, Figure]:
    clock = on.clock

    def resident_bytes() -> int:
        return round(50e6 + MB_PER_HOUR * 1e6 * clock.now() / 3600)

    result = await soak.measure(on, Limits(), seconds, resident_bytes)
    return {figure.name: figure for figure in result.figures}


async def test_a_wire_that_loses_nothing_is_good_and_a_known_growth_of_memory_is_told() -> None:
    told = await soaked(desk(Impairment()), 320.0)
    assert (told["xruns"].value, told["dropped"].verdict) == (0.0, Verdict.GOOD)
    assert told["memory"].value == pytest.approx(MB_PER_HOUR, abs=told["memory"].error)
    assert told["memory"].verdict is Verdict.BAD


async def test_a_short_soak_tells_nothing_of_memory() -> None:
    told = await soaked(desk(Impairment()), 5.0)
    assert (told["memory"].verdict, told["xruns"].verdict) == (Verdict.NOT_MEASURED, Verdict.GOOD)


async def test_a_known_number_of_overruns_and_lost_samples_is_told() -> None:
    on = desk(Impairment())
    began_at = on.clock.now()
    microphone = on.microphone
    assert isinstance(microphone, WiredMicrophone)

    def stumbling() -> int:
        if on.clock.now() - began_at > 5.0 and not microphone.xruns:
            microphone.xruns = 2
            microphone._time.advance(0.25)
        return 0

    figures = (await soak.measure(on, Limits(), 36.0, stumbling)).figures
    told = {figure.name: figure for figure in figures}
    assert told["xruns"].value == pytest.approx(200, rel=0.01)
    assert told["dropped"].value == pytest.approx(250, abs=told["dropped"].error)
    assert (told["xruns"].verdict, told["dropped"].verdict) == (Verdict.BAD, Verdict.BAD)


async def test_a_card_that_goes_away_in_the_middle_is_lost() -> None:
    on = desk(Impairment())
    assert isinstance(on.microphone, WiredMicrophone)
    on.microphone.breaks_after_s = 3.0
    on._lost_after_s = 0.05
    with pytest.raises(CardLost):
        await soaked(on, 60.0)


def test_what_is_loaded_at_first_is_no_growth() -> None:
    memory = [(float(at), 90_000_000 if at >= soak.WARM_S else 1_000_000) for at in range(400)]
    assert soak.growth_mb_per_hour(memory) == pytest.approx(0.0, abs=1e-6)
    assert isinstance(soak.growth_mb_per_hour(memory[:200]), Unmeasured)
