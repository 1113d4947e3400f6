"""Text messages are read strictly, and a wrong one says what is wrong."""

from typing import Any

import pytest

from hero365_edge.backend.faults import GARBAGE_TEXTS
from hero365_edge.backend.messages import is_timestamp, is_usable, now, read, wrong_with
from hero365_edge.backend.seed import UP

STAMP = "2024-01-15T10:30:00Z"
AUDIO = {"audio": "AAAA", "format": "wav", "size": 3}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "[" * 100_000, '{"a": NaN}', "\x00"])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        read(text)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ({"type": "audio_data", **AUDIO}, ["audio_data: timestamp is missing"]),
        ({"type": "audio_data", **AUDIO, "timestamp": 5}, ["audio_data: timestamp is 5; expected a string"]),
        ({"type": "audio_data", **AUDIO, "size": True, "timestamp": STAMP}, ["size is True; expected an integer"]),
        ({"type": "audio_data", **AUDIO, "size": 3.0, "timestamp": STAMP}, ["size is 3.0; expected an integer"]),
        ({"type": "audio_data", **AUDIO, "rate": 16, "timestamp": STAMP}, ["unexpected field 'rate'"]),
        ({"type": "audio_data", "timestamp": STAMP}, ["audio is missing", "format is missing", "size is missing"]),
        ({"type": "audio_data", **AUDIO, "timestamp": "now"}, ["'now' is not ISO-8601"]),
        ({"type": "audio_data", **AUDIO, "timestamp": STAMP}, []),
    ],
)
def test_each_mistake_is_named(message: dict[str, Any], told: list[str]) -> None:
    wrong = wrong_with(message, UP["audio_data"])
    assert len(wrong) == len(told)
    assert all(expected in each for expected, each in zip(told, wrong, strict=True))


def test_a_bad_time_stamp_or_a_field_too_many_does_no_harm() -> None:
    assert is_usable({"type": "audio_data", **AUDIO, "more": 1}, UP["audio_data"])
    assert not is_usable({"type": "audio_data", **AUDIO, "size": "3"}, UP["audio_data"])


@pytest.mark.parametrize(
    ("stamp", "good"),
    [
        (STAMP, True),
        ("2024-01-15T10:30:00.123Z", True),
        ("2024-01-15T10:30:00.123456Z", True),
        (now(), True),
        ("2024-01-15T10:30:00", False),
        ("2024-01-15T10:30:00+00:00", False),
        ("2024-01-15 10:30:00Z", False),
        ("2024-02-30T10:30:00Z", False),
        ("20240115T103000Z", False),
    ],
)
def test_a_time_stamp_is_iso_8601_in_utc_ending_in_z(stamp: str, good: bool) -> None:
    assert is_timestamp(stamp) is good


def test_the_garbage_is_garbage() -> None:
    readable = []
    for text in GARBAGE_TEXTS:
        try:
            readable.append(read(text).get("type"))
        except ValueError:
            continue
    assert len(readable) == 8
    assert len(GARBAGE_TEXTS) == 15
