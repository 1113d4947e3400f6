import struct
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opuslib.api import ctl

from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm, silence
from hero365_edge.devices.codec import OggOpusDecoder, OpusDecoder, OpusEncoder
from hero365_edge.devices.resampler import SoxrResampler
from hero365_edge.errors import WireError
from tests.devices.memory import resident_bytes
from tests.devices.sounds import chirp, likeness, ogg_opus


def frames(pcm: Pcm) -> list[Pcm]:
    return [pcm[start : start + FRAME_SAMPLES] for start in range(0, len(pcm) - FRAME_SAMPLES + 1, FRAME_SAMPLES)]


def decoded(audio: bytes, piece_bytes: int = 1 << 30) -> Pcm:
    decoder = OggOpusDecoder()
    starts = range(0, len(audio), min(piece_bytes, len(audio)))
    pieces = [decoder.decode(audio[start : start + piece_bytes]) for start in starts]
    return np.concatenate([*pieces, decoder.finish()])


def test_the_encoder_is_set_up_for_speech_over_tcp() -> None:
    encoder = OpusEncoder()
    settings_ = {
        name: encoder._encoder.encoder_ctl(encoder._state, getattr(ctl, f"get_{name}"))
        for name in ("bitrate", "complexity", "dtx", "inband_fec", "application")
    }

    assert settings_ == {"bitrate": 24_000, "complexity": 5, "dtx": 1, "inband_fec": 0, "application": 2048}


def test_speech_survives_the_round_trip(speech: Callable[[str], Pcm]) -> None:
    spoken = speech("0870")
    encoder, decoder = OpusEncoder(), OpusDecoder()
    packets = [encoder.encode(frame) for frame in frames(spoken)]

    correlation, lag = likeness(spoken, np.concatenate([decoder.decode(packet) for packet in packets]))

    assert correlation > 0.8
    assert lag == 104  # the encoder's look-ahead of 6.5 ms
    assert sum(map(len, packets)) * 8 / (len(packets) * 0.02) < 26_000


def test_silence_costs_next_to_nothing_after_a_while() -> None:
    encoder = OpusEncoder()
    packets = [encoder.encode(silence(FRAME_SAMPLES)) for _ in range(100)]

    assert sum(len(packet) <= 2 for packet in packets[25:]) > 65


@pytest.mark.parametrize("packet", [b"\x0b\x07" + bytes(70), b"\x0b", b"\x0b\x00", b"\x09\x01"])
def test_a_packet_that_is_too_long_or_cut_off_is_refused(packet: bytes) -> None:
    with pytest.raises(WireError, match=f"{len(packet)} bytes"):
        OpusDecoder().decode(packet)


def test_a_packet_may_last_120_ms() -> None:
    assert len(OpusDecoder().decode(b"\x0b\x06" + bytes(60))) == RATE_HZ * 120 // 1000


def test_concealment_fades(speech: Callable[[str], Pcm]) -> None:
    spoken = speech("0870")
    encoder, decoder = OpusEncoder(), OpusDecoder()
    for frame in frames(spoken[: RATE_HZ * 3]):
        decoder.decode(encoder.encode(frame))

    levels = [float(np.std(decoder.conceal(FRAME_SAMPLES))) for _ in range(15)]

    assert levels[0] > 50
    assert levels[-1] < levels[0] / 2


def test_native_states_are_freed_with_their_owners() -> None:
    def make() -> None:
        for _ in range(300):
            OpusEncoder()
            OpusDecoder()

    make()
    before = resident_bytes()
    for _ in range(4):
        make()
    assert resident_bytes() - before < 4_000_000  # they hold about 40 kB together


@settings(deadline=None, max_examples=200)
@given(st.lists(st.binary(max_size=1500), max_size=5))
def test_random_packets_give_sound_or_a_wire_error(packets: list[bytes]) -> None:
    decoder = OpusDecoder()
    for packet in packets:
        try:
            assert 0 < len(decoder.decode(packet)) <= RATE_HZ * 120 // 1000
        except WireError:
            assert len(decoder.conceal(FRAME_SAMPLES)) == FRAME_SAMPLES


@pytest.mark.parametrize(("rate_hz", "channels"), [(48_000, 1), (48_000, 2), (24_000, 1), (16_000, 1)])
def test_an_ogg_stream_gives_back_as_many_samples_at_the_same_places(rate_hz: int, channels: int) -> None:
    pcm = decoded(ogg_opus(chirp(rate_hz, 1.2345), rate_hz, channels))

    correlation, lag = likeness(chirp(RATE_HZ, 1.2345), pcm)
    assert correlation > 0.99
    assert lag == 0
    assert abs(len(pcm) - 1.2345 * RATE_HZ) <= 1


def test_speech_in_ogg_comes_through(speech: Callable[[str], Pcm]) -> None:
    spoken = speech("0870")
    correlation, lag = likeness(spoken, decoded(ogg_opus(spoken, RATE_HZ)))

    assert correlation > 0.98
    assert lag == 0


@pytest.mark.parametrize("piece_bytes", [1, 97, 4096])
def test_an_ogg_stream_may_be_cut_anywhere(piece_bytes: int) -> None:
    audio = ogg_opus(chirp(24_000, 2), 24_000)

    np.testing.assert_array_equal(decoded(audio, piece_bytes), decoded(audio))


def test_an_ogg_stream_behind_another_follows_without_a_gap() -> None:
    one, two = ogg_opus(chirp(24_000, 0.5), 24_000), ogg_opus(chirp(48_000, 0.3), 48_000)

    np.testing.assert_array_equal(decoded(one + two), np.concatenate([decoded(one), decoded(two)]))


def test_the_output_gain_of_the_header_is_applied() -> None:
    audio = bytearray(ogg_opus(chirp(16_000), 16_000))
    audio[44:46] = struct.pack("<h", -6 * 256)
    size = 28 + audio[27]
    audio[22:26] = bytes(4)
    register = 0
    for byte in audio[:size]:  # RFC 3533, section 6
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register & 0x80000000 else 0)) & 0xFFFFFFFF
    audio[22:26] = register.to_bytes(4, "little")

    quieter, full = decoded(bytes(audio)), decoded(ogg_opus(chirp(16_000), 16_000))

    assert 20 * np.log10(np.std(quieter) / np.std(full)) == pytest.approx(-6, abs=0.1)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_spoilt_ogg_streams_give_sound_or_a_wire_error(data: st.DataObject) -> None:
    audio = bytearray(ogg_opus(chirp(16_000, 0.4), 16_000))
    for at in data.draw(st.lists(st.integers(0, len(audio) - 1), max_size=8)):
        audio[at] = data.draw(st.integers(0, 255))
    edges = [0, *sorted(data.draw(st.lists(st.integers(0, len(audio)), max_size=8)))]
    decoder = OggOpusDecoder()
    try:
        given_samples = sum(len(decoder.decode(bytes(audio[start:end]))) for start, end in pairwise(edges))
    except WireError:
        return
    assert given_samples <= 0.4 * RATE_HZ + 960


def test_a_stream_that_ends_before_its_sound_is_refused_at_its_end() -> None:
    decoder = OggOpusDecoder()
    decoder.decode(ogg_opus(chirp(16_000), 16_000)[:200])

    with pytest.raises(WireError, match="ends before its sound"):
        decoder.finish()


def test_a_missing_libopus_is_a_device_error_that_names_the_package() -> None:
    script = """
import ctypes.util
ctypes.util.find_library = lambda name: None  # what it answers where libopus0 is not installed
from hero365_edge.devices.codec import OggOpusDecoder, OpusDecoder, OpusEncoder
from hero365_edge.errors import DeviceError
for make in OpusEncoder, OpusDecoder, OggOpusDecoder:
    try:
        make()
    except DeviceError as error:
        assert "libopus0" in str(error)
    else:
        raise SystemExit(f"{make} did without libopus")
"""
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603  our own interpreter, our own text


def test_ogg_speech_resampled_to_the_speaker_keeps_its_length() -> None:
    pcm = decoded(ogg_opus(chirp(24_000, 2), 24_000))
    resampler = SoxrResampler(RATE_HZ, 48_000)

    assert len(resampler.process(pcm)) + len(resampler.finish()) == 3 * len(pcm)
