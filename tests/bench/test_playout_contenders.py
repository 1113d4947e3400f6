"""Each way to play, on arrivals that can be reckoned by hand."""

import numpy as np
import pytest

from hero365_edge.bench import playout_contenders as contenders
from hero365_edge.bench.playout_contenders import Outcome
from hero365_edge.bench.playout_networks import FRAME_S, Times
from hero365_edge.core.jitter import JitterBuffer
from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm

FRAMES = 100
EVEN = [1.0 + number * FRAME_S for number in range(FRAMES)]


def held(first: int, late_s: float) -> Times:
    """Real time, but what is sent from frame `first` on comes when the outage is over."""
    return [max(at, EVEN[first] + late_s) if number >= first else at for number, at in enumerate(EVEN)]


def speech() -> Pcm:
    at = np.arange(FRAMES * FRAME_SAMPLES)
    return np.round((3000 + at / 50) * np.sin(2 * np.pi * at / 120)).astype(np.int16)


def only(contender: contenders.Contender, times: Times) -> Outcome:
    (outcome,) = contender([times])
    return outcome


@pytest.mark.parametrize(("start_ms", "ttfa_ms"), [(60, 40), (120, 100), (200, 180), (400, 380)])
def test_fixed_waits_for_its_depth_and_then_plays_on_even_arrivals_without_a_pause(
    start_ms: int, ttfa_ms: float
) -> None:
    outcome = only(contenders.fixed(start_ms), EVEN)
    assert outcome.ttfa_ms == pytest.approx(ttfa_ms)
    assert (outcome.pauses, outcome.silence_ms) == (0, 0)


def test_fixed_is_silent_for_as_long_as_the_outage_outlasts_its_depth() -> None:
    outcome = only(contenders.fixed(60), held(50, 0.3))
    assert outcome.pauses == 1
    assert outcome.silence_ms == pytest.approx(300 - 40)


@pytest.mark.parametrize(("slow", "silence_ms"), [(0.0, 280), (0.2, 30), (0.25, 0)])
def test_the_optimum_is_the_largest_lateness_behind_the_slowest_speech(slow: float, silence_ms: float) -> None:
    """Frame 50 is due 50 * 20 ms / rate after the start of 20 ms, and comes 300 ms behind its time."""
    outcome = only(contenders.optimum(slow, [20.0]), held(50, 0.3))
    assert outcome.silence_ms == pytest.approx(silence_ms, abs=0.001)


def test_on_even_arrivals_ours_begins_with_the_third_frame_then_with_the_second_and_changes_nothing() -> None:
    buffer = JitterBuffer(60)
    for waited in (2, 1):
        outcome, heard = contenders.play_through(buffer, EVEN, speech().reshape(-1, FRAME_SAMPLES))
        assert outcome.ttfa_ms == pytest.approx(waited * 20)
        assert outcome == Outcome(outcome.ttfa_ms, 0, 0, 0, 0, 0)
        assert np.array_equal(np.concatenate(heard)[waited * FRAME_SAMPLES :], speech())


def test_what_ours_says_of_an_outage_is_what_was_heard() -> None:
    buffer = JitterBuffer(60)
    buffer.conceal = lambda samples: np.full(samples, 77, np.int16)
    outcome, heard = contenders.play_through(buffer, held(50, 0.3), speech().reshape(-1, FRAME_SAMPLES))
    assert (outcome.pauses, outcome.concealed_ms, outcome.lost_ms) == (1, 60, 0)
    assert outcome.silence_ms == pytest.approx(300 - 40 - 60)
    total_ms = len(np.concatenate(heard)) / 16
    content_ms = FRAMES * FRAME_S * 1000
    assert total_ms - content_ms == pytest.approx(
        outcome.ttfa_ms + outcome.silence_ms + outcome.concealed_ms + outcome.stretched_ms, abs=1
    )


@pytest.mark.parametrize("late_ms", [47, 83, 111, 300])
def test_ours_and_the_plain_one_stop_for_the_same_time_when_they_begin_alike(late_ms: int) -> None:
    """No card's period makes a pause longer for the one than for the other."""
    times = held(50, late_ms / 1000)
    buffer = JitterBuffer(60)
    buffer.conceal = lambda samples: np.zeros(samples, np.int16)
    ours, _ = contenders.play_through(buffer, times, speech().reshape(-1, FRAME_SAMPLES))
    plain = only(contenders.fixed(60), times)
    assert ours.ttfa_ms == pytest.approx(plain.ttfa_ms)
    assert ours.silence_ms + ours.concealed_ms == pytest.approx(plain.silence_ms)
    assert plain.silence_ms == pytest.approx(late_ms - 40)


def test_ours_keeps_what_it_learned_for_the_next_answer() -> None:
    session = [[at + 100 * turn for at in held(60, 0.2)] for turn in range(6)]
    outcomes = contenders.hero365(speech())(session)
    assert outcomes[0].pauses == 1
    assert outcomes[0].stretched_ms < outcomes[-1].stretched_ms
    assert outcomes[-1].pauses == 0


def test_aiortc_waits_for_five_frames_and_loses_none() -> None:
    pytest.importorskip("aiortc")
    outcome = only(contenders.aiortc, EVEN)
    assert outcome.ttfa_ms == pytest.approx(80)
    assert (outcome.pauses, outcome.lost_ms) == (0, 0)


def test_speexdsp_plays_even_arrivals_and_drops_what_runs_ahead() -> None:
    if "speexdsp" not in contenders.peers():
        pytest.skip("libspeexdsp1 is not installed")
    assert only(contenders.speexdsp, EVEN).lost_ms < 60
    assert only(contenders.speexdsp, [1.0 + number * FRAME_S / 4 for number in range(4 * FRAMES)]).lost_ms > 500
