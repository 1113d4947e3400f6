"""How sound is held."""

import numpy as np
import pytest

from hero365_edge.core.pcm import (
    EMPTY,
    FRAME_BYTES,
    FRAME_MS,
    FRAME_SAMPLES,
    RATE_HZ,
    duration_s,
    from_bytes,
    samples_of,
    silence,
)


def test_a_frame_is_20_ms_at_16_khz() -> None:
    assert (RATE_HZ, FRAME_MS, FRAME_SAMPLES, FRAME_BYTES) == (16_000, 20, 320, 640)


def test_bytes_are_read_as_little_endian_int16_without_copying() -> None:
    data = bytes.fromhex("0100 ffff 0080 ff7f")
    pcm = from_bytes(data)
    assert pcm.tolist() == [1, -1, -32768, 32767]
    assert pcm.dtype == np.int16
    assert not pcm.flags.owndata


def test_no_bytes_are_no_samples() -> None:
    assert from_bytes(b"").shape == (0,)


def test_half_a_sample_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="multiple"):
        from_bytes(b"abc")


@pytest.mark.parametrize(
    ("duration_ms", "rate_hz", "samples"),
    [(20, 16_000, 320), (0, 16_000, 0), (60, 44_100, 2646), (20, 11_025, 220), (0.5, 48_000, 24), (1, 22_050, 22)],
)
def test_durations_and_samples_are_the_same_thing(duration_ms: float, rate_hz: int, samples: int) -> None:
    assert samples_of(duration_ms, rate_hz) == samples
    assert duration_s(samples, rate_hz) * 1000 == pytest.approx(duration_ms, abs=501 / rate_hz)


def test_the_rate_is_16_khz_unless_said_otherwise() -> None:
    assert samples_of(100) == 1600
    assert duration_s(1600) == 0.1


def test_silence_is_zeros_that_the_caller_may_write_to() -> None:
    pcm = silence(3)
    assert pcm.tolist() == [0, 0, 0]
    assert pcm.dtype == np.int16
    pcm[0] = 1


def test_the_shared_empty_sound_cannot_be_changed() -> None:
    assert EMPTY.shape == (0,)
    assert EMPTY.dtype == np.int16
    assert not EMPTY.flags.writeable
