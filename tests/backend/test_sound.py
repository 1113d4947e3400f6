"""Answers decode, in whatever clothes, to what was meant."""

import io

import numpy as np
import pytest
import soundfile

from hero365_edge.backend.options import Kind
from hero365_edge.backend.sound import pcm_of, stream, wav_of, whole
from tests.backend.caller import Samples, tone, voice, wav

ANSWER = tone(1.2345)


def decoded(data: bytes) -> tuple[Samples, int]:
    pcm, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    return pcm, rate


def likeness(heard: Samples, meant: Samples) -> float:
    """The best correlation of `meant` with `heard` at any delay."""
    a, b = heard.astype(np.float64), meant.astype(np.float64)
    size = len(a) + len(b)
    together = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)))
    return float(together.max() / np.sqrt((a @ a) * (b @ b)))


@pytest.mark.parametrize("chunk_ms", [20, 40, 100])
@pytest.mark.parametrize("kind", ["pcm", "wav", "opus", "mp3"])
def test_a_stream_put_together_is_the_whole(kind: Kind, chunk_ms: int) -> None:
    chunks = stream(kind, ANSWER, chunk_ms)
    together = b"".join(chunk.data for chunk in chunks)
    if kind == "opus":  # its pages are shorter than a whole file's
        np.testing.assert_array_equal(decoded(together)[0], decoded(whole(kind, ANSWER))[0])
    else:
        assert together == whole(kind, ANSWER)
    times = [chunk.at_s for chunk in chunks]
    assert times == sorted(times)
    assert times[0] == 0.0
    ends_s = len(ANSWER) / 16_000
    assert ends_s - 0.1 <= times[-1] <= ends_s + 0.0065  # Opus ends by what its encoder held back later


def test_pcm_chunks_stand_where_their_time_says() -> None:
    for chunk in stream("pcm", ANSWER, 40):
        start = round(chunk.at_s * 16_000)
        np.testing.assert_array_equal(np.frombuffer(chunk.data, "<i2"), ANSWER[start : start + 640])


def test_a_wav_stream_begins_with_its_header_alone() -> None:
    chunks = stream("wav", ANSWER, 40)
    assert chunks[0].data[:4] == b"RIFF"
    assert len(chunks[0].data) == 44
    assert len(chunks[1].data) == 1280


def test_wav_is_exact() -> None:
    pcm, rate = decoded(whole("wav", ANSWER))
    assert rate == 16_000
    np.testing.assert_array_equal(pcm, ANSWER)


@pytest.mark.parametrize(("kind", "magic"), [("opus", b"OggS"), ("mp3", b"\xff")])
def test_a_compressed_answer_sounds_the_same(kind: Kind, magic: bytes) -> None:
    data = whole(kind, ANSWER)
    pcm, rate = decoded(data)
    assert data.startswith(magic)
    if kind == "opus":
        pcm = pcm[:: rate // 16_000]
        assert len(pcm) == pytest.approx(len(ANSWER), abs=1)
    assert likeness(pcm, ANSWER) > 0.98
    assert len(data) < ANSWER.nbytes / 4


def test_ogg_pages_are_as_short_as_the_chunks() -> None:
    chunks = stream("opus", ANSWER, 60)
    assert chunks[0].data.count(b"OggS") == 2
    assert all(chunk.data.count(b"OggS") == 1 for chunk in chunks[1:])
    assert [round(chunk.at_s * 1000) for chunk in chunks[1:4]] == [0, 60, 120]


def test_a_wav_is_read_back() -> None:
    np.testing.assert_array_equal(pcm_of(wav(ANSWER)), ANSWER)
    np.testing.assert_array_equal(pcm_of(wav_of(ANSWER)), ANSWER)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "not a WAV"),
        (b"OggS and so on", "not a WAV"),
        (wav(ANSWER)[:40], "not a WAV"),
        (wav(ANSWER)[:-100], "announces 19752 samples and holds 19702"),
        (wav(ANSWER, rate=8000), "8000 Hz"),
        (wav(ANSWER[:1000], channels=2), "2 channels"),
    ],
)
def test_what_is_not_16_khz_mono_wav_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        pcm_of(data)


def test_noise_survives_opus_in_length() -> None:
    pcm, rate = decoded(whole("opus", voice(0.5)))
    assert len(pcm) / rate == pytest.approx(0.5, abs=0.001)
