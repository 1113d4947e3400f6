"""What a bench is done on: the board, its limits, and its devices, real or fake."""

import argparse
import platform
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hero365_edge import __version__
from hero365_edge.bench.hardware.cards import Desk, OwnSpeaker, Progress, opened
from hero365_edge.bench.hardware.report import Subject
from hero365_edge.cli import boards
from hero365_edge.cli.check import running_daemon
from hero365_edge.cli.options import load_config
from hero365_edge.core.board import Board, Limits
from hero365_edge.core.pcm import RATE_HZ, Pcm, samples_of
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.evidence import serial_number
from hero365_edge.errors import ConfigError, DeviceError, EdgeError
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.ports import Clock, Microphone
from hero365_edge.profiles import GENERIC, load_boards
from hero365_edge.settings import Settings

FAKE_NOISE = 12.0
"""The noise of the fake room in units of int16: -69 dBFS."""
FAKE_LOUDNESS = 0.3
FAKE_DELAY_S = 0.04


@dataclass(frozen=True, slots=True)
class Bench:
    """What every bench of this run is done on."""

    arguments: argparse.Namespace
    settings: Settings
    profile: str
    board: Board
    fake: bool
    clock: Clock

    @property
    def limits(self) -> Limits:
        """What the figures are held to."""
        return self.board.limits

    @property
    def channel(self) -> int | None:
        """The microphone's channel that is used; None for the mean of all."""
        channel = self.settings.audio.input.channel
        return channel if isinstance(channel, int) else None

    @property
    def cancels_echo(self) -> bool:
        """Whether the board is known to take its own speaker out of what it hears."""
        return self.board.cancels_echo is True

    @property
    def volume(self) -> float:
        """How loud it plays: as loud as the appliance would, so that who made that softer is not hurt by a bench."""
        return self.settings.audio.output.volume

    def cards(self) -> tuple[Microphone, OwnSpeaker]:
        """Not opened yet; to be made where the event loop runs."""
        if self.fake:
            return fake_cards(self.clock)
        from hero365_edge.devices.microphone import PortAudioMicrophone  # noqa: PLC0415  no fake needs PortAudio
        from hero365_edge.devices.speaker import PortAudioSpeaker  # noqa: PLC0415  as above

        audio = self.settings.audio
        return (
            PortAudioMicrophone(self.clock, audio.input.device, audio.input.rate_hz, audio.period_ms),
            PortAudioSpeaker(self.clock, audio.output.device, audio.output.rate_hz, audio.period_ms),
        )

    @asynccontextmanager
    async def desk(self, progress: Progress, *, speaker_wanted: bool = True) -> AsyncIterator[Desk]:
        """Both cards, open; the microphone alone when no speaker opens and none is wanted.

        Raises DeviceError, naming the one that does not open.
        """
        microphone, speaker = self.cards()
        there: OwnSpeaker | None = speaker
        async with AsyncExitStack() as cards:
            try:
                await cards.enter_async_context(self._audible(speaker))
            except DeviceError:
                if speaker_wanted:
                    raise
                there = None
            await cards.enter_async_context(opened(microphone))
            yield Desk(self.clock, microphone, there, progress, volume=self.volume)

    @asynccontextmanager
    async def _audible(self, speaker: OwnSpeaker) -> AsyncIterator[None]:
        if not self.volume:
            raise DeviceError("audio.output.volume is 0: nothing would be heard")
        async with opened(speaker):
            yield

    def subject(self) -> Subject:
        """What the report says was measured."""
        audio = self.settings.audio
        return Subject(
            serial="" if self.fake else serial_number(),
            computer=platform.node() if self.fake else boards.look().evidence.computer or platform.machine(),
            profile=self.profile,
            title=self.board.title,
            verified=self.board.verified,
            microphone="a fake in memory" if self.fake else audio.input.device,
            speaker="a fake in memory" if self.fake else audio.output.device,
            volume_percent=round(100 * self.volume),
            fake=self.fake,
            versions={
                "hero365-edge": __version__,
                "Python": platform.python_version(),
                "numpy": np.__version__,
                "kernel": platform.release(),
            },
        )


def bench_of(arguments: argparse.Namespace) -> Bench:
    """What the command line asks for. Raises ConfigError, and EdgeError where the appliance holds the devices."""
    clock = SystemClock()
    known = load_boards()
    if arguments.fake_hw:
        profile = arguments.profile or GENERIC
        return Bench(arguments, Settings(), profile, known[profile], True, clock)
    settings = load_config(arguments, with_board=True, profile=arguments.profile).settings
    if running_daemon(settings):
        raise EdgeError(
            "the appliance is running and holds the sound cards, button and lamp: stop it first with\n"
            "  sudo systemctl stop hero365-edge\nand afterwards: sudo systemctl start hero365-edge"
        )
    profile = profile_of(settings.panel.profile)
    return Bench(arguments, settings, profile, known[profile], False, clock)


def profile_of(wanted: str, root: Path = boards.ROOT) -> str:
    """The name of the profile whose limits count. Raises ConfigError where boards cannot be told apart."""
    if wanted in boards.WITHOUT_BOARD:
        return GENERIC
    if wanted != "auto":
        return wanted
    found = [one.name for one in boards.look(root).found]
    if len(found) > 1:
        raise ConfigError(f"{' and '.join(found)} cannot be told apart: name yours with --profile")
    return found[0] if found else GENERIC


def fake_cards(clock: Clock) -> tuple[FakeMicrophone, FakeSpeaker]:
    """A microphone in a room of little noise that hears the speaker. What is measured on it is true of nothing."""
    dice = np.random.default_rng(1)
    speaker = FakeSpeaker(clock, paced=True)
    microphone = FakeMicrophone(clock, paced=True)

    def room(since: float, until: float) -> Pcm:
        noise = dice.normal(0, FAKE_NOISE, samples_of(1000 * (until - since), RATE_HZ))
        heard = noise + FAKE_LOUDNESS * speaker.sound(since - FAKE_DELAY_S, until - FAKE_DELAY_S)
        return np.round(heard).astype(np.int16)

    microphone.room = room
    return microphone, speaker
