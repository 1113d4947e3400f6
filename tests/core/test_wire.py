"""A binary message is sound unless the whole of it is one JSON object."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core import messages as m
from hero365_edge.core import wire
from hero365_edge.errors import WireError

ERROR = '{"type": "error", "error": "no"}'


@pytest.mark.parametrize("message", [ERROR, ERROR.encode(), f" \r\n\t{ERROR}\n".encode()])
def test_a_json_object_is_a_message_in_text_and_in_binary(message: str | bytes) -> None:
    assert wire.read(message) == m.Error(error="no")


@pytest.mark.parametrize(
    "sound",
    [
        b"",
        b"{",
        b"{\x00",
        ERROR.encode()[:-1],
        ERROR.encode() + b"\x00\x00",
        ERROR.encode() * 2,
        b'{"type": "error", "error": "\xff"}',
        b'{"type": "error", "error": NaN}',
        b'{"a":' * 100_000,
        b"[1, 2]",
        b'"error"',
        b"12345678",
        b"null",
        b"\xff\xfe{}",
        b"RIFF",
    ],
)
def test_binary_that_is_not_wholly_an_object_is_sound_to_the_last_byte(sound: bytes) -> None:
    assert wire.read(sound) == sound


@given(st.binary(), st.sampled_from([b"", b"{", b'{"', b"{}", b" {"]))
def test_no_binary_message_raises_but_an_object_that_is_no_message(tail: bytes, head: bytes) -> None:
    data = head + tail
    try:
        assert wire.read(data) == data
    except WireError:
        assert isinstance(json.loads(data), dict)


@pytest.mark.parametrize("message", [b"{}", b'{"type": "dance"}', b'{"type": "error", "error": 7}'])
def test_a_binary_object_that_is_no_message_is_counted_not_played(message: bytes) -> None:
    with pytest.raises(WireError):
        wire.read(message)


@pytest.mark.parametrize("text", ["", "hello", "[]", ERROR[:-1], "\x00" * 640])
def test_text_is_never_sound(text: str) -> None:
    with pytest.raises(WireError):
        wire.read(text)
