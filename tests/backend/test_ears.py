"""The ears understand both voices, and survive everything else."""

import shutil
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.backend.ears import Ears
from hero365_edge.backend.errors import SpeechUnavailable
from hero365_edge.backend.script import PHRASES, nearest
from hero365_edge.backend.sound import pcm_of
from hero365_edge.backend.voice import Voice, espeak, voice
from tests.backend.caller import silence, tone
from tests.backend.caller import voice as noise

ESPEAK = shutil.which("espeak-ng")
LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")
QUESTIONS = {
    "What's next on my schedule?": "Next is",
    "What is next on my schedule?": "Next is",
    "Create an estimate.": "What is the estimate for",
    "Create an estimate for the Miller job.": "What is the estimate for",
    "Show me today's schedule.": "You have three jobs",
    "What is the address for this job?": "The address is",
    "What's the address?": "The address is",
    "Call the customer.": "Calling",
    "Mark the job complete.": "Done.",
    "Mark this job as complete.": "Done.",
}


def phrase(text: str) -> str | None:
    found = nearest(text)
    return found[0] if found else None


@cache
def ears() -> Ears:
    return Ears(PHRASES, phrase)


@cache
def hibari() -> Voice:
    return voice()


def answer(heard: str | None) -> str:
    found = nearest(heard or "")
    return found[1].answer if found else ""


@pytest.mark.speech
@pytest.mark.parametrize(("question", "expected"), QUESTIONS.items())
def test_a_clear_voice_is_understood(question: str, expected: str) -> None:
    assert expected in answer(ears().understand(hibari()(question)))


@pytest.mark.speech
@pytest.mark.skipif(ESPEAK is None, reason="espeak-ng is not installed")
@pytest.mark.parametrize(("question", "expected"), QUESTIONS.items())
def test_a_robot_s_voice_is_understood(question: str, expected: str) -> None:
    assert expected in answer(ears().understand(espeak(ESPEAK or "")(question)))


@pytest.mark.speech
@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Replace the water heater.", "replace water heater"),
        ("Two hundred fifty dollars.", "two hundred fifty dollars"),
        ("Tell me a joke about bananas.", "tell joke about bananas"),
    ],
)
def test_what_is_not_in_the_script_is_written_down_but_for_its_smallest_words(said: str, words: str) -> None:
    written = ears().understand(hibari()(said))
    assert written is not None
    assert set(words.split()) <= set(written.split()), written


@pytest.mark.speech
@pytest.mark.skipif(not LIBRIVOX.exists(), reason="the package pocketsphinx-testdata is not installed")
@pytest.mark.parametrize("number", ["0880", "0930"])
def test_other_people_s_speech_is_not_taken_for_the_script(number: str) -> None:
    (file,) = LIBRIVOX.glob(f"*-{number}.wav")
    heard = ears().understand(pcm_of(file.read_bytes()))
    assert heard
    assert answer(heard) == ""


@pytest.mark.speech
@pytest.mark.parametrize(
    "pcm", [silence(0), silence(1), noise(1.0), tone(1.0), np.full(8000, -32768, dtype=np.int16)], ids=str
)
def test_what_is_no_speech_at_all_is_not_taken_for_the_script(pcm: np.ndarray) -> None:
    assert answer(ears().understand(pcm)) == ""


def test_without_pocketsphinx_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)  # the only way to be a machine without it
    with pytest.raises(SpeechUnavailable, match=r"hero365-edge\[demo\]"):
        Ears(PHRASES, phrase)
