"""The `v1` profile, spoken by a plain client."""

import struct
from typing import Any

import numpy as np
import pytest

from hero365_edge.backend.options import Codec, Options
from hero365_edge.backend.rtp import Assembler, packetize, parse
from hero365_edge.backend.server import SimulatedBackend
from tests.backend.caller import OFFER, Caller, Samples, call, silence, tone, voice, wav_fields
from tests.backend.test_sound import likeness

ANSWER = np.concatenate([tone(0.2), silence(0.2), tone(0.1, hz=600)])
L16 = {**OFFER, "uplink": ["pcm16"], "downlink": ["pcm16"]}


def fast(**more: Any) -> Options:
    return Options(**{"profile": "v1", "answer_pcm": ANSWER, "answer_text": "A tone.", "pacing": "instant", **more})


async def say(caller: Caller, pcm: Samples, utterance_id: str = "u1", ssrc: int = 7, codec: Codec = "pcm16") -> None:
    """An utterance without its end."""
    await caller.tell("utterance_started", utterance_id=utterance_id, ssrc=ssrc)
    for chunk in packetize(pcm, codec, ssrc):
        await caller.socket.send(chunk.data)


async def end(caller: Caller, frames: int, utterance_id: str = "u1", tentative: bool = False) -> None:
    await caller.tell("utterance_ended", utterance_id=utterance_id, frames=frames, tentative=tentative)


def together(caller: Caller, codec: Codec) -> Samples:
    assembler = Assembler(codec)
    for data in caller.binary:
        assert assembler.add(parse(data)) == []
    return assembler.pcm()


@pytest.mark.parametrize(
    ("offer", "wish", "chosen"),
    [
        (OFFER, {}, ("opus", "opus")),
        (OFFER, {"uplink": "pcm16"}, ("pcm16", "opus")),
        (OFFER, {"downlink": "pcm16"}, ("opus", "pcm16")),
        (L16, {}, ("pcm16", "pcm16")),
    ],
)
async def test_codecs_are_settled(offer: dict[str, Any], wish: dict[str, Any], chosen: tuple[str, str]) -> None:
    async with SimulatedBackend(fast(**wish)) as backend, call(backend.url) as caller:
        audio = (await caller.start(audio=offer))["audio"]
        assert audio == {
            "profile": "v1",
            "uplink": chosen[0],
            "downlink": chosen[1],
            "sample_rate": 16_000,
            "frame_ms": 20,
        }
        assert backend.violations == []


async def test_a_client_that_offers_nothing_gets_the_seed_profile() -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        assert "audio" not in await caller.start()
        await caller.speak(np.concatenate([voice(0.3), silence(0.6)]))
        await caller.hear("agent_response")
        assert backend.violations == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"profile": "v2"},
        {"uplink": []},
        {"uplink": ["opus", "flac"]},
        {"downlink": "opus"},
        {"sample_rate": 48_000},
        {"frame_ms": 20.0},
        {"more": 1},
    ],
)
async def test_an_offer_that_is_not_v1_is_an_error_and_the_bare_message_works(wrong: dict[str, Any]) -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start(realtime=False)
        await caller.tell("enable_realtime", audio={**OFFER, **wrong})
        await caller.hear("error")
        assert "enable_realtime.audio" in backend.violations[0]
        await caller.tell("enable_realtime")
        assert "audio" not in await caller.hear("realtime_enabled")


async def test_an_utterance_in_l16_is_answered_in_l16() -> None:
    said = voice(0.5)
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start(audio=L16)
        await say(caller, said)
        await end(caller, 25)
        for status in ("buffered", "processing"):
            assert (await caller.hear("audio_processing", status=status))["utterance_id"] == "u1"
        await caller.hear("agent_response", response="A tone.")
        started = await caller.hear("response_started", utterance_id="u1")
        ended = await caller.hear("response_ended")
        assert ended["response_id"] == started["response_id"] == backend.answers[0].response_id
        assert {parse(data).ssrc for data in caller.binary} == {started["ssrc"]}
        np.testing.assert_array_equal(together(caller, "pcm16")[: len(ANSWER)], ANSWER)
        (utterance,) = backend.utterances
        assert (utterance.utterance_id, utterance.came) == ("u1", "realtime")
        np.testing.assert_array_equal(utterance.pcm, said)
        assert (backend.answers[0].kind, backend.violations) == ("rtp-pcm16", [])


async def test_an_utterance_in_opus_is_answered_in_opus() -> None:
    said = np.concatenate([tone(0.4), silence(0.4), tone(0.4, hz=700)])
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start(audio=OFFER)
        await say(caller, said, codec="opus")
        await end(caller, 70)
        await caller.hear("response_ended")
        assert likeness(together(caller, "opus"), ANSWER) > 0.95
        pcm = backend.utterances[0].pcm
        assert len(pcm) == 70 * 320
        assert likeness(pcm, said) > 0.95
        assert (backend.answers[0].kind, backend.violations) == ("rtp-opus", [])


async def test_the_text_can_come_behind_the_sound() -> None:
    async with SimulatedBackend(fast(text_first=False)) as backend, call(backend.url) as caller:
        await caller.start(audio=L16)
        await say(caller, voice(0.3))
        await end(caller, 15)
        await caller.hear("audio_processing", status="processing")
        await caller.hear("agent_response")
        assert caller.order[-2:] == ["response_ended", "agent_response"]


async def test_response_cancelled_silences_at_once() -> None:
    async with SimulatedBackend(fast(answer_pcm=tone(5), pacing="realtime")) as backend, call(backend.url) as caller:
        await caller.start(audio=L16)
        await say(caller, voice(0.3))
        await end(caller, 15)
        started = await caller.hear("response_started")
        await caller.tell("response_cancelled", response_id=started["response_id"], played_ms=0)
        await caller.hear("audio_processing", status="cancelled")
        caller.binary.clear()
        await caller.linger(0.1)
        assert caller.binary == []
        assert "response_ended" not in caller.order
        assert (backend.answers[0].cancelled, backend.violations) == (True, [])
        await caller.tell("response_cancelled", response_id=started["response_id"], played_ms=20)
        await caller.tell("response_cancelled", response_id="nobody's", played_ms=20)
        await backend.wait_for(lambda: bool(backend.violations), 1.0)
        assert backend.violations == ['response_cancelled: "nobody\'s" is no response']


async def test_a_tentative_end_that_stands_is_one_turn() -> None:
    async with SimulatedBackend(fast(pacing="realtime")) as backend, call(backend.url) as caller:
        await caller.start(audio=L16)
        said = voice(0.6)
        await caller.tell("utterance_started", utterance_id="u1", ssrc=7)
        chunks = packetize(said, "pcm16", 7)
        for chunk in chunks[:20]:
            await caller.socket.send(chunk.data)
        await end(caller, 20, tentative=True)
        for chunk in chunks[20:]:
            await caller.socket.send(chunk.data)
        await caller.hear("response_started")
        await end(caller, 30)
        await caller.hear("response_ended")
        await caller.linger(0.05)
        assert caller.order.count("audio_processing") == 2
        assert (len(backend.utterances), len(backend.answers)) == (1, 1)
        np.testing.assert_array_equal(backend.utterances[0].pcm, said)
        assert backend.violations == []


async def test_an_utterance_that_is_resumed_is_answered_anew() -> None:
    async with SimulatedBackend(fast(think_ms=150)) as backend, call(backend.url) as caller:
        await caller.start(audio=L16)
        said = voice(0.6)
        chunks = packetize(said, "pcm16", 7)
        await caller.tell("utterance_started", utterance_id="u1", ssrc=7)
        for chunk in chunks[:20]:
            await caller.socket.send(chunk.data)
        await end(caller, 20, tentative=True)
        await caller.hear("audio_processing", status="processing")
        await caller.tell("utterance_resumed", utterance_id="u1")
        await caller.hear("audio_processing", status="cancelled")
        for chunk in chunks[20:]:
            await caller.socket.send(chunk.data)
        await end(caller, 30)
        await caller.hear("response_ended")
        assert (len(backend.utterances), len(backend.answers)) == (1, 1)
        np.testing.assert_array_equal(backend.utterances[0].pcm, said)
        assert backend.violations == []


async def test_an_utterance_that_was_resumed_is_no_duplicate_of_its_first_half() -> None:
    async with SimulatedBackend(fast(think_ms=150)) as backend, call(backend.url) as caller:
        await caller.start(audio=L16)
        await say(caller, voice(0.4))
        await end(caller, 20, tentative=True)
        await caller.hear("audio_processing", status="processing")
        await caller.tell("utterance_resumed", utterance_id="u1")
        await caller.hear("audio_processing", status="cancelled")
        await caller.tell("audio_data", **wav_fields(voice(0.8)), utterance_id="u1")
        await caller.hear("audio_processing", status="processing")
        await caller.hear("agent_response")
        assert len(backend.answers) == 1


async def test_silence_that_was_not_sent_counts() -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start(audio=L16)
        await say(caller, voice(0.2))
        await end(caller, 50)
        await caller.hear("audio_processing", status="processing")
        assert len(backend.utterances[0].pcm) == 16_000


async def test_a_held_utterance_is_known_by_its_name() -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start(audio=OFFER)
        await say(caller, tone(0.3), codec="opus")
        await end(caller, 16)
        await caller.hear("response_ended")
        await caller.tell("audio_data", **wav_fields(tone(0.3)), utterance_id="u1")
        await caller.hear("audio_processing", status="skipped_duplicate")
        assert backend.violations == []


def packet(ssrc: int) -> bytes:
    return struct.pack("!BBHII", 0x80, 96, 1, 0, ssrc) + bytes(640)


def started(utterance_id: str, ssrc: int) -> dict[str, Any]:
    return {"name": "utterance_started", "utterance_id": utterance_id, "ssrc": ssrc}


def ended(utterance_id: str, frames: object) -> dict[str, Any]:
    return {"name": "utterance_ended", "utterance_id": utterance_id, "frames": frames, "tentative": False}


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([tone(0.02).tobytes()], "RTP: version"),
        ([packet(8)], "SSRC 0x00000008 is of no open utterance"),
        ([ended("u1", 10), packet(7)], "SSRC 0x00000007 is of no open utterance"),
        ([started("u2", 8)], "u1 was not ended"),
        ([ended("u1", 10), started("u1", 8)], "utterance_id u1 was used before"),
        ([ended("u1", 10), started("u2", 7)], "ssrc 7 was used before"),
        ([ended("u1", 10), started("u2", -1)], "ssrc -1 is not of 32 bit"),
        ([ended("u1", 9)], "9 frames; 10 came"),
        ([ended("u1", 10**9)], "1000000000 frames; 10 came"),
        ([ended("u9", 10)], "u9 is no open utterance"),
        ([ended("u1", "ten")], "frames is 'ten'; expected an integer"),
        ([{"name": "utterance_resumed", "utterance_id": "u1"}], "u1 was not ended"),
        ([{"name": "response_cancelled", "response_id": "r", "played_ms": 5}], "'r' is no response"),
    ],
)
async def test_a_mistake_in_v1_is_noted(steps: list[bytes | dict[str, Any]], told: str) -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start(audio=L16)
        await say(caller, voice(0.2))
        for step in steps:
            await (caller.socket.send(step) if isinstance(step, bytes) else caller.tell(**step))
        await backend.wait_for(lambda: bool(backend.violations), 1.0)
        assert told in backend.violations[0]
        await caller.tell("end_session")
        await caller.hear("session_ended")
        assert len(backend.violations) == 1
