"""The strict backend itself: it answers a client that keeps to the seed, and notes every step beside it."""

import base64
import json
import uuid
from typing import Any

import numpy as np
import pytest

from tests.backend.caller import OFFER, call, silence, tone, voice, wav, wav_fields
from tests.strict_seed import ANSWER_TEXT, StrictSeedBackend

STAMP = "2024-01-15T10:30:00Z"


async def test_a_client_that_keeps_to_the_seed_is_answered() -> None:
    async with StrictSeedBackend() as strict, call(strict.url) as caller:
        await caller.start()
        await caller.tell("context_update", data={"location": {"lat": 1.5}, "activity_mode": "working"})
        await caller.hear("context_updated")
        await caller.tell("text_input", text="Show me today's schedule", want_audio_response=False)
        assert (await caller.hear("agent_response"))["response"] == ANSWER_TEXT
        await caller.tell("audio_data", **wav_fields(voice(0.5)))
        answer = await caller.hear("agent_response")
        assert base64.b64decode(answer["audio_response"]) == wav(strict.answer_pcm)
        await caller.speak(np.concatenate([voice(0.5), silence(0.6)]))
        await caller.hear("agent_response")
        await caller.tell("session_status")
        await caller.hear("session_status")
        await caller.tell("end_session")
        await caller.hear("session_ended")
    assert (strict.violations, strict.extras, strict.answered, len(strict.frames)) == ([], [], 3, 55)


async def test_a_streamed_answer_is_the_chime() -> None:
    async with StrictSeedBackend(answer="streamed") as strict, call(strict.url) as caller:
        await caller.start()
        await caller.speak(np.concatenate([voice(0.5), silence(0.6)]))
        await caller.hear("agent_response")
        await caller.linger(0.8)
        np.testing.assert_array_equal(np.frombuffer(b"".join(caller.binary), "<i2"), strict.answer_pcm)


async def test_580_ms_of_quiet_is_not_the_end() -> None:
    async with StrictSeedBackend() as strict, call(strict.url) as caller:
        await caller.start()
        await caller.speak(np.concatenate([voice(0.5), silence(0.58)]))
        await caller.linger(0.1)
        assert strict.answered == 0
        await caller.speak(silence(0.02))
        await caller.hear("agent_response")


async def test_an_extra_is_noted_and_ignored() -> None:
    async with StrictSeedBackend() as strict, call(strict.url) as caller:
        assert "audio" not in await caller.start(audio=OFFER)
        assert (strict.extras, strict.violations) == (["enable_realtime.audio"], [])


async def test_an_extra_can_be_an_error_until_it_is_left_out() -> None:
    async with StrictSeedBackend(on_extra="error") as strict, call(strict.url) as caller:
        await caller.start(realtime=False)
        await caller.tell("enable_realtime", audio=OFFER)
        await caller.hear("error")
        await caller.tell("enable_realtime")
        await caller.hear("realtime_enabled")
        assert strict.violations == []


async def test_without_realtime_enable_realtime_is_an_error() -> None:
    async with StrictSeedBackend(realtime_available=False) as strict, call(strict.url) as caller:
        assert (await caller.hear("connection_confirmed"))["realtime_available"] is False
        await caller.tell("start_session")
        await caller.tell("enable_realtime")
        await caller.hear("error")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("{", "unknown message"),
        ({"type": "utterance_started", "timestamp": STAMP}, "unknown message"),
        ({"type": "session_status"}, "timestamp"),
        ({"type": "session_status", "timestamp": "2024-01-15T10:30:00+00:00"}, "timestamp"),
        ({"type": "session_status", "timestamp": "2024-13-15T10:30:00Z"}, "timestamp"),
        ({"type": "text_input", "text": "x", "timestamp": STAMP}, "want_audio_response"),
        ({"type": "text_input", "text": 5, "want_audio_response": True, "timestamp": STAMP}, "text is not str"),
        ({"type": "text_input", "text": "x", "want_audio_response": 1, "timestamp": STAMP}, "not bool"),
        ({"type": "audio_data", **wav_fields(tone(0.1)), "size": 5, "timestamp": STAMP}, "size 5 of"),
        ({"type": "audio_data", **wav_fields(tone(0.1)), "format": "mp3", "timestamp": STAMP}, "mp3"),
        ({"type": "audio_data", "audio": "***", "format": "wav", "size": 3, "timestamp": STAMP}, "audio_data"),
        ({"type": "context_update", "data": {"mood": "good"}, "timestamp": STAMP}, "data.mood"),
        ({"type": "start_session", "timestamp": STAMP}, "start_session twice"),
        (b"\x00" * 638, "frame of 638 bytes"),
    ],
)
async def test_a_step_beside_the_seed_is_noted(message: Any, told: str) -> None:
    async with StrictSeedBackend() as strict, call(strict.url) as caller:
        await caller.start()
        await caller.socket.send(json.dumps(message) if isinstance(message, dict) else message)
        await strict.wait_for(lambda: bool(strict.violations), 2.0)
        assert told in strict.violations[0]


@pytest.mark.parametrize(("early", "told"), [("end_session", "end_session before"), (b"\x00" * 640, "binary audio")])
async def test_the_order_is_checked(early: str | bytes, told: str) -> None:
    async with StrictSeedBackend() as strict, call(strict.url) as caller:
        if isinstance(early, bytes):
            await caller.start(realtime=False)
            await caller.socket.send(early)
        else:
            await caller.tell(early)
        await strict.wait_for(lambda: bool(strict.violations), 2.0)
        assert told in strict.violations[0]


@pytest.mark.parametrize(
    ("session_id", "query", "told"),
    [
        ("not-a-uuid", "user_id=u&business_id=b", "UUID4"),
        (str(uuid.uuid1()), "user_id=u&business_id=b", "UUID4"),
        (None, "user_id=u", "fields"),
        (None, "user_id=u&business_id=b&extra=1", "fields"),
        (None, "user_id=a+b&business_id=b", "percent"),
        (None, "user_id=u&user_id=u&business_id=b", "doubled"),
        (None, "user_id=u&business_id=b&token=x", "token does not decode"),
    ],
)
async def test_the_address_is_checked(session_id: str | None, query: str, told: str) -> None:
    async with StrictSeedBackend(expect_query={"token": "a b/ü&="} if "token" in query else None) as strict:
        async with call(strict.url, session_id=session_id, query=query) as caller:
            await caller.hear("connection_confirmed")
        assert told in strict.violations[0]


async def test_a_percent_encoded_query_is_decoded() -> None:
    query = "user_id=a%20b&business_id=%C3%BC%26%3D&token=x%2By"
    expected = {"user_id": "a b", "business_id": "ü&=", "token": "x+y"}
    async with StrictSeedBackend(expect_query=expected) as strict, call(strict.url, query=query) as caller:
        await caller.hear("connection_confirmed")
        assert (strict.violations, strict.queries) == ([], [expected])


async def test_waiting_in_vain_tells_what_was_seen() -> None:
    async with StrictSeedBackend() as strict, call(strict.url) as caller:
        await caller.start()
        with pytest.raises(TimeoutError, match="start_session"):
            await strict.wait_for(lambda: False, 0.05)
