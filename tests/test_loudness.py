"""The speaker's loudness: what a second button makes of it."""

import pytest

from hero365_edge.loudness import STEPS, Loudness


def at(volume: float) -> tuple[Loudness, list[float]]:
    applied: list[float] = []
    return Loudness(applied.append, volume), applied


def test_a_toggle_mutes_and_the_next_makes_it_as_loud_as_before() -> None:
    loudness, applied = at(0.7)
    loudness.toggle()
    assert loudness.facts() == {"percent": 70, "muted": True}
    loudness.toggle()
    assert (applied, loudness.facts()) == ([0.0, 0.7], {"percent": 70, "muted": False})


def test_steps_go_up_to_the_loudest_and_on_from_the_quietest_which_is_not_silence() -> None:
    loudness, applied = at(0.8)
    for _ in range(6):
        loudness.step()
    assert applied == [1.0, *STEPS]
    assert min(STEPS) > 0


@pytest.mark.parametrize(("volume", "louder"), [(0.0, 0.2), (0.19, 0.4), (0.5, 0.6), (0.97, 0.2)])
def test_a_step_is_never_so_small_that_nobody_hears_it(volume: float, louder: float) -> None:
    loudness, applied = at(volume)
    loudness.step()
    assert applied == [louder]


def test_a_step_while_it_is_muted_lets_it_be_heard_again_first() -> None:
    loudness, applied = at(0.4)
    loudness.mute()
    loudness.step()
    loudness.step()
    assert applied == [0.0, 0.4, 0.6]
