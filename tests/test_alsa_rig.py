"""The rig itself: paced, exact, and the same cards for a child process; and the speech the tests speak."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.core.pcm import Pcm
from tests import alsa_rig

pytestmark = pytest.mark.alsa


def test_what_is_spoken_into_the_live_microphone_arrives_sample_by_sample(
    alsa: alsa_rig.AlsaRig, speech: Callable[[str], Pcm]
) -> None:
    said = speech("cards/001")
    with alsa.recording("hero_mic") as recording:
        began = time.monotonic()
        alsa.speak(said)
        assert time.monotonic() - began == pytest.approx(said.size / 16_000, abs=0.5)
        time.sleep(0.2)
        heard = recording.heard()
    begin = int(np.flatnonzero(heard)[0] - np.flatnonzero(said)[0])
    assert np.array_equal(heard[begin : begin + said.size], said)


def test_a_recording_has_a_time_axis(alsa: alsa_rig.AlsaRig) -> None:
    with alsa.recording() as recording:
        time.sleep(1.0)
        samples = recording.heard().size
        lasted = recording.arrived_at(samples - 1) - recording.arrived_at(0)
    assert samples / 16_000 == pytest.approx(lasted, abs=0.1)


def test_a_child_process_finds_the_same_cards(alsa: alsa_rig.AlsaRig) -> None:
    program = "from hero365_edge.devices.soundcards import sound_devices; print([d.name for d in sound_devices()])"
    child = subprocess.run(  # noqa: S603  all of it is written here
        [sys.executable, "-c", program], env=alsa.environ, capture_output=True, text=True, check=True, timeout=60
    )
    for name in ("hero_mic", "hero_spk", "hero_mic48", "hero_spk48", "hero_tap", "hero_fmic", "hero_fspk", "default"):
        assert f"'{name}'" in child.stdout


def test_nothing_is_left_when_it_ends(tmp_path_factory: pytest.TempPathFactory) -> None:
    if alsa_rig.missing():
        pytest.skip(str(alsa_rig.missing()))
    folder: Path = tmp_path_factory.mktemp("rig")
    with alsa_rig.running(folder):
        assert (folder / "native").exists()
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(OSError, match=r"No such file|refused"):
        client.connect(str(folder / "native"))


def test_the_speech_is_that_of_people(speech: Callable[[str], Pcm]) -> None:
    for name, seconds in (("0870", 7.1), ("goforward", 2.8), ("vm-intro", 5.65), ("cards/003", 1.54)):
        pcm = speech(name)
        assert pcm.dtype == np.int16
        assert pcm.size / 16_000 == pytest.approx(seconds, abs=0.05)
        assert np.abs(pcm.astype(int)).max() > 5_000
    with pytest.raises(KeyError, match="no speech called 'nobody'"):
        speech("nobody")
