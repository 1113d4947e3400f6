"""The jitter buffer: every sample once, in order, and when."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core.jitter import JitterBuffer, Playout
from hero365_edge.core.pcm import EMPTY, Pcm, samples_of

START_MS = 60
START = samples_of(START_MS)
FRAME = 320
PLENTY = 10_000


def numbered(count: int, first: int = 0) -> Pcm:
    return np.arange(first, first + count, dtype=np.int16)


@pytest.fixture
def buffer() -> JitterBuffer:
    return JitterBuffer(START_MS)


def playing(buffer: JitterBuffer, samples: int = START) -> JitterBuffer:
    """In the middle of an answer, all of which so far is with the card."""
    buffer.put(numbered(samples), now=0.0)
    while len(buffer.take(PLENTY, ahead=0, now=0.0)) and buffer.buffered:
        pass
    assert (buffer.state, buffer.buffered) == (Playout.PLAYING, 0)
    return buffer


def run_dry(buffer: JitterBuffer, now: float = 0.0) -> None:
    assert len(buffer.take(PLENTY, ahead=0, now=now)) == 0


# -- starting ---------------------------------------------------------------------------------------------------


def test_nothing_is_played_of_an_answer_that_did_not_begin(buffer: JitterBuffer) -> None:
    assert len(buffer.take(PLENTY, ahead=0, now=1e9)) == 0
    assert (buffer.state, buffer.deadline, buffer.finished) == (Playout.IDLE, None, False)


def test_it_starts_as_soon_as_there_is_enough(buffer: JitterBuffer) -> None:
    buffer.put(numbered(START - 1), now=10.0)
    assert len(buffer.take(PLENTY, ahead=0, now=10.0)) == 0
    buffer.put(numbered(1, START - 1), now=10.01)
    assert len(buffer.take(PLENTY, ahead=0, now=10.01)) == START - 1
    assert buffer.state is Playout.PLAYING
    assert buffer.deadline is None


def test_it_starts_with_less_once_the_first_sample_has_waited_that_long(buffer: JitterBuffer) -> None:
    buffer.put(numbered(FRAME), now=10.0)
    buffer.put(numbered(FRAME, FRAME), now=10.04)
    assert buffer.deadline == 10.06
    assert len(buffer.take(PLENTY, ahead=0, now=10.059)) == 0
    assert len(buffer.take(PLENTY, ahead=0, now=10.06)) == FRAME


def test_an_answer_shorter_than_the_start_plays_at_its_end(buffer: JitterBuffer) -> None:
    buffer.put(numbered(5), now=10.0)
    assert len(buffer.take(PLENTY, ahead=0, now=10.0)) == 0
    buffer.end()
    np.testing.assert_array_equal(buffer.take(PLENTY, ahead=0, now=10.0), numbered(5))


def test_what_the_card_still_holds_of_an_earcon_does_not_start_it(buffer: JitterBuffer) -> None:
    buffer.put(numbered(5), now=10.0)
    assert len(buffer.take(PLENTY, ahead=960, now=10.0)) == 0


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
    buffer.put(numbered(START), now=10.0)
    np.testing.assert_array_equal(buffer.take(7, ahead=0, now=10.0), numbered(7))
    np.testing.assert_array_equal(buffer.take(8, ahead=0, now=10.0), numbered(8, 7))
    assert buffer.buffered == START - 15


# -- underruns --------------------------------------------------------------------------------------------------


def test_a_buffer_that_is_empty_while_the_card_still_plays_is_no_underrun(buffer: JitterBuffer) -> None:
    playing(buffer)
    assert len(buffer.take(PLENTY, ahead=1, now=1.0)) == 0
    buffer.put(numbered(1), now=1.0)
    assert len(buffer.take(PLENTY, ahead=1, now=1.0)) == 1
    assert buffer.underruns == 0


def test_after_an_underrun_a_starts_worth_is_collected_again(buffer: JitterBuffer) -> None:
    run_dry(playing(buffer))
    buffer.put(numbered(START - 1), now=5.0)
    assert buffer.underruns == 1
    assert buffer.deadline == 5.06
    assert len(buffer.take(PLENTY, ahead=0, now=5.05)) == 0
    assert len(buffer.take(PLENTY, ahead=0, now=5.06)) == START - 1


def test_a_dry_card_is_one_underrun_however_often_it_asks(buffer: JitterBuffer) -> None:
    playing(buffer)
    for _ in range(3):
        run_dry(buffer)
        assert buffer.deadline is None
    buffer.put(numbered(FRAME), now=5.0)
    run_dry(buffer, now=5.0)
    assert buffer.underruns == 1


def test_a_stream_that_runs_dry_and_turns_out_to_be_over_had_no_underrun(buffer: JitterBuffer) -> None:
    """The seed has no end marker: each of its streams runs dry before it counts as over."""
    run_dry(playing(buffer))
    buffer.end()
    run_dry(buffer)
    assert buffer.finished
    assert buffer.underruns == 0


# -- the end ----------------------------------------------------------------------------------------------------


def test_an_answer_is_finished_when_it_has_ended_and_all_was_taken(buffer: JitterBuffer) -> None:
    buffer.put(numbered(START), now=0.0)
    assert not buffer.finished
    buffer.end()
    assert not buffer.finished
    buffer.take(PLENTY, ahead=0, now=0.0)
    assert buffer.finished


def test_an_empty_answer_is_finished_at_its_end(buffer: JitterBuffer) -> None:
    buffer.end()
    assert buffer.finished


def test_a_second_answer_is_joined_while_the_card_still_plays_the_first(buffer: JitterBuffer) -> None:
    playing(buffer)
    buffer.end()
    buffer.take(PLENTY, ahead=100, now=1.0)
    buffer.put(numbered(3), now=1.0)
    assert not buffer.finished
    np.testing.assert_array_equal(buffer.take(PLENTY, ahead=100, now=1.0), numbered(3))
    assert buffer.underruns == 0


def test_a_second_answer_behind_a_pause_collects_a_starts_worth_of_its_own(buffer: JitterBuffer) -> None:
    playing(buffer)
    buffer.end()
    run_dry(buffer)
    buffer.put(numbered(FRAME), now=5.0)
    assert len(buffer.take(PLENTY, ahead=0, now=5.0)) == 0
    assert buffer.deadline == 5.06
    assert buffer.underruns == 0, "the pause between two answers is none"


def test_after_a_flush_it_is_as_new(buffer: JitterBuffer) -> None:
    buffer.put(numbered(START), now=0.0)
    buffer.take(10, ahead=0, now=0.0)
    buffer.end()
    assert buffer.flush() == START - 10
    assert (buffer.state, buffer.buffered, buffer.deadline, buffer.finished) == (Playout.IDLE, 0, None, False)
    assert len(buffer.take(PLENTY, ahead=0, now=9.0)) == 0
    buffer.put(numbered(FRAME, 5000), now=10.0)
    assert buffer.deadline == 10.06
    np.testing.assert_array_equal(buffer.take(PLENTY, ahead=0, now=11.0), numbered(FRAME, 5000))


# -- any schedule -----------------------------------------------------------------------------------------------


@dataclass
class Schedule:
    """A buffer, a card, and what went in since the last flush and came out."""

    buffer: JitterBuffer
    now: float = 0.0
    ahead: int = 0
    put: int = 0
    taken: int = 0

    def arrive(self, samples: int) -> None:
        self.buffer.put(numbered(samples, self.put), self.now)
        self.put += samples

    def play(self, samples: int) -> None:
        self.now += samples / 16_000
        self.ahead = max(0, self.ahead - samples)

    def feed(self, room: int) -> None:
        pcm = self.buffer.take(room, self.ahead, self.now)
        assert len(pcm) <= room
        np.testing.assert_array_equal(pcm, numbered(len(pcm), self.taken))
        self.taken += len(pcm)
        self.ahead += len(pcm)

    def end(self, _: int) -> None:
        self.buffer.end()

    def flush(self, _: int) -> None:
        assert self.buffer.flush() == self.put - self.taken
        self.put = self.taken = self.ahead = 0


Step: TypeAlias = tuple[Callable[[Schedule, int], None], int]
STEPS: st.SearchStrategy[Step] = st.tuples(
    st.sampled_from([Schedule.arrive] * 3 + [Schedule.play, Schedule.feed] * 3 + [Schedule.end, Schedule.flush]),
    st.integers(0, 1500),
)


@given(st.lists(STEPS, max_size=80))
def test_on_any_schedule_each_sample_comes_out_once_in_order_and_none_behind_a_flush(steps: list[Step]) -> None:
    schedule = Schedule(JitterBuffer(START_MS))
    for step, samples in steps:
        step(schedule, samples)
        buffer = schedule.buffer
        assert buffer.buffered == schedule.put - schedule.taken
        assert buffer.deadline is None or (buffer.buffered and buffer.deadline <= schedule.now + START_MS / 1000)
    schedule.buffer.end()
    while schedule.buffer.buffered:
        before = schedule.taken
        schedule.feed(960)
        assert schedule.taken > before, "an ended answer never waits"
    assert schedule.taken == schedule.put
    assert schedule.buffer.finished


@given(st.lists(STEPS, max_size=40))
def test_whoever_asks_at_the_deadline_is_given_something(steps: list[Step]) -> None:
    schedule = Schedule(JitterBuffer(START_MS))
    for step, samples in steps:
        step(schedule, samples)
        if (deadline := schedule.buffer.deadline) is not None and schedule.now >= deadline:
            before = schedule.taken
            schedule.feed(1)
            assert schedule.taken == before + 1
