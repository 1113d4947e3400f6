"""The page of a report: the verdict first, all figures, nothing from elsewhere. How it looks: `tests/browser`."""

import re
from html.parser import HTMLParser

import pytest

from hero365_edge.bench.hardware.figures import Verdict
from hero365_edge.bench.hardware.page import page, told
from tests.bench.hardware.reports import EVERY_VERDICT, SPECS, of

VOID = {"meta", "br", "line", "rect", "polyline"}


class Tags(HTMLParser):
    """Whether each tag that is opened is closed in turn, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data.strip())


def read(html: str) -> str:
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    return " ".join(piece for piece in tags.text if piece)


@pytest.mark.parametrize("verdict", EVERY_VERDICT)
def test_the_verdict_comes_first_and_every_figure_after_it(verdict: Verdict) -> None:
    text = read(page(EVERY_VERDICT[verdict]))
    tab = f"hero365-edge bench mic: {verdict}"
    assert text.startswith(f"{tab} {verdict} : bench mic")
    for spec in SPECS:
        assert spec.title in text
    assert "10000000abcdef01" in text
    assert "unverified on hardware" in text


def test_nothing_comes_from_elsewhere_and_nothing_runs() -> None:
    html = page(of())
    assert not re.search(r"https?:|src=|href=|url\(|@import|<script", html)


def test_text_is_text_whatever_it_holds() -> None:
    html = page(of())
    assert "<noise>" not in html
    assert "speech above &lt;noise&gt;" in html
    assert "a &amp; b" in html
    assert "A <b>" not in html


def test_each_value_stands_with_its_error_and_its_limit() -> None:
    text = read(page(of(30.0, 2.0)))
    assert "30.0 dB ± 1.00 dB ≥ 20.0 dB good" in text
    assert "2.00 % ± 0.20 % ≤ 5.00 % good" in text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (0.5, "0.50"),
        (0.04567, "0.046"),
        (3.14159, "3.14"),
        (-55.55, "\N{MINUS SIGN}55.5"),
        (123.4, "123"),
        (None, "\N{EN DASH}"),
    ],
)
def test_numbers_have_the_digits_that_a_person_wants(number: float | None, text: str) -> None:
    assert told(number) == text
