"""Speaks a text: with hibari-tts when it is installed, else with the program espeak-ng."""

import importlib
import io
import shutil
import subprocess
import wave
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import soxr
from numpy.typing import NDArray

from hero365_edge.backend.errors import SpeechUnavailable
from hero365_edge.backend.options import Pcm

RATE_HZ = 16_000
HIBARI_HZ = 24_000
ESPEAK_TIMEOUT_S = 10.0
Voice: TypeAlias = Callable[[str], Pcm]
"""A text to its sound."""


def voice() -> Voice:
    """The best voice this machine has, warmed up. Raises SpeechUnavailable when it has none."""
    try:
        hibari = importlib.import_module("hibari")
    except ImportError:
        program = shutil.which("espeak-ng")
        if program is None:
            raise SpeechUnavailable(
                "speaking needs a voice: pip install 'hero365-edge[demo]' or apt install espeak-ng"
            ) from None
        return espeak(program)
    return _hibari(hibari.Hibari())


def espeak(program: str) -> Voice:
    """The voice of the program espeak-ng."""

    def say(text: str) -> Pcm:
        command = [program, "-v", "en-us", "--stdin", "--stdout"]
        try:
            done = subprocess.run(  # noqa: S603  a fixed command; the text goes through its standard input
                command, input=text.encode(), capture_output=True, check=True, timeout=ESPEAK_TIMEOUT_S
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise SpeechUnavailable(f"espeak-ng did not speak: {error}") from error
        with wave.open(io.BytesIO(done.stdout)) as file:
            # It cannot seek back in a pipe, so its header announces more than there is.
            samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
            return _at_16_khz(samples / 32768, file.getframerate())

    return say


def _hibari(speaker: Any) -> Voice:
    def say(text: str) -> Pcm:
        return _at_16_khz(np.asarray(speaker(text)), HIBARI_HZ)

    say("Ready.")  # the first sentence costs half a second more than all others
    return say


def _at_16_khz(samples: NDArray[np.floating[Any]], rate_hz: int) -> Pcm:
    resampled = soxr.resample(samples.astype(np.float32), rate_hz, RATE_HZ)
    pcm: Pcm = (np.clip(resampled, -1.0, 1.0) * 32767).astype(np.int16)
    return pcm
