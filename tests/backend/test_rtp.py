"""RTP: what goes down can be put together again, and every mistake on the way up is named."""

import struct

import numpy as np
import pytest

from hero365_edge.backend.options import Codec
from hero365_edge.backend.rtp import Assembler, Packet, packetize, parse
from tests.backend.caller import Samples, silence, tone
from tests.backend.test_sound import likeness

SSRC = 0x1234ABCD
ANSWER = np.concatenate([tone(0.5), silence(0.62), tone(0.31, hz=700)])


def put_together(packets: list[Packet], codec: Codec) -> tuple[Samples, list[str]]:
    assembler = Assembler(codec)
    wrong = [told for packet in packets for told in assembler.add(packet)]
    return assembler.pcm(), wrong


def l16(sequence: int, timestamp: int, marker: bool = False, frame: Samples | None = None) -> Packet:
    samples = tone(0.02) if frame is None else frame
    return Packet(96, marker, sequence, timestamp, SSRC, samples.astype(">i2").tobytes())


def test_l16_arrives_to_the_sample() -> None:
    packets = [parse(chunk.data) for chunk in packetize(ANSWER, "pcm16", SSRC)]
    pcm, wrong = put_together(packets, "pcm16")
    assert wrong == []
    np.testing.assert_array_equal(pcm[: len(ANSWER)], ANSWER)
    assert not pcm[len(ANSWER) :].any()
    assert len(packets) == 25 + 1 + 16  # of 31 silent frames only the first is sent


def test_opus_arrives_as_it_sounded() -> None:
    packets = [parse(chunk.data) for chunk in packetize(ANSWER, "opus", SSRC)]
    pcm, wrong = put_together(packets, "opus")
    assert wrong == []
    assert likeness(pcm, ANSWER) > 0.97
    assert {packet.payload_type for packet in packets} == {111}
    assert {(packet.timestamp - packets[0].timestamp) % 960 for packet in packets} == {0}


def test_silence_is_a_gap_and_the_next_packet_has_the_marker() -> None:
    packets = [parse(chunk.data) for chunk in packetize(ANSWER, "pcm16", SSRC)]
    marked = [number for number, packet in enumerate(packets) if packet.marker]
    assert len(marked) == 2
    before, after = packets[marked[1] - 1], packets[marked[1]]
    assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert (after.timestamp - before.timestamp) & 0xFFFF_FFFF == 31 * 320


def test_the_header_is_the_rfc_s() -> None:
    data = packetize(tone(0.1), "opus", SSRC)[0].data
    first, second, _, _, ssrc = struct.unpack("!BBHII", data[:12])
    assert (first, second, ssrc) == (0x80, 0x80 | 111, SSRC)


def test_the_last_frame_is_sent_though_it_is_silent() -> None:
    packets = [parse(chunk.data) for chunk in packetize(np.concatenate([tone(0.1), silence(0.4)]), "pcm16", SSRC)]
    assert len(put_together(packets, "pcm16")[0]) == 8000


def test_a_sequence_and_a_clock_that_wrap_are_fine() -> None:
    packets = [l16(65535, 2**32 - 320, marker=True), l16(0, 0), l16(1, 320)]
    pcm, wrong = put_together(packets, "pcm16")
    assert (len(pcm), wrong) == (960, [])


def test_frames_that_were_not_sent_at_the_end_are_silence() -> None:
    assembler = Assembler("pcm16")
    assembler.add(l16(1, 0, marker=True))
    pcm = assembler.pcm(frames=5)
    assert len(pcm) == 1600
    assert not pcm[320:].any()


@pytest.mark.parametrize(
    ("packets", "told"),
    [
        ([l16(1, 0, marker=True), l16(3, 320)], "sequence jumps from 1 to 3"),
        ([l16(1, 0, marker=True), l16(2, 0)], "not whole frames behind"),
        ([l16(1, 0, marker=True), l16(2, 321)], "not whole frames behind"),
        ([l16(1, 0, marker=True), l16(2, 16_000 * 100)], "not whole frames behind"),
        ([l16(1, 0)], "marker False on packet 1, which begins"),
        ([l16(1, 0, marker=True), l16(2, 320, marker=True)], "marker True on packet 2, which does not begin"),
        ([l16(1, 0, marker=True), l16(2, 960)], "marker False on packet 2, which begins"),
        ([l16(1, 0, marker=True, frame=tone(0.01))], "a packet of 160 samples"),
        ([Packet(111, True, 1, 0, SSRC, b"\x00")], "payload type 111; pcm16 was chosen"),
        ([Packet(96, True, 1, 0, SSRC, b"\x00")], "odd"),
    ],
)
def test_a_mistake_on_the_way_up_is_named(packets: list[Packet], told: str) -> None:
    _, wrong = put_together(packets, "pcm16")
    assert len(wrong) == 1
    assert told in wrong[0]


def test_an_opus_payload_that_does_not_decode_is_named() -> None:
    _, wrong = put_together([Packet(111, True, 1, 0, SSRC, b"\xff\xff\xff\xff")], "opus")
    assert "does not decode" in wrong[0]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "0 bytes"),
        (struct.pack("!BBHII", 0x80, 96, 1, 2, 3), "12 bytes"),
        (struct.pack("!BBHII", 0x40, 96, 1, 2, 3) + b"..", "version 1"),
        (struct.pack("!BBHII", 0x90, 96, 1, 2, 3) + b"..", "extension"),
        (struct.pack("!BBHII", 0xA0, 96, 1, 2, 3) + b"..", "padding"),
        (struct.pack("!BBHII", 0x81, 96, 1, 2, 3) + b"..", "CSRC"),
        (tone(0.02).tobytes(), "version"),
    ],
)
def test_what_is_no_plain_rtp_packet_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse(data)
