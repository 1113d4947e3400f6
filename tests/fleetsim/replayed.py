"""A day of a large fleet, pushed into a store that is stopped once and killed once; then each device at once, now."""

import asyncio
import contextlib
import http.client
import os
import re
import signal
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np

from hero365_edge.bench.fleet_replay import Steps, as_scrape, as_series, life, of_device
from tests.fleetsim.sessions import ONCE, Outage
from tests.telemetry import Store, running

LIVES = 20
"""So many are made; devices share them, each at its own time."""
BODY_BYTES = 4_000_000
PUSHERS = 2
DAY_S = 86_400
AWAY_LIMIT_S = 120.0
MERGE_LIMIT_S = 300.0
QUERY_LIMIT_S = 600.0
COUNTED = f'sum(count_over_time({{vehicle!=""}}[{DAY_S}s]))'
INDEXED = f'count(last_over_time({{vehicle!=""}}[{DAY_S}s]))'
LIVE_ROUNDS = 5
"""The first has the store get to know each series on this day; the CPU is counted over those behind it."""
FLAGS = (ONCE, "-search.maxUniqueTimeseries=100000000", "-search.maxQueryDuration=10m", "-search.maxSamplesPerQuery=0")


@dataclass(frozen=True, slots=True)
class Day:
    """What a store was measured to need for one day of a fleet."""

    devices: int
    on_s: float
    series: int
    pushed: int
    """Samples that the store said it had."""
    pushing_s: float
    """Outages and counting included."""
    outages: tuple[Outage, ...]
    flushed_bytes: int
    """On disk before the final merge."""
    data_bytes: int
    index_bytes: int
    """Both when merged."""
    indexed_series: int
    """Those of which nothing is left since the store was killed are not in its index."""
    empty_memory_bytes: int
    memory_bytes: int
    """Its own, no pages of files, started anew and told of each device `LIVE_ROUNDS` times."""
    live_samples: int
    live_cpu_s: float

    @property
    def stored(self) -> int:
        """Samples that the store has."""
        return self.pushed - sum(each.lost for each in self.outages)


async def day(
    steps: Steps, devices: int, on_s: float, every_s: float, turns_per_hour: float, outage_s: float, folder: Path
) -> Day:
    """Push it and measure. Raises TimeoutError when the store hangs or stays away."""
    dice = np.random.default_rng(1)
    scrapes = round(on_s / every_s)
    lives = [life(steps, scrapes, turns_per_hour * every_s / 3600, dice) for _ in range(LIVES)]
    store = Store(folder, *FLAGS)
    async with running(store):
        empty = await _memory(store)
        templates = [as_series(steps, values) for values in lives]
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        times = _times(midnight - DAY_S, devices, on_s, every_s, dice)
        bodies = (of_device(templates[number % LIVES], _name(number), each) for number, each in enumerate(times))
        began = time.monotonic()
        outages: list[Outage] = []
        sent = 0
        for how, part in ((signal.SIGTERM, devices - devices // 2), (signal.SIGKILL, devices // 2)):
            pusher = _Pusher(store, "/api/v1/import", part)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(pusher.push(islice(bodies, part)))
                away = tasks.create_task(_outage(store, pusher, how, outage_s))
            sent += part * len(steps.labels) * scrapes
            found = await store.query(COUNTED, midnight, QUERY_LIMIT_S)
            lost = sent - sum(each.lost for each in outages) - int(float(found[0]["value"][1]))
            outages.append(Outage(how.name, outage_s, away.result(), sent, lost))
        pushing_s = time.monotonic() - began
        places = folder / "data" / "data", folder / "data" / "indexdb"
        flushed = sum(map(_bytes, places))
        await _merge(store)
        data, index = map(_bytes, places)
        indexed = await store.query(INDEXED, midnight, QUERY_LIMIT_S)
        await store.stop()
        await store.start()  # so that its memory is not what pushing and counting took
        live = await _live(store, [as_scrape(steps, values[-1]) for values in lives], devices, every_s)
        memory = await _memory(store)
        return Day(
            devices=devices,
            on_s=on_s,
            series=devices * len(steps.labels),
            pushed=sent,
            pushing_s=pushing_s,
            outages=tuple(outages),
            flushed_bytes=flushed,
            data_bytes=data,
            index_bytes=index,
            indexed_series=int(float(indexed[0]["value"][1])),
            empty_memory_bytes=empty,
            memory_bytes=memory,
            live_samples=devices * len(steps.labels) * (LIVE_ROUNDS - 1),
            live_cpu_s=live,
        )


class _Pusher:
    """Pushes what there is, several at a time, and tries again while the store is away, as vmagent does."""

    def __init__(self, store: Store, path: str, total: int) -> None:
        self._place = f"{store.address}{path}"
        self.total = total
        self.left = total
        """How many bodies are still to be pushed."""
        self._over = False

    async def push(self, bodies: Iterator[bytes]) -> None:
        """All of them, some together in one request."""
        parcels = _together(bodies)

        async def one_after_the_other() -> None:
            for parcel in parcels:
                await asyncio.to_thread(self._post, b"".join(parcel))
                self.left -= len(parcel)

        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(PUSHERS):
                    tasks.create_task(one_after_the_other())
        finally:
            self._over = True

    def _post(self, body: bytes) -> None:
        until = time.monotonic() + AWAY_LIMIT_S
        while True:
            try:
                with urllib.request.urlopen(f"http://{self._place}", body, timeout=AWAY_LIMIT_S):
                    return
            except (OSError, http.client.HTTPException):
                if self._over or time.monotonic() > until:
                    raise
                time.sleep(0.2)


def _together(bodies: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Bodies in parcels of a few megabytes; one device more than that is a parcel of its own."""
    parcel: list[bytes] = []
    for body in bodies:
        parcel.append(body)
        if sum(map(len, parcel)) >= BODY_BYTES:
            yield parcel
            parcel = []
    if parcel:
        yield parcel


async def _outage(store: Store, pusher: _Pusher, how: signal.Signals, away_s: float) -> float:
    """The store goes away when half is pushed; how long after its return it takes what waited, in s."""
    while pusher.left > pusher.total / 2:  # noqa: ASYNC110  the pusher has no event for it
        await asyncio.sleep(0.01)
    await store.stop(how)
    waiting = pusher.left
    await asyncio.sleep(away_s)
    began = time.monotonic()
    await store.start()
    while pusher.left and pusher.left == waiting:  # noqa: ASYNC110  as above
        await asyncio.sleep(0.01)
    return time.monotonic() - began


async def _live(store: Store, templates: Sequence[bytes], devices: int, every_s: float) -> float:
    """Each device is scraped a few times, just now; CPU of the store in s, without the first time."""
    cpu_s, began = store.cpu_s, time.time()
    for number in range(LIVE_ROUNDS):
        at_ms = round(1000 * (began + number * every_s))
        bodies = (of_device(templates[each % LIVES], _name(each), [at_ms + each % 1000]) for each in range(devices))
        await _Pusher(store, "/api/v1/import/prometheus", devices).push(bodies)
        await store.get("/internal/force_flush", limit_s=MERGE_LIMIT_S)
        if number == 0:
            cpu_s = store.cpu_s
    return store.cpu_s - cpu_s


async def _merge(store: Store) -> None:
    """Everything into as few parts as the store would have in time."""
    await store.get("/internal/force_merge", limit_s=MERGE_LIMIT_S)
    async with asyncio.timeout(MERGE_LIMIT_S):
        while True:
            await asyncio.sleep(0.5)
            if not await _told(store, "vm_active_force_merges"):
                return


async def _memory(store: Store) -> int:
    """The store's own, no pages of files, in bytes."""
    return int(await _told(store, "process_resident_memory_anon_bytes"))


async def _told(store: Store, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", (await store.get("/metrics")).decode(), re.MULTILINE)
    if found is None:
        raise ValueError(f"the store tells no {name}")
    return float(found.group(1))


def _bytes(folder: Path) -> int:
    size = 0
    for at, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # merged away just now
                size += (Path(at) / name).stat().st_size
    return size


def _times(midnight: float, devices: int, on_s: float, every_s: float, dice: np.random.Generator) -> Iterator[range]:
    """When each device is scraped, in ms: from a moment of its own on, within the day that began at this midnight.

    A day as the store has it, of UTC: it keeps an index of each.
    """
    every_ms = round(every_s * 1000)
    spare_ms = max(1, round(1000 * (DAY_S - on_s)))
    for _ in range(devices):
        begin = round(1000 * midnight) + int(dice.integers(spare_ms))
        yield range(begin, begin + round(on_s / every_s) * every_ms, every_ms)


def _name(number: int) -> str:
    return f"van-{number:07}"
