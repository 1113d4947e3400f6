"""One daemon with its technician, its backend and its road: suffers one fault after another, and tells how it went."""

import asyncio
import contextlib
import inspect
import os
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from hero365_edge.backend.options import Options, Profile
from hero365_edge.backend.records import Answer, Utterance
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.core.pcm import RATE_HZ, Pcm, duration_s
from tests import alsa_rig
from tests.alsa_rig import AlsaRig
from tests.authority import DAY, Authority
from tests.chaos.faults import TOO_LONG, Act, Fault, World
from tests.chaos.gate import Gate
from tests.chaos.names import Names
from tests.chaos.process import Daemon
from tests.chaos.tally import Tally
from tests.chaos.wire import Wire
from tests.network.road import road

HOST = "voice.test"
BEFORE_S = 0.25
"""The fault may strike so long before the press."""
AROUND_S = 0.6
"""So much longer than the words the button is held: a player needs a moment to start."""
TOLD_LATE_S = 0.5
"""The player says that it is done so much later at the most."""
LOOK_EVERY_S = 0.05
START_S = 60.0
MOST_AGAIN = 20
STILL_S = 1.0
"""An event loop so late means that this computer stood still."""
SETTLE_S = 40.0
"""Whoever is not at rest after so long, with a road that works, is stuck."""
IMPATIENT_S = 3.0
"""So long the technician waits for the link; then the button is tapped, which dials."""


@dataclass
class Episode:
    """What became of one fault."""

    fault: Fault
    numbers: list[int] = field(default_factory=list)
    """The utterances spoken in it."""
    expired_told: int = 0
    stuck: str = ""
    recover_s: float | None = None
    """From when the road was good again to the next session; None where none was lost."""
    session_s: float | None = None
    """Of that, from the dial on."""
    press_to_dial_s: float | None = None
    """From a press without a link, on a good road, to its dial."""
    resident_bytes: int = 0
    unfair: str = ""
    """How this computer, shared with others, spoilt it: it stood still, or its card gave no sound."""
    wall: str = ""
    """When it began, by the wall clock."""
    seen: list[str] = field(default_factory=list)
    """What the technician saw of it while it settled, and did about it, in seconds after it began."""
    heard: list[str] = field(default_factory=list)
    """What the backend heard in it."""
    outcomes: list[str] = field(default_factory=list)
    """How the turns that ended in it ended, as the daemon tells it."""


class Lane:
    """`run` suffers the faults. Made by `lane`."""

    def __init__(
        self,
        world: World,
        rig: AlsaRig,
        words: list[Pcm],
        tally: Tally,
        heard: list[str],
        first: int,
        *,
        mortal: bool,
    ) -> None:
        self._world = world
        self._rig = rig
        self._words = words
        self.tally = tally
        self._number = first
        self.mortal = mortal
        """Whether it may be killed."""
        self.episodes: list[Episode] = []
        self.heard = heard
        """What the backend executed, as told by the tally; emptied after each episode."""
        self._late_s = 0.0
        self.broken = ""
        """Why it could not go on; empty if it could."""
        self.again: list[Episode] = []
        """Those that were played again because this computer stood still, or its card gave no sound."""

    async def run(self, faults: list[Fault]) -> None:
        """One after the other."""
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch())
            try:
                await self._run(faults)
            except TimeoutError as error:  # what the others find is told all the same
                self.broken = str(error)
            watching.cancel()

    async def _watch(self) -> None:
        while True:
            due_at = time.monotonic() + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            self._late_s = max(self._late_s, time.monotonic() - due_at)

    async def _run(self, faults: list[Fault]) -> None:
        self._world.daemon.start()
        await self._ready()
        for fault in faults:
            episode = await self._suffer(fault)
            while episode.unfair and self.bad(episode) and len(self.again) < MOST_AGAIN:
                self.again.append(episode)
                await self._ready()
                episode = await self._suffer(fault)
            self.episodes.append(episode)
            if episode.stuck:
                self._world.daemon.kill()
                self._world.daemon.start()
                await self._ready()

    def missing(self, episode: Episode) -> int:
        """How many of its utterances were never executed."""
        return sum(self.tally.executed[number] == 0 for number in episode.numbers)

    def bad(self, episode: Episode) -> bool:
        """Whether something went wrong in it that a computer which stood still is an excuse for: not a second copy."""
        late = episode.expired_told > 0 and episode.fault.kind != TOO_LONG
        return bool(episode.stuck) or late or self.missing(episode) > episode.expired_told

    async def _suffer(self, fault: Fault) -> Episode:
        episode = Episode(fault)
        world = self._world
        log_before = len(world.daemon.log())
        began_at = time.monotonic()
        episode.wall = f"{datetime.now():%H:%M:%S}"  # as the daemon's own log has it
        self._late_s = 0.0
        striking = asyncio.create_task(self._strike(fault, began_at + BEFORE_S + fault.at_s))
        await asyncio.sleep(BEFORE_S)
        for _ in range(fault.utterances):
            await self._speak(episode)
        struck_at, mended_at = await striking
        presses: list[float] = []
        episode.stuck = await self._settle(episode, began_at, presses)
        log = world.daemon.log()[log_before:]
        episode.outcomes = re.findall(r": turn (\w+): ", log)
        episode.expired_told = episode.outcomes.count("expired")
        if "Traceback" in log or "unexpected failure" in log:
            episode.stuck = episode.stuck or "it wrote a traceback"
        if "the microphone is lost" in log:
            episode.unfair = "the card gave no sound"
        if self._late_s > STILL_S:
            episode.unfair = f"this computer stood still for {self._late_s:.1f} s"
        episode.heard = list(self.heard)
        self.heard.clear()
        self._recovery(episode, struck_at, mended_at, presses)
        episode.resident_bytes = world.daemon.resident_bytes
        return episode

    def _recovery(self, episode: Episode, struck_at: float, mended_at: float, presses: list[float]) -> None:
        dials = [at for at in self._world.wire.dials if at > struck_at]
        session_at = next((at for at in self._world.gate.sessions if at > mended_at), None)
        if not dials or session_at is None:
            return
        episode.recover_s = session_at - mended_at
        begun = [at for at in dials if mended_at < at < session_at]
        if begun:
            episode.session_s = session_at - begun[-1]
        if presses and begun and begun[-1] > presses[0]:
            episode.press_to_dial_s = min(at for at in begun if at > presses[0]) - presses[0]

    async def _strike(self, fault: Fault, at: float) -> tuple[float, float]:
        """When it struck, and when it was over."""
        await asyncio.sleep(max(0.0, at - time.monotonic()))
        struck_at = time.monotonic()
        await _do(fault.begin, self._world)
        await asyncio.sleep(fault.lasts_s)
        await _do(fault.end, self._world)
        return struck_at, self._world.wire.cut_at if fault.kind == "drop" else time.monotonic()

    async def _speak(self, episode: Episode) -> None:
        pcm = self._words[self._number % len(self._words)]
        self.tally.spoke(self._number, pcm)
        episode.numbers.append(self._number)
        self._number += 1
        hold_s = duration_s(len(pcm)) + AROUND_S
        pressing = asyncio.create_task(self._world.daemon.asked(hold_s + 6.0, do="press", hold_s=hold_s))
        speaking = asyncio.create_task(asyncio.to_thread(self._rig.speak, pcm))
        began_at = time.monotonic()
        await asyncio.sleep(hold_s)
        await asyncio.wait({pressing, speaking})
        if speaking.exception() is not None:
            episode.unfair = "the card took no sound"
        elif (took_s := time.monotonic() - began_at) > hold_s + TOLD_LATE_S:
            episode.unfair = f"the words were over {took_s - hold_s - TOLD_LATE_S:.1f} s after the button was let go"

    async def _settle(self, episode: Episode, began_at: float, presses: list[float]) -> str:
        """Wait until all is well again; why it is not, if it never is."""
        since = time.monotonic()
        tap_at = since + IMPATIENT_S
        told = "no answer over the control socket"
        rests = 0
        for _ in range(round(SETTLE_S / LOOK_EVERY_S)):  # counted, not timed: the computer may stand still
            if self._world.daemon.died:
                return "the process is gone"
            status = await self._world.daemon.asked(do="status")
            if status is not None:
                seen, told = told, _told(status)
                if told != seen:
                    episode.seen.append(f"{time.monotonic() - began_at:.2f} {told}")
                rests = rests + 1 if told == "ready, link active, 0 waiting" else 0
                if rests == 2:
                    return ""
                if time.monotonic() > tap_at and status["state"] in {"offline", "holding", "fault"}:
                    tap_at = time.monotonic() + IMPATIENT_S
                    presses.append(time.monotonic())
                    episode.seen.append(f"{time.monotonic() - began_at:.2f} tap")
                    await self._world.daemon.asked(do="press", hold_s=0.1)
            await asyncio.sleep(LOOK_EVERY_S)
        return told

    async def _ready(self) -> None:
        for _ in range(round(START_S / LOOK_EVERY_S)):  # counted, as above
            status = await self._world.daemon.asked(do="status")
            if status is not None and status["state"] == "ready" and status["link"]["state"] == "active":
                return
            await asyncio.sleep(LOOK_EVERY_S)
        raise TimeoutError(f"not ready within {START_S:g} s: {self._world.daemon.log()[-2000:]}")


def _told(status: dict[str, Any]) -> str:
    return f"{status['state']}, link {status['link']['state']}, {status['waiting_utterances']} waiting"


async def _do(act: Act, world: World) -> None:
    doing = act(world)
    if inspect.isawaitable(doing):
        await doing


@asynccontextmanager
async def lane(
    folder: Path, number: int, profile: Profile, words: list[Pcm], first: int, *, mortal: bool
) -> AsyncIterator[Lane]:
    """Build the world of lane `number` in an empty folder of a short path; taken away at the end."""
    tally = Tally()
    heard: list[str] = []
    sound = np.round(3000 * np.sin(np.arange(2400) / 8)).astype(np.int16)
    options = Options(welcome=False, profile=profile, answer_pcm=sound, pacing="instant")

    def executed(utterance: Utterance, _: Answer | None) -> None:
        told = tally.execute(utterance.pcm, as_recorded=utterance.came == "audio_data")
        heard.append(f"{utterance.came} {len(utterance.pcm) / RATE_HZ:.2f} s: {told}")

    async with contextlib.AsyncExitStack() as stack:
        (folder / "cards").mkdir()
        rig = stack.enter_context(alsa_rig.running(folder / "cards"))
        way = stack.enter_context(road())
        backend = await stack.enter_async_context(SimulatedBackend(options, executed))
        gate = Gate(_certificates(folder), int(backend.url.rpartition(":")[2].partition("/")[0]))
        await gate.open()
        stack.callback(gate.close)
        wire = Wire(way, lambda: gate.port)
        await wire.open()
        stack.callback(wire.close)
        names = Names(way.address)
        name_server = f"127.77.{os.getpid() % 250}.{number + 1}"  # another run has its own
        await names.open(name_server)
        stack.callback(names.close)
        url = f"wss://{HOST}:{wire.port}/v1/voice/ws"
        daemon = Daemon(folder, rig.environ, {"url": url, "profile": "auto"}, own_clock=mortal)
        daemon.serve_names_from(name_server)
        stack.callback(daemon.close)
        yield Lane(World(way, wire, gate, names, daemon), rig, words, tally, heard, first, mortal=mortal)


def _certificates(folder: Path) -> dict[str, ssl.SSLContext]:
    ours, others = Authority(folder), Authority(folder, "others")
    signed = {
        "good": ours.sign("good", HOST, begins_in=-30 * DAY, ends_in=365 * DAY),
        "another name": ours.sign("another", "elsewhere.test"),
        "expired": ours.sign("expired", HOST, -3 * DAY, -2 * DAY),
        "not yet valid": ours.sign("early", HOST, timedelta(days=2), timedelta(days=3)),
        "unknown authority": others.sign("unknown", HOST),
    }
    return {name: each.served() for name, each in signed.items()}
