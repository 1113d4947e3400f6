"""The linear filter: a room's echo goes, a voice in it stays whole, and a clock that drifts is found out."""

import numpy as np
import pytest

from hero365_edge.core.echo_filter import FASTEST_SAMPLES, EchoFilter, Sound
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm

SECONDS = 12
DICE = np.random.default_rng(1)
CLICK = np.arange(RATE_HZ // 10)
ROOM = DICE.standard_normal(len(CLICK)) * np.exp(-CLICK / 240)
ROOM *= 0.7 / np.sqrt(np.sum(np.square(ROOM)))
DELAY = 620


def spoken(seed: int) -> Sound:
    """Noise with speech's colour and rhythm: most of it below 1 kHz, in syllables of 200 ms."""
    dice = np.random.default_rng(seed)
    samples = SECONDS * RATE_HZ
    colour = 0.8 ** np.arange(40)
    syllables = np.repeat(dice.uniform(0.05, 1.0, samples // 3200), 3200)
    return np.convolve(dice.standard_normal(samples), colour)[:samples] * syllables * 1500


PLAYED: Pcm = np.round(spoken(2)).astype(np.int16)
VOICE = spoken(3)


def echoed(drift_ppm: float = 0.0, delay: int = DELAY, room: Sound = ROOM) -> Sound:
    moments = np.arange(len(PLAYED)) * (1 - 1e-6 * drift_ppm) - delay
    arrived = np.interp(moments, np.arange(len(PLAYED)), PLAYED)
    echo: Sound = np.convolve(arrived, room)[: len(PLAYED)]
    return echo + np.random.default_rng(4).standard_normal(len(echo)) * 5


def left(heard: Sound, here: EchoFilter, played: Pcm = PLAYED) -> Sound:
    frames = [
        here.frame(np.round(heard[at : at + FRAME_SAMPLES]).astype(np.int16), played[at : at + FRAME_SAMPLES]).left
        for at in range(0, len(heard), FRAME_SAMPLES)
    ]
    return np.concatenate(frames)


def lost_db(before: Sound, after: Sound, from_s: float) -> float:
    late = slice(int(from_s * RATE_HZ), None)
    return float(10 * np.log10(np.mean(np.square(before[late])) / np.mean(np.square(after[late]))))


def test_of_an_echo_a_thousandth_is_left_once_the_room_is_known() -> None:
    echo = echoed()
    assert lost_db(echo, left(echo, EchoFilter()), from_s=6) > 30


def test_a_clock_that_drifts_is_found_out_and_the_echo_goes_all_the_same() -> None:
    for drift_ppm in (100.0, -60.0):
        here = EchoFilter()
        echo = echoed(drift_ppm)
        assert lost_db(echo, left(echo, here), from_s=6) > 22
        assert here.drift_ppm == pytest.approx(drift_ppm, abs=25)


def test_what_drifts_from_one_of_its_partitions_to_the_next_is_not_lost() -> None:
    """The echo is a single reflection, and passes the border of two within these seconds."""
    border = echoed(500.0, delay=2 * FRAME_SAMPLES - 80, room=np.ones(1))
    assert lost_db(border, left(border, EchoFilter()), from_s=6) > 15


def test_a_clock_that_drifts_fast_does_not_make_it_swing_up() -> None:
    here = EchoFilter()
    for _ in range(3):
        echo = echoed(400.0)
        assert lost_db(echo, left(echo, here), from_s=6) > 15


def test_a_voice_in_the_echo_stays_whole() -> None:
    echo = echoed(100.0)
    voice = np.where(np.arange(len(VOICE)) > 6 * RATE_HZ, VOICE, 0.0)
    after = left(echo + voice, EchoFilter())
    assert lost_db(voice, after - voice, from_s=6) > 7, "so much softer is all that is left beside it"
    assert lost_db(voice, after, from_s=6) == pytest.approx(0.0, abs=1.0)


def test_what_it_says_it_took_out_and_what_it_left_are_all_that_was_heard() -> None:
    here = EchoFilter()
    heard = np.round(echoed()).astype(np.int16)
    for at in range(0, RATE_HZ, FRAME_SAMPLES):
        remainder = here.frame(heard[at : at + FRAME_SAMPLES], PLAYED[at : at + FRAME_SAMPLES])
        assert np.allclose(remainder.left + remainder.echo, heard[at : at + FRAME_SAMPLES])


def test_while_nothing_is_played_nothing_is_taken_out_and_nothing_learned() -> None:
    here = EchoFilter()
    silent = np.zeros(len(PLAYED), np.int16)
    assert np.allclose(left(VOICE, here, silent), np.round(VOICE))
    assert here.drift_ppm == 0.0


def test_who_forgets_the_room_still_knows_how_the_clocks_drift() -> None:
    here = EchoFilter()
    echo = echoed(100.0)
    left(echo, here)
    drift_ppm = here.drift_ppm
    here.reset()
    assert here.drift_ppm == drift_ppm
    again = here.frame(np.round(echo[:FRAME_SAMPLES]).astype(np.int16), PLAYED[:FRAME_SAMPLES])
    assert not again.echo.any()


def test_no_noise_however_loud_makes_it_believe_in_a_clock_that_cannot_be() -> None:
    here = EchoFilter()
    dice = np.random.default_rng(6)
    left(dice.uniform(-30_000, 30_000, len(PLAYED)), here)
    assert abs(here.drift_ppm) <= 1e6 * FASTEST_SAMPLES / FRAME_SAMPLES
