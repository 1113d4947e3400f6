"""Both ways of hearing a voice in an echo, together: which of them finds it, and which denies it."""

from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.core.barge_in import BargeIn
from hero365_edge.core.echo_filter import Sound
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm
from hero365_edge.fakes.referee import FakeReferee

SECOND = RATE_HZ
DELAY = 480
GONE: Pcm = np.zeros(FRAME_SAMPLES, dtype=np.int16)


class Scene:
    """An answer, its echo, and a canceller that leaves what the test says."""

    def __init__(self, *, rattles: bool = False) -> None:
        dice = np.random.default_rng(1)
        pauses = np.arange(20 * SECOND) % 8_000 < 6_000
        self.played: Pcm = np.round(dice.normal(0, 2000, 20 * SECOND) * pauses).astype(np.int16)
        heard: Sound = 0.7 * np.concatenate([np.zeros(DELAY), self.played[:-DELAY]])
        if rattles:
            heard += np.abs(heard) * dice.normal(0, 0.6, len(heard))
        self.echo = heard + dice.normal(0, 5, len(heard))
        self.voice = np.zeros(len(heard))
        self.here = BargeIn(FakeReferee)

    def run(self, from_s: float, until_s: float, left: Callable[[Pcm], Pcm], *, answering: bool = True) -> float | None:
        """After how many seconds somebody was found, if anybody was."""
        for at in range(int(from_s * SECOND), int(until_s * SECOND), FRAME_SAMPLES):
            now = slice(at, at + FRAME_SAMPLES)
            heard = np.round(self.echo[now] + self.voice[now]).astype(np.int16)
            if self.here.frame(heard, self.played[now], left(heard), answering=answering):
                return (at + FRAME_SAMPLES) / SECOND - from_s
        return None

    def speak(self, at_s: float) -> None:
        self.voice[int(at_s * SECOND) :][:SECOND] = np.random.default_rng(2).normal(0, 2000, SECOND)


def little(heard: Pcm) -> Pcm:
    """20 dB are gone of echo and voice alike."""
    return (heard // 10).astype(np.int16)


def all_of_it(heard: Pcm) -> Pcm:
    return heard


def less_of_it(heard: Pcm) -> Pcm:
    """As loud as what an echo leaves at the most."""
    return (heard // 100).astype(np.int16)


def none(_heard: Pcm) -> Pcm:
    return GONE


def test_a_voice_that_the_canceller_takes_for_echo_is_found_in_a_quarter_of_a_second() -> None:
    scene = Scene()
    assert scene.run(0, 10, none) is None
    scene.speak(10.0)
    assert scene.run(10, 11, little) == pytest.approx(0.22, abs=0.06)


def test_a_voice_of_which_the_canceller_leaves_nothing_makes_the_answer_softer_and_is_no_interruption_yet() -> None:
    scene = Scene()
    assert scene.run(0, 10, none) is None
    suspected = [scene.here.suspects]
    scene.speak(10.0)
    assert scene.run(10.0, 10.1, less_of_it) is None
    suspected.append(scene.here.suspects)
    assert suspected == [False, True]
    assert scene.run(10.1, 10.5, less_of_it) is None
    assert scene.run(10.5, 10.7, little) is not None


def test_what_the_canceller_leaves_of_an_echo_is_denied_by_a_filter_that_takes_it_all_out() -> None:
    scene = Scene()
    assert scene.run(0, 10, none) is None
    assert scene.run(10, 15, all_of_it) is None


def test_a_filter_that_does_not_know_the_way_denies_nothing() -> None:
    assert Scene().run(0, 5, all_of_it) is not None
    assert Scene(rattles=True).run(0, 15, all_of_it) is not None


def test_after_the_echo_may_have_jumped_the_filter_is_not_believed_until_it_has_shown_itself_again() -> None:
    scene = Scene()
    assert scene.run(0, 10, none) is None
    scene.speak(10.1)
    scene.here.jumped()
    assert scene.run(10, 11, none) is None


def test_nobody_is_found_while_no_answer_is_played_though_the_room_is_learned() -> None:
    scene = Scene()
    scene.speak(8.0)
    assert scene.run(0, 12, all_of_it, answering=False) is None
    scene.here.begin()
    assert scene.run(12, 14, none) is None
    scene.speak(14.0)
    assert scene.run(14, 15, little) is not None
    assert abs(scene.here._filter.drift_ppm) < 20


def test_who_forgets_the_room_takes_nothing_out() -> None:
    scene = Scene()
    assert scene.run(0, 10, none) is None
    scene.here.reset()
    assert scene.run(10, 15, all_of_it) is not None
