"""Fakes joined by a loop of known impairment, as quick as they are read: what a desk is measured on in no time."""

import asyncio

import numpy as np

from hero365_edge.bench.hardware.cards import Desk
from hero365_edge.bench.hardware.figures import Figure
from hero365_edge.core.pcm import Pcm, silence
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.ports import Block
from tests.impairment import Impairment, Loop


class WiredMicrophone(FakeMicrophone):
    """Each read lets a period pass: the speaker's card takes its samples, the loop does what it does to them."""

    def __init__(self, clock: FakeClock, speaker: FakeSpeaker, loop: Loop, channels: int = 1) -> None:
        super().__init__(clock, rate_hz=loop.rate_hz, channels=channels)
        self._time = clock
        self._speaker = speaker
        self._wire = loop
        self.breaks_after_s: float | None = None
        """From this time on, the card is gone."""
        self.deaf_to_the_speaker = False
        """The speaker's card takes nothing any more."""

    async def read(self) -> Block:
        if self.breaks_after_s is not None and self._time.now() > self.breaks_after_s:
            await asyncio.Event().wait()
        await asyncio.sleep(0)  # as a card, it lets others have their turn
        if self._unread:
            return await super().read()
        samples = self._speaker.period_samples
        takes = self._speaker.awake and not self.deaf_to_the_speaker
        played = self._speaker.take(samples) if takes else silence(samples)
        heard = np.round(32768 * self._wire.pass_on(played / 32768))
        self._time.advance(self.period_ms / 1000)
        mono: Pcm = np.clip(heard, -32768, 32767).astype(np.int16)
        self.hear(np.repeat(mono, self.channels))
        return await super().read()


def desk(of: Impairment, rate_hz: int = 16_000) -> Desk:
    """A desk whose cards are open. What its loop does is `of`."""
    clock = FakeClock()
    speaker = FakeSpeaker(clock, rate_hz=rate_hz)
    microphone = WiredMicrophone(clock, speaker, Loop(of, rate_hz))
    speaker.start()
    microphone.start()
    return Desk(clock, microphone, speaker)


def right(figure: Figure, known: float) -> bool:
    """Whether a figure is as near to what is known as it says."""
    return figure.value is not None and abs(figure.value - known) <= figure.error
