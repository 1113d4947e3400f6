"""How soon somebody who speaks into an answer is found, and how often nobody is, in rooms, as loud as the echo.

Speech and rooms are others than the weights of core/interruption.py were chosen on: those were Debian's French and
Italian prompts. A suspicion plays the answer softer for a moment; it is part of what is measured.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hero365_edge.bench import echo
from hero365_edge.devices.canceller import WebrtcCanceller
from hero365_edge.devices.referee import SileroReferee
from hero365_edge.errors import DeviceError
from tests import speech

ANSWERS = ("demo-instruct", "demo-congrats", "basic-pbx-ivr-main")
RADIO = "vm-intro"
VOICES = ("0880", "0930", "0890", "0870", "0920", "cards/001", "cards/002", "cards/003", "cards/004", "cards/005")


def main() -> int:
    """Measure, print, write JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", type=int, default=100, help="how many speak; 100 are 10 minutes (%(default)s)")
    parser.add_argument("--drift-ppm", type=float, default=100.0, help="between the two cards' clocks (%(default)s)")
    parser.add_argument("--seed", type=int, action="append", help="of a room; may be given again (1)")
    parser.add_argument("--noise-db", type=float, help="a vehicle around, so much softer than the echo (a parked one)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    if missing := speech.missing():
        parser.error(missing)
    try:
        WebrtcCanceller()
        SileroReferee()
    except DeviceError as error:
        parser.error(str(error))
    prompts = [name for name in speech.prompts() if 1.5 < len(speech.speech(name)) / 16_000 < 8 and "tone" not in name]
    names = [*VOICES, *prompts[:: max(1, len(prompts) // max(1, arguments.voices - len(VOICES)))]][: arguments.voices]
    answers = np.concatenate([speech.speech(name) for name in ANSWERS])
    clips = [speech.speech(name) for name in names]
    rows = []
    for seed in arguments.seed or (1,):
        here = echo.room(answers, clips, seed, arguments.drift_ppm, arguments.noise_db, speech.speech(RADIO))
        found = echo.measure(here, WebrtcCanceller, SileroReferee)
        rows.append({"seed": seed, "noise_db": arguments.noise_db, **asdict(found)})
        print(
            f"room {seed}: {found.voices} voices at 0 dB, {arguments.drift_ppm:g} ppm: {found.in_time_percent:.1f} % "
            f"found in {echo.FOUND_MS} ms, p50 {found.p50_ms:.0f} ms, p95 {found.p95_ms:.0f} ms; {found.false} false "
            f"and {found.suspicions} suspected in {found.alone_s / 60:.1f} min; ERLE {found.erle_db:.0f} dB",
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
