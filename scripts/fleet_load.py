"""Restarts the simulated backend under many devices, and shows in which seconds they come back.

Some are whole daemons (`hero365-edge run`, without cards and panel), as many as fit; the others are the same
connection, session and WebSocket, many to a process, without the rest of the program. All on loopback, without TLS.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np

from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.connection import Backend, Connection
from hero365_edge.core import events as ev
from hero365_edge.core import handshake, situation
from hero365_edge.core import messages as m
from hero365_edge.core.session import Session
from hero365_edge.core.states import RESTING
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.link import WebSocketDialer
from hero365_edge.fakes.tokens import FakeTokens
from hero365_edge.fleet.control import request

ROOT = Path(__file__).parents[1]
MOST_SHARE = 0.05
"""Of the reconnects, in any second."""
OPENING_S = 120.0
SLACK_S = 15.0
ASK_S = 5.0


class Device:
    """A device less its sound and its panel: nobody ever presses here."""

    def __init__(self, url: str, spread_s: float) -> None:
        self._clock = SystemClock()
        self._session = Session(situation.Limits(), lambda: str(uuid.uuid4()), self._clock.now())
        backend = Backend(url, "u", "b", "both", "auto", "pcm16", 10.0, handshake.Limits(), spread_s)
        self.connection = Connection(self._clock, WebSocketDialer(), backend, FakeTokens("t"), self)

    def _happen(self, event: ev.Event) -> None:
        self._session.handle(event, self._clock.now())

    def link_up(self, agreement: handshake.Agreement) -> None:
        """A session is on."""
        self._happen(ev.LinkUp(agreement, self._clock.now()))

    def link_down(self, refused: bool, tell: bool, too_big: bool, hung_up: bool) -> None:
        """It is no more."""
        self._happen(ev.LinkDown(self._clock.now(), refused, tell, too_big, hung_up))

    def message(self, message: m.AnyMessage) -> None:
        """Something came."""
        self._happen(ev.Received(message, self._clock.now()))

    def sound(self, data: bytes) -> None:
        """Nobody listens."""

    def idle(self) -> bool:
        """As `Dialogue.idle`."""
        return self._session.state in RESTING and not self._session.waiting


async def be_devices(url: str, count: int, spread_s: float) -> None:
    """This process is so many devices, until it is ended."""
    async with asyncio.TaskGroup() as tasks:
        for _ in range(count):
            tasks.create_task(Device(url, spread_s).connection.run())


@contextlib.asynccontextmanager
async def processes(commands: list[list[str]]) -> AsyncIterator[None]:
    """Programs of this Python, ended at the end."""
    started = []
    try:
        for command in commands:
            quiet = asyncio.subprocess.DEVNULL
            environ = {**os.environ, "PYTHONPATH": str(ROOT)}
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command, stdin=quiet, stdout=quiet, stderr=quiet, env=environ
            )
            started.append(process)
        yield
        if ended := [process.returncode for process in started if process.returncode is not None]:
            raise SystemExit(f"some ended by themselves, with {ended}")
    finally:
        for process in started:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        await asyncio.gather(*(process.wait() for process in started))


def daemon(folder: Path, url: str, spread_s: float) -> list[str]:
    """The arguments of one whole daemon with a folder of its own."""
    folder.mkdir()
    (folder / "token").write_text("t")
    settings = {
        "backend": {
            "url": url,
            "user_id": "u",
            "business_id": "b",
            "token_file": str(folder / "token"),
            "reconnect_spread_s": spread_s,
        },
        "audio": {"input": {"device": "no such card"}, "output": {"device": "no such card"}},
        "panel": {"profile": "none"},
        "control": {"socket": str(folder / "control.sock")},
    }
    (folder / "config.yaml").write_text(json.dumps(settings))
    return ["-m", "hero365_edge", "run", "--config", str(folder / "config.yaml")]


async def ask(folders: list[Path], **message: object) -> list[dict[str, Any]]:
    """What each daemon answers."""
    asked = (asyncio.to_thread(request, folder / "control.sock", message, ASK_S) for folder in folders)
    return await asyncio.gather(*asked)


async def load(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Open, talk, restart the backend, and count."""
    chime = (3000 * np.sin(np.arange(1600) / 8)).astype(np.int16)
    opening = Options(welcome=False, answer_pcm=chime, pacing="instant")
    folders = [folder / str(number) for number in range(arguments.daemons)]
    rest = arguments.sessions - arguments.daemons
    async with contextlib.AsyncExitStack() as stack:
        backend = SimulatedBackend(opening)
        await backend.__aenter__()
        url, port = backend.url, int(backend.url.rpartition(":")[2].partition("/")[0])
        commands = [daemon(each, url, arguments.spread) for each in folders]
        for number in range(arguments.processes):
            share = rest // arguments.processes + (number < rest % arguments.processes)
            commands.append(
                [__file__, "--devices-of", url, "--sessions", str(share), "--spread", str(arguments.spread)]
            )
        await stack.enter_async_context(processes(commands))
        await backend.wait_for(lambda: started(backend) == arguments.sessions, OPENING_S)
        await asyncio.sleep(1.0)
        answers = await ask(folders, do="say", text="What is next?")
        await backend.wait_for(lambda: len(backend.answers) == len(answers), ASK_S)
        own = {answer.utterance.session_id for answer in backend.answers}
        violations = list(backend.violations)
        await asyncio.sleep(1.0)

        gone_at = time.monotonic()
        if arguments.how == "reset":
            await backend.drop_links()
        await backend.__aexit__(None, None, None)
        closed_s = time.monotonic() - gone_at
        await asyncio.sleep(max(0.0, arguments.down - closed_s))
        again = await stack.enter_async_context(SimulatedBackend(Options(**{**chosen(opening), "port": port})))
        back_s = time.monotonic() - gone_at
        patience_s = 2 * max(arguments.spread, 30.0) + SLACK_S
        await again.wait_for(lambda: started(again) >= arguments.sessions, patience_s)
        came_s = [at - gone_at for at in again.opened_at]
        status = await ask(folders, do="status")
    seconds = Counter(int(at) for at in came_s)
    return {
        "sessions": arguments.sessions,
        "whole_daemons": arguments.daemons,
        "how": arguments.how,
        "spread_s": arguments.spread,
        "down_s": round(back_s, 2),
        "all_back_after_s": round(max(came_s), 1),
        "reconnects": len(came_s),
        "most_in_a_second": max(seconds.values()),
        "most_share": round(max(seconds.values()) / len(came_s), 4),
        "daemons_with_a_session": sum(each["link"]["state"] == "active" for each in status),
        "daemons_that_were_answered": len(own),
        "violations": violations + again.violations,
        "per_second": [seconds[second] for second in range(max(seconds) + 1)],
    }


def chosen(options: Options) -> dict[str, Any]:
    """What was chosen of it, to be chosen again."""
    return {"welcome": options.welcome, "answer_pcm": options.answer_pcm, "pacing": options.pacing}


def started(backend: SimulatedBackend) -> int:
    """How many sessions were begun."""
    return sum(message.get("type") == "start_session" for message in backend.received)


def draw(figures: dict[str, Any], file: Path) -> None:
    """Arrivals in each second, and the limit."""
    from matplotlib.figure import Figure  # noqa: PLC0415  only who wants a picture waits for it

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.bar(range(len(figures["per_second"])), figures["per_second"], align="edge", color="#1565c0")
    limit = MOST_SHARE * figures["sessions"]
    axes.axhline(limit, color="#c62828", label=f"5 % of {figures['sessions']}")
    axes.axvspan(0, figures["down_s"], color="#eceff1", label="no backend")
    axes.set(xlabel="seconds after the backend ended its links", ylabel="links opened in a second")
    axes.legend()
    figure.savefig(file, dpi=110)


def main() -> int:
    """Run it. 0 when no second saw too many and every daemon came back."""
    parser = argparse.ArgumentParser(prog="scripts/fleet-load", description=__doc__)
    parser.add_argument("--sessions", type=int, default=200, help="how many devices in all (%(default)s)")
    parser.add_argument("--daemons", type=int, default=8, help="how many of them are whole daemons (%(default)s)")
    parser.add_argument("--processes", type=int, default=4, help="over how many the others are shared (%(default)s)")
    parser.add_argument("--down", type=float, default=5.0, help="seconds until there is a backend again (%(default)s)")
    how = ("goodbye", "reset")
    parser.add_argument("--how", choices=how, default="goodbye", help="by close code 1001, or as if it was killed")
    parser.add_argument("--spread", type=float, default=60.0, help="backend.reconnect_spread_s (%(default)s)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="arrivals per second, as PNG or SVG")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--devices-of", metavar="URL", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.devices_of:
        asyncio.run(be_devices(arguments.devices_of, arguments.sessions, arguments.spread))
    with tempfile.TemporaryDirectory(prefix="f") as folder:
        figures = asyncio.run(load(arguments, Path(folder)))
    for second, count in enumerate(figures["per_second"]):
        print(f"{second:4} s {count:4} {'#' * count}")
    print(json.dumps({key: value for key, value in figures.items() if key != "per_second"}, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    if arguments.picture:
        draw(figures, arguments.picture)
    daemons = (figures["daemons_with_a_session"], figures["daemons_that_were_answered"])
    good = figures["most_share"] <= MOST_SHARE and daemons == (arguments.daemons,) * 2 and not figures["violations"]
    print("good" if good else "MISSED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
