"""The pages of hardware/: they are what the profiles say, lead to one another, and need nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from hero365_edge.core.board import GPIO_AT_PIN
from hero365_edge.profiles import load_boards

ROOT = Path(__file__).parents[1]
HARDWARE = ROOT / "hardware"
BOARDS = load_boards()
PICTURES = sorted((HARDWARE / "pictures").glob("*.svg"))
PAGES = [HARDWARE / "README.md", *sorted((HARDWARE / "boards").glob("*.md"))]
IGNITION_LINES = {26, 4}


def test_pictures_and_tables_are_those_of_the_profiles() -> None:
    """If not: ./scripts/draw-boards."""
    script = [sys.executable, str(ROOT / "scripts/draw_boards.py"), "--check"]
    done = subprocess.run(script, check=False, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})  # noqa: S603  our own script
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


def test_every_board_has_a_page_and_a_picture_and_no_other_is_left_over() -> None:
    assert {page.stem for page in PAGES[1:]} == set(BOARDS)
    assert {picture.stem for picture in PICTURES} == {*BOARDS, "button-and-lamp", "ignition"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text())
    assert links
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_a_picture_is_small_needs_nothing_from_elsewhere_and_has_all_its_words_on_the_paper(picture: Path) -> None:
    text = picture.read_text()
    assert len(text) < 20_000
    assert not re.search(r"href|url\(|<script|<image", text)
    root = ET.fromstring(text)  # noqa: S314  our own file
    width, height = int(root.get("width", "")), int(root.get("height", ""))
    words = root.findall("{http://www.w3.org/2000/svg}text")
    assert words
    for word in words:
        x, y, size = (float(word.get(name, "")) for name in ("x", "y", "font-size"))
        wide = (0.7 if word.get("font-weight") else 0.62) * size * len(word.text or "")  # DejaVu's, a wide font
        left = {"start": x, "middle": x - wide / 2, "end": x - wide}[word.get("text-anchor", "")]
        assert left >= 0, word.text
        assert left + wide <= width, word.text
        assert size <= y <= height, word.text


@pytest.mark.parametrize("name", BOARDS)
def test_the_page_of_a_board_says_that_nobody_has_verified_it_until_somebody_has(name: str) -> None:
    assert f"Status: **{BOARDS[name].verified}**" in (HARDWARE / "boards" / f"{name}.md").read_text()


@pytest.mark.parametrize("name", BOARDS)
def test_the_lines_of_the_ignition_are_free_on_every_board(name: str) -> None:
    assert not IGNITION_LINES & {GPIO_AT_PIN[wire.pin] for wire in BOARDS[name].wires if wire.pin in GPIO_AT_PIN}


def test_the_lines_of_the_ignition_are_those_of_its_overlays() -> None:
    text = (HARDWARE / "README.md").read_text()
    assert {int(line) for line in re.findall(r"dtoverlay=gpio-\w+,(?:gpio_pin|gpiopin)=(\d+)", text)} == IGNITION_LINES
