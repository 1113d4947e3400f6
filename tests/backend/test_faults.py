"""Everything that can go wrong on purpose goes wrong in its own way, as often as was ordered."""

import asyncio
import uuid
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from hero365_edge.backend.faults import GARBAGE_BINARY, GARBAGE_TEXTS, Faults
from hero365_edge.backend.options import Fault, Options
from hero365_edge.backend.rtp import Assembler, packetize, parse
from hero365_edge.backend.server import SimulatedBackend
from tests.backend.caller import OFFER, Caller, Samples, call, silence, tone, voice, wav_fields

ANSWER = tone(0.4)


def failing(fault: Fault, **more: Any) -> Options:
    return Options(**{"answer_pcm": ANSWER, "pacing": "instant", "fault": fault, **more})


def said(seed: int = 1) -> Samples:
    return np.concatenate([voice(0.3, seed), silence(0.6)])


async def sound(caller: Caller, size: int = ANSWER.nbytes) -> Samples:
    async with asyncio.timeout(3):
        while sum(map(len, caller.binary)) < size:
            await caller.next()
    return np.frombuffer(b"".join(caller.binary), "<i2")


def test_a_fault_strikes_as_often_as_ordered() -> None:
    faults = Faults("error", 2)
    assert [(faults.coming, faults.take()) for _ in range(3)] == [("error", "error"), ("error", "error"), (None, None)]
    assert [Faults("drop", None).take() for _ in range(3)] == ["drop"] * 3
    assert Faults(None, None).take() is None


async def test_drop_cuts_the_line_in_the_middle_of_the_answer() -> None:
    session_id = str(uuid.uuid4())
    async with SimulatedBackend(failing("drop", fault_count=1)) as backend:
        async with call(backend.url, session_id=session_id) as caller:
            await caller.start()
            await caller.speak(said())
            with pytest.raises(ConnectionClosedError):
                await sound(caller)
            assert sum(map(len, caller.binary)) <= ANSWER.nbytes // 2
            assert (backend.answers[0].chunks_sent, backend.answers[0].complete) == (5, False)
        async with call(backend.url, session_id=session_id) as caller:
            await caller.start()
            await caller.speak(said(2))
            np.testing.assert_array_equal(await sound(caller), ANSWER)


async def test_drop_of_a_whole_answer_comes_before_it() -> None:
    async with SimulatedBackend(failing("drop", delivery="whole")) as backend, call(backend.url) as caller:
        await caller.start(realtime=False)
        await caller.tell("audio_data", **wav_fields(voice(0.3)))
        await caller.hear("audio_processing", status="processing")
        with pytest.raises(ConnectionClosedError):
            await caller.hear("agent_response")


async def test_stall_pauses_in_the_middle_and_goes_on_at_the_same_pace() -> None:
    options = failing("stall", stall_s=0.4, pacing="realtime")
    async with SimulatedBackend(options) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(said())
        await sound(caller, ANSWER.nbytes // 2)
        before = asyncio.get_running_loop().time()
        await caller.linger(0.2)
        assert sum(map(len, caller.binary)) == ANSWER.nbytes // 2
        np.testing.assert_array_equal(await sound(caller), ANSWER)
        assert 0.5 < asyncio.get_running_loop().time() - before < 1.5


async def test_error_comes_instead_of_the_answer() -> None:
    async with SimulatedBackend(failing("error", fault_count=1)) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(said())
        await caller.hear("audio_processing", status="processing")
        assert (await caller.hear("error"))["error"] == "The voice agent failed to answer"
        assert (backend.answers, caller.binary) == ([], [])
        await caller.speak(said(2))
        await caller.hear("agent_response")


async def test_silent_says_nothing_at_all() -> None:
    async with SimulatedBackend(failing("silent", fault_count=2)) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(said())
        await caller.tell("text_input", text="Hello?", want_audio_response=True)
        await caller.linger(0.2)
        assert len(caller.order) == 4
        assert [utterance.came for utterance in backend.utterances] == ["realtime", "text"]
        await caller.speak(said(2))
        await caller.hear("agent_response")


async def test_refuse_turns_the_client_away_at_the_door() -> None:
    async with SimulatedBackend(failing("refuse", fault_count=1)) as backend:
        with pytest.raises(InvalidStatus) as refused:
            async with call(backend.url):
                pass
        assert refused.value.response.status_code == 401
        async with call(backend.url) as caller:
            await caller.start()
            await caller.speak(said())
            np.testing.assert_array_equal(await sound(caller), ANSWER)


async def test_garbage_comes_between_the_good_messages() -> None:
    async with SimulatedBackend(failing("garbage")) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(said())
        await caller.hear("audio_processing", status="buffered")
        assert tuple(caller.binary) == GARBAGE_BINARY  # before the first sign: nobody can take it for the answer
        caller.binary.clear()
        await caller.hear("audio_processing", status="processing")
        np.testing.assert_array_equal(await sound(caller), ANSWER)
        garbage = len(caller.garbled) + sum(m.get("session_id") == "garbage" for m in caller.messages)
        assert garbage == len(GARBAGE_TEXTS)
        assert backend.answers[0].complete


async def test_garbage_in_v1_is_rtp_that_belongs_to_nobody() -> None:
    offer = {**OFFER, "uplink": ["pcm16"], "downlink": ["pcm16"]}
    async with SimulatedBackend(failing("garbage", profile="v1")) as backend, call(backend.url) as caller:
        await caller.start(audio=offer)
        await caller.tell("utterance_started", utterance_id="u1", ssrc=7)
        for chunk in packetize(voice(0.3), "pcm16", 7):
            await caller.socket.send(chunk.data)
        await caller.tell("utterance_ended", utterance_id="u1", frames=15, tentative=False)
        ssrc = (await caller.hear("response_started"))["ssrc"]
        caller.binary.clear()
        await caller.hear("response_ended")
        assembler, junk = Assembler("pcm16"), 0
        for data in caller.binary:
            try:
                packet = parse(data)
            except ValueError:
                junk += 1
                continue
            if packet.ssrc == ssrc:
                assert assembler.add(packet) == []
            else:
                junk += 1
        np.testing.assert_array_equal(assembler.pcm(), ANSWER)
        assert junk == 20
