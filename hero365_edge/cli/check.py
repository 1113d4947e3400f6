"""`hero365-edge check`: everything the appliance needs, a line each, with what to do about it."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from hero365_edge.cli.options import add_config, add_json, load_config
from hero365_edge.cli.probes import PROBES
from hero365_edge.cli.probes.finding import Finding, Probe, Running, Verdict
from hero365_edge.config import DEFAULT
from hero365_edge.errors import ConfigError, EdgeError, LinkError
from hero365_edge.fleet.control import request
from hero365_edge.fleet.secrets import scrub
from hero365_edge.settings import Settings

_CODES: Sequence[tuple[type[Exception], int]] = ((ConfigError, 78), (LinkError, 69), (Exception, 1))
_GRAVEST = (78, 1, 69, 0)
"""69 only when the backend is all that is wrong: then waiting may help."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Only the common options."""
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Take every look, print each finding as it comes, and return the exit code of the gravest."""
    return asyncio.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    codes, report = {0}, []
    async for name, finding, code in _findings(arguments):
        codes.add(code)
        report.append({"name": name, **asdict(finding)})
        if not arguments.json:
            print(in_words(name, finding), flush=True)
    if arguments.json:
        print(json.dumps(report, indent=2))
    return next(code for code in _GRAVEST if code in codes)


async def _findings(arguments: argparse.Namespace) -> AsyncIterator[tuple[str, Finding, int]]:
    settings: Settings | None = None
    try:
        loaded = load_config(arguments, with_board=True)
        settings = loaded.settings
        sources = sorted(set(loaded.origin.values()) - {DEFAULT})
        yield "configuration", Finding(Verdict.OK, ", ".join(sources) or "nothing but defaults"), 0
    except ConfigError as error:
        next_step = "mend it; `hero365-edge config schema` tells what there is"
        yield "configuration", Finding(Verdict.FAIL, str(error), next_step), 78
    running = await asyncio.to_thread(running_daemon, settings) if settings is not None else {}
    for probe in PROBES:
        finding, code = await look(probe, settings, running)
        yield probe.name, finding, code


async def look(probe: Probe, settings: Settings | None, running: Running) -> tuple[Finding, int]:
    """What one probe finds, and the exit code that alone would make."""
    if settings is None and probe.needs_settings:
        return Finding(Verdict.NOT_CHECKED, "needs the configuration"), 0
    try:
        finding = await probe.look(settings or Settings(), running)
    except (EdgeError, ImportError) as error:
        code = next(code for kind, code in _CODES if isinstance(error, kind))
        return Finding(Verdict.FAIL, scrub(str(error)), probe.next_step), code
    return replace(finding, text=scrub(finding.text)), 1 if finding.verdict is Verdict.FAIL else 0


def in_words(name: str, finding: Finding) -> str:
    """The finding for a person: a line, and one more for what to do."""
    first, *more = finding.text.splitlines()
    lines = [f"{finding.verdict:11} {name:15} {first}", *(f"{'':28}{line}" for line in more)]
    return "\n".join([*lines, *([f"{'':28}-> {finding.next_step}"] if finding.next_step else [])])


def running_daemon(settings: Settings) -> Running:
    """What the running daemon says of itself; it holds the devices, so it is asked about them. Empty: none runs."""
    if not settings.control.socket:
        return {}
    try:
        return request(Path(settings.control.socket), {"do": "status"}, timeout_s=2.0)
    except EdgeError as error:
        # It may be there and hold them: then they are left alone.
        return {"unseen": str(error)} if isinstance(error.__cause__, PermissionError | TimeoutError) else {}
