"""The demo as a person starts it, in a process of its own."""

import os
import pty
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.backend.voice import voice
from hero365_edge.cli.timeline import table
from hero365_edge.core.latency import Turn
from tests.alsa_rig import AlsaRig
from tests.listening import follow, sounding

LIMIT_S = 90
DEMO = [sys.executable, "-m", "hero365_edge", "demo"]


def sound_of(path: Path) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels()) == (16000, 1)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def likeness(a: np.ndarray[tuple[int], np.dtype[np.int16]], b: np.ndarray[tuple[int], np.dtype[np.int16]]) -> float:
    a = np.pad(a, len(b))  # silence that was not sent (DTX) is not heard before the first sample
    size = 1 << (len(a) + len(b)).bit_length()
    spectrum = np.fft.rfft(a.astype(float), size) * np.conj(np.fft.rfft(b.astype(float), size))
    begin = int(np.fft.irfft(spectrum, size).argmax())
    there = a[begin : begin + len(b)].astype(float)
    return float(there @ b[: len(there)] / (np.linalg.norm(there) * np.linalg.norm(b) + 1))


@pytest.mark.speech
@pytest.mark.parametrize("arguments", [[], ["--profile", "v1"], ["--answer", "mp3"]], ids=" ".join)
def test_without_cards_it_asks_hears_and_keeps_what_passed(arguments: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    demo = subprocess.run(  # noqa: S603  our own program
        [*DEMO, "--no-cards", "--out", str(out), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert demo.returncode == 0, demo.stderr
    assert "Next is the Miller job" in demo.stdout, "the backend understood the first question"
    assert "What is the estimate for?" in demo.stdout, "and the second"
    assert demo.stdout.count("lamp: listening") == 2
    assert "first_sample under 600 ms" in demo.stdout
    assert (out / "timeline.png").read_bytes().startswith(b"\x89PNG")
    asked = voice()("What's next on my schedule?")
    assert likeness(sound_of(out / "microphone.wav"), asked) > 0.99, "what was captured is what was said"
    answered = voice()("Next is the Miller job at ten thirty: a leaking water heater.")
    # The volume is 0.8; Opus and MP3 keep speech, not waveforms to the sample; the jitter buffer may put periods in.
    followed = follow(answered[sounding(answered)], sound_of(out / "speaker.wav"))
    assert followed.likeness > 0.8, "what was played is the answer"


@pytest.mark.speech
@pytest.mark.alsa
def test_with_cards_and_a_terminal_it_is_a_live_conversation(alsa: AlsaRig, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    out = tmp_path / "out"
    asked = voice()("What's next on my schedule?")
    with subprocess.Popen(  # noqa: S603  our own program
        [*DEMO, "--out", str(out)], stdin=theirs, stdout=theirs, stderr=theirs, env=dict(alsa.environ)
    ) as demo:
        try:
            told = read_until(ours, "Press and speak", "")
            os.write(ours, b" ")
            alsa.speak(asked)
            told = read_until(ours, "the agent:", told)
            os.write(ours, b"q")
            told = read_until(ours, "what was captured", told)
            assert demo.wait(LIMIT_S) == 0
        finally:
            demo.kill()
            os.close(ours)
            os.close(theirs)
    assert "Miller job" in told
    assert likeness(sound_of(out / "microphone.wav"), asked) > 0.95


def read_until(terminal: int, text: str, told: str) -> str:
    """What the program has written to its terminal so far, once `text` is among it."""
    deadline = time.monotonic() + LIMIT_S
    os.set_blocking(terminal, False)
    while text not in told:
        assert time.monotonic() < deadline, f"waited for {text!r}; so far: {told}"
        try:
            told += os.read(terminal, 65536).decode(errors="replace")
        except BlockingIOError:
            time.sleep(0.05)
    return told


def test_the_table_counts_the_turns_that_met_the_seeds_target() -> None:
    good = Turn("a", press=1.0, speech_end=2.0, endpoint=2.0, first_sample=2.4)
    slow = Turn("b", press=1.0, speech_end=2.0, endpoint=2.6, first_sample=2.7)
    silent = Turn("c", press=1.0)
    told = table([good, slow, silent], 0.0421)
    assert "first_sample under 600 ms: 1 of 3 turns" in told
    assert "websocket ping: 42.1 ms" in told
