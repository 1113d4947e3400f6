"""Two daemons, their vmagents and a store that goes away: what is lost is what was on its way when vmagent was killed.

Many vmagents watch the second daemon, and each is killed at another moment between two scrapes: what it loses depends
on that. Scrapes come each 8 s, as on a device; the store is away for 40 s, nightly for 10 minutes.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from tests.scraping import free_port
from tests.telemetry import Agent, Program, Store, agent_interval_s, running

DEAD_S = 0.25
"""The unit's RestartSec."""
EVENLY, SOON_AFTER, SOON_S = 18, 12, 1.5
"""So many are killed in even steps of the interval, and so many within so long after a scrape."""
KILLED = EVENLY + SOON_AFTER
MAY_LOSE_S = 10.0
"""At any moment: the scrape that is on its way, and one that it was killed SOON_S behind but for the time until vmagent
scrapes again, which it does as soon as it has started."""
ALL = '{__name__=~"hero365_edge_.+"}'
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
async def fleet(folder: Path, every_s: float) -> AsyncIterator[tuple[Store, list[Agent]]]:
    """Two devices that report to a store, and the many vmagents of the second."""
    options = Options(welcome=False, answer_pcm=np.zeros(1600, np.int16), answer_text="")
    async with SimulatedBackend(options) as backend:
        store = Store(folder)
        url = f"http://{store.address}/api/v1/write"
        (steady, at_steady), (watched, at_watched) = (daemon(folder, name, backend.url) for name in ("one", "other"))
        agents = [Agent(folder, f"killed-{number:02}", at_watched, url, every_s) for number in range(KILLED)]
        async with running(store, steady, watched, Agent(folder, "steady", at_steady, url, every_s), *agents):
            yield store, agents


def lost_s(times: list[float], every_s: float, since: float) -> float:
    """How much longer all gaps since then are than they should be."""
    return sum(max(0.0, later - at - every_s) for at, later in pairwise(times) if later > since)


def missing(times: list[float], every_s: float) -> int:
    """How many samples should be there and are not."""
    return round((times[-1] - times[0]) / every_s) + 1 - len(times)


def moments_s(every_s: float) -> list[float]:
    """When to kill, after a scrape that is not taken: in the interval that it begins, the next, and the third."""
    evenly = [every_s * (number % 3 + number / EVENLY) for number in range(EVENLY)]
    return evenly + [every_s * (number % 3) + SOON_S * number / SOON_AFTER for number in range(SOON_AFTER)]


@dataclass(frozen=True, slots=True)
class Lost:
    """What a vehicle lost, of the series that lost most, and of all on the average."""

    most_s: float
    mean_s: float

    def __str__(self) -> str:
        return f"{self.most_s:.1f} ({self.mean_s:.1f})"


async def lost_of_each(store: Store, every_s: float, began: float) -> dict[str, Lost]:
    """What each vehicle lost of the series that it had when the outage began, by its name."""
    found: dict[str, list[float]] = {}
    for line in (await store.get("/api/v1/export", {"match[]": ALL})).splitlines():
        series = json.loads(line)
        times = sorted(at / 1000 for at in series["timestamps"])
        if times[0] < began:
            found.setdefault(series["metric"]["vehicle"], []).append(lost_s(times, every_s, began - every_s))
    return {vehicle: Lost(max(each), sum(each) / len(each)) for vehicle, each in found.items()}


async def killed_at(moment: float, agent: Agent) -> None:
    """Kill it then, and start it again as systemd does."""
    await asyncio.sleep(moment - time.time())
    await agent.stop(signal.SIGKILL)
    await asyncio.sleep(DEAD_S)
    await agent.start()


@pytest.mark.parametrize(
    ("outage_s", "killed_from_s"),
    [(40.0, 0.0), pytest.param(600.0, 300.0, marks=pytest.mark.nightly)],
    ids=["brief", "long"],
)
async def test_an_outage_loses_nothing_and_a_vmagent_killed_at_any_moment_what_is_on_its_way(
    tmp_path: Path, outage_s: float, killed_from_s: float
) -> None:
    every_s = agent_interval_s()
    async with fleet(tmp_path, every_s) as (store, agents):
        before = await sampled(store, after=0.0, limit_s=2 * every_s + 20)
        began = time.time()
        await store.stop()
        late = sorted(killed_from_s + late_s for late_s in moments_s(every_s))
        after_s = dict(zip((agent.vehicle for agent in agents), late, strict=True))
        moments = {}
        for vehicle, late_s in after_s.items():
            scraped_at = before[vehicle][-1]
            moments[vehicle] = scraped_at + every_s * (1 + (began - scraped_at) // every_s) + late_s
        assert max(moments.values()) < began + outage_s
        await asyncio.gather(*(killed_at(moments[agent.vehicle], agent) for agent in agents))
        await asyncio.sleep(began + outage_s - time.time())
        await store.start()
        # vmagent doubles its pause between two tries up to a minute.
        times = await sampled(store, after=time.time() + every_s, limit_s=75 + 2 * every_s)
        lost = await lost_of_each(store, every_s, began)
        told = ", ".join(f"{late_s:.1f} s: {lost[vehicle]}" for vehicle, late_s in after_s.items())
        print(f"outage {outage_s:g} s; lost, most (mean), s: steady {lost['steady']}; killed after {told}")  # noqa: T201  for -s
        assert missing(times["steady"], every_s) == 0
        late_s = lost["steady"].most_s  # a busy computer scrapes late, and makes up for it
        assert late_s < 0.5 * every_s
        assert max(lost[vehicle].most_s for vehicle in after_s) < MAY_LOSE_S + late_s


async def sampled(store: Store, after: float, limit_s: float) -> dict[str, list[float]]:
    """When each vehicle was sampled, once the store has a sample of each from after that time."""
    async with asyncio.timeout(limit_s):
        while True:
            times = await store.times(SERIES)
            if len(times) == 1 + KILLED and min(at[-1] for at in times.values()) > after:
                return times
            await asyncio.sleep(0.3)
