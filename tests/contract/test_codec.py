"""What every codec does: packets of speech, and streams cut anywhere."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from hero365_edge.codec_ports import Codecs, PacketDecoder, PacketEncoder, StreamDecoder
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm, silence
from hero365_edge.core.wav import WavDecoder, wav_bytes
from hero365_edge.devices.codec import OggOpusDecoder, OpusDecoder, OpusEncoder
from hero365_edge.devices.mp3 import Mp3Decoder
from hero365_edge.errors import WireError
from hero365_edge.fakes.codec import FakeCodecs, fake_mp3, fake_ogg_opus
from tests.devices import sounds

FAKE: Codecs = FakeCodecs()


@dataclass(frozen=True)
class PacketRig:
    encoder: Callable[[], PacketEncoder]
    decoder: Callable[[], PacketDecoder]
    late: int
    """How many samples the decoder's output is behind the encoder's input."""


@dataclass(frozen=True)
class StreamRig:
    decoder: Callable[[], StreamDecoder]
    encoded: Callable[[Pcm], bytes]
    """Of samples at `rate_hz`."""
    rate_hz: int


packets = pytest.mark.parametrize(
    "rig",
    [PacketRig(FAKE.opus_encoder, FAKE.opus_decoder, 0), PacketRig(OpusEncoder, OpusDecoder, 104)],
    ids=["fake", "opus"],
)
streams = pytest.mark.parametrize(
    "rig",
    [
        StreamRig(FAKE.ogg_opus_decoder, fake_ogg_opus, RATE_HZ),
        StreamRig(OggOpusDecoder, lambda pcm: sounds.ogg_opus(pcm, RATE_HZ), RATE_HZ),
        StreamRig(FAKE.mp3_decoder, fake_mp3, 24_000),
        StreamRig(Mp3Decoder, lambda pcm: sounds.mp3(pcm, 24_000), 24_000),
        StreamRig(WavDecoder, wav_bytes, RATE_HZ),
    ],
    ids=["fake-ogg", "ogg", "fake-mp3", "mp3", "wav"],
)


@packets
def test_what_was_encoded_comes_back_frame_by_frame(rig: PacketRig) -> None:
    encoder, decoder = rig.encoder(), rig.decoder()
    pcm = sounds.chirp(RATE_HZ)
    decoded = [decoder.decode(encoder.encode(frame)) for frame in pcm.reshape(-1, FRAME_SAMPLES)]

    assert {len(frame) for frame in decoded} == {FRAME_SAMPLES}
    correlation, lag = sounds.likeness(pcm, np.concatenate(decoded))
    assert correlation > 0.9
    assert lag == rig.late


@packets
def test_silence_becomes_packets_of_two_bytes_at_most_and_comes_back(rig: PacketRig) -> None:
    encoder, decoder = rig.encoder(), rig.decoder()
    sent = [encoder.encode(silence(FRAME_SAMPLES)) for _ in range(50)]

    assert len(sent[-1]) <= 2
    assert all(abs(decoder.decode(packet).astype(int)).max() < 10 for packet in sent)


@packets
def test_a_missing_packet_is_bridged_by_as_many_samples_as_asked_for(rig: PacketRig) -> None:
    encoder, decoder = rig.encoder(), rig.decoder()
    decoder.decode(encoder.encode(sounds.chirp(RATE_HZ)[-FRAME_SAMPLES:]))

    for samples in (FRAME_SAMPLES, 0, 1, 100, 3 * FRAME_SAMPLES, 5_000):
        assert decoder.conceal(samples).shape == (samples,)
        assert decoder.conceal(samples).dtype == np.int16


@packets
def test_concealment_before_the_first_packet_is_silent(rig: PacketRig) -> None:
    assert not rig.decoder().conceal(FRAME_SAMPLES).any()


@packets
def test_what_was_given_is_not_changed_by_what_comes_later(rig: PacketRig) -> None:
    encoder, decoder = rig.encoder(), rig.decoder()
    first = decoder.decode(encoder.encode(sounds.chirp(RATE_HZ)[8_000 : 8_000 + FRAME_SAMPLES]))
    kept = first.copy()
    decoder.decode(encoder.encode(sounds.chirp(RATE_HZ)[-FRAME_SAMPLES:]))
    decoder.conceal(FRAME_SAMPLES)

    np.testing.assert_array_equal(first, kept)


@packets
@pytest.mark.parametrize("packet", [b"", b"\xff" * 4001])
def test_a_packet_of_no_bytes_or_of_far_too_many_is_refused(rig: PacketRig, packet: bytes) -> None:
    with pytest.raises(WireError, match=f"{len(packet)} bytes|no bytes"):
        rig.decoder().decode(packet)


@packets
@pytest.mark.parametrize("frame", [silence(160), silence(640), silence(320).astype(np.float32)])
def test_what_is_no_frame_is_not_encoded(rig: PacketRig, frame: Pcm) -> None:
    with pytest.raises(ValueError, match="a frame is 320 samples of int16"):
        rig.encoder().encode(frame)


@streams
def test_a_stream_gives_its_samples_in_their_places(rig: StreamRig) -> None:
    decoder = rig.decoder()
    pcm = decoder.decode(rig.encoded(sounds.chirp(rig.rate_hz)))

    correlation, lag = sounds.likeness(sounds.chirp(rig.rate_hz), pcm)
    assert correlation > 0.99
    assert lag == 0
    assert len(pcm) == rig.rate_hz
    assert len(decoder.finish()) == 0


@streams
def test_the_rate_is_known_once_samples_came(rig: StreamRig) -> None:
    decoder = rig.decoder()
    assert decoder.rate_hz == 0

    assert len(decoder.decode(rig.encoded(sounds.chirp(rig.rate_hz))))
    assert decoder.rate_hz == rig.rate_hz


@streams
@pytest.mark.parametrize("piece_bytes", [1, 500, 1 << 14])
def test_a_stream_may_be_cut_anywhere(rig: StreamRig, piece_bytes: int) -> None:
    audio = rig.encoded(sounds.chirp(rig.rate_hz, 0.5))
    decoder = rig.decoder()
    pieces = [decoder.decode(audio[start : start + piece_bytes]) for start in range(0, len(audio), piece_bytes)]

    np.testing.assert_array_equal(np.concatenate(pieces), rig.decoder().decode(audio))
    assert all(piece.dtype == np.int16 and piece.ndim == 1 for piece in pieces)


@streams
def test_a_stream_broken_off_gives_what_there_was(rig: StreamRig) -> None:
    audio = rig.encoded(sounds.chirp(rig.rate_hz, 3))
    decoder = rig.decoder()
    pcm = np.concatenate([decoder.decode(audio[: len(audio) * 2 // 3]), decoder.finish()])

    assert rig.rate_hz < len(pcm) < 3 * rig.rate_hz


@streams
def test_a_stream_that_ends_before_its_sound_is_refused_at_its_end(rig: StreamRig) -> None:
    decoder = rig.decoder()
    assert len(decoder.decode(rig.encoded(sounds.chirp(rig.rate_hz))[:20])) == 0

    with pytest.raises(WireError):
        decoder.finish()


@streams
@pytest.mark.parametrize("garbage", [b"{}" * 5_000, bytes(10_000), np.random.default_rng(4).bytes(10_000)])
def test_garbage_is_refused_at_once_or_at_its_end(rig: StreamRig, garbage: bytes) -> None:
    decoder = rig.decoder()

    with pytest.raises(WireError):  # noqa: PT012  which of the two, is each decoder's own
        assert not len(decoder.decode(garbage))
        decoder.finish()
