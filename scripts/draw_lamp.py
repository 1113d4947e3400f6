"""Draws what the lamp shows over four seconds, each light a row, from the patterns that the program plays."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from hero365_edge.core.lamp import Colour, Light, level, pattern
from scripts.draw_boards import svg, text

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "lamp.svg"
MEANINGS = {
    Light.READY: ("ready", "press and speak"),
    Light.MUTED: ("muted", "no answer is heard: unmute it"),
    Light.LISTENING: ("listening", "it hears you"),
    Light.PROCESSING: ("thinking", "wait, or press to ask anew"),
    Light.SPEAKING: ("answering", "listen, or press to interrupt"),
    Light.OFFLINE: ("no connection", "press and speak all the same"),
    Light.HOLDING: ("kept", "what you said is sent later"),
    Light.STARTING: ("starting", "wait"),
    Light.FAULT: ("fault", "tell the workshop"),
}
"""In the order in which a technician meets them."""
SHOWN_MS, STEP_MS = 4000, 10
LEFT, RIGHT, ROW, HIGH, TOP = 250, 30, 46, 26, 44
WIDTH = 800


def main() -> int:
    """Write it, or with `--check` name it when it is stale, and fail."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when something would change")
    arguments = parser.parse_args()
    drawn = svg(WIDTH, TOP + ROW * len(MEANINGS) + 30, "What the lamp shows, over four seconds", rows())
    if PICTURE.is_file() and PICTURE.read_text(encoding="utf-8") == drawn:
        return 0
    print(f"{'stale' if arguments.check else 'written'}: {PICTURE.relative_to(PICTURE.parents[2])}")
    if arguments.check:
        return 1
    PICTURE.write_text(drawn, encoding="utf-8")
    return 0


def rows() -> Iterator[str]:
    """The parts of the picture."""
    yield text(20, 24, "The lamp, over four seconds", size=15, bold=True)
    for number, (light, (name, action)) in enumerate(MEANINGS.items()):
        base = TOP + ROW * number + 34
        yield text(20, base - 14, name, bold=True)
        yield text(20, base + 2, action, size=11, colour="#546e7a")
        yield f'<line x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}" stroke="#b0bec5"/>'
        yield brightness(light, base)
    base = TOP + ROW * len(MEANINGS) + 18
    for second in range(SHOWN_MS // 1000 + 1):
        yield text(round(x_of(1000 * second)), base, f"{second} s", at="middle", size=11, colour="#546e7a")


def brightness(light: Light, base: int) -> str:
    """How bright, as an area over the time; in the colour of a coloured lamp, white as grey."""
    shown = pattern(light)
    points, before = [f"{LEFT},{base}"], None
    for t_ms in range(0, SHOWN_MS, STEP_MS):
        here, after = level(shown, t_ms), level(shown, t_ms + STEP_MS)
        jumps = before is not None and abs(here - before) > 0.5
        if before is None or jumps or here - before != after - here:
            if jumps:
                points.append(f"{x_of(t_ms):g},{base - HIGH * (before or 0.0):g}")
            points.append(f"{x_of(t_ms):g},{base - HIGH * here:g}")
        before = here
    points += [f"{WIDTH - RIGHT},{base - HIGH * (before or 0.0):g}", f"{WIDTH - RIGHT},{base}"]
    return f'<polygon points="{" ".join(points)}" fill="{on_paper(shown.colour)}"/>'


def on_paper(colour: Colour) -> str:
    """A lamp's colour as ink: white is grey, and all a little darker, or nobody sees it on white."""
    if min(colour) == max(colour):
        return "#90a4ae"
    return "#" + "".join(f"{round(215 * part):02x}" for part in colour)


def x_of(t_ms: int) -> float:
    """Where a time is."""
    return LEFT + (WIDTH - LEFT - RIGHT) * t_ms / SHOWN_MS


if __name__ == "__main__":
    sys.exit(main())
