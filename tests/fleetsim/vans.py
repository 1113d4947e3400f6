"""Vans of a simulated fleet: the real appliance with real sessions over loopback, on a microphone that hears a road."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np

from hero365_edge.app import Appliance
from hero365_edge.cli.world import NativeCodecs
from hero365_edge.core.lamp import Light
from hero365_edge.core.pcm import RATE_HZ, Pcm, samples_of
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.link import WebSocketDialer
from hero365_edge.fakes.detector import FakeDetector
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.panel import FakePanel
from hero365_edge.fakes.shelf import FakeShelf
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.fakes.supervisor import FakeSupervisor
from hero365_edge.fakes.tokens import FakeTokens
from hero365_edge.fleet.phrases import Phrases
from hero365_edge.metering import Metering
from hero365_edge.settings import Backend, Control, Metrics, Settings
from hero365_edge.world import World
from tests.appliance import until, words
from tests.fleet.test_host import put, raspberry_pi
from tests.scraping import free_port

ROAD_RMS = 60.0
"""In units of int16, -55 dBFS: below what the fake detector takes for speech."""
ROAD_S = 4.0
TURN_LIMIT_S = 20.0
SPOKEN_S = (0.6, 1.6)
TOKEN_LIFE_S = 30 * 86_400.0


class SimulatedVan:
    """One device. Its microphone, speaker, button and sysfs (a Raspberry Pi's) are fakes; all else is the product."""

    def __init__(self, backend_url: str, number: int, folder: Path) -> None:
        """`folder` is its own."""
        self.name = f"van-{number:07}"
        self.listen = f"127.0.0.1:{free_port()}"
        self.turns = 0
        """How many were heard to their end."""
        self.failed = 0
        self._dice = np.random.default_rng(number)
        self._sys = raspberry_pi(folder, throttled=0)
        clock = SystemClock()
        self._microphone = FakeMicrophone(clock, paced=True)
        self._microphone.room = self._road
        self._panel = FakePanel(clock)
        tokens = FakeTokens()
        tokens.ends_at = clock.utc().timestamp() + TOKEN_LIFE_S
        world = World(
            clock=clock,
            microphone=self._microphone,
            speaker=FakeSpeaker(clock, paced=True),
            detector=FakeDetector(),
            codecs=NativeCodecs(),
            panel=self._panel,
            dialer=WebSocketDialer(),
            supervisor=FakeSupervisor(),
            tokens=tokens,
            shelf=FakeShelf(),
            phrases=Phrases(folder / "phrases"),
        )
        settings = Settings(
            backend=Backend(url=backend_url, user_id="u", business_id="b"),
            control=Control(socket=""),
            metrics=Metrics(listen=self.listen),
        )
        self._appliance = Appliance(settings, world)
        self._appliance.metering = Metering(self._appliance, world, None, self._sys)
        self._appliance.dialogue.turn_closed = self._appliance.metering.turn_closed
        noise = self._dice.standard_normal(samples_of(1000 * ROAD_S))
        self._noise: Pcm = (ROAD_RMS * noise).astype(np.int16)

    @contextlib.asynccontextmanager
    async def on_the_road(self) -> AsyncIterator[None]:
        """It runs and has a session, until left."""
        stop = asyncio.Event()
        running = asyncio.create_task(self._appliance.run(stop), name=self.name)
        warming = asyncio.create_task(self._get_warm())
        try:
            await until(lambda: self._appliance.dialogue.light is Light.READY or running.done(), TURN_LIMIT_S)
            yield
        finally:
            warming.cancel()
            stop.set()
            await running

    async def talk(self, every_s: float) -> None:
        """Somebody asks something so often on average, holding the button or tapping it; for ever."""
        while True:
            await asyncio.sleep(self._dice.uniform(0.5, 1.5) * every_s)
            try:
                await self._ask(self._dice.uniform(*SPOKEN_S), held=bool(self._dice.random() < 0.5))
                self.turns += 1
            except TimeoutError:
                self.failed += 1

    async def _ask(self, spoken_s: float, *, held: bool) -> None:
        dialogue = self._appliance.dialogue
        before = dialogue.last_turn
        if held:
            self._panel.press()
        else:
            await self._panel.tap()
        self._microphone.hear(words(round(spoken_s * RATE_HZ)))
        await until(lambda: not self._microphone.to_hear_s, TURN_LIMIT_S)
        self._panel.release()
        await until(lambda: dialogue.last_turn is not before, TURN_LIMIT_S)
        await until(lambda: dialogue.light is Light.READY, TURN_LIMIT_S)

    async def _get_warm(self) -> None:
        celsius = 50.0
        while True:
            celsius = min(79.0, max(40.0, celsius + self._dice.normal(0.0, 0.3)))
            put(self._sys, "class/thermal/thermal_zone0/temp", f"{1000 * celsius:.0f}\n")
            await asyncio.sleep(1.0)

    def _road(self, since: float, until: float) -> Pcm:
        """What is heard between two times: now louder, now less so."""
        samples = round((until - since) * RATE_HZ)
        begin = int(self._dice.integers(len(self._noise) - samples))
        loudness = 1.0 + 0.5 * math.sin(since / 7.0)
        heard: Pcm = np.rint(self._noise[begin : begin + samples] * loudness).astype(np.int16)
        return heard
