"""A turn on a real kernel: the button's edge, the lamp's line, a USB stick's sound both ways, a backend over TLS."""

from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.backend.options import Options, Profile
from hero365_edge.core.pcm import Pcm
from tests.expected import expected
from tests.lab.appliance import LAMP, LIKE_THE_ANSWER, LIKE_WHAT_WAS_SAID, Appliance, Asked, at_work
from tests.lab.lamps import LampTrace, Shows
from tests.lab.machine import Machine
from tests.listening import find, follow, words_of

pytestmark = pytest.mark.lab

Speech = Callable[[str], Pcm]

THINK_MS = 3000
SETTLED_S = 0.3
"""The lamp is looked at so long after a change, and until so long before the next."""


def turn(appliance: Appliance, words: Pcm, answer: Pcm) -> str:
    """One question and its answer, each compared with what came out at the far end; the figures.

    The jitter buffer may pause and put in periods of the voice: the answer is followed through them.
    """
    asked = appliance.ask(words, hold=True)
    backend, heard = appliance.hear_out()
    said, given = backend.utterances[-1], backend.answers[-1]
    up, down = find(words, said.pcm), follow(answer, heard.mono())
    begin, end = heard.sounds(quiet_s=1.0)[0]
    trace = appliance.machine.lamp_trace(LAMP)
    lit_at = lamp_lit(trace, asked)
    told = appliance.status()["last_turn"]
    figures = (
        f"up {up.likeness:.3f}, down {down.likeness:.3f} ({down.put_in_ms} ms put in); "
        f"ms: edge to lamp {1000 * (lit_at - asked.pressed_at):.0f}, "
        f"last word to the backend's end of it {1000 * (said.ended_at - asked.ended_at):.0f}, "
        f"to the first sound {1000 * (begin - asked.ended_at) - THINK_MS:.0f} "
        f"without {THINK_MS} of thinking; the appliance's own record {told}"
    )
    assert backend.violations == [], figures
    assert up.likeness > LIKE_WHAT_WAS_SAID, figures
    assert down.likeness > LIKE_THE_ANSWER, figures
    shown = {
        Shows.DIM: (asked.pressed_at - 2.0, asked.pressed_at),
        Shows.BRIGHT: (lit_at + SETTLED_S, asked.ended_at),
        Shows.BREATHING: (said.ended_at + SETTLED_S, begin - SETTLED_S),
    }
    for shows, (since, until) in shown.items():
        assert trace.shows(since, until) is shows, f"{shows}: {figures}"
    thinking = trace.period_s(said.ended_at + SETTLED_S, given.began_at)
    speaking = trace.period_s(begin + SETTLED_S, end - SETTLED_S)
    assert thinking == pytest.approx(0.64, abs=0.1), figures
    assert speaking == pytest.approx(2.0, abs=0.2), figures
    return f"{figures}; a breath takes {thinking:.2f} s while it thinks, {speaking:.2f} s while it speaks"


def lamp_lit(trace: LampTrace, asked: Asked) -> float:
    """When the lamp first was bright after the press."""
    step_s = 0.02
    brightness = trace.brightness(asked.pressed_at, asked.pressed_at + 3.0, step_s)
    bright = np.flatnonzero(brightness > 0.9)
    assert bright.size, "the lamp was never bright after the press"
    return asked.pressed_at + step_s * float(bright[0])


@pytest.mark.parametrize("profile", ["seed", "v1"])
@pytest.mark.parametrize(("delay_ms", "jitter_ms"), [(0, 0), (100, 30)], ids=["fair", "100 ms ± 30 ms"])
def test_every_word_goes_up_and_the_answer_comes_down(
    delay_ms: float, jitter_ms: float, profile: Profile, installed: Machine, speech: Speech, say: Callable[[str], None]
) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0870"))
    with at_work(installed, profile=profile, answer_pcm=answer, think_ms=THINK_MS, pacing="1.5x") as appliance:
        installed.network(delay_ms=delay_ms, jitter_ms=jitter_ms)
        given = expected(Options(profile=profile, answer_pcm=answer), answer)  # Opus changes every sample
        say(f"lab: {profile}, {delay_ms:.0f} ms ± {jitter_ms:.0f} ms each way: {turn(appliance, words, given)}")
