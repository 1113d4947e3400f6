"""The picture of the lamp for technicians: it shows what the program plays."""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from hero365_edge.core.lamp import Light
from scripts.draw_lamp import MEANINGS, PICTURE

ROOT = Path(__file__).parents[1]


def test_the_picture_of_the_lamp_is_what_the_program_plays() -> None:
    """If not: ./scripts/draw-lamp."""
    script = [sys.executable, str(ROOT / "scripts/draw_lamp.py"), "--check"]
    done = subprocess.run(script, check=False, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)})  # noqa: S603  our own script
    assert (done.stdout, done.returncode) == ("", 0), done.stderr


def test_every_light_is_in_the_picture_once() -> None:
    assert set(MEANINGS) == set(Light)
    root = ET.fromstring(PICTURE.read_text())  # noqa: S314  our own file
    assert len(root.findall("{http://www.w3.org/2000/svg}polygon")) == len(Light)
