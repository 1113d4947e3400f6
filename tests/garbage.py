"""Messages a backend should never send: good ones of every kind, and the ways to spoil them.

A good message belongs to the garbage too: at the wrong moment it is some.
"""

import base64
import json
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from hero365_edge.backend import ogg
from hero365_edge.core.wav import wav_bytes
from hero365_edge.devices.codec import OpusEncoder
from tests.appliance_on_fakes import SSRC, noise, packets
from tests.devices.sounds import chirp, mp3

Message = str | bytes

UTTERANCE = "the-utterance-under-way"
"""Stands for the id of the utterance under way, which nobody knows beforehand."""

GOLDEN = [path.read_text() for path in sorted((Path(__file__).parent / "golden" / "seed").glob("*.json"))]
_V1: list[dict[str, Any]] = [
    {"type": "response_started", "response_id": "r", "utterance_id": UTTERANCE, "ssrc": SSRC},
    {"type": "response_started", "response_id": "q", "utterance_id": "somebody-elses", "ssrc": SSRC + 1},
    {"type": "response_ended", "response_id": "r"},
    {"type": "response_cancelled", "response_id": "r", "played_ms": 7},
    {"type": "audio_processing", "status": "processing", "utterance_id": UTTERANCE},
    {"type": "audio_processing", "status": "cancelled", "utterance_id": UTTERANCE},
    {"type": "utterance_started", "utterance_id": UTTERANCE, "ssrc": SSRC},
    {"type": "utterance_ended", "utterance_id": UTTERANCE, "frames": 9, "tentative": True},
    {"type": "realtime_enabled", "status": "enabled", "audio": {"profile": "v1", "uplink": [], "downlink": "opus"}},
    {"type": "context_updated"},
]
_SEED: list[dict[str, Any]] = [json.loads(text.replace("{...}", "{}")) for text in GOLDEN]
_STATUSES = ("processing", "buffered", "skipped_duplicate", "cancelled")
_SEED += [{"type": "audio_processing", "status": status, "audio_size": 1} for status in _STATUSES]
GOOD = _SEED + _V1

_PCM = noise(0.3, seed=9)
FILES: dict[str, bytes] = {
    "pcm": _PCM.tobytes(),
    "wav": wav_bytes(_PCM),
    "mp3": mp3(chirp(24_000, 0.3), 24_000),
    "opus": b"".join(chunk.data for chunk in ogg.ogg_opus(_PCM, 40)),
}
_LABELS = (*FILES, "", "flac", "MP3", "\x00")


def _answer(sound: str, label: object) -> str:
    return json.dumps({"type": "agent_response", "response": "x", "audio_response": sound, "audio_format": label})


ANSWERS = [
    *(_answer(base64.b64encode(audio).decode(), label) for audio in FILES.values() for label in _LABELS),
    *(_answer(base64.b64encode(audio[:size]).decode(), "mp3") for audio in FILES.values() for size in (1, 2, 45, 999)),
    *(_answer(sound, "wav") for sound in ("%%%", "=", "QQ", "QQ==QQ==", "é", "A" * 50_001, " ", "\n")),
    _answer(base64.b64encode(b"\x00" * 200_000).decode(), None),
]

_OPUS = [OpusEncoder().encode(_PCM[at : at + 320]) for at in range(0, 3200, 320)]


def _rtp(payload_type: int, ssrc: int, payload: bytes, first: int = 0x80, timestamp: int = 960) -> bytes:
    return struct.pack("!BBHII", first, payload_type, 1, timestamp, ssrc) + payload


RTP = [
    *packets(_PCM)[:4],
    *(_rtp(111, SSRC, packet, timestamp=960 * at) for at, packet in enumerate(_OPUS)),
    _rtp(111, SSRC, b""),
    _rtp(96, SSRC, b"odd"),
    _rtp(111, SSRC, b"\xff" * 1276),
    _rtp(111, SSRC ^ 1, _OPUS[0]),
    _rtp(0, SSRC, _OPUS[0]),
    _rtp(96, SSRC, b"\x00" * 640, first=0x90),
    _rtp(111, SSRC, _OPUS[1], timestamp=0xFFFFFFFF),
    _rtp(111, SSRC, _OPUS[1], timestamp=960 + 48_000 * 4),
]
FRAGMENTS = [audio[at : at + size] for audio in FILES.values() for at, size in ((0, 64), (0, 2000), (333, 1500))]
FRAGMENTS += [
    b"RIFF", b"OggS", b"\xff", b"\xff\xff", b"{", b'{"', b"\x00", (b"\xff\xfb\x90\x00" + b"\x00" * 413) * 2,
    b"RIFF\xff\xff\xff\xffWAVEdata\x00\x00\x00\x00", b"RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + b"\xff" * 16,
    b"OggS\x00\x02" + b"\xff" * 300, b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f",
]  # fmt: skip

NUMBERS = ("NaN", "Infinity", "-0", "1e999", "-1e308", "9" * 30, "9" * 5000, "18446744073709551616", "0.1e-400", "007")
VALUES = (
    *NUMBERS, "null", "true", '""', "[]", "{}", "[null]", '"\\ud800"', '"\ud800"', '"\\u0000"', '"processing"', "",
    f'"{"x" * 100_000}"', "[" * 900 + "]" * 900, '{"a":' * 300 + "1" + "}" * 300, '{"":{"":[]}}', "\x00",
)  # fmt: skip
ODDITIES: list[Message] = [
    "", b"", " ", "null", "[]", "{}", b"{}", '"', "[" * 100_000, b"[" * 100_000, '{"a":' * 100_000, b'{"a":' * 100_000,
    b'{"a":' * 3000 + b"1" + b"}" * 3000, b'{"type":"error","error":"' + b"e" * 100_000 + b'"}', "\ufeff{}", "\ud800",
    b"\xef\xbb\xbf{}", '{"type":"error","error":"\\u001b[2J\\n<0>forged"}', '{"type":1}', '{"type":"a","type":"error"}',
    json.dumps({"type": "agent_response", "response": "r" * 300_000}), b"\x80" * 12, b"\x00" * 100_000, b"\xff" * 5000,
]  # fmt: skip


def _dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  no secret is made of it


def _odd_wav(seed: int) -> bytes:
    """A WAV file with figures in its header that stand at the edge of what is read, or behind it."""
    pick = _dice(seed).choice
    kind, channels = pick((1, 1, 3, 0xFFFE, 0)), pick((1, 1, 2, 8, 0, 9, 65_535))
    rate_hz = pick((8000, 11_025, 16_000, 44_100, 192_000, 0, 1, 7999, 2**31, 2**32 - 1))
    bits = pick((8, 16, 24, 32, 0, 1, 64))
    frame_bytes = pick((channels * bits // 8 & 0xFFFF, 0, 1))
    form = struct.pack("<HHIIHH", kind, channels, rate_hz, 0, frame_bytes, bits)
    sizes = pick((16, 16, 15, 18, 1024, 1025, 2**32 - 1)), pick((3000, 1, 0, 2**32 - 1))
    chunks = struct.pack("<4sI", b"fmt ", sizes[0]) + form + struct.pack("<4sI", b"data", sizes[1])
    return b"RIFF\x00\x00\x00\x00WAVE" + chunks + pick((b"\xff", b"\x80\x7f\x00")) * 1000


def _odd_ogg(seed: int) -> bytes:
    """Pages with true checksums and untrue contents."""
    pick = _dice(seed).choice
    figures = (
        pick((1, 1, 15, 16)),
        pick((1, 1, 2, 0)),
        pick((0, 312, 65_535)),
        0,
        pick((0, 32_767, -32_768)),
        pick((0, 0, 1)),
    )
    opened = [[struct.pack("<8sBBHIhB", b"OpusHead", *figures)], [b"OpusTags" + b"\xff" * pick((0, 9, 60_000))]]
    sound = [[pick((*_OPUS, b"", b"\xff", b"\x03", _OPUS[1][:3], b"\xfc" * 300)) for _ in range(3)] for _ in range(3)]
    granules = (960, 5000, 0, -1, 2**62, -(2**63))
    pages = [ogg._page(packets, 0, number, 2 - 2 * number) for number, packets in enumerate(opened)]
    pages += [
        ogg._page(packets, pick(granules), pick((2, 3, 4, 2**32 - 1)), pick((0, 0, 1, 2, 4, 7))) for packets in sound
    ]
    return b"".join(pages)


def _place(data: bytes, at: int) -> int:
    return len(data) * at // 65_536


_WAYS: list[Callable[[bytes, int, int, bytes], bytes]] = [
    lambda data, at, size, dust: data,
    lambda data, at, size, dust: data,  # as binary
    lambda data, at, size, dust: data[: _place(data, at)],
    lambda data, at, size, dust: data[_place(data, at) :],
    lambda data, at, size, dust: data[: _place(data, at)] + data[_place(data, at) + size :],
    lambda data, at, size, dust: data[: _place(data, at) + size] + data[_place(data, at) :],
    lambda data, at, size, dust: data[: _place(data, at)] + dust + data[_place(data, at) :],
    lambda data, at, size, dust: data[: _place(data, at)] + dust + data[_place(data, at) + len(dust) :],
    lambda data, at, size, dust: data + dust,
    lambda data, at, size, dust: _dice(at).randbytes(size) + data,
    lambda data, at, size, dust: data[::-1],
]
_AS_BINARY = 1


@dataclass(frozen=True)
class Spoiled:
    """How a message was made; `how`, `at` (in 65536ths of it), `size` and `dust` say how it was spoiled."""

    source: int
    seed: int
    value: int
    how: int
    at: int
    size: int
    dust: bytes

    def message(self) -> Message:
        """The message."""
        message = _SOURCES[self.source](self)
        if isinstance(message, bytes):
            return self.spoil(message)
        spoiled = self.spoil(message.encode("utf-8", "surrogatepass"))
        return spoiled if self.how == _AS_BINARY else spoiled.decode("utf-8", "surrogateescape")

    def spoil(self, data: bytes) -> bytes:
        return _WAYS[self.how](data, self.at, self.size, self.dust)


def _with_odd_field(made: Spoiled) -> str:
    which, field = divmod(made.seed, len(GOOD))
    fields = GOOD[field]
    name = list(fields)[which % len(fields)]
    return json.dumps({**fields, name: "HERE"}).replace('"HERE"', VALUES[made.value], 1)


def _spoiled_sound(made: Spoiled) -> str:
    """Good base64 of a bad file."""
    audio = list(FILES.values())[made.seed % len(FILES)]
    return _answer(base64.b64encode(made.spoil(audio)).decode(), _LABELS[made.at % len(_LABELS)])


_SOURCES: tuple[Callable[[Spoiled], Message], ...] = (
    lambda made: GOLDEN[made.seed % len(GOLDEN)],
    lambda made: json.dumps(GOOD[made.seed % len(GOOD)]),
    _with_odd_field,
    _with_odd_field,
    lambda made: ODDITIES[made.seed % len(ODDITIES)],
    lambda made: RTP[made.seed % len(RTP)],
    lambda made: FRAGMENTS[made.seed % len(FRAGMENTS)],
    lambda made: ANSWERS[made.seed % len(ANSWERS)],
    _spoiled_sound,
    lambda made: _odd_wav(made.seed),
    lambda made: _odd_ogg(made.seed),
    lambda made: _answer(base64.b64encode(_odd_wav(made.seed)).decode(), "wav"),
    lambda made: _answer(base64.b64encode(_odd_ogg(made.seed)).decode(), "opus"),
)

_spoiled = st.builds(
    Spoiled,
    st.integers(0, len(_SOURCES) - 1),
    st.integers(0, 65_535),
    st.integers(0, len(VALUES) - 1),
    st.integers(0, len(_WAYS) - 1),
    st.integers(0, 65_535),
    st.integers(0, 255),
    st.binary(max_size=4),
).map(Spoiled.message)
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    _spoiled, _spoiled, _spoiled, st.binary(max_size=40), st.text(st.characters(), max_size=30)
)
"""Text and binary messages, anything from nearly right to noise."""
