"""Plays on the speaker and records from the microphone for a bench; a card that goes away in the middle is an error."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol, TypeAlias

import numpy as np

from hero365_edge.bench.hardware.levels import Sound
from hero365_edge.core.pcm import EMPTY, Pcm
from hero365_edge.echo_ports import Ear, Loudspeaker
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Block, Clock, Microphone, Speaker

NOT_HEARD = "what the speaker plays is not heard: is it loud enough, is the microphone on?"
TAKEN_OUT = "the board takes its own speaker out of what it hears"
ATTEMPTS = 3
LOST_AFTER_S = 3.0
"""No samples for so long, and the card is gone: PortAudio itself says nothing."""

Progress: TypeAlias = Callable[[float], object]
"""Called with the seconds of the bench that have passed since it was called last."""


class OwnSpeaker(Speaker, Loudspeaker, Protocol):
    """A speaker that tells what its card is given, as both the real one and the fake do."""


class CardLost(DeviceError):  # noqa: N818  named for what happened, as LinkRefused is
    """A card went away while it was measured."""


class SamplesLost(DeviceError):  # noqa: N818  as above
    """There is a hole in a recording, or in what was played."""


@dataclass(frozen=True, slots=True)
class Take:
    """What was recorded without a hole."""

    pcm: Pcm
    """Shape (frames, channels)."""
    rate_hz: int
    handed_at: float
    """When the card handed over the first sample, as if each came by itself and not a block at a time."""
    taken_at: float | None = None
    """When the speaker took the first sample of what was played meanwhile, in the same way."""


@contextlib.asynccontextmanager
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
        self,
        clock: Clock,
        microphone: Microphone,
        speaker: OwnSpeaker | None = None,
        progress: Progress = lambda _: None,
        lost_after_s: float = LOST_AFTER_S,
        volume: float = 1.0,
    ) -> None:
        """`volume`: everything is played at this share of its level, as the daemon plays its answers."""
        self.clock = clock
        self.microphone = microphone
        self.speaker = speaker
        self.progress = progress
        self._lost_after_s = lost_after_s
        self._volume = volume

    async def record(self, seconds: float) -> Take:
        """The next `seconds`. Where samples were lost on the way it is done again, twice at most.

        Raises CardLost and SamplesLost.
        """
        return await _again(lambda: self._record(seconds, None))

    async def _record(self, seconds: float, first_played: int | None) -> Take:
        microphone = self.microphone
        blocks: list[Pcm] = []
        handed_at: list[float] = []
        taken_at: list[float] = []
        frames, xruns = 0, self._xruns()
        microphone.listen(self.clock.now())
        try:
            while not blocks or frames < seconds * microphone.rate_hz:
                block = await self.next_of(microphone)
                blocks.append(block.pcm)
                frames += len(block.pcm)
                handed_at.append(microphone.last_block_at - frames / microphone.rate_hz)
                self.look_at_speaker()
                taken_at += self._taken(first_played)
                self.progress(len(block.pcm) / microphone.rate_hz)
        finally:
            microphone.hush()
        if self._xruns() != xruns:
            raise SamplesLost("samples were lost: this computer was too busy to take or give them in time")
        pcm = np.concatenate(blocks)[: round(seconds * microphone.rate_hz)]
        # The median: a block that the computer was late to take, or two at once, have no say.
        return Take(pcm, microphone.rate_hz, median(handed_at), median(taken_at) if taken_at else None)

    async def play(self, sound: Sound, tail_s: float = 1.0) -> Take:
        """Play this (mono, at the speaker's rate, full scale 1) and record it and `tail_s` more.

        The recording begins at most a period before. Where samples were lost on the way it is done again, twice at
        most. Raises CardLost, SamplesLost, and DeviceError where there is no speaker.
        """
        return await _again(lambda: self._play(sound, tail_s))

    async def _play(self, sound: Sound, tail_s: float) -> Take:
        first = self.write(sound)
        speaker = self.playing
        try:
            return await self._record(len(sound) / speaker.rate_hz + tail_s, first)
        finally:
            speaker.sleep()

    @property
    def playing(self) -> OwnSpeaker:
        """The speaker. Raises DeviceError where there is none."""
        if self.speaker is None:
            raise DeviceError("there is no speaker")
        return self.speaker

    def write(self, sound: Sound) -> int:
        """Queue this for the speaker at the desk's volume; the number of its first sample. Raises DeviceError."""
        return self.playing.write(pcm_of(self._volume * sound))

    async def next_of(self, ear: Ear) -> Block:
        """What it hears next. Raises CardLost when nothing comes."""
        try:
            async with asyncio.timeout(self._lost_after_s):
                return await ear.read()
        except TimeoutError:
            raise CardLost(f"the microphone gave nothing for {self._lost_after_s:g} s: was it pulled out?") from None

    def look_at_speaker(self) -> None:
        """Raises CardLost when it has something to play and does not take it."""
        speaker = self.speaker
        if speaker is None or not speaker.queued_samples:
            return
        if self.clock.now() - speaker.last_callback_at > self._lost_after_s:
            raise CardLost(f"the speaker took nothing for {self._lost_after_s:g} s: was it pulled out?")

    def _taken(self, first: int | None) -> Sequence[float]:
        """When the speaker took sample number `first`, as its newest callback tells, if that was full of it."""
        speaker = self.speaker
        if speaker is None or first is None or not speaker.queued_samples or speaker.handed_over <= first:
            return ()
        asked_at, handed_over = speaker.last_callback_at, speaker.handed_over
        return (asked_at - (handed_over - speaker.period_samples - first) / speaker.rate_hz,)

    def _xruns(self) -> int:
        return self.microphone.xruns + (self.speaker.xruns if self.speaker is not None else 0)


async def _again(attempt: Callable[[], Awaitable[Take]]) -> Take:
    for _ in range(ATTEMPTS - 1):
        with contextlib.suppress(SamplesLost):
            return await attempt()
    return await attempt()


def pcm_of(sound: Sound) -> Pcm:
    """Sound of full scale 1 as samples; what is louder is cut."""
    return np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16) if sound.size else EMPTY
