import struct
from contextlib import suppress
from itertools import pairwise
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hero365_edge.core.ogg import OggOpusDemuxer, OpusHead, OpusPacket, opus_duration
from hero365_edge.errors import WireError

CONTINUED, FIRST, LAST = 1, 2, 4
MS_20 = b"\x48"  # the first byte of a mono packet of 20 ms in SILK, wideband
OggItem: TypeAlias = OpusHead | OpusPacket
HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 16000, 0, 0)
TAGS = b"OpusTags" + struct.pack("<I", 0) * 2


def checksum(page: bytes) -> int:
    """RFC 3533, section 6, read literally: polynomial 0x04c11db7, no reflection, from zero."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register & 0x80000000 else 0)) & 0xFFFFFFFF
    return register


def sealed(lacing: bytes, body: bytes, *, sequence: int, granule: int, flags: int = 0, serial: int = 7) -> bytes:
    head = struct.pack("<4sBBqII", b"OggS", 0, flags, granule, serial, sequence)
    rest = bytes([len(lacing)]) + lacing + body
    return head + struct.pack("<I", checksum(head + bytes(4) + rest)) + rest


def page(*packets: bytes, sequence: int, granule: int = 0, flags: int = 0, serial: int = 7) -> bytes:
    """A page on which all these packets end."""
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    return sealed(lacing, b"".join(packets), sequence=sequence, granule=granule, flags=flags, serial=serial)


def packet(number: int, size: int = 40) -> bytes:
    return MS_20 + bytes([number]) * (size - 1)


HEADERS = page(HEAD, sequence=0, flags=FIRST) + page(TAGS, sequence=1)
STREAM = (
    HEADERS
    + page(packet(1), packet(2, 600), sequence=2, granule=1920)
    + page(packet(3), packet(4), sequence=3, granule=3840)
    + page(packet(5), packet(6), sequence=4, granule=5000, flags=LAST)
)


def demuxed(data: bytes) -> list[OggItem]:
    return OggOpusDemuxer().feed(data)


def demuxed_in_pieces(stream: bytes, size: int) -> list[OggItem]:
    demuxer = OggOpusDemuxer()
    items = []
    for start in range(0, len(stream), size):
        items += demuxer.feed(stream[start : start + size])
        assert len(demuxer._buffer) <= 27 + 255 + 255 * 255
        assert len(demuxer._packet or b"") <= 61_440
    return items


def heard(data: bytes) -> list[tuple[int, int, int]]:
    """Number of the packet, first and end sample."""
    return [(item.audio[1], item.first, item.end) for item in demuxed(data) if isinstance(item, OpusPacket)]


def test_the_head_comes_first_and_the_tags_do_not_come() -> None:
    head, *packets = demuxed(STREAM)

    assert head == OpusHead(channels=1, gain_q8=0)
    audio = [item.audio for item in packets if isinstance(item, OpusPacket)]
    assert audio == [packet(number, 600 if number == 2 else 40) for number in range(1, 7)]


def test_the_preskip_is_cut_from_the_front_and_what_lies_behind_the_last_granule_from_the_end() -> None:
    assert heard(STREAM) == [(1, 312, 960), (2, 0, 960), (3, 0, 960), (4, 0, 960), (5, 0, 960), (6, 0, 200)]


def test_a_preskip_longer_than_a_packet_goes_on_in_the_next() -> None:
    head = HEAD[:10] + struct.pack("<H", 1000) + HEAD[12:]
    stream = page(head, sequence=0, flags=FIRST) + page(TAGS, sequence=1)
    stream += page(packet(1), packet(2), sequence=2, granule=1920)

    assert heard(stream) == [(1, 960, 960), (2, 40, 960)]


def test_packets_wholly_behind_the_end_are_decoded_and_not_heard() -> None:
    stream = HEADERS + page(packet(1), packet(2), packet(3), sequence=2, granule=900, flags=LAST)

    assert heard(stream) == [(1, 312, 900), (2, 0, 0), (3, 0, 0)]


def test_a_short_granule_on_a_page_that_is_not_the_last_cuts_nothing() -> None:
    stream = HEADERS + page(packet(1), sequence=2, granule=500) + page(packet(2), sequence=3, granule=1500)

    assert heard(stream) == [(1, 312, 960), (2, 0, 960)]


def test_a_recording_joined_in_the_middle_is_trimmed_at_its_end_only() -> None:
    stream = HEADERS + page(packet(1), sequence=2, granule=480_960)
    stream += page(packet(2), sequence=3, granule=481_000, flags=LAST)

    assert heard(stream) == [(1, 312, 960), (2, 0, 40)]


def test_a_page_without_a_granule_counts_as_long_as_its_packets_are() -> None:
    first = HEADERS + page(packet(1), sequence=2, granule=-1)

    assert heard(first + page(packet(2), sequence=3, granule=-1, flags=LAST)) == [(1, 312, 960), (2, 0, 960)]
    assert heard(first + page(packet(2), sequence=3, granule=1000, flags=LAST)) == [(1, 312, 960), (2, 0, 40)]


def test_a_packet_may_span_pages() -> None:
    long = packet(9, 1000)
    stream = HEADERS + sealed(b"\xff\xff", long[:510], sequence=2, granule=-1)
    stream += sealed(bytes([255, 235]), long[510:], sequence=3, granule=960, flags=CONTINUED)

    assert [item.audio for item in demuxed(stream)[1:] if isinstance(item, OpusPacket)] == [long]


def test_a_page_with_a_wrong_checksum_is_skipped_and_the_next_one_found() -> None:
    third = page(packet(3), packet(4), sequence=3, granule=3840)
    spoilt = bytearray(STREAM)
    spoilt[STREAM.index(third) + 40] ^= 1

    assert [number for number, _, _ in heard(bytes(spoilt))] == [1, 2, 5, 6]


def test_garbage_between_pages_is_stepped_over() -> None:
    second = STREAM.index(page(packet(3), packet(4), sequence=3, granule=3840))

    spoilt = STREAM[:second] + b"OggOgg" * 100 + STREAM[second:]
    assert demuxed(spoilt) == demuxed(STREAM)
    assert demuxed_in_pieces(spoilt, 1) == demuxed(STREAM)


def test_garbage_between_many_pages_does_not_add_up() -> None:
    stream = HEADERS
    for number in range(40):
        stream += page(packet(number), sequence=2 + number, granule=960 * (number + 1)) + b"garbage " * 1000

    assert len(heard(stream)) == 40


def test_a_packet_that_lost_its_beginning_or_its_end_is_dropped() -> None:
    long = packet(9, 1000)
    begins = sealed(bytes([40, 255, 255]), packet(1) + long[:510], sequence=2, granule=960)
    ends = sealed(bytes([255, 235, 40]), long[510:] + packet(2), sequence=3, granule=2880, flags=CONTINUED)
    after = page(packet(3), sequence=4, granule=3840)

    assert [number for number, _, _ in heard(HEADERS + begins + ends + after)] == [1, 9, 2, 3]
    assert [number for number, _, _ in heard(HEADERS + ends + after)] == [2, 3]
    assert [number for number, _, _ in heard(HEADERS + begins + after)] == [1, 3]


def test_a_stream_behind_a_stream_begins_anew() -> None:
    head = HEAD[:16] + struct.pack("<h", -256) + HEAD[18:]
    second = page(head, sequence=0, flags=FIRST, serial=8)  # its tags were lost
    second += page(packet(7), sequence=2, granule=700, flags=LAST, serial=8)

    items = demuxed(STREAM + second)

    assert items[-2:] == [OpusHead(channels=1, gain_q8=-256), OpusPacket(packet(7), 312, 700)]


def test_pages_of_another_stream_are_not_taken() -> None:
    stranger = page(packet(99), sequence=2, granule=960, serial=1)

    assert heard(STREAM + stranger) == heard(STREAM)


def test_long_tags_are_skipped_without_being_held() -> None:
    tags = TAGS.ljust(255 * 255, b"\0")
    stream = page(HEAD, sequence=0, flags=FIRST) + sealed(b"\xff" * 255, tags, sequence=1, granule=-1)
    stream += sealed(b"\xff" * 255, bytes(255 * 255), sequence=2, granule=-1, flags=CONTINUED)
    stream += sealed(b"\x00", b"", sequence=3, granule=0, flags=CONTINUED)
    stream += page(packet(1), sequence=4, granule=960)

    assert demuxed_in_pieces(stream, 10_000) == [OpusHead(channels=1, gain_q8=0), OpusPacket(packet(1), 312, 960)]


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (b"RIFF", "begins with b'RIFF'"),
        (page(b"\x01vorbis" + bytes(20), sequence=0, flags=FIRST), "something else than Opus.*vorbis"),
        (page(HEAD[:12], sequence=0, flags=FIRST), "something else than Opus"),
        (page(packet(1), sequence=2), "without a first page"),
        (page(HEAD[:9] + b"\x06" + HEAD[10:], sequence=0, flags=FIRST), "6 channels"),
        (page(HEAD[:18] + b"\x01", sequence=0, flags=FIRST), "mapping family 1"),
        (page(HEAD[:8] + b"\x10" + HEAD[9:], sequence=0, flags=FIRST), "version 16"),
        (HEADERS + page(b"", sequence=2), "no bytes"),
        (HEADERS + page(packet(1, 61_441), sequence=2), "more than 61440 bytes"),
    ],
)
def test_what_is_no_ogg_opus_is_refused_with_what_was_found(stream: bytes, says: str) -> None:
    with pytest.raises(WireError, match=says):
        demuxed(stream)


def test_false_page_headers_are_given_up_before_they_cost_much() -> None:
    false = b"OggS" + bytes(22) + b"\xff" + b"\xff" * 255
    demuxer = OggOpusDemuxer()
    demuxer.feed(STREAM)

    with pytest.raises(WireError, match="no sound Ogg page"):
        demuxer.feed(false * 2000)


def test_endless_garbage_is_given_up() -> None:
    demuxer = OggOpusDemuxer()
    demuxer.feed(STREAM)

    for _ in range(60):
        assert demuxer.feed(b"garbage " * 500) == []
    with pytest.raises(WireError, match="no sound Ogg page"):
        demuxer.feed(b"garbage " * 5_000)


@pytest.mark.parametrize("beginning", [b"no Ogg", STREAM])
def test_a_refused_stream_is_not_held_when_more_of_it_comes(beginning: bytes) -> None:
    demuxer = OggOpusDemuxer()
    with suppress(WireError):
        demuxer.feed(beginning)
    for _ in range(100):
        with suppress(WireError):
            assert demuxer.feed((b"OggS" + bytes(22) + b"\xff" * 256) * 60) == []
    assert len(demuxer._buffer) <= 27 + 255 + 255 * 255


@pytest.mark.parametrize(
    ("start", "samples"),
    [
        (b"\x00", 480), (b"\x08", 960), (b"\x18", 2880), (b"\x58", 2880),  # SILK of 10, 20, 60 ms
        (b"\x60", 480), (b"\x78", 960),  # hybrid of 10 and 20 ms
        (b"\x80", 120), (b"\x98", 960), (b"\xf8", 960),  # CELT of 2.5 and 20 ms
        (b"\x09", 1920), (b"\x0a", 1920),  # two frames of 20 ms
        (b"\x0b\x03", 2880), (b"\x0b\xc6", 5760), (b"\x83\x30", 5760),  # a count of frames
    ],
)  # fmt: skip
def test_the_first_bytes_of_a_packet_tell_its_duration(start: bytes, samples: int) -> None:
    assert opus_duration(start) == samples


@pytest.mark.parametrize("start", [b"", b"\x0b", b"\x0b\x00", b"\x0b\x07", b"\x1b\x03", b"\x83\x31"])
def test_a_packet_of_no_time_or_more_than_120_ms_is_refused(start: bytes) -> None:
    with pytest.raises(WireError):
        opus_duration(start)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_cutting_does_not_change_what_comes_out(cuts: list[int]) -> None:
    demuxer = OggOpusDemuxer()
    edges = [0, *sorted(cuts), len(STREAM)]

    pieces = [demuxer.feed(STREAM[start:end]) for start, end in pairwise(edges)]

    assert [item for piece in pieces for item in piece] == demuxed(STREAM)


def same_or_refused(stream: bytes) -> None:
    """Nothing but WireError may leave, and cutting must not matter."""
    try:
        whole = demuxed(stream)
    except WireError:
        with pytest.raises(WireError):
            demuxed_in_pieces(stream, 97)
    else:
        assert demuxed_in_pieces(stream, 97) == whole


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_spoilt_bytes_are_stepped_over_or_refused_however_they_are_cut(data: st.DataObject) -> None:
    spoilt = bytearray(STREAM * 3)
    for at in data.draw(st.lists(st.integers(0, len(spoilt) - 1), max_size=12)):
        spoilt[at] = data.draw(st.integers(0, 255))
    same_or_refused(bytes(spoilt[: data.draw(st.integers(0, len(spoilt)))]) + data.draw(st.binary(max_size=200)))


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_nonsense_on_sound_pages_is_stepped_over_or_refused_however_it_is_cut(data: st.DataObject) -> None:
    pages = [HEADERS]
    for _ in range(data.draw(st.integers(1, 4))):
        lacing = data.draw(st.binary(max_size=6))
        body = data.draw(st.sampled_from([MS_20, HEAD, TAGS, b""])) + data.draw(st.binary(max_size=40))
        numbers = st.fixed_dictionaries(
            {"sequence": st.integers(0, 5), "flags": st.integers(0, 7), "granule": st.integers(-(2**63), 2**63 - 1)}
        )
        pages.append(sealed(lacing, body.ljust(sum(lacing), b"\0")[: sum(lacing)], **data.draw(numbers)))
    same_or_refused(b"".join(pages))
