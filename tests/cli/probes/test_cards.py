"""Microphone and speaker: opened for real where no daemon runs, else asked of it."""

import numpy as np
import pytest

from hero365_edge.cli.probes.finding import Running, Verdict
from hero365_edge.settings import Audio, AudioInput, AudioOutput, Settings
from tests.alsa_rig import AlsaRig
from tests.cli.probes.taking import taken

NOBODY = Settings(audio=Audio(input=AudioInput(device="nobody"), output=AudioOutput(device="nobody")))


@pytest.mark.parametrize("part", ["microphone", "speaker"])
@pytest.mark.parametrize(
    ("running", "verdict", "text", "code"),
    [
        ({"why": {}}, Verdict.OK, "'nobody' works in the running hero365-edge", 0),
        ({"state": "ready"}, Verdict.OK, "'nobody' works in the running hero365-edge", 0),
        ({"why": {"microphone": "deaf", "speaker": "deaf"}}, Verdict.FAIL, "the running hero365-edge says: deaf", 1),
        ({"unseen": "use sudo"}, Verdict.NOT_CHECKED, "use sudo", 0),
    ],
)
async def test_what_a_running_daemon_holds_is_asked_of_it_and_never_opened(
    part: str, running: Running, verdict: Verdict, text: str, code: int
) -> None:
    finding, found = await taken(part, NOBODY, running)
    assert (finding.verdict, finding.text, found) == (verdict, text, code)


@pytest.mark.alsa
async def test_a_microphone_is_good_when_it_hears_something_and_not_when_it_hears_zeros(alsa: AlsaRig) -> None:
    settings = Settings(audio=Audio(input=AudioInput(device="hero_fmic", rate_hz=16_000)))
    alsa.feed(np.full(32_000, 3277, dtype=np.int16))
    finding, code = await taken("microphone", settings)
    assert (finding.verdict, code) == (Verdict.OK, 0)
    assert finding.text == "'hero_fmic' at 16000 Hz, 1 channel(s), peak -20 dBFS in 0.5 s"
    alsa.feed(np.zeros(32_000, dtype=np.int16))
    finding, code = await taken("microphone", settings)
    assert (finding.verdict, code) == (Verdict.WARN, 0)
    assert "all zeros" in finding.text


@pytest.mark.alsa
async def test_a_microphone_that_opens_and_gives_nothing_fails(alsa: AlsaRig) -> None:
    alsa.freeze("hero_mic")
    try:
        finding, code = await taken("microphone", Settings(audio=Audio(input=AudioInput(device="hero_mic"))))
    finally:
        alsa.thaw("hero_mic")
    assert (finding.verdict, code) == (Verdict.FAIL, 1)


@pytest.mark.alsa
async def test_a_channel_the_microphone_does_not_have_is_a_wrong_setting(alsa: AlsaRig) -> None:
    alsa.feed(np.ones(32_000, dtype=np.int16))
    wanted = AudioInput(device="hero_fmic", rate_hz=16_000, channel=1)
    finding, code = await taken("microphone", Settings(audio=Audio(input=wanted)))
    assert (finding.verdict, code) == (Verdict.FAIL, 78)
    assert "audio.input.channel is 1" in finding.text


@pytest.mark.alsa
async def test_a_card_that_is_not_there_is_told_with_those_that_are(alsa: AlsaRig) -> None:
    for name, audio in (
        ("microphone", Audio(input=AudioInput(device="hero_nobody"))),
        ("speaker", Audio(output=AudioOutput(device="hero_nobody"))),
    ):
        finding, code = await taken(name, Settings(audio=audio))
        assert (finding.verdict, code) == (Verdict.FAIL, 1)
        assert "hero_nobody" in finding.text
        assert "hero365-edge devices" in finding.next_step


@pytest.mark.alsa
async def test_a_speaker_is_good_when_it_takes_sound(alsa: AlsaRig) -> None:
    finding, code = await taken("speaker", Settings(audio=Audio(output=AudioOutput(device="hero_spk"))))
    assert (finding.verdict, code) == (Verdict.OK, 0)
    assert "takes sound" in finding.text
