import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm, silence
from hero365_edge.devices.detector import WebrtcDetector


def verdicts(detector: WebrtcDetector, pcm: Pcm) -> list[bool]:
    starts = range(0, len(pcm) - FRAME_SAMPLES + 1, FRAME_SAMPLES)
    return [detector.is_speech(pcm[start : start + FRAME_SAMPLES]) for start in starts]


def test_real_speech_is_heard_and_its_pauses_are_too(speech: Callable[[str], Pcm]) -> None:
    heard = verdicts(WebrtcDetector(), speech("0870"))

    assert 0.6 < np.mean(heard) < 0.98


def test_soft_noise_is_no_speech() -> None:
    hiss = np.random.default_rng(2).normal(0, 30, 100 * FRAME_SAMPLES).astype(np.int16)

    assert np.mean(verdicts(WebrtcDetector(), hiss)) < 0.05


def test_a_milder_mode_hears_more(speech: Callable[[str], Pcm]) -> None:
    assert sum(verdicts(WebrtcDetector(mode=0), speech("0870"))) > sum(verdicts(WebrtcDetector(), speech("0870")))


def test_after_a_reset_it_is_as_new(speech: Callable[[str], Pcm]) -> None:
    detector = WebrtcDetector()
    loud = np.random.default_rng(2).normal(0, 8000, 200 * FRAME_SAMPLES).astype(np.int16)
    fresh = verdicts(WebrtcDetector(), speech("0880"))
    verdicts(detector, loud)

    detector.reset()

    assert verdicts(detector, speech("0880")) == fresh


def test_a_mode_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="mode"):
        WebrtcDetector(mode=4)


def test_silence_is_no_speech_to_a_detector_just_made() -> None:
    assert not any(verdicts(WebrtcDetector(), silence(50 * FRAME_SAMPLES)))


def test_a_missing_library_is_a_device_error_that_names_the_package() -> None:
    script = """
import sys
sys.modules["webrtcvad"] = None  # importing it fails now, as where it is not installed
from hero365_edge.devices.detector import WebrtcDetector
from hero365_edge.errors import DeviceError
try:
    WebrtcDetector()
except DeviceError as error:
    assert "webrtcvad-wheels" in str(error)
else:
    raise SystemExit("it did without the library")
"""
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603  our own interpreter, our own text
