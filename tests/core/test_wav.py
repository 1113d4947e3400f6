import io
import struct
import tracemalloc
import wave
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hero365_edge.core.pcm import EMPTY, RATE_HZ, Pcm
from hero365_edge.core.wav import WavDecoder, wav_bytes
from hero365_edge.errors import WireError

PCM, FLOAT, MU_LAW = 1, 3, 7
RAMP: Pcm = np.array([0, 1, -1, 256, -256, 12345, -12345, 32767, -32768], dtype=np.int16)


def chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(body) if size is None else size) + body + b"\x00" * (len(body) % 2)


def fmt(kind: int = PCM, bits: int = 16, channels: int = 1, rate_hz: int = RATE_HZ, extra: bytes = b"") -> bytes:
    frame_bytes = channels * bits // 8
    body = struct.pack("<HHIIHH", kind, channels, rate_hz, rate_hz * frame_bytes, frame_bytes, bits)
    return chunk(b"fmt ", body + extra)


def riff(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def decoded(file: bytes) -> Pcm:
    return WavDecoder().decode(file)


def int24(samples: Pcm) -> bytes:
    return b"".join(struct.pack("<i", int(sample) << 8)[:3] for sample in samples)


@pytest.mark.parametrize(
    ("kind", "bits", "data"),
    [
        (PCM, 16, RAMP.tobytes()),
        (PCM, 24, int24(RAMP)),
        (PCM, 32, (RAMP.astype(np.int32) << 16).astype("<i4").tobytes()),
        (FLOAT, 32, (RAMP.astype("<f4") / 32767).astype("<f4").tobytes()),
    ],
)
def test_samples_come_out_as_they_were_put_in(kind: int, bits: int, data: bytes) -> None:
    lowest = -32767 if kind == FLOAT else -32768  # a float of -1 is the counterpart of +1
    np.testing.assert_array_equal(decoded(riff(fmt(kind, bits), chunk(b"data", data))), np.maximum(RAMP, lowest))


def test_eight_bits_are_unsigned() -> None:
    pcm = decoded(riff(fmt(PCM, 8), chunk(b"data", bytes([0, 128, 255]))))

    assert pcm.tolist() == [-32768, 0, 32512]


def test_floats_beyond_one_and_no_numbers_are_made_harmless() -> None:
    floats = np.array([2.0, -2.0, np.nan, np.inf, -np.inf, 0.5], dtype="<f4").tobytes()

    assert decoded(riff(fmt(FLOAT, 32), chunk(b"data", floats))).tolist() == [32767, -32767, 0, 32767, -32767, 16384]


def test_channels_are_averaged() -> None:
    frames = np.array([[100, 200], [-32768, -32768], [32767, 32767], [1000, -1000]], dtype="<i2")

    pcm = decoded(riff(fmt(channels=2), chunk(b"data", frames.tobytes())))

    assert pcm.tolist() == [150, -32768, 32767, 0]


def test_the_extensible_format_says_what_it_is_further_down() -> None:
    guid = struct.pack("<H", PCM) + bytes.fromhex("000000001000800000aa00389b71")
    extra = struct.pack("<HHI", 22, 16, 4) + guid

    np.testing.assert_array_equal(decoded(riff(fmt(0xFFFE, extra=extra), chunk(b"data", RAMP.tobytes()))), RAMP)
    with pytest.raises(WireError, match="0xfffe"):
        decoded(riff(fmt(0xFFFE, extra=extra[:-1] + b"?"), chunk(b"data", RAMP.tobytes())))


def test_the_rate_is_known_once_samples_came() -> None:
    decoder = WavDecoder()
    file = riff(fmt(rate_hz=44_100), chunk(b"data", RAMP.tobytes()))

    decoder.decode(file[:44])
    assert decoder.rate_hz == 0
    decoder.decode(file[44:])
    assert decoder.rate_hz == 44_100


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_data_of_unknown_length_goes_on_until_the_end(size: int) -> None:
    np.testing.assert_array_equal(decoded(riff(fmt(), chunk(b"data", RAMP.tobytes(), size))), RAMP)


def test_what_follows_the_data_is_not_heard() -> None:
    np.testing.assert_array_equal(decoded(riff(fmt(), chunk(b"data", RAMP.tobytes()), chunk(b"LIST", b"a" * 50))), RAMP)


def test_unknown_chunks_are_skipped_with_their_padding() -> None:
    odd = chunk(b"LIST", b"odd")
    np.testing.assert_array_equal(decoded(riff(odd, fmt(), odd, chunk(b"data", RAMP.tobytes()))), RAMP)


def test_a_huge_chunk_and_a_huge_tail_are_not_held() -> None:
    decoder = WavDecoder()
    decoder.decode(riff(fmt(), b"junk" + struct.pack("<I", 1 << 24)))

    tracemalloc.start()
    for _ in range(1 << 10):
        assert not len(decoder.decode(bytes(1 << 14)))
    decoder.decode(chunk(b"data", RAMP.tobytes()))
    for _ in range(1 << 10):
        assert not len(decoder.decode(bytes(1 << 14)))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held < 100_000


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (b"OggS", "begins with b'OggS'"),
        (b"X", "begins with b'X'"),
        (b"RIFF\x00\x00\x00\x00AVI ", "RIFF file of b'AVI '"),
        (riff(chunk(b"data", b"")), "data comes before its format"),
        (riff(fmt(MU_LAW, 8)), "format 0x7 with 8 bit"),
        (riff(fmt(PCM, 12)), "format 0x1 with 12 bit"),
        (riff(fmt(FLOAT, 64)), "format 0x3 with 64 bit"),
        (riff(fmt(channels=0)), "0 channels"),
        (riff(fmt(channels=9)), "9 channels"),
        (riff(fmt(rate_hz=0)), "at 0 Hz; 8000 to 192000"),
        (riff(chunk(b"fmt ", b"short")), "format of 5 bytes"),
        (riff(chunk(b"fmt ", b"", 1 << 30)), "format of 1073741824 bytes"),
        (riff(fmt()).replace(struct.pack("<HH", 2, 16), struct.pack("<HH", 4, 16)), "frames of 4 bytes"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_was_found(file: bytes, says: str) -> None:
    with pytest.raises(WireError, match=says):
        decoded(file)


@pytest.mark.parametrize("file", [b"what is this", riff(fmt(MU_LAW, 8)), riff(chunk(b"data", b"x"))])
def test_a_refused_file_is_not_held_when_more_of_it_comes(file: bytes) -> None:
    decoder = WavDecoder()
    for piece in [file, *[bytes(1 << 14)] * 100]:
        with suppress(WireError):
            assert not len(decoder.decode(piece))
    assert len(decoder._buffer) < 100


def test_a_file_that_ends_before_its_data_is_refused_at_its_end() -> None:
    decoder = WavDecoder()
    decoder.decode(riff(fmt()))

    with pytest.raises(WireError, match="ends before its data"):
        decoder.finish()


FILE = riff(
    chunk(b"LIST", b"odd"),
    fmt(PCM, 24, 2),
    chunk(b"data", np.random.default_rng(1).bytes(6 * 100)),
    chunk(b"more", b"!"),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, len(FILE)), max_size=40))
def test_cutting_does_not_change_what_comes_out(cuts: list[int]) -> None:
    decoder = WavDecoder()
    edges = [0, *sorted(cuts), len(FILE)]

    pieces = [decoder.decode(FILE[start:end]) for start, end in pairwise(edges)]

    np.testing.assert_array_equal(np.concatenate([*pieces, decoder.finish()]), decoded(FILE))


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_spoilt_files_raise_nothing_but_wire_errors(data: st.DataObject) -> None:
    spoilt = bytearray(FILE)
    for at in data.draw(st.lists(st.integers(0, 80), max_size=12)):
        spoilt[at] = data.draw(st.integers(0, 255))
    file = bytes(spoilt[: data.draw(st.integers(0, len(spoilt)))]) + data.draw(st.binary(max_size=100))
    decoder = WavDecoder()
    try:
        pcm: NDArray[np.int16] = np.concatenate(
            [decoder.decode(file[start : start + 13]) for start in range(0, len(file), 13)] or [EMPTY]
        )
    except WireError:
        return
    assert pcm.dtype == np.int16
    assert len(pcm) <= len(file)


def test_the_file_made_for_the_backend_is_read_by_the_standard_library() -> None:
    with wave.open(io.BytesIO(wav_bytes(RAMP)), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE_HZ, 1, 2)
        assert file.readframes(file.getnframes()) == RAMP.astype("<i2").tobytes()


def test_the_file_made_for_the_backend_comes_back_as_it_was() -> None:
    np.testing.assert_array_equal(decoded(wav_bytes(RAMP)), RAMP)
