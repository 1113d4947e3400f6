"""`hero365-edge demo`: the whole appliance on this machine against the simulated backend, nothing configured."""

import argparse
import asyncio
import contextlib
import dataclasses
import os
import re
import select
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from hero365_edge.app import Appliance
from hero365_edge.backend.voice import voice
from hero365_edge.cli import logging_setup
from hero365_edge.cli.picture import draw
from hero365_edge.cli.timeline import follow, table
from hero365_edge.cli.witness import Track, WitnessedMicrophone, WitnessedSpeaker
from hero365_edge.cli.world import real_world
from hero365_edge.core.lamp import Light
from hero365_edge.core.latency import Turn
from hero365_edge.core.pcm import Pcm, samples_of, silence
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.microphone import PortAudioMicrophone
from hero365_edge.devices.speaker import PortAudioSpeaker
from hero365_edge.devices.terminal import KEYS, TerminalPanel
from hero365_edge.errors import DeviceError, EdgeError
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.fakes.tokens import FakeTokens
from hero365_edge.panel_settings import Panel
from hero365_edge.ports import Microphone, Speaker
from hero365_edge.settings import Backend, Control, Settings

QUESTIONS = (("What's next on my schedule?", False), ("Create an estimate.", True))
"""What is asked, and whether the button is held meanwhile: push-to-talk, where the release is the end."""
BACKEND_START_S = 60.0
"""Its voice and its ears load their models first."""
TURN_LIMIT_S = 40.0
POLL_S = 0.05
BEFORE_WORDS_MS = 150
"""A person presses, then speaks."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("--profile", choices=("seed", "v1"), default="seed", help="what the backend speaks (%(default)s)")
    add("--answer", choices=("pcm", "opus", "mp3", "wav"), default="pcm", help="its sound (%(default)s)")
    add("--think-ms", type=int, default=200, metavar="MS", help="the backend's thinking time (%(default)s)")
    add("--no-cards", action="store_true", help="spoken questions and WAV files even where there are sound cards")
    add("--out", type=Path, default=Path("demo-out"), metavar="DIR", help="where the results go (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Have the conversation; 0 when each question got an answer that was heard."""
    logging_setup.set_up("error", os.environ)
    live = not arguments.no_cards and sys.stdin.isatty() and _has_cards()
    with _backend(arguments) as url:
        return asyncio.run(_demo(arguments, url, live))


async def _demo(arguments: argparse.Namespace, url: str, live: bool) -> int:
    settings = replace(
        Settings(),
        backend=Backend(url=url, user_id="demo", business_id="demo"),
        panel=Panel(profile="keyboard"),
        control=Control(socket=""),
    )
    clock = SystemClock()
    fingers = -1
    if live:
        microphone: Microphone = PortAudioMicrophone(clock)
        speaker: Speaker = PortAudioSpeaker(clock)
        keys = sys.stdin
    else:
        microphone = FakeMicrophone(clock, paced=True)
        speaker = FakeSpeaker(clock, paced=True)
        read_end, fingers = os.pipe()
        keys = os.fdopen(read_end)
    witnesses = WitnessedMicrophone(microphone), WitnessedSpeaker(speaker)
    panel = TerminalPanel(clock, keys, sys.stdout)
    world = dataclasses.replace(
        real_world(settings), microphone=witnesses[0], speaker=witnesses[1], panel=panel, tokens=FakeTokens()
    )
    appliance = Appliance(settings, world)
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(appliance.run(stop), name="appliance")
        following = tasks.create_task(follow(appliance), name="timeline")
        await _until(lambda: appliance.dialogue.light is Light.READY, 10.0, "the appliance did not become ready")
        if isinstance(microphone, FakeMicrophone):
            print("No sound card is used: the questions are spoken by a synthetic voice, the answers go to a WAV file.")
            turns = await _ask(appliance, microphone, fingers)
        else:
            print(f"Press and speak. {KEYS}")
            turns = await _talk(appliance, panel)
        rtt_s = appliance.connection.rtt_s
        stop.set()
        await running
        following.cancel()
    print(table(turns, rtt_s))
    _keep(arguments.out, witnesses[0].track, witnesses[1].track, turns)
    answered = [turn for turn in turns if turn.first_sample is not None]
    return 0 if turns and len(answered) == len(turns) else 1


async def _ask(appliance: Appliance, microphone: FakeMicrophone, fingers: int) -> list[Turn]:
    """Press and speak each question as a person would, and wait for its answer to end."""
    turns: list[Turn] = []
    pause = silence(samples_of(BEFORE_WORDS_MS))
    for (question, held), pcm in zip(QUESTIONS, await asyncio.to_thread(_spoken), strict=True):
        print(f'\n"{question}" ({"held" if held else "tapped"})')
        os.write(fingers, b"h" if held else b" ")
        microphone.hear(np.concatenate([pause, pcm]))
        if held:
            await _until(lambda: not microphone.to_hear_s, TURN_LIMIT_S, "the question did not end")
            os.write(fingers, b"h")
        turns.append(await _next_turn(appliance, turns))
        print(f'the agent: "{appliance.dialogue.last_text}"')
    return turns


async def _next_turn(appliance: Appliance, before: list[Turn]) -> Turn:
    await _until(lambda: appliance.dialogue.last_turn not in (None, *before), TURN_LIMIT_S, "no answer came")
    turn = appliance.dialogue.last_turn
    if turn is None:
        raise EdgeError("no answer came")
    return turn


async def _talk(appliance: Appliance, panel: TerminalPanel) -> list[Turn]:
    """Let the person at the keyboard talk until they quit."""
    turns: list[Turn] = []
    while not panel.closed.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await panel.closed.wait()
        last = appliance.dialogue.last_turn
        if last is not None and (not turns or turns[-1] is not last):
            turns.append(last)
            print(f'\nthe agent: "{last.heard}"')
    return turns


async def _until(true: Callable[[], bool], limit_s: float, otherwise: str) -> None:
    try:
        async with asyncio.timeout(limit_s):
            while not true():  # noqa: ASYNC110  what is waited for has no event of its own
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise EdgeError(f"{otherwise} within {limit_s:g} s") from None


def _spoken() -> list[Pcm]:
    """The questions, spoken by the voice that the backend has too: no recording of them is free to ship."""
    speak = voice()
    return [speak(question) for question, _ in QUESTIONS]


def _has_cards() -> bool:
    """Whether a microphone and a speaker open here."""
    async def open_both() -> bool:
        clock = SystemClock()
        cards = PortAudioSpeaker(clock), PortAudioMicrophone(clock)
        try:
            for card in cards:
                card.start()
        except DeviceError:
            return False
        finally:
            for card in cards:
                card.close()
        return True

    return asyncio.run(open_both())


@contextlib.contextmanager
def _backend(arguments: argparse.Namespace) -> Iterator[str]:
    """The simulated backend as a process of its own, as in life; its URL."""
    command = [sys.executable, "-m", "hero365_edge", "backend", "--port", "0", "--profile", arguments.profile]
    command += ["--answer", arguments.answer, "--think-ms", str(arguments.think_ms)]
    print("starting the simulated backend ...", flush=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own program
        try:
            yield _url(process)
        finally:
            process.terminate()


def _url(process: "subprocess.Popen[str]") -> str:
    if process.stdout is None or not select.select([process.stdout], [], [], BACKEND_START_S)[0]:
        raise EdgeError(f"the simulated backend did not start within {BACKEND_START_S:g} s")
    line = process.stdout.readline()
    found = re.search(r"ws://\S+", line)
    if found is None:
        raise EdgeError("the simulated backend did not start; its reason stands above")
    return found.group()


def _keep(folder: Path, microphone: Track, speaker: Track, turns: list[Turn]) -> None:
    """Write what was captured, what was played, and the picture of both."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, track in (("microphone", microphone), ("speaker", speaker)):
        if track.since is not None and track.until is not None:
            with wave.open(str(folder / f"{name}.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(track.rate_hz)
                file.writeframes(track.sound(track.since, track.until).tobytes())
    draw(folder / "timeline.png", microphone, speaker, turns)
    print(f"what was captured and what was played: {', '.join(str(path) for path in sorted(folder.iterdir()))}")
