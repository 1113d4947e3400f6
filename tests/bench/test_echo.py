"""The interruption benchmark on a minute of answers: the real canceller and referee, two voices."""

from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.bench.echo import EVERY_S, SETTLE_S, measure, room
from hero365_edge.core.pcm import RATE_HZ, Pcm
from hero365_edge.devices.canceller import WebrtcCanceller
from hero365_edge.devices.referee import SileroReferee


def test_a_room_has_voices_as_loud_as_the_echo_where_it_says(speech: Callable[[str], Pcm]) -> None:
    here = room(speech("demo-congrats"), [speech("cards/003")], seed=1, drift_ppm=100.0)
    assert len(here.heard) == len(here.played) == (SETTLE_S + EVERY_S) * RATE_HZ
    [begin] = here.begins
    assert np.array_equal(here.heard[:begin], here.alone[:begin])
    voice = (here.heard.astype(float) - here.alone)[begin : begin + RATE_HZ]
    assert voice.std() == pytest.approx(2_000, rel=0.35)


def test_voices_are_found_and_answers_alone_are_not_with_a_clock_that_drifts(speech: Callable[[str], Pcm]) -> None:
    here = room(speech("demo-congrats"), [speech("cards/003"), speech("cards/005")], seed=1, drift_ppm=100.0)
    found = measure(here, WebrtcCanceller, SileroReferee)
    assert (found.voices, found.in_time_percent, found.false) == (2, 100.0, 0)
    assert found.erle_db > 15

