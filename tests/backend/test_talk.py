"""A spoken question gets a spoken answer: the whole backend, offline."""

import asyncio

import numpy as np
import pytest

from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.backend.voice import voice
from tests.backend.caller import Caller, Samples, call, silence, wav_fields
from tests.backend.test_ears import ears


def padded(pcm: Samples) -> Samples:
    """Whole frames, and quiet behind them."""
    return np.concatenate([pcm, silence(0.6), np.zeros(-len(pcm) % 320, dtype=np.int16)])


async def answered(caller: Caller, backend: SimulatedBackend, turns: int) -> str:
    """The text of the answer, once all of its sound came."""
    async with asyncio.timeout(10):
        while len(backend.answers) < turns or not backend.answers[-1].complete:
            await caller.next()
        await caller.linger(0.1)
    np.testing.assert_array_equal(np.frombuffer(b"".join(caller.binary), "<i2"), backend.answers[-1].pcm)
    assert len(backend.answers[-1].pcm) > 16_000
    caller.binary.clear()
    return backend.answers[-1].text


@pytest.mark.speech
async def test_a_conversation() -> None:
    say = voice()
    async with SimulatedBackend(Options(pacing="instant")) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(padded(say("What is the address for this job?")))
        assert "Oak Street" in await answered(caller, backend, 1)
        assert backend.utterances[0].text == "what is the address for this job"
        assert "oak street" in (ears().understand(backend.answers[0].pcm) or "")
        await caller.speak(padded(say("Create an estimate.")))
        assert "What is the estimate for?" in await answered(caller, backend, 2)
        await caller.tell("audio_data", **wav_fields(say("Replace the water heater.")))
        assert await answered(caller, backend, 3) == "I created the estimate for: replace the water heater."
        assert backend.violations == []


@pytest.mark.speech
async def test_a_fixed_text_is_spoken() -> None:
    backend = SimulatedBackend(Options(answer_text="All is well.", pacing="instant"))
    async with backend, call(backend.url) as caller:
        await caller.start(realtime=False)
        await caller.tell("text_input", text="How is it?", want_audio_response=True)
        assert (await caller.hear("agent_response"))["response"] == "All is well."
        assert len(backend.answers[0].pcm) > 8000
