"""How far what is left stands above an echo's remainder and the noise around."""

import numpy as np
import pytest

from hero365_edge.core.echo_filter import Remainder, Sound
from hero365_edge.core.excess import Excess
from hero365_edge.core.pcm import FRAME_SAMPLES

DICE = np.random.default_rng(1)


def sound(rms: float) -> Sound:
    return DICE.normal(0, rms, FRAME_SAMPLES)


def told(here: Excess, left_rms: float, echo_rms: float, frames: int) -> list[float]:
    return [here.frame(Remainder(sound(left_rms), sound(echo_rms))) for _ in range(frames)]


def learned(left_rms: float, echo_rms: float) -> Excess:
    """Three seconds of an answer with its pauses, in which the noise around is heard."""
    here = Excess()
    for _ in range(6):
        told(here, left_rms, echo_rms, 40)
        told(here, 10, 0, 10)
    told(here, left_rms, echo_rms, 40)
    return here


def test_what_an_echo_always_leaves_does_not_stand_out() -> None:
    here = learned(100, 2000)
    assert here.echoes
    assert here.leaks_db == pytest.approx(-26, abs=4)
    assert max(told(here, 100, 2000, 200)) < 3


def test_a_voice_in_it_does_at_once() -> None:
    here = learned(100, 2000)
    assert told(here, 1500, 2000, 2)[-1] > 12


def test_what_an_echo_leaves_stands_out_less_when_the_echo_is_softer() -> None:
    here = learned(100, 2000)
    told(here, 20, 400, 3)
    assert max(told(here, 20, 400, 50)) < 3
    told(here, 100, 400, 1)
    assert told(here, 100, 400, 1)[-1] > 5


def test_nor_does_a_noise_around_that_stays() -> None:
    here = Excess()
    told(here, 500, 0, 600)
    assert not here.echoes
    assert max(told(here, 500, 0, 100)) < 3
    assert told(here, 5000, 0, 2)[-1] > 12


def test_what_is_like_the_echo_stands_out_less_than_what_is_not() -> None:
    """The echo comes by another way than a moment ago."""
    here, there = learned(100, 2000), learned(100, 2000)
    for _ in range(10):
        echo = sound(2000)
        like = here.frame(Remainder(0.3 * echo, echo))
        unlike = there.frame(Remainder(sound(600), echo))
    assert like < unlike - 6


def test_a_voice_that_goes_on_is_not_taken_for_what_an_echo_leaves() -> None:
    here = learned(100, 2000)
    before_db = here.leaks_db
    assert min(told(here, 1500, 2000, 200)[5:]) > 10
    assert here.leaks_db <= before_db


def test_how_much_an_echo_leaves_can_be_forgotten() -> None:
    here = learned(100, 2000)
    here.reset()
    assert here.leaks_db == -10
