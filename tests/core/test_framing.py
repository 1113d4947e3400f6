"""One utterance's frames, as they travel."""

import numpy as np
import pytest

from hero365_edge.core import messages as m
from hero365_edge.core import rtp
from hero365_edge.core.framing import Framing, Outgoing, SeedFraming, V1Framing, l16, pcm16
from hero365_edge.core.pcm import FRAME_BYTES, FRAME_SAMPLES, Pcm, silence
from hero365_edge.fakes.codec import FakeOpusEncoder

VOICE: Pcm = np.arange(1, FRAME_SAMPLES + 1, dtype=np.int16)
QUIET = silence(FRAME_SAMPLES)


def v1(dtx: bool = True, payload_type: int = rtp.OPUS) -> V1Framing:
    encode = FakeOpusEncoder().encode if payload_type == rtp.OPUS else l16
    return V1Framing("u1", 7, encode, rtp.Packetizer(payload_type, ssrc=7, sequence=5, timestamp=100), dtx)


def sent(framing: Framing, *frames: Pcm) -> list[Outgoing]:
    """All that goes up for an utterance of these frames."""
    return [*framing.opening(), *(out for frame in frames for out in framing.frame(frame)), *framing.closing()]


def packets(messages: list[Outgoing]) -> list[rtp.Packet]:
    return [rtp.unpack(message) for message in messages if isinstance(message, bytes)]


# -- samples to bytes -------------------------------------------------------------------------------------------


def test_pcm16_is_little_endian_and_l16_big_endian() -> None:
    pcm = np.array([1, -2, 0x1234, -32768], dtype=np.int16)
    assert pcm16(pcm) == bytes.fromhex("0100 feff 3412 0080")
    assert l16(pcm) == bytes.fromhex("0001 fffe 1234 8000")


def test_a_frame_of_20_ms_is_640_bytes_of_either() -> None:
    assert len(pcm16(VOICE)) == len(l16(VOICE)) == FRAME_BYTES == 640


def test_a_view_into_interleaved_samples_is_sent_as_the_samples_it_shows() -> None:
    stereo = np.stack([VOICE, -VOICE], axis=1)
    assert pcm16(stereo[:, 0]) == pcm16(VOICE)
    assert l16(stereo[:, 1]) == l16(-VOICE)


# -- the seed ---------------------------------------------------------------------------------------------------


def test_the_seed_sends_bare_frames_and_600_ms_of_digital_silence() -> None:
    messages = sent(SeedFraming(pcm16, tail_silence_ms=600), VOICE, QUIET, VOICE)
    assert messages == [pcm16(VOICE), bytes(640), pcm16(VOICE)] + [bytes(640)] * 30


@pytest.mark.parametrize(("tail_silence_ms", "frames"), [(0, 0), (1, 1), (20, 1), (21, 2), (610, 31), (5000, 250)])
def test_the_tail_is_whole_frames_and_never_shorter_than_asked_for(tail_silence_ms: int, frames: int) -> None:
    assert sent(SeedFraming(pcm16, tail_silence_ms)) == [bytes(640)] * frames


def test_bare_opus_packets_of_silence_are_sent_too_for_nothing_else_tells_the_time() -> None:
    messages = sent(SeedFraming(FakeOpusEncoder().encode, tail_silence_ms=40), VOICE, QUIET)
    assert messages == [pcm16(VOICE), b"\x00", b"\x00", b"\x00"]


# -- v1 ---------------------------------------------------------------------------------------------------------


def test_v1_names_the_utterance_and_its_ssrc_and_says_how_long_it_was() -> None:
    messages = sent(v1(), VOICE, VOICE)
    assert messages[0] == m.UtteranceStarted(utterance_id="u1", ssrc=7)
    assert messages[-1] == m.UtteranceEnded(utterance_id="u1", frames=2, tentative=False)
    assert [packet.ssrc for packet in packets(messages[1:-1])] == [7, 7]


def test_v1_opus_travels_as_payload_type_111() -> None:
    [packet] = packets(sent(v1(), VOICE))
    assert (packet.payload_type, packet.sequence, packet.timestamp, packet.marker) == (111, 5, 100, True)
    assert packet.payload == pcm16(VOICE)


def test_v1_pcm_travels_big_endian_as_payload_type_96() -> None:
    [packet] = packets(sent(v1(dtx=False, payload_type=rtp.L16), VOICE))
    assert packet.payload_type == 96
    assert packet.payload == l16(VOICE)


def test_silent_packets_are_not_sent_but_counted_and_the_next_one_is_marked() -> None:
    messages = sent(v1(), VOICE, QUIET, QUIET, VOICE, QUIET)
    first, second = packets(messages)
    assert second.sequence == first.sequence + 1
    assert second.timestamp == first.timestamp + 3 * 960
    assert second.marker
    assert messages[-1] == m.UtteranceEnded(utterance_id="u1", frames=5)


@pytest.mark.parametrize(("payload", "packets_sent"), [(b"", 0), (b"\x08", 0), (b"\x08\x00", 0), (b"\x08\x00\x00", 1)])
def test_an_opus_packet_of_at_most_two_bytes_is_silence(payload: bytes, packets_sent: int) -> None:
    packetizer = rtp.Packetizer(rtp.OPUS, ssrc=7, sequence=0, timestamp=0)
    framing = V1Framing("u1", 7, lambda _: payload, packetizer, dtx=True)
    assert len(list(framing.frame(VOICE))) == packets_sent


def test_without_dtx_every_frame_is_sent() -> None:
    assert [len(packet.payload) for packet in packets(sent(v1(dtx=False), QUIET, VOICE, QUIET))] == [1, 640, 1]


def test_an_utterance_without_a_frame_is_opened_and_closed() -> None:
    assert sent(v1()) == [
        m.UtteranceStarted(utterance_id="u1", ssrc=7), m.UtteranceEnded(utterance_id="u1", frames=0)
    ]  # fmt: skip
