"""A press while the answer is heard, timed in what really comes out of the speaker, over real ALSA."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.backend.options import Options, Pacing
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.core.lamp import Light
from hero365_edge.core.pcm import RATE_HZ, Pcm
from tests.alsa.appliance_on_alsa import Machine, Technician, at_work, listen_on, on_a_fair_machine, until
from tests.alsa_rig import AlsaRig
from tests.listening import numbered, sounding, words_of
from tests.played import begins, played
from tests.strict_seed import StrictSeedBackend

pytestmark = pytest.mark.alsa

Speech = Callable[[str], Pcm]

PERIOD_S = 0.020
LIMIT_S = 0.030 + PERIOD_S
"""PRODUCT section 6: 30 ms plus the device's period."""
TIMES = 8
ANSWER = numbered(3 * RATE_HZ)
"""To every question; no sample of it is silence."""


async def test_a_press_silences_the_answer_within_its_limit_each_time(
    alsa: AlsaRig, figures: Callable[[str], None]
) -> None:
    # Instant: all of it is in the appliance when it is interrupted.
    options = Options(welcome=False, answer_pcm=ANSWER, pacing="instant")

    async def scene(machine: Machine) -> list[float]:
        async with SimulatedBackend(options) as backend:
            async with at_work(alsa, backend.url, machine) as technician:
                # Not always at the same place in the card's period.
                lasted_s = [
                    await interrupted_after(technician, 0.3 + 0.007 * number, machine) for number in range(TIMES)
                ]
            assert backend.violations == []
        assert max(lasted_s) <= LIMIT_S
        return lasted_s

    lasted_s = await on_a_fair_machine(scene, figures)
    told = ", ".join(f"{1000 * each:.0f}" for each in sorted(lasted_s))
    figures(f"old sound heard after the press, ms: {told} (limit {1000 * LIMIT_S:.0f})")


async def interrupted_after(technician: Technician, heard_s: float, machine: Machine) -> float:
    """Ask, press when the answer has been heard for so long, think better of it; how long the old sound lasted."""
    begin, given = len(technician.heard()), len(technician.given())
    assert technician.appliance.dialogue.say("What is next?")
    await until(lambda: sounding_samples(technician, begin) > heard_s * RATE_HZ, "the answer is heard")
    technician.press()
    pressed_at = technician.pressed_at
    technician.release()
    technician.press()  # a double tap: interrupt, and nothing else
    technician.release()
    await technician.sees(Light.READY)
    await listen_on()
    heard = technician.heard()[begin:]
    machine.compare(heard, technician.given(given))
    old = heard[sounding(heard)]
    assert np.array_equal(old, ANSWER[: len(old)]), "without a gap, and none of it came back"
    return technician.heard_at(begin + sounding(heard).stop) - pressed_at


async def test_a_seed_backend_that_goes_on_is_not_heard_and_the_new_answer_is_whole(
    alsa: AlsaRig, speech: Speech, figures: Callable[[str], None]
) -> None:
    async def scene(machine: Machine) -> float:
        async with StrictSeedBackend(answer="streamed") as backend:  # it reads nothing until all its answer is sent
            backend.answer_pcm = ANSWER
            async with at_work(alsa, backend.url, machine, profile="seed") as technician:
                lasted_s, _ = await interrupt_by_asking(technician, words_of(speech("cards/001")))
            assert backend.violations == []
            assert backend.answered == 2, "the old answer was sent to its end"
        return lasted_s

    lasted_s = await on_a_fair_machine(scene, figures)
    figures(f"old sound heard after the press while a seed backend goes on: {1000 * lasted_s:.0f} ms")


@pytest.mark.parametrize("pacing", ["realtime", "instant"])
async def test_in_v1_the_backend_is_told_how_much_was_heard(
    pacing: Pacing, alsa: AlsaRig, speech: Speech, figures: Callable[[str], None]
) -> None:
    options = Options(welcome=False, answer_pcm=ANSWER, pacing=pacing, profile="v1", downlink="pcm16")

    async def scene(machine: Machine) -> tuple[float, float]:
        async with SimulatedBackend(options) as backend:
            async with at_work(alsa, backend.url, machine) as technician:
                lasted_s, heard_samples = await interrupt_by_asking(technician, words_of(speech("cards/001")))
            assert backend.violations == []
            first, second = backend.answers
        (cancelled,) = [each for each in backend.received if each["type"] == "response_cancelled"]
        assert cancelled["response_id"] == first.response_id != second.response_id
        assert first.cancelled is (pacing == "realtime"), "what was all sent cannot be taken back"
        wrong_ms = cancelled["played_ms"] - heard_samples * 1000 / RATE_HZ
        assert abs(wrong_ms) < 100
        return lasted_s, wrong_ms

    lasted_s, wrong_ms = await on_a_fair_machine(scene, figures)
    figures(f"the same in v1, {pacing}: {1000 * lasted_s:.0f} ms; played_ms is {wrong_ms:+.0f} ms off what was heard")


async def interrupt_by_asking(technician: Technician, words: Pcm) -> tuple[float, int]:
    """Ask, and ask again into the answer; nothing of it is heard behind its limit, and the new one is heard whole.

    How long the old sound lasted after the press, and how many of its samples were heard in all.
    """
    asking = [asyncio.create_task(technician.ask(words, hold=True))]
    try:
        await until(lambda: sounding_samples(technician) > RATE_HZ // 2, "the first answer is heard")
        asking.append(asyncio.create_task(technician.ask(words, hold=True)))
        assert (await asking[0]).outcome == "interrupted"
        pressed_at = technician.pressed_at
        assert (await asking[1]).outcome == "answered"
    finally:
        for each in asking:
            each.cancel()
        await asyncio.wait(asking)
    await listen_on()
    heard = technician.heard()
    first = begins(heard, ANSWER)
    assert not heard[:first].any()
    second = first + RATE_HZ // 4 + begins(heard[first + RATE_HZ // 4 :], ANSWER)
    old, new = heard[first:second], heard[second:]
    # A backend that sends no faster than speech causes pauses on a busy machine; but nothing is lost or comes twice.
    samples = played(old, ANSWER)
    assert samples < len(ANSWER), "none of it came back"
    assert played(new, ANSWER) == len(ANSWER)
    lasted_s = technician.heard_at(first + sounding(old).stop) - pressed_at
    assert lasted_s <= LIMIT_S
    return lasted_s, samples


def sounding_samples(technician: Technician, begin: int = 0) -> int:
    """How many samples that are not silence were heard, from number `begin` on."""
    return int(np.count_nonzero(technician.heard()[begin:]))
