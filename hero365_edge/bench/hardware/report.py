"""The report of a run: who, when, what was found; as JSON and back."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from hero365_edge.bench.hardware.figures import Figure, Result, Verdict, gravest
from hero365_edge.errors import EdgeError

FORMAT = 1


class Subject(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was measured."""

    serial: str
    """The board's, as its firmware tells; empty when it tells none."""
    computer: str
    profile: str
    title: str
    """The profile's board."""
    verified: str
    """What the profile says of itself."""
    microphone: str
    speaker: str
    volume_percent: int = 100
    """How loud the bench played, of the levels it names."""
    fake: bool
    """Fakes in memory stood for the hardware: nothing real was measured."""
    versions: Mapping[str, str]


class Report(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One run of `hero365-edge bench`."""

    format: int
    bench: str
    """What was asked for."""
    at: str
    """When it was done, UTC, RFC 3339."""
    verdict: Verdict
    subject: Subject
    results: tuple[Result, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Of all benches."""
        return tuple(figure for result in self.results for figure in result.figures)

    def count(self, verdict: Verdict) -> int:
        """How many figures have it."""
        return sum(figure.verdict is verdict for figure in self.figures)

    @property
    def passed(self) -> bool:
        """Something was measured, nothing lost, and all that was measured is good."""
        seen = {figure.verdict for figure in self.figures}
        return Verdict.GOOD in seen and seen <= {Verdict.GOOD, Verdict.NOT_MEASURED}

    @property
    def headline(self) -> str:
        """The verdict in one sentence, and what it does not cover."""
        whole = len(self.figures)
        told = [
            f"{self.count(verdict)} {verdict}"
            for verdict in (Verdict.GOOD, Verdict.BAD, Verdict.LOST)
            if self.count(verdict)
        ]
        missing = self.count(Verdict.NOT_MEASURED)
        if missing:
            told.append(f"{missing} not measured, which is no pass")
        begin = "not all was measured" if self.verdict is Verdict.NOT_MEASURED else self.verdict
        return f"{begin}: of {whole} figures {', '.join(told)}"


def report(bench: str, at: str, subject: Subject, results: tuple[Result, ...]) -> Report:
    """The report of these results; its verdict is the gravest of theirs."""
    verdict = gravest(result.verdict for result in results)
    return Report(format=FORMAT, bench=bench, at=at, verdict=verdict, subject=subject, results=results)


def encoded(of: Report) -> bytes:
    """The report as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(of), indent=2) + b"\n"


def decoded(path: Path) -> Report:
    """The report in a file. Raises EdgeError that says what is wrong with it, and where."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        raise EdgeError(f"{path}: cannot be read ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise EdgeError(f"{path}: is no report of `hero365-edge bench` ({error})") from error


def schema() -> Mapping[str, Any]:
    """The JSON Schema of a report, which `bench-report.schema.json` beside this module holds for other programs."""
    described = msgspec.json.schema(Report)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "hero365-edge bench", **described}
