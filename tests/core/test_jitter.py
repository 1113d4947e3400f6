"""The jitter buffer: every sample once, in order, and when; what it puts in between, and what it tells of that."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hero365_edge.core import delay, jitter, stretch
from hero365_edge.core.jitter import JitterBuffer, Playout
from hero365_edge.core.pcm import EMPTY, RATE_HZ, Pcm, samples_of, silence

LIMIT_MS = 60
START = samples_of(40)
FRAME = 320
FRAME_S = 0.02
TICK = 160
TICK_S = 0.01
PLENTY = 10_000
PITCH = 120


def numbered(count: int, first: int = 0) -> Pcm:
    return np.arange(first, first + count, dtype=np.int16)


def vowel(count: int, first: int = 0) -> Pcm:
    """A voice of 133 Hz that grows louder for ever, so that no two of its samples' surroundings are the same."""
    at = np.arange(first, first + count)
    return np.round((3000 + at / 50) * np.sin(2 * np.pi * at / PITCH)).astype(np.int16)


def hum(samples: int) -> Pcm:
    """A concealment that is heard."""
    return np.full(samples, 8000, np.int16)


def in_talk() -> JitterBuffer:
    """A buffer that heard of this server before: it sends at real time."""
    buffer = JitterBuffer(LIMIT_MS)
    buffer.model._ahead_s = -delay.SURE_S
    return buffer


@pytest.fixture
def buffer() -> JitterBuffer:
    return in_talk()


def taken(buffer: JitterBuffer, now: float, want: int = PLENTY, ahead: int = 0, need: int = 0) -> Pcm:
    """All it gives now."""
    pieces = [EMPTY]
    while len(pcm := buffer.take(want, ahead, now, need)):
        pieces.append(pcm)
        ahead += len(pcm)
        want -= len(pcm)
    return np.concatenate(pieces)


def arrive(buffer: JitterBuffer, pcm: Pcm, now: float) -> None:
    """In two pieces."""
    for piece in np.array_split(pcm, 2):
        buffer.put(piece, now)


def playing(buffer: JitterBuffer, pcm: Pcm | None = None) -> JitterBuffer:
    """In the middle of an answer, all of which so far was played."""
    pcm = numbered(START, 1000) if pcm is None else pcm
    arrive(buffer, pcm, now=0.0)
    assert len(taken(buffer, 0.0)) == len(pcm)
    assert (buffer.state, buffer.buffered) == (Playout.PLAYING, 0)
    return buffer


def dry(buffer: JitterBuffer, now: float) -> JitterBuffer:
    """Asked by a card that has nothing left, until it pauses."""
    while buffer.state is not Playout.DRY:
        now += len(taken(buffer, now, TICK, 0, TICK)) / RATE_HZ
    return buffer


def expecting(buffer: JitterBuffer, late_s: float) -> JitterBuffer:
    buffer.model.seed(late_s)
    return buffer


# -- starting ---------------------------------------------------------------------------------------------------


def test_nothing_is_played_of_an_answer_that_did_not_begin(buffer: JitterBuffer) -> None:
    assert len(buffer.take(PLENTY, ahead=0, now=1e9)) == 0
    assert (buffer.state, buffer.deadline, buffer.finished) == (Playout.IDLE, None, False)


def test_it_starts_with_its_second_frame(buffer: JitterBuffer) -> None:
    buffer.put(numbered(FRAME), now=10.0)
    assert len(taken(buffer, 10.0)) == 0
    buffer.put(numbered(FRAME, FRAME), now=10.02)
    assert len(taken(buffer, 10.02)) == START
    assert buffer.state is Playout.PLAYING
    assert buffer.deadline is None


def test_one_piece_however_long_waits_for_the_second_because_a_server_may_send_such_pieces(
    buffer: JitterBuffer,
) -> None:
    buffer.put(numbered(10 * FRAME), now=10.0)
    assert len(taken(buffer, 10.0)) == 0
    assert buffer.deadline == 10.06
    buffer.put(numbered(1), now=10.03)
    assert len(taken(buffer, 10.03)) > 0


def test_it_starts_with_less_once_the_first_sample_has_waited_that_long(buffer: JitterBuffer) -> None:
    buffer.put(numbered(FRAME), now=10.0)
    assert buffer.deadline == 10.06
    assert len(taken(buffer, 10.059)) == 0
    assert len(taken(buffer, 10.06)) == FRAME


@pytest.mark.parametrize("ahead_s", [0.0, 0.5])
def test_where_the_server_may_run_ahead_it_begins_with_a_frame_more(buffer: JitterBuffer, ahead_s: float) -> None:
    buffer.model._ahead_s = ahead_s
    arrive(buffer, numbered(2 * FRAME), now=10.0)
    assert len(taken(buffer, 10.0)) == 0
    buffer.put(numbered(FRAME), now=10.01)
    assert len(taken(buffer, 10.01)) == 3 * FRAME


def test_an_answer_shorter_than_the_start_plays_at_its_end(buffer: JitterBuffer) -> None:
    buffer.put(numbered(5), now=10.0)
    assert len(taken(buffer, 10.0)) == 0
    buffer.end()
    np.testing.assert_array_equal(taken(buffer, 10.0), numbered(5))


def test_what_the_card_still_holds_of_an_earcon_does_not_start_it(buffer: JitterBuffer) -> None:
    buffer.put(numbered(5), now=10.0)
    assert len(taken(buffer, 10.0, ahead=960)) == 0


def test_no_samples_do_not_begin_an_answer_nor_go_on_with_an_ended_one(buffer: JitterBuffer) -> None:
    buffer.put(EMPTY, now=10.0)
    assert (buffer.state, buffer.deadline) == (Playout.IDLE, None)
    buffer.end()
    buffer.put(EMPTY, now=10.0)
    assert buffer.finished


# -- taking -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("want", [0, -5])
def test_a_full_card_is_given_nothing(buffer: JitterBuffer, want: int) -> None:
    buffer.put(numbered(START), now=10.0)
    assert len(buffer.take(want, ahead=START, now=10.0)) == 0
    assert buffer.buffered == START


def test_no_more_is_given_than_wanted(buffer: JitterBuffer) -> None:
    arrive(buffer, numbered(START), now=10.0)
    np.testing.assert_array_equal(buffer.take(7, ahead=0, now=10.0), numbered(7))
    np.testing.assert_array_equal(buffer.take(8, ahead=7, now=10.0), numbered(8, 7))
    assert buffer.buffered == START - 15


# -- speaking slower --------------------------------------------------------------------------------------------


def played_at_real_time(buffer: JitterBuffer, pcm: Pcm) -> Pcm:
    """What is heard of an answer that comes as fast as it is spoken, begun with two frames in hand."""
    heard = [EMPTY]
    frames = len(pcm) // FRAME
    for tick in range(2 * frames):
        now = tick * TICK_S
        if tick % 2 == 0:
            buffer.put(pcm[tick // 2 * FRAME :][:FRAME], now)
        heard.append(taken(buffer, now, TICK, 0, TICK))
    return np.concatenate(heard)


def test_on_a_link_without_lateness_speech_is_played_as_it_is(buffer: JitterBuffer) -> None:
    heard = played_at_real_time(buffer, vowel(50 * FRAME))
    assert np.array_equal(heard, vowel(len(heard)))
    assert buffer.tally.stretched == 0


@pytest.mark.parametrize(("late_ms", "reserve_ms"), [(30, 400), (250, 520), (900, 1200)])
def test_where_lateness_is_expected_there_is_twice_as_much_in_hand_soon_within_bounds_and_no_more(
    buffer: JitterBuffer, late_ms: int, reserve_ms: int
) -> None:
    expecting(buffer, late_ms / 1000)
    played_at_real_time(buffer, vowel(300 * FRAME))
    assert buffer.buffered == pytest.approx(samples_of(reserve_ms), abs=FRAME + stretch.LONGEST)
    assert buffer.tally.underruns == 0


@pytest.mark.parametrize(("depth_ms", "share"), [(40, 0.25), (250, 0.25), (330, 0.12), (390, 0.12), (410, 0.0)])
def test_the_rule_is_an_eighth_and_only_nearly_dry_it_is_a_quarter(
    buffer: JitterBuffer, depth_ms: int, share: float
) -> None:
    expecting(buffer, 0.19)
    heard = 0
    for frame in range(100):
        buffer.put(vowel(FRAME, frame * FRAME), frame * FRAME_S)
        while frame and buffer.buffered >= FRAME and heard < 100 * FRAME:
            heard += len(buffer.take(TICK, samples_of(depth_ms) - buffer.buffered, frame * FRAME_S))
    assert buffer.tally.stretched / heard == pytest.approx(share, abs=0.01)


def test_an_answer_that_is_all_there_is_not_slowed_down(buffer: JitterBuffer) -> None:
    expecting(buffer, 1.0)
    buffer.put(vowel(20 * FRAME), 0.0)
    buffer.end()
    assert np.array_equal(taken(buffer, 0.0), vowel(20 * FRAME))


def test_silence_is_made_longer_by_more_than_speech(buffer: JitterBuffer) -> None:
    expecting(buffer, 1.0)
    heard = played_at_real_time(buffer, np.random.default_rng(1).normal(0, 30, 50 * FRAME).astype(np.int16))
    assert buffer.tally.stretched / len(heard) == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize("ahead_s", [0.0, delay.SURE_S])
def test_an_answer_whose_server_runs_ahead_is_not_slowed_down(buffer: JitterBuffer, ahead_s: float) -> None:
    expecting(buffer, 1.0)
    buffer.model._ahead_s = ahead_s
    heard = [EMPTY]
    for tick in range(100):
        buffer.put(vowel(TICK * 3 // 2, tick * TICK * 3 // 2), tick * TICK_S)
        if tick >= 15:
            heard.append(taken(buffer, tick * TICK_S, TICK, 0, TICK))
    assert np.array_equal(np.concatenate(heard), vowel(85 * TICK))


def test_slowing_down_leaves_every_sample_as_it_was_and_only_puts_pieces_in(buffer: JitterBuffer) -> None:
    expecting(buffer, 1.0)
    pcm = vowel(50 * FRAME)
    heard = played_at_real_time(buffer, pcm)
    content = len(heard) - buffer.tally.stretched
    assert buffer.tally.stretched > 20 * PITCH
    assert left_out(heard, pcm[:content]) == buffer.tally.stretched


def left_out(heard: Pcm, content: Pcm) -> int:
    """How many samples of `heard` are none of `content`, of which each must be there once and in order."""
    at = extra = 0
    for sample in content:
        while heard[at] != sample:
            at += 1
            extra += 1
        at += 1
    return extra + len(heard) - at


# -- underruns --------------------------------------------------------------------------------------------------


def test_a_buffer_that_is_empty_while_the_card_still_plays_is_no_underrun(buffer: JitterBuffer) -> None:
    playing(buffer)
    assert len(buffer.take(PLENTY, ahead=1, now=1.0)) == 0
    buffer.put(numbered(1), now=1.0)
    assert len(buffer.take(PLENTY, ahead=1, now=1.0)) == 1
    assert buffer.tally.underruns == 0


def test_the_codec_bridges_sixty_ms_fading_and_then_there_is_a_pause(buffer: JitterBuffer) -> None:
    asked: list[int] = []

    def conceal(samples: int) -> Pcm:
        asked.append(samples)
        return np.full(samples, 8000, np.int16)

    buffer.conceal = conceal
    playing(buffer, np.full(START, 8000, np.int16))
    heard, now = [], 1.0
    for _ in range(10):
        heard.append(buffer.take(TICK, 0, now, TICK))
        now += TICK_S
    assert asked == [TICK] * 6
    bridge = np.concatenate(heard)
    assert len(bridge) == samples_of(60)
    assert bridge[0] == 8000
    assert bridge[-1] == 0
    assert (np.diff(bridge.astype(int)) <= 0).all()
    assert buffer.state is Playout.DRY


def test_without_a_codec_that_can_conceal_the_pause_begins_without_a_click(buffer: JitterBuffer) -> None:
    playing(buffer, vowel(START))
    tail = taken(buffer, 1.0, PLENTY, 0, TICK)
    assert len(tail) == stretch.FADE
    joined = np.concatenate([vowel(START), tail, silence(1)]).astype(int)
    assert np.abs(np.diff(joined[START - 2 :])).max() <= np.abs(np.diff(joined[:START])).max()
    assert len(taken(buffer, 1.01, TICK, 0, TICK)) == 0
    assert buffer.state is Playout.DRY


def test_what_comes_before_the_pause_has_begun_goes_on_at_the_level_that_was_reached(buffer: JitterBuffer) -> None:
    playing(buffer, np.full(START, 1000, np.int16))
    half = taken(buffer, 1.0, TICK // 2, 0, TICK // 2)
    buffer.put(np.full(FRAME, 1000, np.int16), 1.005)
    heard = taken(buffer, 1.005, FRAME)
    assert heard[0] == pytest.approx(half[-1], abs=20)
    assert (buffer.tally.concealed, buffer.tally.pauses) == (TICK // 2, 0)


def test_a_card_that_fell_silent_before_it_was_fed_is_given_no_ending(buffer: JitterBuffer) -> None:
    playing(buffer, vowel(START))
    buffer.missed(1)
    assert len(taken(buffer, 1.0, PLENTY, 0, TICK)) == 0
    assert buffer.state is Playout.DRY


@pytest.mark.parametrize("at_once", [1, 7, 100, PLENTY])
def test_a_soft_beginning_is_as_soft_for_a_card_that_takes_little_at_a_time(
    buffer: JitterBuffer, at_once: int
) -> None:
    dry(playing(buffer, vowel(START)), now=1.0)
    expecting(buffer, 1.0)
    arrive(buffer, np.full(FRAME, 1000, np.int16), now=5.0)
    pieces = [buffer.take(at_once, 0, 5.06) for _ in range(-(-stretch.FADE // at_once))]
    soft = np.concatenate(pieces)[: stretch.FADE]
    assert soft[0] < 10
    assert (np.diff(soft.astype(int)) >= 0).all()
    assert np.abs(np.diff(soft.astype(int))).max() < 12
    assert buffer.tally.stretched == 0, "nothing is put in while it rises"


def test_behind_each_further_pause_of_an_answer_more_is_collected_but_behind_the_first(buffer: JitterBuffer) -> None:
    playing(buffer, vowel(START))
    waits, now = [], 1.0
    for _ in range(6):
        dry(buffer, now)
        now += 5
        buffer.put(vowel(2), now)
        assert buffer.deadline is not None
        waits.append(round(1000 * (buffer.deadline - now)))
        buffer.put(vowel(2), now)
        now = buffer.deadline
        taken(buffer, now)
    assert waits == [LIMIT_MS, 300, 600, 1200, 1200, 1200]
    buffer.end()
    dry(buffer, now)
    buffer.put(vowel(2), now)
    assert buffer.deadline == pytest.approx(now + LIMIT_MS / 1000), "that was the answer before"


@pytest.mark.parametrize(("ahead_s", "late_s", "waits_ms"), [(-1.0, 1.0, 300), (-1.0, 0.9, 60), (0.0, 1.0, 60)])
def test_behind_the_first_pause_more_is_collected_only_where_much_lateness_is_expected_of_a_slow_server(
    buffer: JitterBuffer, ahead_s: float, late_s: float, waits_ms: int
) -> None:
    playing(buffer, vowel(START))
    buffer.model.target_s, buffer.model._ahead_s = late_s, ahead_s
    dry(buffer, 1.0)
    buffer.put(vowel(2), 5.0)
    assert buffer.deadline == pytest.approx(5.0 + waits_ms / 1000)


def test_where_the_server_runs_ahead_no_pause_is_made_longer(buffer: JitterBuffer) -> None:
    playing(buffer, vowel(START))
    buffer.model._ahead_s = delay.SURE_S
    for now in (1.0, 3.0, 5.0):
        dry(buffer, now)
        buffer.put(vowel(2), now + 1)
        assert buffer.deadline == pytest.approx(now + 1 + LIMIT_MS / 1000)
        taken(buffer, now + 1.5)


def test_behind_the_second_pause_it_goes_on_as_soon_as_enough_is_there(buffer: JitterBuffer) -> None:
    playing(buffer, vowel(START))
    for now in (1.0, 3.0):
        dry(buffer, now)
        buffer.put(vowel(START), now + 1)
        taken(buffer, now + 2)
    dry(buffer, 6.0)
    arrive(buffer, vowel(samples_of(1199)), 7.0)  # 600 but for the seconds that pieces were late
    assert len(taken(buffer, 7.0)) == 0
    arrive(buffer, vowel(samples_of(1)), 7.0)
    assert len(taken(buffer, 7.0)) > 0


def test_behind_silence_nothing_is_put_in(buffer: JitterBuffer) -> None:
    buffer.conceal = lambda samples: np.full(samples, 1000, np.int16)
    playing(buffer, silence(START))
    assert len(taken(buffer, 1.0, TICK, 0, TICK)) == 0
    assert buffer.state is Playout.DRY
    arrive(buffer, np.full(START, 1000, np.int16), now=2.0)
    assert taken(buffer, 2.0)[0] < 10
    assert (buffer.tally.underruns, buffer.tally.pauses, buffer.tally.silent) == (1, 1, RATE_HZ)


def test_concealment_is_only_made_for_what_the_card_lacks(buffer: JitterBuffer) -> None:
    buffer.conceal = hum
    playing(buffer)
    assert len(taken(buffer, 1.0, PLENTY, ahead=TICK, need=TICK)) == 0
    assert len(taken(buffer, 1.0, PLENTY, ahead=TICK - 1, need=TICK)) == TICK
    assert buffer.state is Playout.BRIDGING


def test_what_comes_while_it_is_bridged_goes_on_at_once_and_softly(buffer: JitterBuffer) -> None:
    buffer.conceal = hum
    playing(buffer)
    for tick in range(3):
        buffer.take(TICK, 0, 1.0 + tick * TICK_S, TICK)
    buffer.put(np.full(FRAME, 1000, np.int16), 1.03)
    heard = taken(buffer, 1.03, FRAME)
    assert len(heard) == FRAME
    assert heard[0] == pytest.approx(500, abs=5), "half of the bridge was faded"
    assert (heard[stretch.FADE :] == 1000).all()
    assert vars_of(buffer) == {"underruns": 1, "pauses": 0, "concealed": 3 * TICK, "silent": 0, "late_frames": 1}


def vars_of(buffer: JitterBuffer) -> dict[str, int]:
    tally = buffer.tally
    return {name: getattr(tally, name) for name in ("underruns", "pauses", "concealed", "silent", "late_frames")}


def test_behind_a_pause_a_starts_worth_is_collected_again_and_begins_softly(buffer: JitterBuffer) -> None:
    buffer.conceal = hum
    dry(playing(buffer), now=1.0)
    buffer.put(np.full(FRAME, 1000, np.int16), now=5.0)
    assert buffer.deadline == 5.06
    assert len(taken(buffer, 5.0)) == 0
    buffer.put(np.full(FRAME, 1000, np.int16), now=5.01)
    heard = taken(buffer, 5.01)
    assert len(heard) == 2 * FRAME
    assert heard[0] < 10
    assert (heard[stretch.FADE :] == 1000).all()
    silent = samples_of(5010 - 1000 - 60)
    assert vars_of(buffer) == {
        "underruns": 1,
        "pauses": 1,
        "concealed": samples_of(60),
        "silent": pytest.approx(silent, abs=1),
        "late_frames": 2,
    }


def test_a_frame_that_came_before_its_time_is_not_late_though_one_before_it_was(buffer: JitterBuffer) -> None:
    buffer.conceal = hum
    playing(buffer)
    buffer.take(TICK, 0, 1.0, TICK)
    buffer.put(numbered(FRAME), now=1.009)
    buffer.put(numbered(FRAME), now=1.015)
    assert buffer.tally.late_frames == 1


def test_a_dry_card_is_one_underrun_however_often_it_asks(buffer: JitterBuffer) -> None:
    dry(playing(buffer), now=1.0)
    for tick in range(3):
        assert len(buffer.take(TICK, 0, 2.0 + tick, TICK)) == 0
        assert buffer.deadline is None
    arrive(buffer, numbered(START), now=5.0)
    taken(buffer, 5.0)
    assert (buffer.tally.underruns, buffer.tally.pauses) == (1, 1)


@pytest.mark.parametrize("more", [False, True])
def test_a_stream_that_runs_dry_and_turns_out_to_be_over_had_no_underrun(buffer: JitterBuffer, more: bool) -> None:
    """The seed has no end marker: each of its streams runs dry before it counts as over."""
    dry(playing(buffer), now=1.0)
    buffer.end()
    taken(buffer, 2.0)
    assert buffer.finished
    if more:
        arrive(buffer, np.full(START, 1000, np.int16), now=3.0)
        assert (taken(buffer, 3.0) == 1000).all(), "another answer begins at its full level"
    assert vars_of(buffer) == {"underruns": 0, "pauses": 0, "concealed": 0, "silent": 0, "late_frames": 0}


@pytest.mark.parametrize("more", [True, False])
def test_silence_that_only_the_card_knows_of_counts_if_more_comes(buffer: JitterBuffer, more: bool) -> None:
    playing(buffer)
    buffer.missed(200)
    if more:
        buffer.put(numbered(FRAME), 1.0)
    else:
        buffer.end()
    assert (buffer.tally.underruns, buffer.tally.pauses, buffer.tally.silent) == ((1, 1, 200) if more else (0, 0, 0))


def test_silence_of_the_card_before_it_was_known_to_be_dry_is_part_of_the_same_underrun(buffer: JitterBuffer) -> None:
    playing(buffer)
    buffer.missed(200)
    dry(buffer, 1.0)
    arrive(buffer, numbered(START), 2.0)
    taken(buffer, 2.0)
    assert (buffer.tally.underruns, buffer.tally.pauses, buffer.tally.silent) == (1, 1, 200 + RATE_HZ)


def test_silence_of_a_card_that_was_fed_too_late_counts_at_once(buffer: JitterBuffer) -> None:
    arrive(buffer, numbered(START), 0.0)
    buffer.take(10, 0, 0.0)
    buffer.missed(50)
    assert (buffer.tally.underruns, buffer.tally.silent) == (1, 50)


# -- the end ----------------------------------------------------------------------------------------------------


def test_an_answer_is_finished_when_it_has_ended_and_all_was_taken(buffer: JitterBuffer) -> None:
    buffer.put(numbered(START), now=0.0)
    assert not buffer.finished
    buffer.end()
    assert not buffer.finished
    buffer.take(START - 1, 0, 0.0)
    assert not buffer.finished
    taken(buffer, 0.0)
    assert buffer.finished


def test_an_empty_answer_is_finished_at_its_end(buffer: JitterBuffer) -> None:
    buffer.end()
    assert buffer.finished


def test_an_end_needs_no_concealment(buffer: JitterBuffer) -> None:
    buffer.conceal = hum
    playing(buffer).end()
    assert len(taken(buffer, 1.0, TICK, 0, TICK)) == 0
    assert buffer.state is Playout.DRY


def test_an_end_that_is_told_while_it_is_bridged_stops_the_bridge(buffer: JitterBuffer) -> None:
    buffer.conceal = hum
    playing(buffer)
    buffer.take(TICK, 0, 1.0, TICK)
    buffer.end()
    assert len(buffer.take(TICK, 0, 1.01, TICK)) == 0
    assert buffer.tally.underruns == 0


def test_a_second_answer_is_joined_while_the_card_still_plays_the_first(buffer: JitterBuffer) -> None:
    playing(buffer)
    buffer.end()
    buffer.take(PLENTY, ahead=100, now=1.0)
    buffer.put(numbered(3), now=1.0)
    assert not buffer.finished
    np.testing.assert_array_equal(buffer.take(PLENTY, ahead=100, now=1.0), numbered(3))
    assert buffer.tally.underruns == 0


def test_a_second_answer_behind_a_pause_collects_a_starts_worth_of_its_own(buffer: JitterBuffer) -> None:
    playing(buffer)
    buffer.end()
    taken(buffer, 1.0, TICK, 0, TICK)
    buffer.put(numbered(FRAME), now=5.0)
    assert len(buffer.take(PLENTY, ahead=0, now=5.0)) == 0
    assert buffer.deadline == 5.06
    assert buffer.tally.underruns == 0, "the pause between two answers is none"


def test_after_a_flush_it_is_as_new_but_for_what_it_knows_of_the_link(buffer: JitterBuffer) -> None:
    expecting(buffer, 0.1)
    arrive(buffer, numbered(START), now=0.0)
    buffer.take(10, ahead=0, now=0.0)
    buffer.end()
    assert buffer.flush() == START - 10
    assert (buffer.state, buffer.buffered, buffer.deadline, buffer.finished) == (Playout.IDLE, 0, None, False)
    assert len(buffer.take(PLENTY, ahead=0, now=9.0)) == 0
    buffer.put(numbered(FRAME, 5000), now=10.0)
    assert buffer.deadline == 10.06
    np.testing.assert_array_equal(taken(buffer, 11.0), numbered(FRAME, 5000))
    assert buffer.model.target_s > 0.1


@pytest.mark.parametrize("ticks", range(8))
def test_a_flush_in_the_middle_of_an_underrun_leaves_no_fade_and_no_count_behind(ticks: int) -> None:
    buffer = in_talk()
    buffer.conceal = hum
    playing(buffer)
    for tick in range(ticks):
        buffer.take(TICK, 0, 1.0 + tick * TICK_S, TICK)
    if ticks % 2:
        buffer.put(numbered(FRAME), 1.5)
    buffer.flush()
    late = buffer.tally.late_frames
    arrive(buffer, np.full(START, 1000, np.int16), now=10.0)
    assert (taken(buffer, 10.0) == 1000).all()
    assert (buffer.tally.underruns, buffer.tally.late_frames) == (0, late)


# -- any schedule -----------------------------------------------------------------------------------------------


@dataclass
class Schedule:
    """A buffer, a card, and what went in since the last flush and came out."""

    buffer: JitterBuffer
    now: float = 0.0
    ahead: int = 0
    put: int = 0
    heard: list[Pcm] = field(default_factory=list)

    def arrive(self, samples: int) -> None:
        self.buffer.put(vowel(samples, self.put), self.now)
        self.put += samples

    def play(self, samples: int) -> None:
        self.now += samples / RATE_HZ
        self.ahead = max(0, self.ahead - samples)

    def feed(self, room: int) -> None:
        pcm = self.buffer.take(room, self.ahead, self.now, min(room, TICK))
        assert len(pcm) <= room
        if self.buffer.state is not Playout.BRIDGING:
            self.heard.append(pcm)
        self.ahead += len(pcm)

    def end(self, _: int) -> None:
        self.buffer.end()

    def flush(self, _: int) -> None:
        self.check()
        self.buffer.flush()
        self.put = self.ahead = 0
        self.heard = []

    def check(self) -> None:
        """All content that is not in hand was heard, each sample once and in order; fades left it its place."""
        assert self.buffer.lost == 0
        heard = np.concatenate([EMPTY, *self.heard])
        assert 0 <= len(heard) - (self.put - self.buffer.buffered) <= self.buffer.tally.stretched


Step: TypeAlias = tuple[Callable[[Schedule, int], None], int]
STEPS: st.SearchStrategy[Step] = st.tuples(
    st.sampled_from([Schedule.arrive] * 3 + [Schedule.play, Schedule.feed] * 3 + [Schedule.end, Schedule.flush]),
    st.integers(0, 1500),
)


@settings(deadline=None)
@given(st.lists(STEPS, max_size=80), st.booleans(), st.sampled_from([0.0, 0.5]))
def test_on_any_schedule_nothing_is_lost_and_none_is_heard_behind_a_flush(
    steps: list[Step], conceals: bool, late_s: float
) -> None:
    schedule = Schedule(expecting(in_talk(), late_s))
    schedule.buffer.conceal = hum if conceals else None
    for step, samples in steps:
        step(schedule, samples)
    schedule.end(0)
    for _ in range(200):
        schedule.feed(1000)
    schedule.check()
    assert schedule.buffer.finished


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 1500), st.integers(0, 3000)), max_size=40), st.sampled_from([0.0, 0.5]))
def test_on_any_schedule_without_an_underrun_each_sample_is_heard_once_in_order_and_untouched(
    steps: list[tuple[int, int]], late_s: float
) -> None:
    schedule = Schedule(expecting(in_talk(), late_s))
    for samples, played in steps:
        schedule.arrive(samples)
        schedule.ahead = PLENTY  # the card never runs dry
        schedule.feed(played)
        schedule.play(played)
    schedule.buffer.end()
    for _ in range(200):
        schedule.feed(PLENTY)
    assert not schedule.buffer.buffered
    heard = np.concatenate([EMPTY, *schedule.heard])
    assert left_out(heard, vowel(schedule.put)) == schedule.buffer.tally.stretched


@given(st.lists(STEPS, max_size=40))
def test_whoever_asks_at_the_deadline_is_given_something(steps: list[Step]) -> None:
    schedule = Schedule(JitterBuffer(LIMIT_MS))
    for step, samples in steps:
        step(schedule, samples)
        deadline = schedule.buffer.deadline
        if deadline is not None and schedule.now >= deadline:
            before = len(schedule.heard)
            schedule.feed(1)
            assert len(schedule.heard[before]) == 1


@given(st.lists(STEPS, max_size=60))
def test_what_is_kept_beside_the_content_in_hand_stays_small(steps: list[Step]) -> None:
    schedule = Schedule(expecting(in_talk(), 0.5))
    for step, samples in steps:
        step(schedule, samples)
        assert sum(map(len, schedule.buffer._chunks)) == schedule.buffer.buffered
        assert len(schedule.buffer._filling) <= stretch.LONGEST
        assert len(schedule.buffer._past) == stretch.PAST
        assert len(schedule.buffer.model._fastest) <= len(steps)


def test_the_figures_of_section_6_are_kept() -> None:
    figures = (jitter.SLOW, jitter.SLOWEST, jitter.BRIDGE)
    assert figures == (0.12, 0.25, samples_of(60))
