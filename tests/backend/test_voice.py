"""The voices speak, at 16 kHz, and a machine without one says so."""

import shutil
import sys

import numpy as np
import pytest

from hero365_edge.backend.errors import SpeechUnavailable
from hero365_edge.backend.voice import espeak, voice

ESPEAK = shutil.which("espeak-ng")
TEXT = "The address is forty two Oak Street."


@pytest.mark.speech
def test_the_best_voice_speaks() -> None:
    pcm = voice()(TEXT)
    assert pcm.dtype == np.int16
    assert 1.5 < len(pcm) / 16_000 < 5.0
    assert np.abs(pcm).max() > 2000


@pytest.mark.skipif(ESPEAK is None, reason="espeak-ng is not installed")
def test_espeak_speaks() -> None:
    pcm = espeak(ESPEAK or "")(TEXT)
    assert 1.5 < len(pcm) / 16_000 < 5.0
    assert np.abs(pcm).max() > 2000
    assert np.abs(pcm[-1600:]).max() < 20_000  # nothing of the header's wrong length is read as sound


def test_a_program_that_does_not_speak_is_an_error() -> None:
    with pytest.raises(SpeechUnavailable, match="did not speak"):
        espeak("false")(TEXT)


def test_a_machine_without_a_voice_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    # The only way to be a machine on which neither is installed.
    monkeypatch.setitem(sys.modules, "hibari", None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SpeechUnavailable, match=r"hero365-edge\[demo\].*apt install espeak-ng"):
        voice()
