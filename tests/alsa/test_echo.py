"""An appliance whose microphone hears its own speaker, over real ALSA: the answer is no voice, and a voice is one."""

import asyncio
from collections.abc import Callable

import pytest

from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.core.lamp import Light
from hero365_edge.core.pcm import RATE_HZ, Pcm
from hero365_edge.settings import Capture
from tests.alsa.appliance_on_alsa import Cards, Machine, at_work, on_a_fair_machine, until
from tests.alsa_rig import AlsaRig
from tests.listening import words_of

pytestmark = pytest.mark.alsa

ECHOING = Cards(microphone="hero_tap")
"""Hears all that the speaker plays, and whatever else is played there."""
ALONE_S = 5.0


async def test_an_answer_does_not_interrupt_itself_and_a_voice_in_it_does(
    alsa: AlsaRig, speech: Callable[[str], Pcm], figures: Callable[[str], None]
) -> None:
    answer = words_of(speech("demo-congrats"))[: 12 * RATE_HZ]
    capture = Capture(echo_cancel=True, barge_in="voice")

    async def scene(machine: Machine) -> str:
        async with (
            SimulatedBackend(Options(welcome=False, answer_pcm=answer)) as backend,
            at_work(alsa, backend.url, machine, ECHOING, capture) as technician,
        ):
            appliance = technician.appliance
            assert appliance.dialogue.say("What is next?")
            await technician.sees(Light.SPEAKING)
            await asyncio.sleep(ALONE_S)
            assert appliance.dialogue.light is Light.SPEAKING, "it took itself for a voice"
            voice = words_of(speech("0930"))
            loop = asyncio.get_running_loop()
            begin = loop.time()
            saying = asyncio.create_task(asyncio.to_thread(alsa.speak, voice, "hero_spk"))
            await technician.sees(Light.LISTENING)
            took_s = loop.time() - begin
            assert took_s < 1.5
            await saying
            await until(lambda: appliance.dialogue.light is not Light.LISTENING, "what was said goes up")
            assert appliance.ear is not None
            assert appliance.ear.interruptions >= 1
            assert appliance.sound.unasked_bytes == 0
            return f"found {1000 * took_s:.0f} ms after the player started, echo at {appliance.ear.figures}"

    figures(await on_a_fair_machine(scene, figures))
