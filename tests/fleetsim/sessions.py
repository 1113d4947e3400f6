"""A few vans with real sessions, a vmagent each, and a store that is stopped once and killed once."""

import asyncio
import contextlib
import re
import signal
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from tests.appliance import answer, until
from tests.fleetsim.vans import SimulatedVan
from tests.telemetry import Agent, Store, running

TURN_EVERY_S = 2.0
TURNS_LIMIT_S = 60.0
"""Each van has had a turn by then."""
QUIET_SCRAPES = 3
"""So many pass before anybody speaks."""
BACK_LIMIT_S = 90.0
"""vmagent doubles its pause between two tries up to a minute."""
ONCE = "-dedup.minScrapeInterval=1ms"
"""A flag of the store: what is sent again because nobody said that it had arrived counts once."""
IN_FLIGHT_S = 0.3
"""A scrape takes less."""
THINK_MS = 300


@dataclass(frozen=True, slots=True)
class Outage:
    """What a store that was away cost."""

    how: str
    away_s: float
    back_s: float
    """How long after its return until it had what had waited for it."""
    sent: int
    """Samples that it should have by then, in all."""
    lost: int
    """Of these, those that it has not, counted by query; without those of the outage before."""

    def __str__(self) -> str:
        times = f"store away for {self.away_s:g} s, caught up {self.back_s:.1f} s after its return"
        return f"{self.how}, {times}: {self.lost:,} of {self.sent:,} samples lost"


@dataclass(frozen=True, slots=True)
class Sessions:
    """What a few vans told."""

    vans: int
    every_s: float
    lasted_s: float
    turns: int
    failed_turns: int
    series: int
    """Of all vans together."""
    sent_samples: int
    sent_bytes: int
    outages: tuple[Outage, ...]
    export: bytes
    """Everything, as VictoriaMetrics exports it: one series a line."""


async def sessions(vans: int, every_s: float, seconds: float, outage_s: float, folder: Path) -> Sessions:
    """Let so many vans drive for so long at least, scraped so often; each has a turn behind the last outage.

    Raises TimeoutError when something hangs.
    """
    options = Options(welcome=False, profile="v1", think_ms=THINK_MS, answer_pcm=answer(16_000), answer_text="Done.")
    began = time.monotonic()
    async with SimulatedBackend(options) as backend, contextlib.AsyncExitStack() as stack:
        store = Store(folder, ONCE)
        fleet = [SimulatedVan(backend.url, number, _made(folder / f"{number}")) for number in range(vans)]
        agents = [Agent(folder, van.name, van.listen, f"http://{store.address}/api/v1/write", every_s) for van in fleet]
        await stack.enter_async_context(running(store, *agents))
        for van in fleet:
            await stack.enter_async_context(van.on_the_road())
        await asyncio.sleep(QUIET_SCRAPES * every_s)
        talking = [asyncio.create_task(van.talk(TURN_EVERY_S)) for van in fleet]
        try:
            outages: list[Outage] = []
            for how in (signal.SIGTERM, signal.SIGKILL):
                await asyncio.sleep(seconds / 3)
                lost_before = sum(each.lost for each in outages)
                outages.append(await _outage(store, agents, how, outage_s, lost_before))
            heard = {van: van.turns for van in fleet}
            await asyncio.sleep(max(seconds / 3, began + seconds - time.monotonic()))
            await until(lambda: all(van.turns > before for van, before in heard.items()), TURNS_LIMIT_S)
            await asyncio.sleep(2 * every_s)
        finally:
            for task in talking:
                task.cancel()
            await asyncio.wait(talking)
        scraped, sent_bytes = await _totals(agents)
        return Sessions(
            vans=vans,
            every_s=every_s,
            lasted_s=time.monotonic() - began,
            turns=sum(van.turns for van in fleet),
            failed_turns=sum(van.failed for van in fleet),
            series=int(float((await store.query('count(last_over_time({vehicle!=""}[1h]))'))[0]["value"][1])),
            sent_samples=scraped,
            sent_bytes=sent_bytes,
            outages=tuple(outages),
            export=await store.get("/api/v1/export", {"match[]": '{vehicle!=""}'}, 30.0),
        )


async def _outage(store: Store, agents: Sequence[Agent], how: signal.Signals, away_s: float, lost: int) -> Outage:
    """The store goes away and comes back; `lost` were lost before."""
    await store.stop(how)
    await asyncio.sleep(away_s)
    await store.start()
    returned, back_s = time.time(), 0.0
    async with asyncio.timeout(BACK_LIMIT_S):
        while True:
            at, scraped = await _scraped_by(agents)
            await _has_all_until(at, store, len(agents))
            back_s = back_s or time.time() - returned
            stored = await store.query('sum(count_over_time({__name__=~"hero365_edge_.+"}[1d]))', at)
            lost_now = scraped - int(float(stored[0]["value"][1])) - lost
            if lost_now >= 0:  # else a slow scrape was on its way after all, and is in the store, and not counted
                return Outage(how.name, away_s, back_s, scraped, lost_now)


async def _has_all_until(at: float, store: Store, vans: int) -> None:
    """Wait for what each van told at that time."""
    while True:
        newest = await store.query("max(timestamp(up)) by (vehicle)")
        if len(newest) == vans and min(float(each["value"][1]) for each in newest) >= at:
            return
        await asyncio.sleep(0.2)


async def _scraped_by(agents: Sequence[Agent]) -> tuple[float, int]:
    """A time, and how many samples had been scraped by then; a time at which no scrape was on its way."""
    async with asyncio.timeout(BACK_LIMIT_S):
        while True:
            before, _ = await _totals(agents)
            at = time.time()
            await asyncio.sleep(IN_FLIGHT_S)
            if (await _totals(agents))[0] == before:
                return at, before


async def _totals(agents: Sequence[Agent]) -> tuple[int, int]:
    """How many samples vmagents scraped, and how many bytes they sent, by their own metrics."""

    def fetch(address: str) -> str:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as told:
            return str(told.read().decode())

    texts = await asyncio.gather(*(asyncio.to_thread(fetch, agent.address) for agent in agents))
    scraped = sum(_value(text, "vm_promscrape_scraped_samples_sum") for text in texts)
    return scraped, sum(_value(text, "vmagent_remotewrite_conn_bytes_written_total") for text in texts)


def _value(text: str, name: str) -> int:
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"vmagent tells no {name}")
    return int(float(found.group(1)))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
