"""`hero365-edge bench`: what a board can do, figure by figure, against its profile's limits."""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from hero365_edge.bench.hardware import button, comparison, echo, lamp, link, loopback, mic, soak, speaker
from hero365_edge.bench.hardware.cards import CardLost, Progress
from hero365_edge.bench.hardware.figures import Figure, Result, Spec, lost, unmeasured
from hero365_edge.bench.hardware.page import limit, page, told
from hero365_edge.bench.hardware.report import Report, decoded, encoded, report
from hero365_edge.cli import logging_setup
from hero365_edge.cli.bench_link import measure_link
from hero365_edge.cli.bench_panel import measure_button, measure_lamp
from hero365_edge.cli.bench_world import Bench, bench_of
from hero365_edge.cli.options import add_config
from hero365_edge.cli.probes.cards import held
from hero365_edge.cli.world import NativeCodecs
from hero365_edge.devices.canceller import WebrtcCanceller
from hero365_edge.devices.heap import resident_bytes
from hero365_edge.errors import ConfigError, DeviceError
from hero365_edge.profiles import load_boards


@dataclass(frozen=True, slots=True)
class Kind:
    """One bench."""

    specs: Sequence[Spec]
    lasts_s: float | None
    """For the progress bar; None: as long as --minutes says."""
    measure: Callable[[Bench, Progress], Awaitable[Result]]
    plays: bool = False
    """Something that hurts an ear at the speaker."""


async def _mic(bench: Bench, progress: Progress) -> Result:
    async with bench.desk(progress, speaker_wanted=False) as desk:
        return await mic.measure(desk, bench.limits, bench.channel, bench.cancels_echo)


async def _speaker(bench: Bench, progress: Progress) -> Result:
    async with bench.desk(progress) as desk:
        return await speaker.measure(desk, bench.limits, bench.channel, bench.cancels_echo)


async def _loopback(bench: Bench, progress: Progress) -> Result:
    async with bench.desk(progress) as desk:
        return await loopback.measure(desk, bench.limits, bench.channel, bench.cancels_echo)


async def _echo(bench: Bench, progress: Progress) -> Result:
    canceller = WebrtcCanceller()
    async with bench.desk(progress) as desk:
        return await echo.measure(desk, bench.limits, bench.channel, bench.cancels_echo, canceller, NativeCodecs())


async def _soak(bench: Bench, progress: Progress) -> Result:
    async with bench.desk(progress) as desk:
        return await soak.measure(desk, bench.limits, 60 * bench.arguments.minutes, resident_bytes)


KINDS: Mapping[str, Kind] = {
    mic.NAME: Kind(mic.SPECS, mic.LASTS_S, _mic, plays=True),
    speaker.NAME: Kind(speaker.SPECS, speaker.LASTS_S, _speaker, plays=True),
    loopback.NAME: Kind(loopback.SPECS, loopback.LASTS_S, _loopback, plays=True),
    echo.NAME: Kind(echo.SPECS, echo.LASTS_S, _echo, plays=True),
    button.NAME: Kind(button.SPECS, button.PRESSES, measure_button),
    lamp.NAME: Kind(lamp.SPECS, lamp.LASTS_S, measure_lamp),
    link.NAME: Kind(link.SPECS, link.LASTS_S, measure_link),
    soak.NAME: Kind(soak.SPECS, None, _soak),
}
"""Each bench by its name, in the order in which `all` does them."""
ALL, COMPARE = "all", "compare"
MOST_MINUTES = 7 * 24 * 60
BAR = "{desc}: {percentage:3.0f} % |{bar}| {remaining} to go"


def configure(parser: argparse.ArgumentParser) -> None:
    """What to measure, against what, and where the report goes."""
    add_config(parser)
    add = parser.add_argument
    add("what", choices=(*KINDS, ALL, COMPARE), help="what is measured; compare: two reports side by side")
    add("reports", nargs="*", type=Path, metavar="REPORT", help="compare: two files of JSON")
    add("--profile", choices=tuple(load_boards()), help="the board, instead of panel.profile")
    add("--out", type=Path, default=Path("bench-out"), metavar="DIR", help="where the report goes (%(default)s)")
    add("--minutes", type=minutes, default=10.0, metavar="N", help="soak: how long (%(default)g)")
    add("--fake-hw", action="store_true", help="try it on fakes in memory: measures nothing real")


def minutes(text: str) -> float:
    """More than none, a week at most. Raises ValueError."""
    if not 0 < float(text) <= MOST_MINUTES:
        raise ValueError(text)
    return float(text)


def run(arguments: argparse.Namespace) -> int:
    """Measure, write the report; 0 when everything that was measured is good, and something was."""
    logging_setup.set_up("error", os.environ)
    if len(arguments.reports) != 2 * (arguments.what == COMPARE):
        raise ConfigError("only `bench compare` takes files, and it takes two: bench-out/bench-all.json of each run")
    if arguments.what == COMPARE:
        first, second = map(decoded, arguments.reports)
        return _compare(first, second, arguments.out)
    bench = bench_of(arguments)
    _kept({}, arguments.out)  # if it cannot be written, better now than in five minutes
    done = asyncio.run(_measured(bench))
    files = {f"bench-{done.bench}.json": encoded(done), f"bench-{done.bench}.html": page(done).encode()}
    paths = _kept(files, arguments.out)
    print(f"\n{done.headline}")
    print(f"the report: {', '.join(map(str, paths))}")
    return 0 if done.passed else 1


async def _measured(bench: Bench) -> Report:
    what = bench.arguments.what
    if bench.fake:
        print("Fakes in memory stand for the hardware: nothing real is measured.")
    names = tuple(KINDS) if what == ALL else (what,)
    if not bench.fake and any(KINDS[name].plays for name in names):
        print(
            f"It plays tones and noise at {100 * bench.volume:.0f} % (audio.output.volume), as loud as an answer or "
            "louder: no ear near the speaker. Ctrl-C ends it."
        )
    results = []
    for name in names:
        result = await _one(name, bench)
        print(f"\n{name}: {result.verdict}")
        print("\n".join(f"  {in_words(figure)}" for figure in result.figures), flush=True)
        results.append(result)
    return report(what, bench.clock.utc().isoformat(timespec="seconds"), bench.subject(), tuple(results))


async def _one(name: str, bench: Bench) -> Result:
    """One bench; a device that is missing or goes away is what it found."""
    kind = KINDS[name]
    # Nothing is drawn where nobody watches (disable=None): a journal or a file wants no bars.
    lasts_s = 60 * bench.arguments.minutes if kind.lasts_s is None else kind.lasts_s
    with tqdm(total=lasts_s, desc=name, bar_format=BAR, disable=None, leave=False) as bar:
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


def _compare(first: Report, second: Report, folder: Path) -> int:
    print("\n".join(comparison.in_words(first, second)))
    (path,) = _kept({"bench-compare.html": comparison.page(first, second).encode()}, folder)
    print(f"\nthe page: {path}")
    return 0


def _kept(files: Mapping[str, bytes], folder: Path) -> Sequence[Path]:
    """Write them. Raises ConfigError where they cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise ConfigError(f"{folder}: cannot be written by this user")
        for name, content in files.items():
            (folder / name).write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{error.filename}: cannot be written ({error.strerror})") from error
    return [folder / name for name in files]
