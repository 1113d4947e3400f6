"""The high-pass: what passes, what does not, and that no frame's edge is heard."""

import numpy as np
import pytest

from hero365_edge.core.highpass import HighPass
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm


def filtered(pcm: Pcm) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    highpass = HighPass()
    frames = pcm.reshape(-1, FRAME_SAMPLES)
    return np.concatenate([highpass.frame(frame) for frame in frames])


def tone(hz: float) -> Pcm:
    return np.round(10_000 * np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ)).astype(np.int16)


@pytest.mark.parametrize(("hz", "db"), [(30, -24.1), (60, -12.3), (120, -3.0), (240, -0.3), (1000, 0.0), (7000, 0.0)])
def test_an_engine_is_taken_out_and_a_voice_is_not(hz: float, db: float) -> None:
    pcm = tone(hz)
    settled = slice(RATE_HZ // 2, None)
    change_db = 20 * np.log10(filtered(pcm)[settled].std() / pcm[settled].std())
    assert change_db == pytest.approx(db, abs=0.1)


def test_frame_by_frame_is_the_same_as_sample_by_sample() -> None:
    pcm = np.random.default_rng(1).integers(-20_000, 20_000, 10 * FRAME_SAMPLES).astype(np.int16)
    impulse = np.zeros(10 * FRAME_SAMPLES, np.int16)
    impulse[0] = 10_000
    response = filtered(impulse) / 10_000
    assert np.allclose(filtered(pcm), np.convolve(pcm, response)[: len(pcm)], atol=0.01)


def test_what_does_not_change_is_gone() -> None:
    assert np.abs(filtered(np.full(RATE_HZ, 12_000, np.int16))[-FRAME_SAMPLES:]).max() < 0.01
