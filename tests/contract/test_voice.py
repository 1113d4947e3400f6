"""What every local voice does: the one in memory, and espeak-ng."""

import asyncio
import shutil
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.core.pcm import Pcm
from hero365_edge.core.wav import WavDecoder
from hero365_edge.devices.voice import EspeakVoice, installed_voice
from hero365_edge.errors import DeviceError
from hero365_edge.fakes.voice import FakeVoice
from hero365_edge.speech_ports import Voice

TEXT = "You have two jobs today."
# For a bare laptop; with `speech`, what CI skips is a failure, for scripts/test installs it.
ESPEAK = [
    pytest.mark.speech,
    pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"),
]


@pytest.fixture(params=["fake", pytest.param("real", marks=ESPEAK)])
def voice(request: pytest.FixtureRequest) -> Voice:
    installed = installed_voice() if request.param == "real" else FakeVoice()
    assert installed is not None
    return installed


@pytest.fixture(params=["fake", "real"])
def hoarse(request: pytest.FixtureRequest, tmp_path: Path) -> Voice:
    if request.param == "real":
        return EspeakVoice(str(tmp_path / "none"))
    fake = FakeVoice()
    fake.fail("the local voice is hoarse")
    return fake


def heard(audio: bytes) -> tuple[Pcm, float]:
    """The samples of a WAV file, and how many seconds they take."""
    decoder = WavDecoder()
    pcm = np.concatenate([decoder.decode(audio), decoder.finish()])
    return pcm, len(pcm) / decoder.rate_hz


async def test_a_text_is_heard_as_long_as_it_is(voice: Voice) -> None:
    short, short_s = heard(await voice.say("Done."))
    long, long_s = heard(await voice.say(TEXT * 3))
    assert np.abs(short).max() > 3000
    assert np.abs(long).max() > 3000
    assert 0.2 < short_s < 2
    assert 2 * short_s < long_s < 15


async def test_the_same_text_sounds_the_same(voice: Voice) -> None:
    assert await voice.say(TEXT) == await voice.say(TEXT)


async def test_two_may_be_said_at_once(voice: Voice) -> None:
    both = await asyncio.gather(voice.say("Done."), voice.say(TEXT))
    assert [*both] == [await voice.say("Done."), await voice.say(TEXT)]


@pytest.mark.parametrize("text", ["-v --stdin", "two\nlines", "<a> & \"b\" $(c) 'd'", "žluťoučký 🔧", "a\0b"])
async def test_any_text_is_said(voice: Voice, text: str) -> None:
    assert len(heard(await voice.say(text))[0])


async def test_no_text_is_nothing_to_say(voice: Voice) -> None:
    with pytest.raises(DeviceError, match="voice"):
        await voice.say("")


async def test_one_that_is_not_wanted_any_more_can_be_cancelled(voice: Voice) -> None:
    saying = asyncio.create_task(_said(voice, TEXT * 10))
    await asyncio.sleep(0)
    saying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await saying
    assert len(heard(await voice.say("Done."))[0])


async def _said(voice: Voice, text: str) -> bytes:
    return await voice.say(text)


async def test_one_that_cannot_speak_says_so(hoarse: Voice) -> None:
    for _ in range(2):
        with pytest.raises(DeviceError, match="voice"):
            await hoarse.say(TEXT)


async def test_the_fake_speaks_when_the_test_lets_it() -> None:
    fake = FakeVoice()
    fake.hold()
    saying = asyncio.create_task(_said(fake, TEXT))
    await asyncio.sleep(0)
    assert (fake.said, saying.done()) == ([TEXT], False)
    fake.let_go()
    assert len(heard(await saying)[0])
