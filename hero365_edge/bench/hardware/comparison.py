"""Two reports side by side: two boards, or one board on two days."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

from msgspec.structs import replace as changed

from hero365_edge.bench.hardware.figures import GRAVEST, Figure
from hero365_edge.bench.hardware.page import css, day, document, facts, limit, mark, told
from hero365_edge.bench.hardware.plot import Curve, Plot, svg
from hero365_edge.bench.hardware.report import Report


@dataclass(frozen=True, slots=True)
class Pair:
    """One figure in both reports; None where a report has none of this name."""

    bench: str
    first: Figure | None
    second: Figure | None

    @property
    def title(self) -> str:
        """Of the figure, and its bench."""
        known = self.first or self.second
        return f"{self.bench}: {known.title if known else ''}"

    @property
    def difference(self) -> float | None:
        """How much more the second has."""
        if self.first is None or self.second is None or self.first.value is None or self.second.value is None:
            return None
        return self.second.value - self.first.value

    @property
    def differs(self) -> bool:
        """Whether the difference is more than both figures may be wrong."""
        if self.difference is None or self.first is None or self.second is None:
            return False
        return abs(self.difference) > self.first.error + self.second.error

    @property
    def in_words(self) -> str:
        """What became of it: better, worse or the same as far as can be told."""
        if self.first is None or self.second is None:
            return "in one report only"
        grave = GRAVEST.index(self.second.verdict) - GRAVEST.index(self.first.verdict)
        if grave:
            return f"{self.first.verdict} \N{RIGHTWARDS ARROW} {self.second.verdict}"
        return "differs" if self.differs else "the same" if self.difference is not None else str(self.first.verdict)


def pairs(first: Report, second: Report) -> Sequence[Pair]:
    """Every figure of either, in the order of the first, then what only the second has."""
    found: dict[tuple[str, str], Pair] = {}
    for result in first.results:
        for figure in result.figures:
            found[result.bench, figure.name] = Pair(result.bench, figure, None)
    for result in second.results:
        for figure in result.figures:
            known = found.get((result.bench, figure.name), Pair(result.bench, None, None))
            found[result.bench, figure.name] = replace(known, second=figure)
    return list(found.values())


def in_words(first: Report, second: Report) -> Iterator[str]:
    """A line each, for a terminal."""
    yield f"{'':44} {'A':>14} {'B':>14} {'B - A':>14}"
    for pair in pairs(first, second):
        values = [told(each.value, each.unit) if each else "" for each in (pair.first, pair.second)]
        known = pair.first or pair.second
        difference = told(pair.difference, known.unit if known else "")
        yield f"{pair.title:44} {values[0]:>14} {values[1]:>14} {difference:>14}  {pair.in_words}"


def page(first: Report, second: Report) -> str:
    """The whole page."""
    return document(f"hero365-edge bench compare: {first.bench}", "\n".join(_body(first, second)))


def _body(first: Report, second: Report) -> Iterator[str]:
    for name, report in (("A", first), ("B", second)):
        yield f'<div class="head {css(report.verdict)}"><h1>{name}: {mark(report.verdict)}</h1>'
        yield f"<p>{escape(report.headline)}.</p></div>"
        subject = report.subject
        if subject.fake:
            yield '<p class="fake">Fakes in memory: nothing real was measured.</p>'
        yield facts(
            ("serial", subject.serial),
            ("board", subject.title),
            ("date", day(report)),
            ("volume", f"{subject.volume_percent} %"),
        )
    yield "<table><thead><tr><th>figure</th><th>A</th><th>B</th><th>B \N{MINUS SIGN} A</th></tr></thead><tbody>"
    yield from (_row(pair) for pair in pairs(first, second))
    yield "</tbody></table>"
    if shared := list(_plots(first, second)):
        yield f'<div class="plots">{"".join(map(svg, shared))}</div>'


def _row(pair: Pair) -> str:
    cells = [f"{told(each.value, each.unit)}<small>{mark(each.verdict)}</small>" if each else "" for each in _two(pair)]
    known = pair.first or pair.second
    held = f"<small>{escape(limit(known))}</small>" if known else ""
    difference = escape(told(pair.difference, known.unit if known else ""))
    return (
        f"<tr><td>{escape(pair.title)}{held}</td><td>{cells[0]}</td><td>{cells[1]}</td>"
        f"<td>{difference}<small>{escape(pair.in_words)}</small></td></tr>"
    )


def _two(pair: Pair) -> tuple[Figure | None, Figure | None]:
    return pair.first, pair.second


def _plots(first: Report, second: Report) -> Iterator[Plot]:
    """Each plot that both have, with the first curve of each on it."""
    others = {(result.bench, plot.title): plot for result in second.results for plot in result.plots}
    for result in first.results:
        for plot in result.plots:
            other = others.get((result.bench, plot.title))
            if other is not None and plot.curves and other.curves:
                named = [Curve(name, each.x, each.y) for name, each in (("A", plot.curves[0]), ("B", other.curves[0]))]
                yield changed(plot, curves=tuple(named))
