"""An answer's bytes to its samples: every kind, cut anywhere, and nothing a backend sends raises."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hero365_edge.cli.world import NativeCodecs
from hero365_edge.core import rtp
from hero365_edge.core.pcm import EMPTY, FRAME_SAMPLES, Pcm, silence
from hero365_edge.core.sniff import AudioKind
from hero365_edge.core.wav import wav_bytes
from hero365_edge.decoding import MAX_BACKLOG_BYTES, SLICE_BYTES, Answer
from hero365_edge.fakes.codec import FakeCodecs, FakeOpusEncoder, fake_mp3, fake_ogg_opus

SSRC = 0xC0FFEE


def ramp(samples: int) -> Pcm:
    """Each sample tells its number, and none is silence."""
    return (np.arange(samples) % 30_000 + 1).astype(np.int16)


def l16_packet(number: int, pcm: Pcm, ssrc: int = SSRC, timestamp: int | None = None) -> bytes:
    at = number * FRAME_SAMPLES if timestamp is None else timestamp
    return rtp.Packet(rtp.L16, number, at, ssrc, number == 0, pcm.astype(">i2").tobytes()).pack()


def drain(answer: Answer) -> Pcm:
    """Everything it gives now, one step after the other."""
    pieces = [EMPTY]
    while answer.pending:
        pieces.append(answer.step())
    return np.concatenate(pieces)


class Rejections:
    def __init__(self) -> None:
        self.why: list[str] = []

    def __call__(self, why: str) -> None:
        self.why.append(why)


@pytest.fixture
def rejected() -> Rejections:
    return Rejections()


def decoded(pieces: list[bytes], rejected: Callable[[str], None], settled: AudioKind | None = None) -> Pcm:
    """The samples of an answer whose bytes come in these pieces, each decoded before the next comes."""
    answer = Answer(FakeCodecs(), rejected, settled)
    pcm = []
    for piece in pieces:
        answer.feed(piece)
        pcm.append(drain(answer))
    answer.end()
    pcm.append(drain(answer))
    assert answer.done
    return np.concatenate(pcm)


def cut(data: bytes, lengths: list[int]) -> list[bytes]:
    pieces, begin = [], 0
    for length in lengths:
        pieces.append(data[begin : begin + length])
        begin += length
    return [piece for piece in [*pieces, data[begin:]] if piece]


CUTS = st.lists(st.integers(1, 4000), max_size=40)
EXACT: dict[str, Callable[[Pcm], bytes]] = {
    "pcm16": lambda pcm: pcm.tobytes(),
    "wav": wav_bytes,
    "opus": fake_ogg_opus,
}


@pytest.mark.parametrize("kind", EXACT)
@settings(max_examples=25, deadline=None)
@given(cuts=CUTS)
def test_any_chunking_of_a_stream_gives_exactly_its_samples(kind: str, cuts: list[int]) -> None:
    pcm, rejected = ramp(9_001), Rejections()
    assert np.array_equal(decoded(cut(EXACT[kind](pcm), cuts), rejected), pcm)
    assert rejected.why == []


@settings(max_examples=25, deadline=None)
@given(cuts=CUTS)
def test_any_chunking_of_a_stream_at_another_rate_gives_the_same_samples(cuts: list[int]) -> None:
    audio, rejected = fake_mp3(ramp(6_000)), Rejections()
    whole = decoded([audio], rejected)
    assert len(whole) == 4_000, "24 kHz become 16"
    assert np.array_equal(decoded(cut(audio, cuts), rejected), whole)
    assert rejected.why == []


@pytest.mark.parametrize("kind", [*EXACT, "mp3"])
def test_a_whole_file_gives_what_the_stream_gives(kind: str, rejected: Rejections) -> None:
    audio = fake_mp3(ramp(6_000)) if kind == "mp3" else EXACT[kind](ramp(6_000))
    answer = Answer.of_file(FakeCodecs(), rejected, audio, kind)
    assert np.array_equal(drain(answer), decoded([audio], rejected))
    assert answer.done
    assert rejected.why == []


def test_quiet_pcm_that_begins_like_mp3_is_pcm(rejected: Rejections) -> None:
    quiet = np.array([-1, -1, -13, 3, -1, 0] * 400, dtype=np.int16)
    assert quiet.tobytes()[:2] == b"\xff\xff"
    assert np.array_equal(decoded([quiet.tobytes()], rejected), quiet)


def test_the_kind_is_told_once_so_that_later_bytes_cannot_change_it(rejected: Rejections) -> None:
    pcm = ramp(1_000)
    assert len(decoded([pcm.tobytes(), b"RIFFRIFF", b"OggSOggS"], rejected)) == 1_000 + 8
    assert rejected.why == []


@pytest.mark.parametrize("stub", [b"", b"\xff", b"RI", b"\xff\xf3\xe4", b"\x01"])
def test_an_answer_that_ends_before_its_kind_is_known_is_over_all_the_same(stub: bytes, rejected: Rejections) -> None:
    answer = Answer(FakeCodecs(), rejected)
    if stub:
        answer.feed(stub)
    answer.end()
    assert len(drain(answer)) <= 1
    assert answer.done


@pytest.mark.parametrize("audio_format", ["mp3", "wav", "opus", "pcm", "", "flac"])
def test_a_whole_file_of_no_bytes_is_done_and_gives_nothing(audio_format: str, rejected: Rejections) -> None:
    answer = Answer.of_file(FakeCodecs(), rejected, b"", audio_format)
    assert answer.pending
    assert len(drain(answer)) == 0
    assert answer.done


def test_a_files_first_bytes_count_more_than_what_the_backend_calls_it(rejected: Rejections) -> None:
    answer = Answer.of_file(FakeCodecs(), rejected, wav_bytes(ramp(500)), "mp3")
    assert np.array_equal(drain(answer), ramp(500))


def test_a_name_decides_where_the_first_bytes_say_nothing(rejected: Rejections) -> None:
    answer = Answer.of_file(FakeCodecs(), rejected, ramp(500).tobytes(), "wav")
    assert len(drain(answer)) == 0
    assert "not a WAV file" in rejected.why[0]


def test_nothing_is_decoded_before_a_step_and_a_step_is_small(rejected: Rejections) -> None:
    answer = Answer(FakeCodecs(), rejected, AudioKind.PCM16)
    answer.feed(ramp(100_000).tobytes())
    assert answer.pending
    assert len(answer.step()) == SLICE_BYTES // 2
    assert len(drain(answer)) == 100_000 - SLICE_BYTES // 2


def test_half_a_sample_waits_for_its_other_half_and_is_none_at_the_end(rejected: Rejections) -> None:
    data = ramp(3).tobytes()
    assert np.array_equal(decoded([data[:1], data[1:4], data[4:5]], rejected, AudioKind.PCM16), ramp(2))


def test_more_than_the_longest_backlog_is_skipped_and_said(rejected: Rejections) -> None:
    answer = Answer(FakeCodecs(), rejected, AudioKind.PCM16)
    megabyte = bytes(1024 * 1024)
    for _ in range(MAX_BACKLOG_BYTES // len(megabyte) + 1):
        answer.feed(megabyte)
    assert len(rejected.why) == 1
    assert str(MAX_BACKLOG_BYTES) in rejected.why[0]
    assert len(drain(answer)) == MAX_BACKLOG_BYTES // 2
    answer.feed(megabyte)
    assert len(rejected.why) == 1, "there is room again"


def test_bare_opus_packets_are_one_per_message(rejected: Rejections) -> None:
    encode = FakeOpusEncoder().encode
    frames = list(ramp(5 * FRAME_SAMPLES).reshape(5, FRAME_SAMPLES))
    packets = [encode(frame) for frame in frames]
    assert np.array_equal(decoded(packets, rejected, AudioKind.OPUS), np.concatenate(frames))


def test_a_packet_that_does_not_decode_is_skipped_and_the_next_ones_are_played(rejected: Rejections) -> None:
    encode = FakeOpusEncoder().encode
    frames = ramp(2 * FRAME_SAMPLES).reshape(2, FRAME_SAMPLES)
    pcm = decoded([encode(frames[0]), b"odd", encode(frames[1])], rejected, AudioKind.OPUS)
    assert np.array_equal(pcm, frames.reshape(-1))
    assert rejected.why == ["a fake packet of 3 bytes"]


def test_rtp_packets_are_joined_without_a_gap(rejected: Rejections) -> None:
    answer = Answer.of_rtp(FakeCodecs(), rejected, SSRC)
    frames = ramp(4 * FRAME_SAMPLES).reshape(4, FRAME_SAMPLES)
    for number, frame in enumerate(frames):
        answer.feed(l16_packet(number, frame))
    assert np.array_equal(drain(answer), frames.reshape(-1))


def test_a_gap_in_the_rtp_timestamp_is_so_much_silence(rejected: Rejections) -> None:
    answer = Answer.of_rtp(FakeCodecs(), rejected, SSRC)
    frame = ramp(FRAME_SAMPLES)
    answer.feed(l16_packet(0, frame, timestamp=2**32 - FRAME_SAMPLES))
    answer.feed(l16_packet(1, frame, timestamp=3 * FRAME_SAMPLES))
    assert np.array_equal(drain(answer), np.concatenate([frame, silence(3 * FRAME_SAMPLES), frame]))


def test_opus_in_rtp_counts_in_48_khz(rejected: Rejections) -> None:
    answer = Answer.of_rtp(FakeCodecs(), rejected, SSRC)
    packet = FakeOpusEncoder().encode(ramp(FRAME_SAMPLES))
    for number, timestamp in enumerate((0, 960, 960 * 4)):
        answer.feed(rtp.Packet(rtp.OPUS, number, timestamp, SSRC, False, packet).pack())
    gap = silence(2 * FRAME_SAMPLES)
    assert np.array_equal(drain(answer), np.concatenate([ramp(FRAME_SAMPLES)] * 2 + [gap, ramp(FRAME_SAMPLES)]))


@pytest.mark.parametrize(
    "packet",
    [
        l16_packet(0, ramp(FRAME_SAMPLES), ssrc=7),
        b"\x80\x60",
        l16_packet(0, EMPTY),
        b"\x00" + l16_packet(0, ramp(2))[1:],
        l16_packet(0, ramp(2))[:1] + b"\x00" + l16_packet(0, ramp(2))[2:],
    ],
    ids=["another SSRC", "short", "no payload", "version 0", "unknown payload type"],
)
def test_an_rtp_packet_that_does_not_belong_is_counted_and_dropped(packet: bytes, rejected: Rejections) -> None:
    answer = Answer.of_rtp(FakeCodecs(), rejected, SSRC)
    answer.feed(l16_packet(0, ramp(FRAME_SAMPLES)))
    answer.feed(packet)
    answer.feed(l16_packet(1, ramp(FRAME_SAMPLES)))
    assert np.array_equal(drain(answer), np.tile(ramp(FRAME_SAMPLES), 2))
    assert len(rejected.why) == 1


def answers(rejected: Rejections) -> Iterator[Answer]:
    """One of every kind, on the real codecs."""
    codecs = NativeCodecs()
    yield Answer.of_rtp(codecs, rejected, SSRC)
    for kind in (None, *AudioKind):
        yield Answer(codecs, rejected, kind)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=400), max_size=12), st.sampled_from([b"", b"RIFF", b"OggS", b"ID3"]))
def test_no_bytes_whatsoever_raise_with_the_real_codecs(pieces: list[bytes], magic: bytes) -> None:
    rejected = Rejections()
    for answer in answers(rejected):
        for piece in [magic, *pieces] if magic else pieces:
            answer.feed(piece)
            drain(answer)
        answer.end()
        assert drain(answer).dtype == np.int16
        assert answer.done


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_damaged_file_of_any_kind_ends_without_raising(data: st.DataObject) -> None:
    rejected = Rejections()
    audio = bytearray(data.draw(st.sampled_from([make(ramp(3000)) for make in (wav_bytes, fake_mp3, fake_ogg_opus)])))
    for _ in range(data.draw(st.integers(1, 5))):
        audio[data.draw(st.integers(0, len(audio) - 1))] = data.draw(st.integers(0, 255))
    del audio[data.draw(st.integers(1, len(audio))) :]
    for codecs in (FakeCodecs(), NativeCodecs()):
        answer = Answer.of_file(codecs, rejected, bytes(audio), data.draw(st.sampled_from(["mp3", "wav", "opus", "x"])))
        drain(answer)
        assert answer.done
