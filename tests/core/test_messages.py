"""The vocabulary, against each JSON example of the seed."""

import base64
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from hero365_edge.core import messages as m
from hero365_edge.errors import WireError

GOLDEN = Path(__file__).parent.parent / "golden" / "seed"
EXAMPLES = {path.stem: path.read_text() for path in sorted(GOLDEN.glob("*.json"))}
AT = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
STAMP = "2024-01-15T10:30:00.000Z"

FROM_THE_DEVICE: dict[str, m.AnyMessage] = {
    "start_session": m.StartSession(),
    "enable_realtime": m.EnableRealtime(),
    "text_input": m.TextInput(text="Show me today's schedule", want_audio_response=False),
    "audio_data": m.AudioData(audio="base64-encoded-audio-data", format="wav", size=8192),
    "context_update": m.ContextUpdate(
        data={"location": {}, "current_task": "creating_estimate", "activity_mode": "working"}
    ),
    "end_session": m.EndSession(),
}
STATUSES = ("processing", "buffered", "skipped_duplicate", "cancelled")


def as_json(example: str) -> str:
    """The seed writes `{...}` for "some object": the one thing in its examples that is not JSON."""
    return example.replace("{...}", "{}")


def test_there_is_a_golden_file_for_each_of_the_seeds_fifteen_examples() -> None:
    assert len(EXAMPLES) == 15


@pytest.mark.parametrize("name", FROM_THE_DEVICE)
def test_what_the_device_sends_is_the_seeds_example_to_the_letter(name: str) -> None:
    sent = json.loads(m.encode(FROM_THE_DEVICE[name], AT))
    assert sent.pop("timestamp") == STAMP
    written = json.dumps({**sent, "timestamp": "2024-01-15T10:30:00Z"}, indent=2) + "\n"
    assert written == as_json(EXAMPLES[name])


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_each_example_is_read_and_keeps_every_field(name: str) -> None:
    example = as_json(EXAMPLES[name]).replace("|".join(STATUSES), "processing")
    message = m.decode(example)
    assert json.loads(m.encode(message, AT)) == {**json.loads(example), "timestamp": STAMP}


@pytest.mark.parametrize("status", STATUSES)
def test_each_status_that_the_example_lists_is_known(status: str) -> None:
    example = EXAMPLES["audio_processing"].replace("|".join(STATUSES), status)
    message = m.decode(example)
    assert isinstance(message, m.AudioProcessing)
    assert (message.status, message.audio_size, message.buffer_size) == (status, 8192, 8192)


def test_a_time_stamp_is_utc_and_ends_in_z() -> None:
    elsewhere = datetime(2024, 1, 15, 12, 30, tzinfo=timezone(timedelta(hours=2)))
    assert json.loads(m.encode(m.StartSession(), elsewhere))["timestamp"] == STAMP


def test_a_backend_may_leave_out_or_null_what_only_informs() -> None:
    message = m.decode('{"type": "connection_confirmed", "session_id": null, "realtime_available": null, "new": [1]}')
    assert isinstance(message, m.ConnectionConfirmed)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"error"',
        "{}",
        '{"type": 5}',
        '{"type": "invalid_type"}',
        '{"type": "error"}',
        '{"type": "error", "error": 7}',
        '{"type": "audio_processing", "status": "dancing"}',
        '{"type": "agent_response", "response": null}',
        '{"type": "context_update", "data": ' + "[" * 100_000,
        b'\xff\xfe{"type": "error"}',
        '{"type": "error", "error": "\ud800"}',
    ],
)
def test_what_is_not_of_the_protocol_is_a_wire_error_and_nothing_else(text: str | bytes) -> None:
    with pytest.raises(WireError):
        m.decode(text)


def test_an_error_of_the_wire_does_not_quote_the_message_at_length() -> None:
    with pytest.raises(WireError) as caught:
        m.decode(json.dumps({"type": "x" * 100_000}))
    assert len(str(caught.value)) < 300


def test_a_text_message_over_16_mib_is_refused_unread() -> None:
    with pytest.raises(WireError, match="16777216"):
        m.decode(b" " * (m.MAX_TEXT_BYTES + 1))


def test_an_answer_with_sound_and_one_of_text_alone_are_told_apart() -> None:
    spoken = m.AgentResponse(response="yes", audio_response=base64.b64encode(b"sound").decode(), audio_format="mp3")
    assert m.sound_of(spoken) == b"sound"
    assert m.sound_of(m.AgentResponse(response="yes")) is None
    assert m.sound_of(m.AgentResponse(response="yes", audio_response="")) is None


@pytest.mark.parametrize("broken", ["a", "ab=c", "äöü", "a b c d", "%%%%"])
def test_bad_base64_is_a_wire_error(broken: str) -> None:
    with pytest.raises(WireError, match="base64"):
        m.sound_of(m.AgentResponse(response="yes", audio_response=broken))


def test_a_buffered_utterance_says_its_size_before_base64() -> None:
    message = m.audio_data(b"RIFF....")
    assert (message.format, message.size) == ("wav", 8)
    assert base64.b64decode(message.audio) == b"RIFF...."


def test_the_offer_is_one_extra_object_of_enable_realtime() -> None:
    sent = json.loads(m.encode(m.EnableRealtime(audio=m.AudioOffer()), AT))
    assert sent == {
        "type": "enable_realtime",
        "audio": {
            "profile": "v1",
            "uplink": ["opus", "pcm16"],
            "downlink": ["opus", "pcm16"],
            "sample_rate": 16000,
            "frame_ms": 20,
        },
        "timestamp": STAMP,
    }
