import numpy as np
import pytest

from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm, silence
from hero365_edge.core.sniff import AudioKind, Sniffer
from hero365_edge.errors import WireError
from hero365_edge.fakes.codec import FakeCodecs, FakeOpusDecoder, FakeOpusEncoder, fake_mp3, fake_ogg_opus
from hero365_edge.fakes.resampler import FakeResampler

RAMP: Pcm = np.arange(1, FRAME_SAMPLES + 1, dtype=np.int16)


def test_a_packet_is_the_frame_itself() -> None:
    assert FakeOpusEncoder().encode(RAMP) == RAMP.tobytes()
    np.testing.assert_array_equal(FakeOpusDecoder().decode(RAMP.tobytes()), RAMP)


def test_a_silent_frame_is_one_byte() -> None:
    assert FakeOpusEncoder().encode(silence(FRAME_SAMPLES)) == b"\x00"
    np.testing.assert_array_equal(FakeOpusDecoder().decode(b"\x00"), silence(FRAME_SAMPLES))


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(WireError, match="3 bytes"):
        FakeOpusDecoder().decode(b"\x01\x02\x03")


def test_a_gap_is_bridged_by_the_newest_packet_fading() -> None:
    decoder = FakeOpusDecoder()
    decoder.decode(RAMP.tobytes())

    np.testing.assert_array_equal(decoder.conceal(FRAME_SAMPLES), RAMP // 2)
    np.testing.assert_array_equal(decoder.conceal(FRAME_SAMPLES), RAMP // 4)


@pytest.mark.parametrize("samples", [1, 236, 237, 238, 5_000])
def test_streams_give_back_every_sample(samples: int) -> None:
    pcm = np.arange(samples, dtype=np.int16)

    np.testing.assert_array_equal(FakeCodecs().mp3_decoder().decode(fake_mp3(pcm)), pcm)
    np.testing.assert_array_equal(FakeCodecs().ogg_opus_decoder().decode(fake_ogg_opus(pcm)), pcm)


def test_the_streams_are_told_from_their_first_bytes_as_the_real_ones_are() -> None:
    for made, kind in ((fake_mp3, AudioKind.MP3), (fake_ogg_opus, AudioKind.OPUS)):
        sniffed = Sniffer().feed(made(np.arange(2_000, dtype=np.int16)))
        assert sniffed is not None
        assert sniffed[0] is kind


def test_a_stream_of_the_other_kind_is_refused() -> None:
    with pytest.raises(WireError, match="OggS"):
        FakeCodecs().mp3_decoder().decode(fake_ogg_opus(RAMP))


def test_every_call_makes_a_new_one() -> None:
    codecs = FakeCodecs()

    assert codecs.mp3_decoder() is not codecs.mp3_decoder()
    assert isinstance(codecs.resampler(48_000, 16_000), FakeResampler)
