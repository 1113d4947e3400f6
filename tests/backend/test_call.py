"""The seed profile, spoken by a plain client."""

import asyncio
import base64
import io
import json
import re
import threading
import uuid
from typing import Any

import numpy as np
import opuslib
import pytest
import soundfile

from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from tests.backend.caller import OFFER, Caller, Samples, call, silence, tone, voice, wav_fields
from tests.backend.test_sound import likeness

ANSWER = tone(0.3)
SAID = np.concatenate([voice(0.5), silence(0.6)])


def fast(**more: Any) -> Options:
    """Answers at once, with a tone."""
    return Options(**{"answer_pcm": ANSWER, "answer_text": "A tone.", "pacing": "instant", **more})


def sound(caller: Caller) -> Samples:
    return np.frombuffer(b"".join(caller.binary), dtype="<i2")


async def streamed(caller: Caller, size: int = ANSWER.nbytes) -> None:
    """Read until that many bytes of sound came."""
    async with asyncio.timeout(5):
        while sum(map(len, caller.binary)) < size:
            await caller.next()


async def test_the_session_begins_as_the_seed_says() -> None:
    async with SimulatedBackend(fast()) as backend:
        session_id = str(uuid.uuid4())
        async with call(backend.url, session_id=session_id) as caller:
            await caller.start()
            assert caller.order == [
                "connection_confirmed",
                "session_started",
                "agent_response",
                "realtime_enabled",
            ]
            confirmed, started, welcome, enabled = caller.messages
            stamps = [message.pop("timestamp") for message in caller.messages]
            assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamp) for stamp in stamps)
            assert {message.pop("session_id") for message in caller.messages} == {session_id}
            available = {"realtime_available": True, "buffered_available": True}
            assert confirmed.items() >= available.items()
            assert started.items() >= {"status": "active", **available}.items()
            assert welcome == {
                "type": "agent_response",
                "response": "Hello! I'm your Hero365 AI assistant. How can I help you today?",
                "context": {},
            }
            assert enabled == {"type": "realtime_enabled", "status": "enabled"}
        assert [message["type"] for message in backend.received] == ["start_session", "enable_realtime"]
        assert (backend.violations, backend.answers) == ([], [])


async def test_the_welcome_can_be_left_out() -> None:
    async with SimulatedBackend(fast(welcome=False)) as backend, call(backend.url) as caller:
        await caller.tell("start_session")
        await caller.tell("enable_realtime")
        await caller.hear("realtime_enabled")
        assert "agent_response" not in caller.order


async def test_speech_in_frames_is_buffered_processed_and_answered() -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(SAID)
        buffered = await caller.hear("audio_processing")
        assert (buffered["status"], buffered["audio_size"]) == ("buffered", 3 * 640)
        processing = await caller.hear("audio_processing")
        assert (processing["status"], processing["buffer_size"]) == ("processing", SAID.nbytes)
        answer = await caller.hear("agent_response")
        assert answer["response"] == "A tone."
        assert "audio_response" not in answer
        await streamed(caller)
        np.testing.assert_array_equal(sound(caller), ANSWER)
        (utterance,) = backend.utterances
        np.testing.assert_array_equal(utterance.pcm, SAID)
        assert (utterance.came, utterance.utterance_id, utterance.duplicate) == ("realtime", None, False)
        await backend.wait_for(lambda: backend.answers[0].ended_at is not None, 1.0)
        (told,) = backend.answers
        assert (told.kind, told.complete, told.cancelled) == ("pcm", True, False)
        assert (told.chunks_sent, told.bytes_sent) == (8, ANSWER.nbytes)
        assert (backend.binary_received, backend.violations) == (55, [])
        assert b"".join(backend.raw_binary) == SAID.tobytes()


async def test_two_utterances_are_two_turns() -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start()
        for seed in (1, 2):
            await caller.speak(np.concatenate([voice(0.5, seed), silence(0.6)]))
            await caller.hear("audio_processing", status="processing")
            await streamed(caller, seed * ANSWER.nbytes)
        assert len(backend.utterances) == 2


async def test_quiet_is_no_utterance() -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(silence(2.0))
        await caller.linger(0.1)
        assert (backend.utterances, len(caller.messages)) == ([], 4)


async def test_the_text_can_come_behind_the_sound() -> None:
    async with SimulatedBackend(fast(text_first=False)) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(SAID)
        await caller.hear("audio_processing", status="processing")
        await caller.hear("agent_response")
        assert caller.order[-9:] == ["binary"] * 8 + ["agent_response"]


async def test_json_can_come_in_binary_messages() -> None:
    async with SimulatedBackend(fast(json_in_binary=True)) as backend, call(backend.url) as caller:
        message = json.loads(await caller.socket.recv(decode=True))
        assert message["type"] == "connection_confirmed"


@pytest.mark.parametrize("kind", ["wav", "mp3", "opus", "pcm"])
async def test_a_whole_answer_is_inside_the_message(kind: Any) -> None:
    async with SimulatedBackend(fast(answer=kind, delivery="whole")) as backend, call(backend.url) as caller:
        await caller.start(realtime=False)
        await caller.tell("audio_data", **wav_fields(voice(0.5)))
        await caller.hear("audio_processing", status="processing")
        answer = await caller.hear("agent_response")
        assert answer["audio_format"] == ("wav" if kind == "pcm" else kind)
        pcm, rate = soundfile.read(io.BytesIO(base64.b64decode(answer["audio_response"])), dtype="int16")
        assert likeness(pcm[:: rate // 16_000], ANSWER) > 0.95
        assert caller.binary == []


@pytest.mark.parametrize(("kind", "magic"), [("wav", b"RIFF"), ("mp3", b"\xff"), ("opus", b"OggS")])
async def test_a_streamed_answer_of_each_kind_decodes(kind: Any, magic: bytes) -> None:
    async with SimulatedBackend(fast(answer=kind, text_first=False)) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(SAID)
        await caller.hear("audio_processing", status="processing")
        await caller.hear("agent_response")
        assert caller.binary[0].startswith(magic)
        pcm, rate = soundfile.read(io.BytesIO(b"".join(caller.binary)), dtype="int16")
        assert likeness(pcm[:: rate // 16_000], ANSWER) > 0.95
        np.testing.assert_array_equal(backend.answers[0].pcm, ANSWER)


async def test_the_same_wav_twice_is_answered_once() -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start(realtime=False)
        fields = wav_fields(voice(0.5))
        await caller.tell("audio_data", **fields)
        await streamed(caller)
        await caller.tell("audio_data", **fields)
        skipped = await caller.hear("audio_processing", status="skipped_duplicate")
        assert skipped["audio_size"] == fields["size"]
        await caller.tell("audio_data", **wav_fields(voice(0.5, seed=2)))
        await caller.hear("audio_processing", status="processing")
        await backend.wait_for(lambda: len(backend.answers) == 2, 1.0)
        assert [utterance.duplicate for utterance in backend.utterances] == [False, True, False]


async def test_what_was_streamed_is_known_when_it_comes_again_as_wav_after_a_reconnect() -> None:
    session_id = str(uuid.uuid4())
    room = np.random.default_rng(3).integers(-20, 20, 9600).astype(np.int16)
    utterance = np.concatenate([room[:4800], voice(0.5), room])
    async with SimulatedBackend(fast()) as backend:
        async with call(backend.url, session_id=session_id) as caller:
            await caller.start()
            await caller.speak(np.concatenate([utterance, silence(0.6)]))
            await caller.hear("audio_processing", status="processing")
            await backend.drop_links()
        async with call(backend.url, session_id=session_id) as caller:
            await caller.start()
            await caller.tell("audio_data", **wav_fields(utterance))
            await caller.hear("audio_processing", status="skipped_duplicate")
        async with call(backend.url) as caller:  # another session is another technician
            await caller.start()
            await caller.tell("audio_data", **wav_fields(utterance))
            await caller.hear("audio_processing", status="processing")


async def test_new_speech_cancels_the_answer_that_is_being_sent() -> None:
    options = fast(answer_pcm=tone(5.0), pacing="realtime")
    async with SimulatedBackend(options) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(SAID)
        await streamed(caller, 6400)
        await caller.speak(voice(0.1, seed=2))
        await caller.hear("audio_processing", status="cancelled")
        caller.binary.clear()
        await caller.hear("audio_processing", status="buffered")
        await caller.linger(0.15)
        assert caller.binary == []
        (answer,) = backend.answers
        assert (answer.cancelled, answer.complete) == (True, False)
        assert 6400 <= answer.bytes_sent < 32_000


async def test_typed_text_is_answered_with_sound_only_if_wanted() -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start(realtime=False)
        await caller.tell("text_input", text="Hello", want_audio_response=False)
        await caller.hear("agent_response")
        await caller.tell("text_input", text="Hello", want_audio_response=True)
        await caller.hear("agent_response")
        await streamed(caller)
        assert [answer.kind for answer in backend.answers] == ["text", "pcm"]
        assert [utterance.text for utterance in backend.utterances] == ["Hello", "Hello"]
        assert "audio_processing" not in caller.order


async def test_status_context_and_end_are_answered() -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.tell("session_status")
        data = (await caller.hear("session_status"))["data"]
        assert data.pop("connected_at").endswith("Z")
        assert data == {"status": "active", "realtime_enabled": True, "active_connections": 1}
        await caller.tell("context_update", data={"activity_mode": "driving", "location": {}, "current_task": "x"})
        await caller.hear("context_updated")
        await caller.tell("end_session")
        assert (await caller.hear("session_ended"))["status"] == "ended"
        await caller.tell("start_session")
        await caller.hear("session_started")
        assert backend.violations == []


async def test_without_realtime_the_client_is_told_so() -> None:
    async with SimulatedBackend(fast(realtime_available=False)) as backend, call(backend.url) as caller:
        assert (await caller.hear("connection_confirmed"))["realtime_available"] is False
        await caller.tell("start_session")
        await caller.tell("enable_realtime")
        await caller.hear("error")


async def test_the_seed_profile_knows_nothing_of_an_audio_object() -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        assert "audio" not in await caller.start(audio=OFFER)
        assert backend.violations == []


async def test_a_backend_may_take_bare_opus_packets() -> None:
    encoder = opuslib.Encoder(16_000, 1, opuslib.APPLICATION_VOIP)
    said = np.concatenate([tone(0.5), silence(0.7)])
    async with SimulatedBackend(fast(seed_uplink="opus")) as backend, call(backend.url) as caller:
        await caller.start()
        for start in range(0, len(said), 320):
            await caller.socket.send(encoder.encode(said[start : start + 320].tobytes(), 320))
        await caller.hear("audio_processing", status="processing")
        assert likeness(backend.utterances[0].pcm, said) > 0.95
        await caller.socket.send(b"\xff\xff\xff\xff")
        await backend.wait_for(lambda: bool(backend.violations), 1.0)
        assert "does not decode" in backend.violations[0]


async def test_thinking_takes_its_time() -> None:
    async with SimulatedBackend(fast(think_ms=300)) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(SAID)
        await caller.hear("audio_processing", status="processing")
        await caller.hear("agent_response")
        (answer,) = backend.answers
        assert 0.3 <= answer.began_at - answer.utterance.ended_at < 1.0


async def test_an_answers_sound_is_ready_when_the_thinking_ends() -> None:
    async with SimulatedBackend(fast(think_ms=1000)) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(SAID)
        await caller.hear("audio_processing", status="processing")
        await asyncio.sleep(0.5)
        heard = threading.Event()
        busy = backend._thread.submit(heard.wait, 10.0)
        await caller.hear("agent_response")
        await streamed(caller, 1)
        heard.set()
        assert await asyncio.wrap_future(busy)


async def test_real_time_is_real_time() -> None:
    async with SimulatedBackend(fast(pacing="realtime", answer_pcm=tone(0.6))) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.speak(SAID)
        await streamed(caller, tone(0.6).nbytes)
        await backend.wait_for(lambda: backend.answers[0].complete, 1.0)
        (answer,) = backend.answers
        assert answer.ended_at is not None
        assert 0.56 <= answer.ended_at - answer.began_at < 1.5


@pytest.mark.parametrize(
    ("name", "fields", "violation"),
    [
        ("dance", {}, "a message 'dance' of no known type"),
        ("utterance_started", {"utterance_id": "u", "ssrc": 1}, "before v1 was negotiated"),
        ("text_input", {"text": 5, "want_audio_response": True}, "text is 5; expected a string"),
        ("text_input", {"text": "x"}, "want_audio_response is missing"),
        ("audio_data", {"audio": "%%%", "format": "wav", "size": 3}, "audio_data: "),
        ("audio_data", {"audio": "AAAA", "format": "wav", "size": 3}, "not a WAV file"),
        ("context_update", {"data": {"mood": "good"}}, "context_update.data: unexpected field 'mood'"),
        ("session_status", {"session_id": "x"}, "unexpected field 'session_id'"),
        ("start_session", {}, "in a session that was started"),
        ("audio_data", {**wav_fields(voice(0.1)), "size": 7}, "size is 7; the audio's is 3244"),
        ("audio_data", {**wav_fields(voice(0.1)), "format": "mp3"}, "format is 'mp3'; the audio's is 'wav'"),
    ],
)
async def test_what_the_client_does_wrong_is_noted(name: str, fields: dict[str, Any], violation: str) -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start(realtime=False)
        await caller.tell(name, **fields)
        await backend.wait_for(lambda: bool(backend.violations), 1.0)
        assert violation in backend.violations[0]
        assert len(backend.violations) == 1
        await caller.tell("end_session")
        await caller.hear("session_ended")


async def test_an_unknown_type_is_answered_as_in_the_seed() -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.tell("invalid_type")
        assert (await caller.hear("error"))["error"] == "Unknown message type: invalid_type"


@pytest.mark.parametrize(
    ("sent", "violation"),
    [
        ("{", "malformed JSON"),
        (bytes(640), "binary audio before realtime_enabled"),
        ('{"type": "end_session", "timestamp": "2024-01-15T10:30:00Z"}', "end_session before start_session"),
        ('{"type": "start_session"}', "timestamp is missing"),
        ('{"type": "start_session", "timestamp": "2024-01-15"}', "not ISO-8601"),
    ],
)
async def test_a_wrong_beginning_is_noted(sent: str | bytes, violation: str) -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.hear("connection_confirmed")
        await caller.socket.send(sent)
        await backend.wait_for(lambda: bool(backend.violations), 1.0)
        assert violation in backend.violations[0]


@pytest.mark.parametrize("size", [0, 1, 320, 638, 641, 1280])
async def test_a_frame_that_is_not_of_20_ms_is_noted(size: int) -> None:
    async with SimulatedBackend(fast()) as backend, call(backend.url) as caller:
        await caller.start()
        await caller.socket.send(bytes(size))
        await backend.wait_for(lambda: bool(backend.violations), 1.0)
        assert backend.violations == [f"binary: {size} bytes; a frame of 20 ms has 640"]
