"""A report as one HTML page: the verdict first, readable on a phone, everything inside it."""

from collections.abc import Iterator
from html import escape

from hero365_edge.bench.hardware import plot
from hero365_edge.bench.hardware.figures import Figure, Result, Verdict
from hero365_edge.bench.hardware.report import Report

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; font: 1rem/1.45 system-ui, sans-serif; color: #111;
  background: #fff; overflow-wrap: anywhere; }
h1 { font-size: 1.3rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .4rem; }
.head { border-left: .6rem solid; padding: .6rem .9rem; background: #f3f4f6; }
.head p { margin: .3rem 0 0; }
.good { border-color: #15803d; } .bad, .lost { border-color: #b91c1c; } .not-measured { border-color: #a16207; }
.v { font-weight: 700; }
.v.good { color: #15803d; } .v.bad, .v.lost { color: #b91c1c; } .v.not-measured { color: #a16207; }
.fake { background: #fde68a; padding: .6rem .9rem; font-weight: 700; }
dl { display: grid; grid-template-columns: minmax(6rem, auto) 1fr; gap: .15rem .8rem; margin: 1rem 0; }
dt { color: #555; } dd { margin: 0; }
table { width: 100%; border-collapse: collapse; }
th { text-align: left; font-weight: 600; color: #555; }
th, td { padding: .35rem .5rem; border-bottom: 1px solid #ddd; vertical-align: top; }
th, td:nth-child(n+2) { overflow-wrap: normal; white-space: nowrap; }
small { color: #555; display: block; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
svg { width: 100%; max-width: 36rem; height: auto; display: block; border: 1px solid #ddd; }
svg text { font: 11px system-ui, sans-serif; } svg .title { font-weight: 700; }
svg .tick, svg .label { fill: #555; }
svg .grid { stroke: #e5e7eb; } svg .limit { stroke: #b91c1c; stroke-dasharray: 5 4; }
svg polyline { fill: none; stroke-width: 1.5; }
th:nth-child(2), th:nth-child(3) { width: 8.5rem; } th:nth-child(4) { width: 7.5rem; }
@media (max-width: 40rem) {
  thead { display: none; }
  tr { display: grid; grid-template-columns: 1fr auto; gap: 0 .8rem; padding: .4rem 0; border-bottom: 1px solid #ddd; }
  td { border: 0; padding: .1rem 0; } td:nth-child(even) { text-align: right; }
}
"""


def page(report: Report) -> str:
    """The whole page."""
    title = f"hero365-edge bench {report.bench}: {report.verdict}"
    return document(title, "\n".join((*_head(report), *(line for result in report.results for line in _bench(result)))))


def document(title: str, body: str) -> str:
    """A page of this body: nothing in it comes from elsewhere."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{plot.STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def facts(*pairs: tuple[str, str]) -> str:
    """Name and value, line by line; those without a value are left out."""
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(value)}</dd>' for name, value in pairs if value)}</dl>"


def mark(verdict: Verdict) -> str:
    """The verdict as a coloured word."""
    return f'<span class="v {css(verdict)}">{verdict}</span>'


def css(verdict: Verdict) -> str:
    """The verdict as the name of its style."""
    return verdict.replace(" ", "-")


def day(report: Report) -> str:
    """When it was done, as a person writes it."""
    return f"{report.at[:16].replace('T', ' ')} UTC"


def told(number: float | None, unit: str = "") -> str:
    """A number as a person wants it, three or four digits; a dash when there is none."""
    if number is None:
        return "\N{EN DASH}"
    if not unit and number == round(number):
        return str(round(number))
    size = abs(number)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 or not size else 3
    return f"{number:.{digits}f} {unit}".replace("-", "\N{MINUS SIGN}").strip()


def limit(figure: Figure) -> str:
    """What it is held to."""
    sides = (("≥", figure.least), ("≤", figure.most))
    return ", ".join(f"{sign} {told(value, figure.unit)}" for sign, value in sides if value is not None)


def _head(report: Report) -> Iterator[str]:
    yield f'<div class="head {css(report.verdict)}"><h1>{mark(report.verdict)}: bench {escape(report.bench)}</h1>'
    yield f"<p>{escape(report.headline)}.</p></div>"
    subject = report.subject
    if subject.fake:
        yield '<p class="fake">A trial with fakes in memory: nothing real was measured.</p>'
    yield facts(
        ("serial", subject.serial or "none that the firmware tells"),
        ("board", subject.title),
        ("profile", f"{subject.profile} ({subject.verified})"),
        ("computer", subject.computer),
        ("microphone", subject.microphone),
        ("speaker", f"{subject.speaker}, volume {subject.volume_percent} %"),
        ("date", day(report)),
        ("versions", ", ".join(f"{name} {version}" for name, version in subject.versions.items())),
    )


def _bench(result: Result) -> Iterator[str]:
    yield f"<h2>{escape(result.bench)}: {mark(result.verdict)}</h2>"
    yield from (f"<p>{escape(note)}</p>" for note in result.notes)
    yield "<table><thead><tr><th>figure</th><th>value</th><th>limit</th><th>verdict</th></tr></thead><tbody>"
    yield from (_row(figure) for figure in result.figures)
    yield "</tbody></table>"
    if result.plots:
        yield f'<div class="plots">{"".join(plot.svg(each) for each in result.plots)}</div>'


def _row(figure: Figure) -> str:
    remark = f"<small>{escape(figure.remark)}</small>" if figure.remark else ""
    known = figure.value is not None and figure.error
    exact = f"<small>± {escape(told(figure.error, figure.unit))}</small>" if known else ""
    return (
        f"<tr><td>{escape(figure.title)}{remark}</td><td>{escape(told(figure.value, figure.unit))}{exact}</td>"
        f"<td>{escape(limit(figure))}</td><td>{mark(figure.verdict)}</td></tr>"
    )
