import numpy as np

from hero365_edge.core.pcm import FRAME_SAMPLES, silence
from hero365_edge.fakes.detector import FakeDetector


def test_what_is_louder_than_the_threshold_is_speech() -> None:
    loud = silence(FRAME_SAMPLES)
    loud[::2], loud[1::2] = 400, -400

    assert FakeDetector().is_speech(loud) is True
    assert FakeDetector(threshold_rms=500).is_speech(loud) is False


def test_full_scale_does_not_overflow() -> None:
    assert FakeDetector().is_speech(np.full(FRAME_SAMPLES, -32768, np.int16)) is True
