"""RTP, against aiortc's reading of RFC 3550."""

from contextlib import suppress

import pytest
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core.rtp import CLOCK_HZ, L16, OPUS, Packet, Packetizer, Timeline, unpack
from hero365_edge.errors import WireError

MS_20 = 320
"""Samples at 16 kHz."""
U16, U32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
PACKETS = st.builds(
    Packet,
    payload_type=st.sampled_from([OPUS, L16]),
    sequence=U16,
    timestamp=U32,
    ssrc=U32,
    marker=st.booleans(),
    payload=st.binary(min_size=1),
)


def packet(timestamp: int, payload_type: int = OPUS) -> Packet:
    return Packet(payload_type, sequence=1, timestamp=timestamp % 2**32, ssrc=7, marker=False, payload=b"x")


def test_payload_types_and_clocks_are_the_products() -> None:
    assert CLOCK_HZ == {111: 48_000, 96: 16_000}


# -- one packet -------------------------------------------------------------------------------------------------


@given(PACKETS)
def test_aiortc_reads_what_we_write(ours: Packet) -> None:
    theirs = RtpPacket.parse(ours.pack())
    assert (theirs.version, theirs.csrc, theirs.padding_size) == (2, [], 0)
    assert theirs.payload_type == ours.payload_type
    assert theirs.sequence_number == ours.sequence
    assert theirs.timestamp == ours.timestamp
    assert theirs.ssrc == ours.ssrc
    assert theirs.marker == ours.marker
    assert theirs.payload == ours.payload


@given(PACKETS)
def test_we_read_what_aiortc_writes(ours: Packet) -> None:
    theirs = RtpPacket(ours.payload_type, int(ours.marker), ours.sequence, ours.timestamp, ours.ssrc, ours.payload)
    assert unpack(theirs.serialize()) == ours


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (0x00, 111),  # version 0
        (0x40, 111),  # version 1
        (0xC0, 111),
        (0xA0, 111),  # padding
        (0x90, 111),  # extension
        (0x81, 111),  # a CSRC
        (0x80, 0),  # PCMU
        (0x80, 0x80),
        (0x80, 112),
    ],
)
def test_what_the_profile_does_not_allow_is_refused(first: int, second: int) -> None:
    with pytest.raises(WireError, match="RTP packet"):
        unpack(bytes([first, second]) + bytes(30))


@given(st.binary() | st.binary(min_size=11).map(lambda rest: b"\x80" + rest))
def test_garbage_is_a_wire_error_or_read_to_the_last_bit(data: bytes) -> None:
    with suppress(WireError):
        assert unpack(data).pack() == data


@pytest.mark.parametrize("length", range(13))
def test_a_packet_without_payload_is_refused(length: int) -> None:
    with pytest.raises(WireError, match=f"of {length} bytes"):
        unpack((b"\x80\x6f" + bytes(10))[:length])


# -- an utterance's packets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("payload_type", "step"), [(OPUS, 960), (L16, 320)])
def test_twenty_ms_are_one_sequence_number_and_20_ms_of_the_payloads_clock(payload_type: int, step: int) -> None:
    packetizer = Packetizer(payload_type, ssrc=7, sequence=10, timestamp=1000)
    packets = [unpack(packetizer.packet(b"x")) for _ in range(3)]
    assert [each.sequence for each in packets] == [10, 11, 12]
    assert [each.timestamp for each in packets] == [1000, 1000 + step, 1000 + 2 * step]
    assert {each.ssrc for each in packets} == {7}
    assert {each.payload_type for each in packets} == {payload_type}


def test_the_marker_stands_on_the_first_packet_of_each_talkspurt() -> None:
    packetizer = Packetizer(OPUS, ssrc=7, sequence=0, timestamp=0)
    packets = []
    for sent in (1, 1, 0, 0, 1, 1, 0, 1):
        if sent:
            packets.append(unpack(packetizer.packet(b"x")))
        else:
            packetizer.skip()
    assert [each.marker for each in packets] == [True, False, True, False, True]
    assert [each.timestamp for each in packets] == [0, 960, 4 * 960, 5 * 960, 7 * 960]
    assert [each.sequence for each in packets] == [0, 1, 2, 3, 4], "silence takes no sequence number"


def test_an_utterance_that_begins_silent_has_its_marker_on_the_first_packet_sent() -> None:
    packetizer = Packetizer(OPUS, ssrc=7, sequence=0, timestamp=0)
    packetizer.skip()
    assert unpack(packetizer.packet(b"x")).marker


def test_sequence_and_timestamp_wrap_around() -> None:
    packetizer = Packetizer(OPUS, ssrc=0xFFFFFFFF, sequence=0xFFFF, timestamp=0xFFFFFFFF)
    first, second = unpack(packetizer.packet(b"x")), unpack(packetizer.packet(b"x"))
    assert (first.sequence, second.sequence) == (0xFFFF, 0)
    assert (first.timestamp, second.timestamp) == (0xFFFFFFFF, 959)
    packetizer = Packetizer(OPUS, ssrc=7, sequence=0, timestamp=0xFFFFFFFF)
    packetizer.skip()
    assert unpack(packetizer.packet(b"x")).timestamp == 959


# -- a response's timeline --------------------------------------------------------------------------------------


@given(U32, st.sampled_from([OPUS, L16]), st.lists(st.booleans(), max_size=60))
def test_speech_and_silence_come_out_as_long_as_they_went_in(start: int, payload_type: int, sent: list[bool]) -> None:
    packetizer = Packetizer(payload_type, ssrc=7, sequence=0, timestamp=start)
    timeline = Timeline()
    samples = 0
    for frame_sent in (True, *sent, True):
        if not frame_sent:
            packetizer.skip()
            continue
        received = unpack(packetizer.packet(b"x"))
        samples += timeline.gap(received) + MS_20
        timeline.played(received, MS_20)
    assert samples == (len(sent) + 2) * MS_20


def test_nothing_comes_before_the_first_packet() -> None:
    assert Timeline().gap(packet(123_456)) == 0


@pytest.mark.parametrize(
    ("payload_type", "late_by", "gap"),
    [
        (OPUS, 960, 320),
        (L16, 320, 320),
        (OPUS, 5 * 48_000, 80_000),  # the longest pause
        (OPUS, 5 * 48_000 + 3, 0),  # a sender's mistake
        (L16, 5 * 16_000 + 1, 0),
        (OPUS, 2**31, 0),
        (OPUS, -1, 0),  # backwards
        (OPUS, -960, 0),
        (L16, -(2**31), 0),
    ],
)
@pytest.mark.parametrize("start", [0, 2**32 - 960, 2**32 - 1])
def test_a_gap_is_silence_up_to_five_seconds_and_never_negative(
    payload_type: int, late_by: int, gap: int, start: int
) -> None:
    timeline = Timeline()
    timeline.played(packet(start, payload_type), MS_20)
    step = 960 if payload_type == OPUS else 320
    assert timeline.gap(packet(start + step + late_by, payload_type)) == gap


def test_after_a_jump_the_timeline_goes_on_from_where_the_sender_is() -> None:
    timeline = Timeline()
    timeline.played(packet(0), MS_20)
    timeline.played(packet(10_000_000), MS_20)
    assert timeline.gap(packet(10_000_000 + 960)) == 0
    assert timeline.gap(packet(10_000_000 + 2 * 960)) == MS_20


def test_a_packet_longer_than_20_ms_moves_the_timeline_by_its_own_length() -> None:
    timeline = Timeline()
    timeline.played(packet(0), 3 * MS_20)
    assert timeline.gap(packet(3 * 960)) == 0


def test_a_packet_that_did_not_decode_leaves_its_length_as_silence() -> None:
    timeline = Timeline()
    timeline.played(packet(0), MS_20)
    assert timeline.gap(packet(960)) == 0
    assert timeline.gap(packet(2 * 960)) == MS_20
