"""`hero365-edge bench`: what a board can do, figure by figure, against its profile's limits."""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from hero365_edge.bench.hardware import mic
from hero365_edge.bench.hardware.cards import CardLost, Progress
from hero365_edge.bench.hardware.figures import Figure, Result, Spec, lost, unmeasured
from hero365_edge.bench.hardware.page import limit, page, told
from hero365_edge.bench.hardware.report import Report, encoded, report
from hero365_edge.cli import logs
from hero365_edge.cli.bench_world import Bench, bench_of
from hero365_edge.cli.options import add_config
from hero365_edge.cli.probes.cards import held
from hero365_edge.errors import ConfigError, DeviceError
from hero365_edge.profiles import load_boards


@dataclass(frozen=True, slots=True)
class Kind:
    """One bench."""

    specs: Sequence[Spec]
    lasts_s: float
    """For the progress bar."""
    measure: Callable[[Bench, Progress], Awaitable[Result]]


async def _mic(bench: Bench, progress: Progress) -> Result:
    async with bench.desk(progress) as desk:
        return await mic.measure(desk, bench.limits, bench.channel, bench.cancels_echo)


KINDS: Mapping[str, Kind] = {
    mic.NAME: Kind(mic.SPECS, mic.LASTS_S, _mic),
}
"""Each bench by its name, in the order in which `all` does them."""
ALL = "all"


def configure(parser: argparse.ArgumentParser) -> None:
    """What to measure, against what, and where the report goes."""
    add_config(parser)
    add = parser.add_argument
    add("what", choices=(*KINDS, ALL), help="what is measured")
    add("--profile", choices=tuple(load_boards()), help="the board, instead of panel.profile")
    add("--out", type=Path, default=Path("bench-out"), metavar="DIR", help="where the report goes (%(default)s)")
    add("--fake-hw", action="store_true", help="try it on fakes in memory: measures nothing real")


def run(arguments: argparse.Namespace) -> int:
    """Measure, write the report; 0 when everything that was measured is good, and something was."""
    logs.set_up("error", os.environ)
    done = asyncio.run(_measured(arguments, bench_of(arguments)))
    paths = _kept(done, arguments.out)
    print(f"\n{done.headline}")
    print(f"the report: {', '.join(map(str, paths))}")
    return 0 if done.passed else 1


async def _measured(arguments: argparse.Namespace, bench: Bench) -> Report:
    names = KINDS if arguments.what == ALL else (arguments.what,)
    if bench.fake:
        print("Fakes in memory stand for the hardware: nothing real is measured.")
    results = []
    for name in names:
        result = await _one(name, bench)
        print(f"\n{name}: {result.verdict}")
        print("\n".join(f"  {in_words(figure)}" for figure in result.figures), flush=True)
        results.append(result)
    return report(arguments.what, bench.clock.utc().isoformat(timespec="seconds"), bench.subject(), tuple(results))


async def _one(name: str, bench: Bench) -> Result:
    """One bench; a device that is missing or goes away is what it found."""
    kind = KINDS[name]
    # Nothing is drawn where nobody watches (disable=None): a journal or a file wants no bars.
    with tqdm(total=round(kind.lasts_s), desc=name, unit="s", disable=None, leave=False) as bar:
        try:
            return await kind.measure(bench, bar.update)
        except CardLost as error:
            return Result(bench=name, figures=lost(kind.specs, bench.limits, str(error)))
        except DeviceError as error:
            why = f"{error}{held('input')}{held('output')}"
            return Result(bench=name, figures=unmeasured(kind.specs, bench.limits, why))


def in_words(figure: Figure) -> str:
    """A line for a person."""
    value = told(figure.value, figure.unit)
    why = f"  {figure.remark}" if figure.value is None else ""
    return f"{figure.verdict:12} {figure.title:30} {value:>12}   {limit(figure)}{why}"


def _kept(done: Report, folder: Path) -> Sequence[Path]:
    """The report in a file for programs and one for people. Raises ConfigError where they cannot be written."""
    paths = folder / f"bench-{done.bench}.json", folder / f"bench-{done.bench}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths[0].write_bytes(encoded(done))
        paths[1].write_text(page(done), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be written ({error.strerror})") from error
    return paths
