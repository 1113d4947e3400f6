"""What `hero365-edge run` costs while nobody speaks, beside a process that only imports the same libraries.

The daemon has a session with the simulated backend and captures from a real ALSA device (PulseAudio's null sink), as
it does in a van; once more with its metrics on, scraped as vmagent does. Each figure is the median of several runs,
with the smallest and the largest behind it.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from tests import alsa_rig
from tests.scraping import free_port
from tests.telemetry import agent_interval_s

LIBRARIES = (
    "asyncio, msgspec, yaml, numpy, websockets.asyncio.client, soxr, pyaudio, webrtcvad, opuslib.api.encoder, gpiozero"
)
IMPORT_ONLY = f"import {LIBRARIES}, os, socket, time\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
IMPORT_ONLY += "s.sendto(b'READY=1', os.environ['NOTIFY_SOCKET'])\ntime.sleep(3600)"
AIMS = {"ready_s": "< 1", "cpu_percent": "< 2", "rss_mb": "< 60"}
MAY_COST = {"ready_s": "", "cpu_percent": "< 0.5", "rss_mb": "< 3"}
"""What metrics may add."""
READY_LIMIT_S = 30.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


@dataclass(frozen=True)
class Cost:
    """What one run of one process cost."""

    ready_s: float
    """From exec to READY=1."""
    cpu_percent: float
    """Share of one core while idle."""
    rss_mb: float
    """Resident memory at the end."""


def cost_of(command: Sequence[str], environ: dict[str, str], idle_s: float, scraped: str) -> Cost:
    """Run `command` until it says READY=1, leave it alone but for the scrapes of this URL, measure, stop it."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        path = str(Path(folder) / "notify")
        notified.bind(path)
        notified.settimeout(READY_LIMIT_S)
        began = time.monotonic()
        with subprocess.Popen(command, env={**environ, "NOTIFY_SOCKET": path}, stderr=subprocess.DEVNULL) as process:
            try:
                while b"READY=1" not in notified.recv(4096):
                    pass
                ready_s = time.monotonic() - began
                time.sleep(3.0)  # cards open, the session begins
                before, since = _cpu_s(process.pid), time.monotonic()
                while (left_s := since + idle_s - time.monotonic()) > 0:
                    if scraped:
                        with urllib.request.urlopen(scraped, timeout=5) as answer:  # noqa: S310  of our own making
                            answer.read()
                    time.sleep(min(left_s, agent_interval_s()))  # to be left alone is what is measured
                cpu_s = _cpu_s(process.pid) - before
                elapsed_s = time.monotonic() - since
                rss_mb = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * PAGE_MB
            finally:
                process.terminate()
    return Cost(ready_s, 100 * cpu_s / elapsed_s, rss_mb)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


async def measure(runs: int, idle_s: float) -> dict[str, list[Cost]]:
    """The costs of the daemon and of the imports alone, in turn, so that a noisy moment meets both."""
    with tempfile.TemporaryDirectory() as name, alsa_rig.running(Path(name)) as rig:
        options = Options(welcome=False, answer_pcm=np.zeros(1600, np.int16), answer_text="")
        async with SimulatedBackend(options) as backend:
            listen = f"127.0.0.1:{free_port()}"
            settings = (
                f"backend: {{url: '{backend.url}', user_id: u, business_id: b}}\n"
                "audio: {input: {device: hero_mic}, output: {device: hero_spk}}\n"
                f"panel: {{profile: none}}\ncontrol: {{socket: {name}/control.sock}}\n"
            )
            config, with_metrics = Path(name) / "config.yaml", Path(name) / "metrics.yaml"
            config.write_text(settings)
            with_metrics.write_text(f"{settings}metrics: {{listen: '{listen}'}}\n")
            run = [sys.executable, "-m", "hero365_edge", "run", "--config"]
            commands = {
                "daemon": ([*run, str(config)], ""),
                "with metrics": ([*run, str(with_metrics)], f"http://{listen}/metrics"),
                "imports alone": ([sys.executable, "-c", IMPORT_ONLY], ""),
            }
            costs: dict[str, list[Cost]] = {name: [] for name in commands}
            for _ in range(runs):
                for each, (command, scraped) in commands.items():
                    costs[each].append(await asyncio.to_thread(cost_of, command, dict(rig.environ), idle_s, scraped))
    return costs


def main() -> int:
    """Measure, print the table, write JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of each (%(default)s)")
    parser.add_argument("--idle-s", type=float, default=20.0, help="how long to leave each alone (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run's figures there too")
    arguments = parser.parse_args()
    costs = asyncio.run(measure(arguments.runs, arguments.idle_s))
    print(f"{'':14}{'exec to READY, s':>24}{'CPU, % of a core':>24}{'resident, MB':>24}")
    for name, each in costs.items():
        print(f"{name:14}" + "".join(f"{_spread([getattr(cost, figure) for cost in each]):>24}" for figure in AIMS))
    print(f"{'aim (daemon)':14}" + "".join(f"{aim:>24}" for aim in AIMS.values()))
    middle = {
        name: [statistics.median(getattr(cost, figure) for cost in each) for figure in AIMS]
        for name, each in costs.items()
    }
    added = [more - less for less, more in zip(middle["daemon"], middle["with metrics"], strict=True)]
    print(f"{'metrics add':14}" + "".join(f"{more:>24.2f}" for more in added))
    print(f"{'they may':14}" + "".join(f"{aim:>24}" for aim in MAY_COST.values()))
    if arguments.json:
        arguments.json.write_text(json.dumps({name: [vars(cost) for cost in each] for name, each in costs.items()}))
    return 0


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


if __name__ == "__main__":
    sys.exit(main())
