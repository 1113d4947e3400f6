"""Two daemons, their vmagents and a store that goes away: what is lost is what was on its way when vmagent was killed.

By default scrapes come each second, and the store is away for 30 s; nightly each 10 s as on a device, for 10 minutes.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from tests.scraping import free_port
from tests.telemetry import Agent, Program, Store, running

DEAD_S = 0.25
"""The unit's RestartSec."""
MAY_LOSE_S = 10.0
"""The scrape that was on its way; each 10 s, another one if vmagent dies within half a second of it."""
SERIES = 'hero365_edge_link_state{state="active"}'


def daemon(folder: Path, name: str, backend: str) -> tuple[Program, str]:
    """`hero365-edge run` without cards, and where it serves its metrics."""
    listen = f"127.0.0.1:{free_port()}"
    home = folder / name
    home.mkdir()
    settings = {
        "backend": {"url": backend, "user_id": "u", "business_id": "b"},
        "audio": {"input": {"device": "no such card"}, "output": {"device": "no such card"}},
        "panel": {"profile": "none"},
        "control": {"socket": str(home / "control.sock")},
        "metrics": {"listen": listen},
    }
    (home / "config.yaml").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "hero365_edge", "run", "--config", str(home / "config.yaml")]
    environ = {"HOME": str(home), "PYTHONPATH": os.environ.get("PYTHONPATH", str(Path(__file__).parents[2]))}
    return Program(command, environ, home / "log"), listen


@contextlib.asynccontextmanager
async def fleet(folder: Path, every_s: float) -> AsyncIterator[tuple[Store, Agent]]:
    """Two devices that report to a store, and the vmagent of the second."""
    options = Options(welcome=False, answer_pcm=np.zeros(1600, np.int16), answer_text="")
    async with SimulatedBackend(options) as backend:
        store = Store(folder)
        url = f"http://{store.address}/api/v1/write"
        (steady, at_steady), (killed, at_killed) = (daemon(folder, name, backend.url) for name in ("steady", "killed"))
        agents = Agent(folder, "steady", at_steady, url, every_s), Agent(folder, "killed", at_killed, url, every_s)
        async with running(store, steady, killed, *agents):
            yield store, agents[1]


def lost_s(times: list[float], every_s: float, since: float) -> float:
    """How much longer all gaps since then are than they should be."""
    return sum(max(0.0, later - at - every_s) for at, later in pairwise(times) if later > since)


@pytest.mark.parametrize(
    ("outage_s", "every_s"), [(30.0, 1.0), pytest.param(600.0, 10.0, marks=pytest.mark.nightly)], ids=["brief", "long"]
)
async def test_an_outage_loses_nothing_and_a_killed_vmagent_ten_seconds_at_most(
    tmp_path: Path, outage_s: float, every_s: float
) -> None:
    async with fleet(tmp_path, every_s) as (store, killed):
        scraped_at = (await sampled(store, after=0.0, limit_s=2 * every_s + 20))["killed"][-1]
        began = time.time()
        await store.stop()
        await asyncio.sleep(outage_s / 2)
        await asyncio.sleep(every_s / 2 - (time.time() - scraped_at) % every_s + every_s)  # between two scrapes
        await killed.stop(signal.SIGKILL)
        await asyncio.sleep(DEAD_S)
        await killed.start()
        await asyncio.sleep(began + outage_s - time.time())
        await store.start()
        # vmagent doubles its pause between two tries up to a minute.
        times = await sampled(store, after=time.time() + every_s, limit_s=75 + 2 * every_s)
        lost = {vehicle: lost_s(at, every_s, began - every_s) for vehicle, at in times.items()}
        print(f"outage {outage_s:g} s, a scrape each {every_s:g} s; lost, s: {lost}")  # noqa: T201  the figure
        assert set(lost) == {"steady", "killed"}
        assert max(later - at for at, later in pairwise(times["steady"])) < 1.5 * every_s
        assert lost["steady"] < 0.5 * every_s
        assert lost["killed"] < MAY_LOSE_S + 0.5


async def sampled(store: Store, after: float, limit_s: float) -> dict[str, list[float]]:
    """When each of the two vehicles was sampled, once the store has a sample of each from after that time."""
    async with asyncio.timeout(limit_s):
        while True:
            times = await store.times(SERIES)
            if len(times) == 2 and min(at[-1] for at in times.values()) > after:
                return times
            await asyncio.sleep(0.3)
