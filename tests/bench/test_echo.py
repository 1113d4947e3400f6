"""The interruption benchmark on a minute of answers: the real canceller and referee, two voices."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hero365_edge.bench.echo import EVERY_S, SETTLE_S, Air, measure, moments, room
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm
from hero365_edge.devices.canceller import WebrtcCanceller
from hero365_edge.devices.referee import SileroReferee


def test_a_room_has_voices_as_loud_as_the_echo_where_it_says(speech: Callable[[str], Pcm]) -> None:
    here = room(speech("demo-congrats"), [speech("cards/003")], seed=1, drift_ppm=100.0)
    assert len(here.voice) == len(here.played) == (SETTLE_S + EVERY_S) * RATE_HZ
    [begin] = here.begins
    assert not here.voice[:begin].any()
    assert here.voice[begin : begin + RATE_HZ].std() == pytest.approx(2_000, rel=0.35)
    air = Air(here)
    echo = np.concatenate([air.frame(frame) for frame in here.played.reshape(-1, FRAME_SAMPLES)])
    assert echo.std() == pytest.approx(2_000, rel=0.05)


def test_an_echo_comes_later_and_later_by_a_clock_that_drifts(speech: Callable[[str], Pcm]) -> None:
    here = replace(
        room(speech("demo-congrats"), [speech("cards/003")] * 2, seed=1, drift_ppm=1000.0), delay_samples=480
    )
    here = replace(here, response=np.ones(1))
    air = Air(here)
    frames = list(here.played.reshape(-1, FRAME_SAMPLES))
    echo = np.concatenate([air.frame(frame) for frame in frames])
    for at in (5 * RATE_HZ, 20 * RATE_HZ):
        late = 480 + at // 1000
        assert np.allclose(echo[at : at + 10], here.played[at - late : at - late + 10], atol=100)
    assert air.delay_samples == 480 + len(here.played) // 1000


def test_a_suspicion_plays_the_answer_softer_until_it_is_settled(speech: Callable[[str], Pcm]) -> None:
    here = room(speech("demo-congrats"), [speech("cards/003"), speech("0930")], seed=3, drift_ppm=100.0)
    told = list(moments(here, WebrtcCanceller(), SileroReferee, voices=True))
    assert told[-1].suspicions > 0
    assert sum(one.interrupts for one in told) > 0


def test_voices_are_found_and_answers_alone_are_not_with_a_clock_that_drifts(speech: Callable[[str], Pcm]) -> None:
    here = room(speech("demo-congrats"), [speech("cards/003"), speech("cards/005")], seed=1, drift_ppm=100.0)
    found = measure(here, WebrtcCanceller, SileroReferee)
    assert (found.voices, found.in_time_percent, found.false) == (2, 100.0, 0)
    assert found.erle_db > 15
