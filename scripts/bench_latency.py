"""From the last word to the first sample of the answer: the whole appliance on ALSA, a backend that thinks 300 ms.

Both moments are taken from recordings of what entered the microphone's card and what left the speaker's, not from
logs. The stages are the appliance's own account of the same turns, in ms since its `speech_end`, at the median.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.core.latency import STAGES, Turn
from hero365_edge.core.pcm import RATE_HZ
from tests import alsa_rig, speech
from tests.alsa.appliance_on_alsa import Machine, Technician, at_work, speaking
from tests.appliance import until
from tests.listening import sounding, words_of

THINK_MS = 300
WORDS = ("cards/001", "cards/003", "cards/004", "vm-intro", "hello-world", "confbridge-muted", "0880")
INTO_THE_WORD_S, TAP_S, REACTION_S = 0.1, 0.1, 0.005
ANSWERED_S = 20.0
"""A turn that takes longer is stuck."""
QUIET_S = 0.4
"""Between two turns."""
MODES = ("hold", "tap")
PROFILES = ("seed", "v1")


@dataclass(frozen=True, slots=True)
class Row:
    """One mode in one profile."""

    profile: str
    mode: str
    turns: int
    p50_ms: float
    p95_ms: float
    fair_turns: int
    """Those in which this computer never stood still: their figures are the appliance's."""
    fair_p50_ms: float
    fair_p95_ms: float
    stages_ms: dict[str, float | None]


def main() -> int:
    """Measure, print, write JSON when asked; 1 when a turn was not answered."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=50, help="of each mode and profile (%(default)s)")
    parser.add_argument("--mode", choices=MODES, action="append", help="only this one")
    parser.add_argument("--profile", choices=PROFILES, action="append", help="only this one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there too")
    arguments = parser.parse_args()
    for missing in (alsa_rig.missing(), speech.missing()):
        if missing:
            parser.error(missing)
    rows = []
    with tempfile.TemporaryDirectory(prefix="lat") as folder, alsa_rig.running(Path(folder)) as rig:
        os.environ.update({name: rig.environ[name] for name in rig.environ.keys() - os.environ.keys()})
        os.environ["ALSA_CONFIG_PATH"] = rig.environ["ALSA_CONFIG_PATH"]
        for profile in arguments.profile or PROFILES:
            for mode in arguments.mode or MODES:
                rows.append(asyncio.run(measure(rig, profile, mode, arguments.turns)))
                print(line(rows[-1]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0


async def measure(rig: alsa_rig.AlsaRig, profile: str, mode: str, turns: int) -> Row:
    """So many turns of one kind, in one session. Raises TimeoutError when one has no answer."""
    answer = speech.speech("please-try-again")
    options = Options(
        welcome=False,
        profile="v1" if profile == "v1" else "seed",
        answer_pcm=answer,
        think_ms=THINK_MS,
        pacing="1.5x",
    )
    delays, fair, told = [], [], []
    async with SimulatedBackend(options) as backend:
        machine = Machine()
        async with at_work(rig, backend.url, machine) as technician:
            for number in range(turns):
                name = WORDS[number % len(WORDS)]
                machine.late_s, machine.xruns, machine.stutters = 0.0, 0, 0
                delay_ms, turn = await one(rig, technician, name, mode == "hold", machine)
                delays.append(delay_ms)
                fair += [delay_ms] if machine.fair else []
                told.append(turn.since_speech_end_ms())
    middles = {stage: middle([each[stage] for each in told]) for stage in STAGES}
    return Row(profile, mode, len(delays), *percentiles(delays), len(fair), *percentiles(fair), middles)


def percentiles(delays: list[float]) -> tuple[float, float]:
    """The 50th and the 95th; not a number where there are none."""
    if not delays:
        return float("nan"), float("nan")
    return statistics.median(delays), sorted(delays)[min(int(0.95 * len(delays)), len(delays) - 1)]


async def one(
    rig: alsa_rig.AlsaRig, technician: Technician, name: str, hold: bool, machine: Machine
) -> tuple[float, Turn]:
    """Say it, hear the answer out; how long it was quiet between, by the recordings."""
    words = words_of(speech.speech(name))
    dialogue = technician.appliance.dialogue
    loop = asyncio.get_running_loop()
    silent_until = len(technician.heard())
    before = dialogue.last_turn
    async with speaking(rig, words, machine) as began_at:
        ended_at = began_at + len(words) / RATE_HZ
        await sleep_until(loop, began_at + INTO_THE_WORD_S)
        technician.press()
        await sleep_until(loop, ended_at + REACTION_S if hold else loop.time() + TAP_S)
        technician.release()
    await until(lambda: dialogue.last_turn is not before and dialogue.last_turn is not None, ANSWERED_S)
    await asyncio.sleep(QUIET_S)
    heard = technician.heard()[silent_until:]
    first = silent_until + sounding(heard).start
    turn = dialogue.last_turn
    if turn is None or not np.any(heard):
        raise TimeoutError(f"no answer to {name}")
    return 1000 * (technician.heard_at(first) - ended_at), turn


async def sleep_until(loop: asyncio.AbstractEventLoop, moment: float) -> None:
    """Until then, by the monotonic clock."""
    await asyncio.sleep(max(0.0, moment - loop.time()))


def middle(values: list[int | None]) -> float | None:
    """The median of what there is."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def line(row: Row) -> str:
    """For people."""
    stages = ", ".join(f"{stage} {ms:.0f}" for stage, ms in row.stages_ms.items() if ms is not None)
    return (
        f"{row.profile:4} {row.mode:4} last word to first sample, p50 / p95: {row.turns} turns {row.p50_ms:.0f} / "
        f"{row.p95_ms:.0f} ms, {row.fair_turns} fair ones {row.fair_p50_ms:.0f} / {row.fair_p95_ms:.0f} ms; "
        f"stages since speech_end: {stages}"
    )


if __name__ == "__main__":
    sys.exit(main())
