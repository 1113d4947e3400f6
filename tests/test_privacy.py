"""Nothing goes up while nobody talks: the counter, and what it counts."""

import asyncio

import numpy as np
import pytest
from msgspec.structs import replace

from hero365_edge.core import messages as m
from hero365_edge.core.framing import Outgoing
from hero365_edge.core.lamp import Light
from hero365_edge.core.pcm import silence
from hero365_edge.privacy import SoundMeter
from hero365_edge.settings import Capture
from tests.appliance import QUICK, Van, answer, running, sound_sent, until, words


async def test_what_no_utterance_asked_for_is_counted_and_messages_are_no_sound() -> None:
    sent: list[Outgoing] = []
    open_ = True

    async def send(message: Outgoing) -> None:
        sent.append(message)

    meter = SoundMeter(send, lambda: open_)
    await meter.send(b"12345")
    await meter.send(m.audio_data(b"123"))
    open_ = False
    await meter.send(m.EndSession())
    assert (meter.sent_bytes, meter.unasked_bytes) == (5 + 4, 0)
    await meter.send(b"123")
    assert (meter.sent_bytes, meter.unasked_bytes) == (12, 3)
    assert len(sent) == 4


@pytest.mark.parametrize("profile", ["seed", "v1"])
async def test_not_a_byte_of_what_is_heard_goes_up_before_between_and_after_turns(profile: str) -> None:
    async with running(Van()) as van:
        link = await van.session(profile)
        before = 0
        for _ in range(2):
            van.speak(words(8_000))
            await until(lambda: not van.microphone.to_hear_s)
            assert sum(isinstance(message, bytes) for message in link.sent) == before, "somebody spoke, nobody pressed"
            await van.tap()
            van.speak(np.concatenate([words(4_800), silence(8_000)]))
            await van.shows(Light.PROCESSING)
            van.appliance.dialogue.message(m.decode('{"type": "audio_processing", "status": "processing"}'))
            link.say('{"type": "agent_response", "response": "x", "timestamp": "2024-01-15T10:30:00Z"}')
            await van.shows(Light.READY, 5.0)
            before = sum(isinstance(message, bytes) for message in link.sent)
            assert before
        van.speak(words(8_000))
        await until(lambda: not van.microphone.to_hear_s)
        assert sum(isinstance(message, bytes) for message in link.sent) == before
        assert van.appliance.sound.sent_bytes == sum(len(each) for each in link.sent if isinstance(each, bytes))
        assert van.appliance.sound.unasked_bytes == 0


async def test_a_microphone_that_is_not_always_on_is_open_only_while_somebody_records() -> None:
    settings = replace(QUICK, capture=replace(QUICK.capture, always_on=False))
    assert isinstance(settings.capture, Capture)
    async with running(Van(settings)) as van:
        link = await van.session()
        await until(lambda: not van.microphone._open)
        assert van.light is Light.READY, "that it is closed is no fault"
        await asyncio.sleep(1.2)
        assert van.light is Light.READY
        await van.panel.tap()
        await until(lambda: van.microphone._open, 0.2)
        van.speak(np.concatenate([words(8_000), silence(8_000)]))
        await van.shows(Light.PROCESSING)
        sent = sound_sent(link)
        assert np.array_equal(sent[np.flatnonzero(sent)[0] :][:4_800], words(4_800))
        await until(lambda: not van.microphone._open)
        assert van.appliance.cards.microphone_trouble == ""
        link.say(answer(1_600).tobytes())


async def test_a_microphone_that_does_not_open_at_the_press_is_told() -> None:
    settings = replace(QUICK, capture=replace(QUICK.capture, always_on=False))
    async with running(Van(settings)) as van:
        await van.session()
        await until(lambda: not van.microphone._open)
        van.microphone.unplug()
        await van.panel.tap()
        await van.shows(Light.FAULT)
        van.microphone.plug()
        await van.shows(Light.READY, 4.0)
