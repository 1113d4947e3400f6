"""The audio benches on real ALSA: PulseAudio's cards through PortAudio, and a loop between them of known impairment."""

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.bench.hardware import chirps, echo, loopback, mic, sweep, tones
from hero365_edge.bench.hardware.cards import Desk, Take, opened
from hero365_edge.bench.hardware.figures import Result, Verdict
from hero365_edge.bench.hardware.levels import sound_of
from hero365_edge.bench.hardware.report import decoded
from hero365_edge.cli.world import NativeCodecs
from hero365_edge.core.board import Limits
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.microphone import PortAudioMicrophone
from hero365_edge.devices.speaker import PortAudioSpeaker
from tests.alsa_rig import AlsaRig
from tests.bench.hardware.test_echo import Softener
from tests.crossings import MICROPHONE, SPEAKER, Witness, seen
from tests.impairment import LATER_SAMPLES, RATE_HZ, Impairment

pytestmark = pytest.mark.alsa

Figures = Callable[[str], None]


@asynccontextmanager
async def looped(
    alsa: AlsaRig, of: Impairment, heard: str = "hero_mic", spoken: str = "hero_spk"
) -> AsyncIterator[tuple[Desk, "subprocess.Popen[bytes]"]]:
    """A desk on `hero_spk` and `hero_mic`, by these names of theirs, and the program that is this between them."""
    command = [sys.executable, "-m", "tests.impairment", json.dumps(asdict(of)), "hero_spk", "hero_mic"]
    here = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=here, env=alsa.environ, stdout=subprocess.PIPE) as loop:  # noqa: ASYNC220, S603  our own program, started at once
        try:
            assert loop.stdout is not None
            assert await asyncio.to_thread(os.read, loop.stdout.fileno(), 1) == b"."
            asyncio.get_running_loop().run_in_executor(None, loop.stdout.read)
            clock = SystemClock()
            microphone, speaker = PortAudioMicrophone(clock, heard), PortAudioSpeaker(clock, spoken)
            async with opened(microphone, speaker):
                yield Desk(clock, microphone, speaker), loop
        finally:
            loop.terminate()


def value(result: Result, name: str) -> float:
    """The figure's value, which must have been measured."""
    (figure,) = (figure for figure in result.figures if figure.name == name)
    assert figure.value is not None, figure.remark
    return figure.value


async def test_speech_above_noise_is_told_within_a_db(alsa: AlsaRig, figures: Figures) -> None:
    async with looped(alsa, Impairment(gain=0.4, noise_dbfs=-55)) as (desk, _):
        found = value(await mic.measure(desk, Limits(), None, False, 3.0), "snr")
    known = mic.BURST_DBFS + 20 * math.log10(0.4) - (-55 + 10 * math.log10(6900 / 8000))
    figures(f"bench mic: speech above noise {found:.2f} dB, known {known:.2f} dB")
    assert found == pytest.approx(known, abs=1.0)


async def test_response_and_distortion_are_told_as_near_as_the_page_says(alsa: AlsaRig, figures: Figures) -> None:
    of = Impairment(second=0.04, taps=(1.0, -0.5), noise_dbfs=-60)
    async with looped(alsa, of) as (desk, _):
        swept = await desk.play(sweep.sweep(RATE_HZ))
        toned = await desk.play(tones.tone(loopback.TONE_S, RATE_HZ, loopback.TONE_DBFS))
    response = sweep.response(sound_of(swept.pcm[:, 0]), RATE_HZ)
    turns = np.exp(-2j * np.pi * response.hz / RATE_HZ)
    inside = (response.hz >= 100) & (response.hz <= 7000)
    worst = float(np.max(np.abs(response.db - 20 * np.log10(np.abs(1 - 0.5 * turns)))[inside]))
    figures(f"bench loopback: response 100 Hz to 7 kHz within {worst:.2f} dB of the filter's formula")
    assert worst < 0.5
    peak = math.sqrt(2) * 10 ** (loopback.TONE_DBFS / 20)
    gains = [abs(1 - 0.5 * np.exp(-2j * np.pi * hz / RATE_HZ)) for hz in (1000, 2000)]
    harmonic = (0.04 * peak / 2 * gains[1] / gains[0]) ** 2
    noise = 10 ** ((-60 - loopback.TONE_DBFS) / 10) * 7580 / 8000 / gains[0] ** 2
    known = 100 * math.sqrt((harmonic + noise) / (1 + harmonic + noise))
    found = loopback.thd_n(toned, None)
    assert isinstance(found, float)
    figures(f"bench loopback: THD+N {found:.3f} %, known {known:.3f} %")
    assert found == pytest.approx(known, rel=0.1)


async def stopped_a_few_times(heard: str, spoken: str) -> None:
    """What the witness needs to know the cards' buffers by."""
    clock = SystemClock()
    microphone, speaker = PortAudioMicrophone(clock, heard), PortAudioSpeaker(clock, spoken)
    for _ in range(4):
        async with opened(microphone, speaker):
            await Desk(clock, microphone, speaker).play(np.zeros(RATE_HZ // 10), 0.1)


COUNT, TURNED = 10, 5


async def chirps_played(alsa: AlsaRig) -> tuple[Take, Witness] | None:
    """Chirps through a loop that is made later behind number TURNED, as somebody outside saw them.

    None when the bench had to begin again, for this computer was too busy: then it was later from the beginning on.
    """
    with seen(alsa) as witness:
        await stopped_a_few_times(MICROPHONE, SPEAKER)
        async with looped(alsa, Impairment(delay_samples=400), MICROPHONE, SPEAKER) as (desk, loop):
            began_at = desk.clock.now()
            playing = asyncio.create_task(desk.play(chirps.train(RATE_HZ, COUNT, loopback.EVERY_S)))
            await asyncio.sleep((TURNED + 0.5) * loopback.EVERY_S)
            loop.send_signal(signal.SIGUSR1)
            take = await playing
            at_once = desk.clock.now() - began_at < 1.5 * COUNT * loopback.EVERY_S
    return (take, witness) if at_once else None


async def test_the_round_trip_is_told_within_a_ms_of_what_is_seen_from_outside_and_so_is_what_comes_later(
    alsa: AlsaRig, figures: Figures
) -> None:
    """The truth has other samples, other readings of the clock and other arithmetic: `tests/crossings.py`."""
    played = await chirps_played(alsa) or await chirps_played(alsa)
    assert played is not None, "this computer is too busy to play ten seconds without a hole"
    take, witness = played
    spoken, heard = witness.spoken(), witness.heard()
    begins = spoken.begins(COUNT), heard.begins(COUNT)
    assert [len(each) for each in begins] == [COUNT, COUNT]
    one = len(chirps.chirp(RATE_HZ))
    for first, second in zip(*begins, strict=True):
        assert np.array_equal(spoken.pcm[first : first + one], heard.pcm[second : second + one])
    ahead_s = heard.crosses_at(RATE_HZ, whole=True) - spoken.crosses_at(RATE_HZ, whole=False)
    known = 1000 * (ahead_s + (begins[1] - begins[0]) / RATE_HZ)
    trips = loopback.round_trips_ms(take, chirps.arrivals(sound_of(take.pcm[:, 0]), RATE_HZ, COUNT, loopback.EVERY_S))
    found = np.array([trip for _, trip in trips])
    later_ms = float(np.median(found[TURNED + 1 :]) - np.median(found[: TURNED + 1]))
    known_later_ms = 1000 * LATER_SAMPLES / RATE_HZ
    figures(
        f"bench loopback: round trip {found[0]:.2f} ms, seen from outside {known[0]:.2f} ms (worst of {COUNT} chirps "
        f"{np.max(np.abs(found - known)):.2f} ms beside it); then {later_ms:.2f} ms more, known {known_later_ms} ms"
    )
    assert np.max(np.abs(found - known)) < 1.0
    assert later_ms == pytest.approx(known_later_ms, abs=1.0)
    assert max(np.ptp(found[: TURNED + 1]), np.ptp(found[TURNED + 1 :])) < 1.0


async def drift_told(alsa: AlsaRig, ppm: float, count: int) -> float:
    async with looped(alsa, Impairment(delay_samples=900, drift_ppm=ppm, noise_dbfs=-60)) as (desk, _):
        return value(await loopback.measure(desk, Limits(), None, False, count), "drift")


@pytest.mark.nightly
async def test_a_known_drift_is_told_within_five_ppm_in_two_minutes(alsa: AlsaRig, figures: Figures) -> None:
    found = await drift_told(alsa, 80.0, loopback.CHIRPS)
    figures(f"bench loopback: drift {found:.2f} ppm in two minutes, known 80 ppm")
    assert found == pytest.approx(80.0, abs=5.0)


async def test_a_known_loss_of_echo_is_told_within_a_db(alsa: AlsaRig, figures: Figures) -> None:
    async with looped(alsa, Impairment(delay_samples=300, gain=0.5, noise_dbfs=-80)) as (desk, _):
        result = await echo.measure(desk, Limits(), None, False, Softener(15.0), NativeCodecs(), 2, 4)
    found = value(result, "erle")
    figures(f"bench echo: ERLE {found:.2f} dB, known 15 dB; {' '.join(result.notes)}")
    assert found == pytest.approx(15.0, abs=1.0)


def test_a_microphone_that_goes_away_in_the_middle_is_lost_and_nothing_hangs(alsa: AlsaRig, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    devices = "audio: {input: {device: hero_mic}, output: {device: hero_spk}}"
    config.write_text(f"{devices}\ncontrol: {{socket: {tmp_path}/control}}\n")
    command = [sys.executable, "-m", "hero365_edge", "bench", "mic", f"--config={config}", f"--out={tmp_path}"]
    with subprocess.Popen(command, env=alsa.environ, stdout=subprocess.PIPE, text=True) as bench:  # noqa: S603  our own program
        try:
            time.sleep(4)  # it listens to ten seconds of quiet
            alsa.freeze("hero_mic")
            told, _ = bench.communicate(timeout=15)
        finally:
            bench.kill()
            alsa.thaw("hero_mic")
    assert bench.returncode == 1
    assert "was it pulled out?" in told
    report = decoded(tmp_path / "bench-mic.json")
    assert {figure.verdict for figure in report.figures} == {Verdict.LOST}
