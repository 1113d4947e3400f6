"""A spoken question gets a spoken answer: the whole backend, offline."""

import asyncio

import numpy as np
import pytest

from hero365_edge.backend.ears import Ears
from hero365_edge.backend.options import Options
from hero365_edge.backend.script import PHRASES, nearest
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.backend.voice import voice
from tests.backend.caller import Caller, Samples, call, silence, wav_fields


async def listened(caller: Caller, backend: SimulatedBackend, turns: int) -> str:
    """What a listener understands of the answer that was streamed."""
    async with asyncio.timeout(10):
        while len(backend.answers) < turns or not backend.answers[-1].complete:
            await caller.next()
        await caller.linger(0.1)
    pcm = np.frombuffer(b"".join(caller.binary), "<i2")
    np.testing.assert_array_equal(pcm, backend.answers[-1].pcm)
    caller.binary.clear()
    return Ears(PHRASES, lambda text: (nearest(text) or (None,))[0]).understand(pcm) or ""


def padded(pcm: Samples) -> Samples:
    """Whole frames, and quiet behind them."""
    return np.concatenate([pcm, silence(0.6), np.zeros(-len(pcm) % 320, dtype=np.int16)])


@pytest.mark.speech
async def test_a_conversation() -> None:
    say = voice()
    async with SimulatedBackend(Options(pacing="bursts")) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(padded(say("What is the address for this job?")))
        assert "oak street" in await listened(caller, backend, 1)
        assert backend.utterances[0].text == "what is the address for this job"
        await caller.speak(padded(say("Create an estimate.")))
        assert "estimate" in await listened(caller, backend, 2)
        await caller.tell("audio_data", **wav_fields(say("Replace the water heater.")))
        assert "water heater" in await listened(caller, backend, 3)
        assert backend.violations == []


@pytest.mark.speech
async def test_a_fixed_text_is_spoken() -> None:
    backend = SimulatedBackend(Options(answer_text="All is well.", pacing="instant"))
    async with backend, call(backend.url) as caller:
        await caller.start(realtime=False)
        await caller.tell("text_input", text="How is it?", want_audio_response=True)
        assert (await caller.hear("agent_response"))["response"] == "All is well."
        assert len(backend.answers[0].pcm) > 8000
