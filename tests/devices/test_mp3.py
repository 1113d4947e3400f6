import struct
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hero365_edge.core.pcm import EMPTY, RATE_HZ, Pcm
from hero365_edge.devices.mp3 import Mp3Decoder
from hero365_edge.devices.resampler import SoxrResampler
from hero365_edge.errors import DeviceError, WireError
from tests.devices.memory import resident_bytes
from tests.devices.sounds import chirp, likeness, mp3


def frames(audio: bytes) -> list[bytes]:
    """MPEG-2 layer III at 24 kHz cut into its frames."""
    found = []
    while audio:
        bitrate = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)[audio[2] >> 4] * 1000
        size = 72 * bitrate // 24_000 + (audio[2] >> 1 & 1)
        found.append(audio[:size])
        audio = audio[size:]
    return found


def decoded(audio: bytes, piece_bytes: int = 4096) -> Pcm:
    decoder = Mp3Decoder()
    pieces = [decoder.decode(audio[start : start + piece_bytes]) for start in range(0, len(audio), piece_bytes)]
    return np.concatenate([EMPTY, *pieces])


AUDIO = mp3(chirp(24_000), 24_000)
WHOLE = decoded(AUDIO)


@pytest.mark.parametrize("rate_hz", [16_000, 22_050, 24_000, 44_100, 48_000])
def test_samples_come_at_the_streams_own_rate_and_none_too_many(rate_hz: int) -> None:
    decoder = Mp3Decoder()
    pcm = decoder.decode(mp3(chirp(rate_hz), rate_hz))

    assert decoder.rate_hz == rate_hz
    correlation, lag = likeness(chirp(rate_hz), pcm)
    assert correlation > 0.99
    assert lag == 0
    assert len(pcm) == rate_hz  # the encoder's delay and padding, told in LAME's header, are cut


def test_speech_at_24_khz_comes_back_at_16(speech: Callable[[str], Pcm]) -> None:
    spoken = speech("0870")
    up = SoxrResampler(RATE_HZ, 24_000)
    original = np.concatenate([up.process(spoken), up.finish()])
    down = SoxrResampler(24_000, RATE_HZ)
    pcm = np.concatenate([down.process(decoded(mp3(original, 24_000))), down.finish()])

    correlation, lag = likeness(spoken, pcm)
    assert correlation > 0.99
    assert lag == 0
    assert abs(len(pcm) - len(spoken)) <= 1


@pytest.mark.parametrize("piece_bytes", [1, 7, 100, 1 << 20])
def test_a_stream_may_be_cut_anywhere(piece_bytes: int) -> None:
    np.testing.assert_array_equal(decoded(AUDIO, piece_bytes), WHOLE)


def test_the_first_samples_do_not_wait_for_more_than_two_frames_and_the_header() -> None:
    decoder = Mp3Decoder()
    given_after = [len(decoder.decode(frame)) for frame in frames(AUDIO)[:4]]

    assert sum(given_after) > 0


def test_nothing_and_less_than_a_frame_give_no_samples() -> None:
    decoder = Mp3Decoder()

    assert len(decoder.decode(b"")) == len(decoder.decode(AUDIO[:50])) == 0
    assert decoder.rate_hz == 0
    with pytest.raises(WireError, match="no MP3 in 50 bytes"):
        decoder.finish()


def test_stereo_is_mixed() -> None:
    pcm = decoded(mp3(chirp(44_100), 44_100, right_gain=0.5))

    assert likeness(chirp(44_100), pcm)[0] > 0.99
    assert np.std(pcm) / np.std(chirp(44_100)) == pytest.approx(0.75, abs=0.01)


def test_tags_before_and_behind_are_skipped() -> None:
    id3v2 = b"ID3\x04\x00\x00\x00\x00\x10\x00" + b"\xff\xfb\x90\x00" * 512
    id3v1 = b"TAG" + b"title".ljust(125)

    np.testing.assert_array_equal(decoded(id3v2 + AUDIO + id3v1), WHOLE)


def test_a_stream_without_a_header_is_played_with_its_padding() -> None:
    body = frames(AUDIO)[1:]

    assert len(decoded(b"".join(body))) == 576 * len(body)


def test_a_stream_longer_than_its_header_says_is_played_to_its_end() -> None:
    at = AUDIO.index(b"Xing") + 8
    assert struct.unpack(">I", AUDIO[at : at + 4])[0] == len(frames(AUDIO)) - 1
    early = AUDIO[:at] + struct.pack(">I", 10) + AUDIO[at + 4 :]

    # What the header calls padding, at most two frames, is cut in the middle then; the rest comes.
    assert len(decoded(early)) >= len(WHOLE) - 2 * 576


def test_one_stream_behind_another_is_played_with_less_than_a_tenth_of_a_second_between() -> None:
    pcm = decoded(AUDIO + AUDIO)

    assert 2 * len(WHOLE) <= len(pcm) < 2 * len(WHOLE) + 2400
    np.testing.assert_array_equal(pcm[: len(WHOLE)], WHOLE)
    assert likeness(WHOLE, pcm[len(WHOLE) :], 2400)[0] > 0.99


@pytest.mark.parametrize("other_hz", [16_000, 44_100])
def test_a_change_of_the_rate_in_mid_stream_is_converted_to_the_first_one(other_hz: int) -> None:
    decoder = Mp3Decoder()
    pcm = decoder.decode(AUDIO + mp3(chirp(other_hz), other_hz))

    assert decoder.rate_hz == 24_000
    assert 48_000 <= len(pcm) < 48_000 + 3600
    assert likeness(WHOLE, pcm[24_000:], 3600)[0] > 0.98


def test_garbage_gives_nothing_and_is_refused_at_a_megabyte_or_at_its_end() -> None:
    decoder = Mp3Decoder()
    garbage = np.random.default_rng(3).bytes(1 << 14)

    assert sum(len(decoder.decode(garbage)) for _ in range(65)) == 0
    with pytest.raises(WireError, match="no MP3 in 1048576 bytes"):
        decoder.decode(garbage)
    with pytest.raises(WireError, match="no MP3 in"):
        decoder.finish()


def test_garbage_is_stepped_over() -> None:
    cut = len(b"".join(frames(AUDIO)[:20]))
    pcm = decoded(AUDIO[:cut] + b"garbage " * 500 + AUDIO[cut:])

    assert len(pcm) == len(WHOLE)


def test_a_tag_that_never_ends_is_given_up() -> None:
    decoder = Mp3Decoder()
    before = resident_bytes()

    assert len(decoder.decode(b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(1 << 14))) == 0
    for _ in range(1000):
        with suppress(WireError):
            assert len(decoder.decode(bytes(1 << 14))) == 0
    assert resident_bytes() - before < 8_000_000


def test_the_library_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    decoded(AUDIO[:1000] + b"garbage " * 500 + AUDIO + mp3(chirp(16_000), 16_000))

    assert capfd.readouterr() == ("", "")


def test_native_decoders_are_freed_with_their_owners() -> None:
    def make() -> None:
        for _ in range(50):
            Mp3Decoder().decode(AUDIO[:1000])

    make()
    before = resident_bytes()
    for _ in range(6):
        make()
    assert resident_bytes() - before < 4_000_000


def test_a_missing_libmpg123_is_a_device_error_that_names_the_package() -> None:
    with pytest.raises(DeviceError, match=r"libnone\.so\.0 is missing.*libmpg123-0t64.*libmpg123-0 "):
        Mp3Decoder("libnone.so.0")


@settings(deadline=None, max_examples=80)
@given(st.data())
def test_spoilt_streams_give_the_same_however_they_are_cut(data: st.DataObject) -> None:
    audio = bytearray(AUDIO)
    for at in data.draw(st.lists(st.integers(0, len(audio) - 1), max_size=12)):
        audio[at] = data.draw(st.integers(0, 255))
    stream = bytes(audio[data.draw(st.integers(0, 1000)) :]) + data.draw(st.binary(max_size=300))

    whole = decoded(stream)

    assert len(whole) <= 24 * len(stream)
    np.testing.assert_array_equal(decoded(stream, data.draw(st.integers(1, 500))), whole)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=60), max_size=20))
def test_random_frames_never_crash(bodies: list[bytes]) -> None:
    stream = b"".join(b"\xff\xf3\x14\xc4" + body.ljust(44, b"\0")[:44] for body in bodies)  # 16 kbit/s, 48 bytes

    assert decoded(stream).dtype == np.int16
