"""The local voice: a program, and what becomes of one that fails."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.core.wav import WavDecoder
from hero365_edge.devices.voice import EspeakVoice, installed_voice
from hero365_edge.errors import DeviceError


def program(folder: Path, script: str) -> str:
    path = folder / "voice"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
async def test_a_text_is_spoken() -> None:
    installed = installed_voice()
    assert installed is not None
    decoder = WavDecoder()
    pcm = np.concatenate([decoder.decode(await installed.say("The boiler is next.")), decoder.finish()])
    assert 0.7 < len(pcm) / decoder.rate_hz < 3
    assert np.abs(pcm).max() > 3000


async def test_the_text_goes_through_a_pipe_and_no_process_list(tmp_path: Path) -> None:
    echo = EspeakVoice(program(tmp_path, 'echo "$@"; cat'))
    assert await echo.say("a secret") == b"-v en-us --stdin --stdout\na secret"


@pytest.mark.parametrize(
    ("script", "why"),
    [("exit 3", "exited with 3"), ("cat > /dev/null", "exited with 0"), ("exec sleep 60", "took more than 0.3 s")],
)
async def test_a_voice_that_gives_nothing_is_a_fault(tmp_path: Path, script: str, why: str) -> None:
    with pytest.raises(DeviceError, match=why):
        await EspeakVoice(program(tmp_path, script), limit_s=0.3).say("hello")


async def test_a_voice_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="does not start"):
        await EspeakVoice(str(tmp_path / "none")).say("hello")
