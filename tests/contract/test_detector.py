"""What every speech detector does."""

from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.codec_ports import Detector
from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm, silence
from hero365_edge.devices.detector import WebrtcDetector
from hero365_edge.fakes.detector import FakeDetector

pytestmark = pytest.mark.parametrize("make", [FakeDetector, WebrtcDetector], ids=["fake", "webrtc"])


def heard(detector: Detector, pcm: Pcm) -> float:
    """The share of frames that hold speech."""
    starts = range(0, len(pcm) - FRAME_SAMPLES + 1, FRAME_SAMPLES)
    return float(np.mean([detector.is_speech(pcm[start : start + FRAME_SAMPLES]) for start in starts]))


def test_speech_is_heard(make: Callable[[], Detector], speech: Callable[[str], Pcm]) -> None:
    assert heard(make(), speech("0870")) > 0.5


def test_silence_is_not(make: Callable[[], Detector]) -> None:
    assert heard(make(), silence(FRAME_SAMPLES * 50)) == 0


def test_silence_after_speech_is_not_for_long(make: Callable[[], Detector], speech: Callable[[str], Pcm]) -> None:
    detector = make()
    heard(detector, speech("0870"))

    assert heard(detector, silence(FRAME_SAMPLES * 50)) < 0.2


def test_a_reset_at_any_time_is_fine(make: Callable[[], Detector]) -> None:
    detector = make()
    detector.reset()
    detector.reset()

    assert detector.is_speech(silence(FRAME_SAMPLES)) is False


@pytest.mark.parametrize("frame", [silence(160), silence(640), silence(320).astype(np.float32), silence(0)])
def test_what_is_no_frame_is_refused(make: Callable[[], Detector], frame: Pcm) -> None:
    with pytest.raises(ValueError, match="a frame is 320 samples of int16"):
        make().is_speech(frame)
