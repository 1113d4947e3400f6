"""`hero365-edge backend`: the simulated backend by itself, with faults and pacing to choose."""

import argparse
import asyncio
import ipaddress
import os
import signal
import sys
from pathlib import Path
from typing import get_args

from hero365_edge.backend.errors import SpeechUnavailable
from hero365_edge.backend.options import Delivery, Fault, Kind, Options, Pacing, Profile
from hero365_edge.backend.records import Answer, Utterance
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.backend.sound import wav_of

TOKEN_VARIABLE = "HERO365_BACKEND_TOKEN"  # noqa: S105  the name of the variable, not a token


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    defaults = Options()
    parser.description = (
        "A backend that understands and speaks, on this machine. A client's token is checked when "
        f"{TOKEN_VARIABLE} is set."
    )
    parser.add_argument("--host", default=defaults.host, help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=8365, help="port, 0 for any (%(default)s)")
    parser.add_argument("--allow-remote", action="store_true", help="let --host be other than loopback")
    _choice(parser, "--profile", Profile, defaults.profile, "seed knows only the seed protocol")
    _choice(parser, "--answer", Kind, defaults.answer, "what the sound of answers is")
    _choice(parser, "--delivery", Delivery, defaults.delivery, "as binary messages, or inside agent_response")
    _choice(parser, "--pacing", Pacing, defaults.pacing, "how fast streamed answers are sent")
    parser.add_argument("--think-ms", type=int, default=defaults.think_ms, metavar="MS", help="before each answer")
    parser.add_argument("--fault", choices=get_args(Fault), help="what goes wrong")
    parser.add_argument("--fault-count", type=int, metavar="N", help="only the first N times (always)")
    parser.add_argument("--no-realtime", action="store_true", help="take only audio_data, as the seed allows")
    parser.add_argument("--save", type=Path, metavar="DIR", help="keep each utterance as a WAV file there")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM. 0 done, 1 it could not serve, 2 wrong arguments."""
    if not arguments.allow_remote and not _is_loopback(arguments.host):
        return _complain(f"--host {arguments.host} is not loopback; say --allow-remote if you mean it", 2)
    try:
        options = Options(
            host=arguments.host,
            port=arguments.port,
            token=os.environ.get(TOKEN_VARIABLE) or None,
            profile=arguments.profile,
            answer=arguments.answer,
            delivery=arguments.delivery,
            pacing=arguments.pacing,
            think_ms=arguments.think_ms,
            fault=arguments.fault,
            fault_count=arguments.fault_count,
            realtime_available=not arguments.no_realtime,
        )
    except ValueError as error:
        return _complain(str(error), 2)
    try:
        if arguments.save:
            arguments.save.mkdir(parents=True, exist_ok=True)
        asyncio.run(_serve(options, arguments.save))
    except SpeechUnavailable as error:
        return _complain(str(error), 1)
    except OSError as error:
        return _complain(f"cannot serve on {arguments.host} port {arguments.port}: {error}", 1)
    return 0


async def _serve(options: Options, folder: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    turns = 0

    def tell(utterance: Utterance, answer: Answer | None) -> None:
        nonlocal turns
        turns += 1
        print(_line(turns, utterance, answer), flush=True)
        if folder and utterance.pcm.size:
            (folder / f"{turns:04}-{utterance.came}.wav").write_bytes(wav_of(utterance.pcm))

    async with SimulatedBackend(options, on_turn=tell) as backend:
        print(f"listening on {backend.url}", flush=True)
        await stop.wait()


def _line(turn: int, utterance: Utterance, answer: Answer | None) -> str:
    heard = f"{utterance.came} {utterance.pcm.size / 16_000:.1f} s: {utterance.text or 'nothing understood'}"
    if answer is None:
        return f"{turn}  {heard} -> no answer"
    fate = "" if answer.complete else " (cancelled)" if answer.cancelled else " (cut off)"
    return f"{turn}  {heard} -> {answer.text}{fate}"


def _choice(parser: argparse.ArgumentParser, name: str, choices: object, default: str, help_text: str) -> None:
    parser.add_argument(name, choices=get_args(choices), default=default, help=f"{help_text} (%(default)s)")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _complain(text: str, code: int) -> int:
    print(f"hero365-edge backend: {text}", file=sys.stderr)
    return code
