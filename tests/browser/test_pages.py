"""The bench's pages in a real browser: nothing cut off, the verdict first, readable on a phone."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path
from typing import Any

import pytest

from hero365_edge.bench.hardware import comparison, echo, loopback, mic, speaker
from hero365_edge.bench.hardware.page import page
from hero365_edge.bench.hardware.report import Report, decoded, report
from hero365_edge.cli.bench import KINDS
from hero365_edge.core.board import Limits
from hero365_edge.devices.canceller import WebrtcCanceller
from hero365_edge.fakes.codec import FakeCodecs
from tests.bench.hardware.reports import SUBJECT, of
from tests.bench.hardware.wire import desk
from tests.impairment import Impairment

pytestmark = pytest.mark.nightly

PHONE_PX, DESKTOP_PX = 360, 1280
SMALLEST_PX = 9.0
"""No letters may be smaller, those in plots too."""
LOOK = """
const frame = document.getElementById('page'), view = frame.contentWindow, doc = frame.contentDocument;
const name = e => e.tagName + ':' + e.textContent.trim().slice(0, 40);
const scale = svg => svg ? box(svg).width / svg.viewBox.baseVal.width : 1;
const letters = e => parseFloat(view.getComputedStyle(e).fontSize) * scale(e.closest('svg'));
const all = [...doc.body.querySelectorAll('*')], box = e => e.getBoundingClientRect();
const drawn = [...doc.querySelectorAll('svg text')];
document.getElementById('told').textContent = JSON.stringify({
  width: view.innerWidth, height: doc.body.scrollHeight, wide: doc.documentElement.scrollWidth,
  beyond: all.filter(e => box(e).right > view.innerWidth + 0.5 || box(e).left < -0.5).map(name),
  cut: all.filter(e => !e.closest('svg') && e.scrollWidth > e.clientWidth + 1 && e.clientWidth).map(name),
  outside: drawn.filter(e => box(e).left < box(e.closest('svg')).left || box(e).right > box(e.closest('svg')).right
    || box(e).bottom > box(e.closest('svg')).bottom || box(e).top < box(e.closest('svg')).top).map(name),
  smallest: Math.min(...all.filter(e => e.childElementCount === 0 && e.textContent.trim()).map(letters)),
  first: doc.body.innerText.trim().slice(0, 40), plots: doc.querySelectorAll('svg').length,
});
"""


def looked_at(html: str, width_px: int, folder: Path) -> Mapping[str, Any]:
    """What a browser of this width makes of a page; a picture of it stays in the folder."""
    folder.mkdir(exist_ok=True)
    told = seen(html, width_px, 3000, folder)
    seen(html, width_px, told["height"], folder, picture=True)
    return told


def seen(html: str, width_px: int, height_px: int, folder: Path, *, picture: bool = False) -> Mapping[str, Any]:
    """The page in a frame: a window of its own is never as narrow as a phone."""
    wrapper = folder / f"{width_px}.html"
    style = f"border:0;width:{width_px}px;height:{height_px}px"
    wrapper.write_text(
        f'<!doctype html><body style="margin:0"><iframe id="page" style="{style}" srcdoc="{escape(html)}"></iframe>'
        f'<script id="told" type="application/json"></script><script>window.onload = () => {{{LOOK}}};</script>',
        encoding="utf-8",
    )
    wanted = [f"--screenshot={folder}/{width_px}.png"] if picture else ["--dump-dom"]
    browser = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    browser += [f"--user-data-dir={folder}/profile", f"--window-size={max(width_px, 500)},{height_px}", *wanted]
    ended = subprocess.run(  # noqa: S603  our own words
        [*browser, wrapper.as_uri()], capture_output=True, text=True, timeout=60, check=True
    )
    if picture:
        print(f"a picture: {folder}/{width_px}.png")  # noqa: T201  the output of a test, to be looked at
        return {}
    found = re.search(r'<script id="told"[^>]*>(\{.*?\})</script>', ended.stdout, re.DOTALL)
    assert found is not None, ended.stderr
    told: Mapping[str, Any] = json.loads(unescape(found[1]))
    return told


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `bench all --fake-hw` left its report: every bench, in its own time, some four minutes."""
    folder = tmp_path_factory.mktemp("tried")
    words = ["bench", "all", "--fake-hw", "--minutes=0.1", f"--out={folder}"]
    command = [sys.executable, "-m", "hero365_edge", *words]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=600, check=False)  # noqa: S603  our own program
    assert ended.returncode in (0, 1), ended.stderr  # 1: on a busy computer even a fake press may be late
    return folder


@pytest.mark.parametrize("width_px", [PHONE_PX, DESKTOP_PX])
def test_the_page_of_bench_all_is_whole_and_readable(tried: Path, width_px: int, tmp_path: Path) -> None:
    report = decoded(tried / "bench-all.json")
    assert [result.bench for result in report.results] == list(KINDS)
    html = (tried / "bench-all.html").read_text(encoding="utf-8")
    is_whole_and_readable(report, looked_at(html, width_px, tmp_path / "shots"), width_px)


@pytest.fixture(scope="module")
def whole() -> Report:
    """Every audio bench, on a wire that is not perfect: verdicts of all kinds."""
    return asyncio.run(_whole())


async def _whole() -> Report:
    of = Impairment(second=0.3, taps=(1.0, -0.5), delay_samples=700, noise_dbfs=-60, hum_dbfs=-62, gain=0.4)
    limits = Limits()
    results = (
        await mic.measure(desk(of), limits, None, False),
        await speaker.measure(desk(of), limits, None, False),
        await loopback.measure(desk(of), limits, None, False, 24),
        await echo.measure(desk(of), limits, None, False, WebrtcCanceller(), FakeCodecs()),
    )
    return report("all", "2026-11-28T22:00:00+00:00", SUBJECT, results)


@pytest.mark.parametrize("width_px", [PHONE_PX, DESKTOP_PX])
def test_a_page_of_bad_figures_is_whole_and_readable(whole: Report, width_px: int, tmp_path: Path) -> None:
    is_whole_and_readable(whole, looked_at(page(whole), width_px, tmp_path / "shots"), width_px)


def is_whole_and_readable(report: Report, told: Mapping[str, Any], width_px: int) -> None:
    assert told["width"] == width_px
    assert told["wide"] == width_px
    assert (told["beyond"], told["cut"], told["outside"]) == ([], [], [])
    assert str(told["first"]).startswith(f"{report.verdict}: bench all")
    assert told["smallest"] >= SMALLEST_PX
    assert told["plots"] == sum(len(result.plots) for result in report.results)


@pytest.mark.parametrize("width_px", [PHONE_PX, DESKTOP_PX])
def test_a_comparison_is_whole_and_readable(width_px: int, tmp_path: Path) -> None:
    told = looked_at(comparison.page(of(30.0), of(10.0)), width_px, tmp_path / "shots")
    assert (told["wide"], told["beyond"], told["cut"], told["outside"]) == (width_px, [], [], [])
    assert str(told["first"]).startswith("A: good")


def test_the_look_finds_what_is_too_wide_cut_off_or_too_small(tmp_path: Path) -> None:
    html = (
        '<body style="margin:0"><p style="width:700px">wide</p><div style="overflow:hidden;width:20px"><b>cutcutcut</b>'
    )
    html += '</div><i style="font-size:4px">small</i><svg viewBox="0 0 400 100"><text x="390" y="20">out</text></svg>'
    told = looked_at(html, PHONE_PX, tmp_path / "shots")
    assert told["beyond"] == ["P:wide", "text:out"]
    assert "DIV:cutcutcut" in told["cut"]
    assert told["outside"] == ["text:out"]
    assert told["smallest"] == 4


def test_the_browser_is_there() -> None:
    assert shutil.which("chromium"), "./scripts/test --nightly installs it"
