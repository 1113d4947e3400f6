"""What is counted of recorded frames."""

import numpy as np
import pytest

from hero365_edge.core.capture_meter import CaptureMeter, full_scale_s
from hero365_edge.core.pcm import FRAME_SAMPLES, silence


def test_frames_and_those_with_speech_are_counted() -> None:
    meter = CaptureMeter()
    for voiced in (False, True, True):
        meter.frame(silence(FRAME_SAMPLES), voiced)
    assert (meter.frames, meter.speech_frames) == (3, 2)


def test_only_samples_at_full_scale_are_clipped_and_a_moment_counts_once_on_however_many_channels() -> None:
    left = np.array([32767, -32768, 32766, -32767, 32767, 0], np.int16)
    right = np.array([0, 32767, 0, 0, 0, -32768], np.int16)
    assert full_scale_s(left.reshape(-1, 1), 48_000) == 3 / 48_000
    assert full_scale_s(np.stack([left, right], axis=1), 48_000) == 4 / 48_000


def test_the_floor_is_the_noise_and_not_the_voice() -> None:
    meter = CaptureMeter()
    dice = np.random.default_rng(3)
    for loud in [False] * 50 + [True] * 50:
        meter.frame(dice.normal(0, 8000 if loud else 80, FRAME_SAMPLES).astype(np.int16), voiced=loud)
    assert meter.floor.dbfs == pytest.approx(20 * np.log10(80 / 32768), abs=2)
