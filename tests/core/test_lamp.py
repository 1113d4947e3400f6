"""The lamp's language: every light can be read from one LED of one colour."""

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from hero365_edge.core.lamp import Light, Pattern, apa102_frame, level, pattern, shown

WATCHED_MS = 16_000  # a multiple of every period, so that it may be looked at from any moment on
STEP_MS = 20


def watched(light: Light) -> NDArray[np.float64]:
    """What a person sees of a light."""
    return np.array([level(pattern(light), t_ms) for t_ms in range(0, WATCHED_MS, STEP_MS)])


@pytest.mark.parametrize("light", Light)
def test_every_light_has_a_pattern(light: Light) -> None:
    assert isinstance(pattern(light), Pattern)


@pytest.mark.parametrize(("one", "other"), list(combinations(Light, 2)))
def test_two_lights_differ_on_one_led_from_whatever_moment_one_looks(one: Light, other: Light) -> None:
    seen, expected = watched(one), watched(other)
    least = min(np.abs(np.roll(seen, shift) - expected).mean() for shift in range(len(seen)))
    assert least > 0.1


@pytest.mark.parametrize("light", Light)
def test_no_light_is_a_dark_lamp_for_longer_than_two_seconds(light: Light) -> None:
    seen = watched(light)
    assert max(len(run) for run in "".join("d" if x == 0 else " " for x in seen).split(" ")) * STEP_MS <= 2000


@pytest.mark.parametrize("light", Light)
def test_every_pattern_can_be_played_by_gpiozero(light: Light) -> None:
    played = pattern(light)
    assert played.fade_ms % 40 == 0
    assert played.steady or played.brightness == 1.0
    assert all(0 <= part <= 1 for part in played.colour)


def test_only_listening_is_bright_and_steady_and_on_the_listen_led() -> None:
    steady = [light for light in Light if pattern(light).steady and pattern(light).brightness == 1.0]
    assert steady == [Light.LISTENING]
    assert [light for light in Light if pattern(light).on_listen_led] == [Light.LISTENING]


@pytest.mark.parametrize(
    ("t_ms", "expected"),
    [
        (0, 0.0),
        (50, 0.5),
        (100, 1.0),
        (299, 1.0),
        (325, 0.75),
        (350, 0.5),
        (400, 0.0),
        (799, 0.0),
        (850, 0.5),
        (80_050, 0.5),
    ],
)
def test_a_pattern_fades_in_stays_fades_out_stays_away_and_again(t_ms: float, expected: float) -> None:
    played = Pattern((1, 1, 1), on_ms=200, off_ms=400, fade_ms=100)
    assert level(played, t_ms) == pytest.approx(expected)


def test_ready_is_so_dim_that_nobody_takes_it_for_listening() -> None:
    assert 0 < level(pattern(Light.READY), 0) < 0.2


def test_a_steady_pattern_keeps_its_brightness() -> None:
    assert {level(Pattern((1, 1, 1), brightness=0.3), t_ms) for t_ms in (0, 1, 12_345)} == {0.3}


def test_a_chain_of_apa102_is_sent_blue_green_red_behind_a_word_of_zeros() -> None:
    frame = apa102_frame((1.0, 0.35, 0.0), 2)
    assert frame == bytes(4) + 2 * bytes((0xE8, 0, 89, 255)) + bytes(4)


@pytest.mark.parametrize("count", [1, 3, 32, 64])
def test_a_long_chain_gets_a_clock_for_every_other_led_behind_the_last(count: int) -> None:
    frame = apa102_frame((0.0, 0.0, 0.0), count)
    behind = frame[4 + 4 * count :]
    assert frame[4 : 4 + 4 * count] == count * b"\xe8\x00\x00\x00"
    assert len(behind) >= 4
    assert 8 * len(behind) >= 32 + count // 2 - 8
    assert not any(behind)


@pytest.mark.parametrize("state", Light)
def test_listening_is_shown_exactly_while_the_microphones_sound_is_taken(state: Light) -> None:
    assert shown(state, recording=True) is Light.LISTENING
    assert shown(state, recording=False) is not Light.LISTENING


def test_what_has_nothing_to_do_with_the_microphone_is_shown_as_it_is() -> None:
    assert shown(Light.FAULT, recording=False) is Light.FAULT
    assert shown(Light.LISTENING, recording=False) is Light.PROCESSING


@pytest.mark.parametrize("state", Light)
def test_a_muted_speaker_is_told_at_rest_and_hides_nothing_else(state: Light) -> None:
    told = shown(state, recording=False, muted=True)
    assert told is (Light.MUTED if state is Light.READY else shown(state, recording=False))
    assert shown(state, recording=True, muted=True) is Light.LISTENING
