"""Plays on the speaker and records from the microphone for a bench; a card that goes away in the middle is an error."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from hero365_edge.bench.hardware.levels import Sound
from hero365_edge.core.pcm import EMPTY, Pcm
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Clock, Microphone, Speaker

LOST_AFTER_S = 3.0
"""No samples for so long, and the card is gone: PortAudio itself says nothing."""

Progress: TypeAlias = Callable[[float], object]
"""Called with the seconds of the bench that have passed since it was called last."""


class CardLost(DeviceError):  # noqa: N818  named for what happened, as LinkRefused is
    """A card went away while it was measured."""


@dataclass(frozen=True, slots=True)
class Take:
    """What was recorded without a hole."""

    pcm: Pcm
    """Shape (frames, channels)."""
    rate_hz: int
    captured_at: float
    """When the first sample was captured, as the card tells."""


@asynccontextmanager
async def opened(*cards: Microphone | Speaker) -> AsyncIterator[None]:
    """The cards are open within. Raises DeviceError, naming the one that does not open."""
    try:
        for card in cards:
            await asyncio.to_thread(card.start)
        yield
    finally:
        for card in cards:
            await asyncio.to_thread(card.close)


class Desk:
    """Both cards of one bench, open already; without a speaker it only records."""

    def __init__(
        self, clock: Clock, microphone: Microphone, speaker: Speaker | None = None, progress: Progress = lambda _: None
    ) -> None:
        self.clock = clock
        self.microphone = microphone
        self.speaker = speaker
        self._progress = progress

    async def record(self, seconds: float) -> Take:
        """The next `seconds`. Raises CardLost, and DeviceError when samples were lost on the way."""
        microphone = self.microphone
        blocks: list[Pcm] = []
        frames, captured_at, xruns = 0, None, None
        microphone.listen(self.clock.now())
        try:
            while captured_at is None or frames < seconds * microphone.rate_hz:
                try:
                    async with asyncio.timeout(LOST_AFTER_S):
                        block = await microphone.read()
                except TimeoutError:
                    raise CardLost(f"the microphone gave nothing for {LOST_AFTER_S:g} s: was it pulled out?") from None
                self._look_at_speaker()
                captured_at = block.captured_at if captured_at is None else captured_at
                xruns = microphone.xruns if xruns is None else xruns
                blocks.append(block.pcm)
                frames += len(block.pcm)
                self._progress(len(block.pcm) / microphone.rate_hz)
        finally:
            microphone.hush()
        if microphone.xruns != xruns:
            raise DeviceError("the microphone lost samples: this computer was too busy to take them in time")
        return Take(np.concatenate(blocks)[: round(seconds * microphone.rate_hz)], microphone.rate_hz, captured_at)

    async def play(self, sound: Sound, tail_s: float = 1.0) -> Take:
        """Play this (mono, at the speaker's rate, full scale 1) and record it and `tail_s` more.

        Raises CardLost, and DeviceError where there is no speaker, or samples were lost on the way.
        """
        if self.speaker is None:
            raise DeviceError("there is no speaker")
        self.speaker.write(pcm_of(sound))
        try:
            return await self.record(len(sound) / self.speaker.rate_hz + tail_s)
        finally:
            self.speaker.sleep()

    def _look_at_speaker(self) -> None:
        speaker = self.speaker
        if speaker is None or not speaker.queued_samples:
            return
        if self.clock.now() - speaker.last_callback_at > LOST_AFTER_S:
            raise CardLost(f"the speaker took nothing for {LOST_AFTER_S:g} s: was it pulled out?")


def pcm_of(sound: Sound) -> Pcm:
    """Sound of full scale 1 as samples; what is louder is cut."""
    return np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16) if sound.size else EMPTY
