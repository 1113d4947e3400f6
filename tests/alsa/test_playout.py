"""A backend that pauses in the middle of its answer, over real ALSA: what is counted is what was heard."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.core.pcm import RATE_HZ, Pcm
from tests.alsa.appliance_on_alsa import Machine, at_work, listen_on, on_a_fair_machine
from tests.alsa_rig import AlsaRig
from tests.listening import numbered, sounding, words_of
from tests.played import played

pytestmark = pytest.mark.alsa

Speech = Callable[[str], Pcm]
ANSWER = numbered(3 * RATE_HZ)
GAP = RATE_HZ * 5 // 1000
"""Silence of so many samples is a gap."""


def gaps_ms(heard: Pcm) -> list[float]:
    """How long each gap in the middle of what was heard is."""
    edges = np.flatnonzero(heard)
    between = np.diff(edges) - 1
    return [gap * 1000 / RATE_HZ for gap in between[between > GAP]]


@pytest.mark.parametrize(
    "options",
    [{"pacing": "hiccup"}, {"pacing": "realtime", "fault": "stall", "stall_s": 0.7}],
    ids=["a hiccup of 400 ms", "a stall of 700 ms"],
)
@pytest.mark.parametrize("profile", ["seed", "v1"])
async def test_the_silence_that_is_counted_is_the_silence_that_is_heard(
    profile: str, options: dict[str, Any], alsa: AlsaRig, speech: Speech, figures: Callable[[str], None]
) -> None:
    async def scene(machine: Machine) -> str:
        told: dict[str, Any] = {"profile": profile, "welcome": False, **options}
        chosen = Options(answer_pcm=ANSWER, downlink="pcm16", **told)
        async with SimulatedBackend(chosen) as backend, at_work(alsa, backend.url, machine) as technician:
            await technician.ask(words_of(speech("cards/001")), hold=True)
            await listen_on()
            heard = technician.heard()
            counted = technician.appliance.downlink.figures
        heard = heard[sounding(heard)]
        gaps = gaps_ms(heard)
        assert played(heard, ANSWER) == len(ANSWER)
        assert counted["lost_ms"] == 0
        assert counted["underruns"] == counted["pauses"] == len(gaps) > 0
        assert counted["silence_ms"] == pytest.approx(sum(gaps), rel=0.1)
        return f"{profile}, {options}: heard {sum(gaps):.0f} ms of silence in {len(gaps)}, counted {counted}"

    figures(await on_a_fair_machine(scene, figures))
