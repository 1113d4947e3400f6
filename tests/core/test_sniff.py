"""Which kind of sound, from the first bytes, cut anywhere."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core.pcm import RATE_HZ
from hero365_edge.core.sniff import AudioKind, Sniffer, mp3_frame_bytes
from hero365_edge.core.wav import wav_bytes
from tests.devices import sounds

PCM16, MP3, OPUS, PACKETS, WAV = (
    AudioKind.PCM16, AudioKind.MP3, AudioKind.OPUS, AudioKind.OPUS_PACKETS, AudioKind.WAV,
)  # fmt: skip
MOST_HELD = 1445
"""The longest MP3 frame (320 kbit/s at 32 kHz, padded) and the header behind it."""

HEADER_24_KHZ = bytes.fromhex("fff36444")  # MPEG-2 layer III, 48 kbit/s, 24 kHz: 144 bytes
FRAME = HEADER_24_KHZ + bytes(140)
ID3_HEADER = b"ID3\x04\x00\x00\x00\x00\x02\x01"
QUIET = np.array([-1, 0, -1, 1, 0, -2, 3] * 400, dtype="<i2").tobytes()
CHIRP = sounds.chirp(RATE_HZ)
REAL = {
    PCM16: CHIRP.tobytes(),
    MP3: sounds.mp3(CHIRP, RATE_HZ),
    OPUS: sounds.ogg_opus(CHIRP, RATE_HZ),
    WAV: wav_bytes(CHIRP),
}


def told(*chunks: bytes, settled: AudioKind | None = None) -> tuple[AudioKind, bytes] | None:
    """The verdict on an answer of these messages, and all that a decoder would get."""
    sniffer = Sniffer(settled)
    for number, chunk in enumerate(chunks, 1):
        if (verdict := sniffer.feed(chunk)) is not None:
            kind, held = verdict
            return kind, held + b"".join(chunks[number:])
    return sniffer.finish()


def kind_of(data: bytes) -> AudioKind:
    verdict = told(data)
    assert verdict is not None
    return verdict[0]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(ends)]


# -- each kind --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", REAL)
def test_real_files_are_told_whole_and_byte_by_byte(kind: AudioKind) -> None:
    data = REAL[kind]
    assert told(data) == (kind, data)
    assert told(*(data[at : at + 1] for at in range(len(data)))) == (kind, data)


def test_quiet_pcm_begins_with_ff_ff_and_is_pcm() -> None:
    assert QUIET.startswith(b"\xff\xff")
    assert kind_of(QUIET) is PCM16


@pytest.mark.parametrize("head", [b"{", b'{"type"', b"\x00\x00", b"\xff\xd8", b"RIfF", b"OggT", b"ID", b"fLaC"])
def test_pcm_may_begin_with_anything(head: bytes) -> None:
    assert kind_of(head + QUIET) is PCM16


def test_pcm_that_spells_riff_by_chance_is_no_wav() -> None:
    assert kind_of(b"RIFF" + QUIET) is PCM16
    assert kind_of(b"RIFF\x10\x00\x00\x00AVI " + QUIET) is PCM16


@pytest.mark.parametrize(
    "not_a_tag",
    [
        b"ID3\x01\x00\x00\x00\x00\x02\x01",  # no such version
        b"ID3\x05\x00\x00\x00\x00\x02\x01",
        b"ID3\x04\xff\x00\x00\x00\x02\x01",  # a revision is never FF
        b"ID3\x04\x00\x01\x00\x00\x02\x01",  # no such flag
        b"ID3\x04\x00\x00\x00\x00\x82\x01",  # a size has seven bits a byte
    ],
)
def test_pcm_that_spells_id3_by_chance_is_no_mp3(not_a_tag: bytes) -> None:
    assert kind_of(not_a_tag + QUIET) is PCM16


@pytest.mark.parametrize("version", [2, 3, 4])
def test_a_tag_before_the_first_frame_is_an_mp3(version: int) -> None:
    assert kind_of(b"ID3" + bytes([version]) + ID3_HEADER[4:] + bytes(257) + FRAME * 2) is MP3


# -- MP3 without a tag ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
def test_each_frame_of_lames_files_is_as_long_as_its_header_says(rate_hz: int) -> None:
    data = sounds.mp3(sounds.chirp(rate_hz), rate_hz)
    at = frames = 0
    while at < len(data):
        length = mp3_frame_bytes(data[at : at + 4])
        assert length, f"no header at byte {at}"
        at += length
        frames += 1
    assert at == len(data)
    assert frames > 10


@pytest.mark.parametrize(
    "header",
    [
        "",
        "fff364",  # cut
        "00f36444",  # no sync
        "ff736444",
        "ffeb6444",  # a reserved version
        "fff16444",  # no layer
        "fff56444",  # layer II
        "fff76444",  # layer I
        "fff30444",  # free format: its length is not told
        "fff3f444",  # a forbidden bit rate
        "fff36c44",  # a reserved sampling rate
    ],
)
def test_a_header_that_tells_no_length_opens_no_frame(header: str) -> None:
    assert mp3_frame_bytes(bytes.fromhex(header)) == 0


def test_one_header_alone_is_not_an_mp3() -> None:
    assert kind_of(FRAME + QUIET) is PCM16


@pytest.mark.parametrize(
    "other",
    [
        "fffb6444",  # MPEG-1
        "fff36044",  # 22.05 kHz
        "fff3f444",  # no bit rate
        "fef36444",
    ],
)
def test_a_second_header_of_another_stream_does_not_count(other: str) -> None:
    assert kind_of(FRAME + bytes.fromhex(other) + QUIET) is PCM16


@pytest.mark.parametrize("other", ["fff26444", "fff36644", "fff3a444", "fff364c4"])
def test_checksum_padding_bit_rate_and_mode_may_change_from_frame_to_frame(other: str) -> None:
    assert kind_of(FRAME + bytes.fromhex(other)) is MP3


@pytest.mark.parametrize("missing", range(1, 5))
def test_nothing_is_told_before_the_second_header_is_whole(missing: int) -> None:
    assert Sniffer().feed((FRAME + HEADER_24_KHZ)[:-missing]) is None


def test_an_answer_of_one_frame_is_an_mp3_all_the_same() -> None:
    assert told(FRAME) == (MP3, FRAME)
    assert told(FRAME[:-1]) == (PCM16, FRAME[:-1])


# -- cuts -------------------------------------------------------------------------------------------------------

HEADS = [b"", b"R", b"RIFF", b"RIFF\x00\x00\x00\x00WAVE", b"O", b"OggS", b"I", b"ID3", ID3_HEADER, b"\xff", b"{"]
HEADS += [HEADER_24_KHZ, FRAME, FRAME * 2, FRAME + HEADER_24_KHZ[:2], bytes.fromhex("ffe3c2c4"), QUIET[:5]]


@given(st.sampled_from(HEADS), st.binary(max_size=40), st.lists(st.integers(0, 2000), max_size=12))
def test_where_messages_are_cut_changes_no_verdict_and_no_byte(head: bytes, tail: bytes, places: list[int]) -> None:
    data = head + tail
    assert told(*cut(data, places)) == told(data)
    assert told(data) is None or told(data) == (kind_of(data), data)


@given(st.sampled_from(HEADS), st.binary(min_size=MOST_HELD, max_size=MOST_HELD))
def test_never_more_is_held_than_the_longest_frame_and_a_header(head: bytes, tail: bytes) -> None:
    assert Sniffer().feed((head + tail)[:MOST_HELD]) is not None


def test_the_longest_frame_is_waited_for() -> None:
    longest = bytes.fromhex("fffbea44")  # MPEG-1, 320 kbit/s, 32 kHz, padded
    assert mp3_frame_bytes(longest) == MOST_HELD - 4
    stream = longest + bytes(MOST_HELD - 8) + longest
    assert Sniffer().feed(stream[:-1]) is None
    assert told(stream) == (MP3, stream)


def test_an_answer_without_a_byte_has_no_kind() -> None:
    assert told() is None
    assert told(b"") is None


# -- backend.downlink -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settled", [PCM16, MP3])
@pytest.mark.parametrize("data", [QUIET, REAL[OPUS], REAL[MP3], b"R", b"\xff"])
def test_what_is_settled_beforehand_is_not_told_again(settled: AudioKind, data: bytes) -> None:
    assert Sniffer(settled).feed(data) == (settled, data)


def test_settled_opus_is_ogg_or_bare_packets() -> None:
    assert told(REAL[OPUS], settled=OPUS) == (OPUS, REAL[OPUS])
    assert told(*(REAL[OPUS][at : at + 1] for at in range(400)), settled=OPUS) == (OPUS, REAL[OPUS][:400])
    assert told(b"\x48abc", settled=OPUS) == (PACKETS, b"\x48abc")
    assert told(b"Og", settled=OPUS) == (OPUS, b"Og")
