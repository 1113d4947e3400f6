"""A simulated fleet that reports to a real VictoriaMetrics, with outages; and what its store needs, as measured.

First a few devices have real sessions with the simulated backend: the real appliance with fakes for cards and button,
scraped by Debian's vmagent with the product's configuration. Then a day of the whole fleet is made from what they told
(`hero365_edge/bench/fleet_replay.py`) and pushed into an empty store. Each time the store is stopped once and killed
once, and the samples that it has afterwards are counted by query.
"""

import argparse
import asyncio
import dataclasses
import json
import signal
import sys
import tempfile
from pathlib import Path

from hero365_edge.bench.fleet_need import USES, Measured, each, of_a_device, of_a_fleet, told
from hero365_edge.bench.fleet_replay import recorded
from tests.fleetsim.replayed import Day, day
from tests.fleetsim.sessions import Sessions, sessions
from tests.telemetry import DAEMON, agent_interval_s

MOST_REAL = 20
"""So many real sessions this program carries at most; of a larger fleet, `FEW_REAL` are real."""
FEW_REAL = 5
ENOUGH = 1000
FLEETS = (10_000, 1_000_000)


def main() -> int:
    """Simulate, measure, print, write JSON when asked; 1 when a store that was stopped lost samples."""
    parser = argparse.ArgumentParser(
        prog="scripts/fleet-sim", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--devices", type=int, default=5, metavar="N", help=f"those beyond {MOST_REAL} are replayed (%(default)s)")
    add("--on-hours", type=float, default=3.0, metavar="H", help="so long is each on in the day (%(default)s)")
    add("--turns-per-hour", type=float, default=12.0, metavar="N", help="in the replayed day (%(default)s)")
    add("--seconds", type=float, default=60.0, metavar="S", help="so long the real sessions last (%(default)s)")
    add("--every-s", type=float, default=None, metavar="S", help="scrape them so often (as the product does)")
    add("--outage-s", type=float, default=10.0, metavar="S", help="so long the store is away each time (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    if arguments.devices < 1 or not 0 < arguments.on_hours <= 24 or arguments.outage_s < 0:
        parser.error("--devices is 1 or more, --on-hours more than 0 and 24 at most, --outage-s 0 or more")
    # As Ctrl-C does: asyncio cancels then, at a place where nothing is half begun, and what was started is ended too.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    with tempfile.TemporaryDirectory(prefix="fleet") as folder:
        few, whole, measured = asyncio.run(_simulate(arguments, Path(folder)))
    fleets = {use.name: {size: of_a_fleet(measured, use, size) for size in FLEETS} for use in USES}
    print("\n".join([*_of_sessions(few), "", *_of_day(whole), "", *_needs(measured)]))
    if arguments.json:
        figures = {
            "sessions": {name: value for name, value in dataclasses.asdict(few).items() if name != "export"},
            "day": dataclasses.asdict(whole),
            "measured": dataclasses.asdict(measured),
            "needs": {
                use: {size: {line.name: line.value for line in lines} for size, lines in sizes.items()}
                for use, sizes in fleets.items()
            },
        }
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if few.outages[0].lost or whole.outages[0].lost else 0


async def _simulate(arguments: argparse.Namespace, folder: Path) -> tuple[Sessions, Day, Measured]:
    product_s = agent_interval_s()
    real = arguments.devices if arguments.devices <= MOST_REAL else FEW_REAL
    places = folder / "sessions", folder / "day"
    for place in places:
        place.mkdir()
    few = await sessions(real, arguments.every_s or product_s, arguments.seconds, arguments.outage_s, places[0])
    steps = recorded(few.export.splitlines(), DAEMON)
    on_s = 3600 * arguments.on_hours
    whole = await day(
        steps, arguments.devices, on_s, product_s, arguments.turns_per_hour, arguments.outage_s, places[1]
    )
    measured = Measured(
        devices=whole.devices,
        every_s=product_s,
        series=whole.series,
        samples=whole.stored,
        data_bytes=whole.data_bytes,
        index_bytes=whole.index_bytes,
        indexed_series=whole.indexed_series,
        memory_bytes=whole.memory_bytes - whole.empty_memory_bytes,
        live_samples=whole.live_samples,
        live_cpu_s=whole.live_cpu_s,
        sent_samples=few.sent_samples,
        sent_bytes=few.sent_bytes,
    )
    return few, whole, measured


def _of_sessions(few: Sessions) -> list[str]:
    return [
        f"{few.vans} devices with real sessions for {few.lasted_s:.0f} s, scraped each {few.every_s:g} s by vmagent:",
        f"  {few.turns} turns heard to their end, {few.failed_turns} not; {few.series:,} series in the store",
        *(f"  {outage}" for outage in few.outages),
    ]


def _of_day(whole: Day) -> list[str]:
    merged = f"data {told(whole.data_bytes, 'B')}, index {told(whole.index_bytes, 'B')}"
    memory = f"{told(whole.empty_memory_bytes, 'B')} empty, {told(whole.memory_bytes, 'B')} with each device on"
    return [
        f"A day of {whole.devices:,} devices, on for {whole.on_s / 3600:g} h each, replayed into an empty store:",
        f"  {whole.pushed:,} samples of {whole.series:,} series pushed in {whole.pushing_s:.0f} s",
        *(f"  {outage}" for outage in whole.outages),
        f"  on disk: {told(whole.flushed_bytes, 'B')} flushed; merged: {merged}",
        f"  memory of the store: {memory}",
    ]


def _needs(measured: Measured) -> list[str]:
    lines = ["Measured here:", *(f"  {line}" for line in each(measured))]
    if measured.devices < ENOUGH:
        lines += [f"  Below {ENOUGH:,} devices what the store needs for itself weighs more than they: all is too much."]
    for use in USES:
        lines += ["", f"{use.name}, each device (* assumed):"]
        lines += [f"  {line}" for line in of_a_device(measured, use)]
        for size in FLEETS:
            lines += ["", f"{use.name}, {size:,} devices (* assumed):"]
            lines += [f"  {line}" for line in of_a_fleet(measured, use, size)]
    return lines


if __name__ == "__main__":
    sys.exit(main())
