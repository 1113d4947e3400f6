"""What the referee is given to hear: whole chunks, the newest few of what it missed, and only while it matters."""

import numpy as np

from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm
from hero365_edge.core.referee import (
    CATCH_UP_CHUNKS,
    CHUNK_SAMPLES,
    DOUBTED_FRAMES,
    GOING_ON_FRAMES,
    EchoHearing,
    Hearing,
)
from tests.core.expert import Expert

SOUND = np.arange(30 * FRAME_SAMPLES, dtype=np.int16)


def frames(number: int) -> list[Pcm]:
    return list(SOUND[: number * FRAME_SAMPLES].reshape(number, FRAME_SAMPLES))


def test_it_hears_each_sample_once_in_whole_chunks() -> None:
    expert = Expert(0.7)
    hearing = Hearing(expert)
    chunks = 0
    for frame in frames(30):
        hearing.keep(frame)
        chunks += hearing.ask()
    heard = np.concatenate(expert.heard)
    assert np.array_equal(heard, SOUND[: len(heard)])
    assert len(SOUND) - len(heard) < CHUNK_SAMPLES
    assert chunks == expert.asked
    assert hearing.likely == 0.7


def test_what_it_missed_it_hears_the_newest_few_chunks_of() -> None:
    expert = Expert()
    hearing = Hearing(expert)
    for frame in frames(30):
        hearing.keep(frame)
    assert hearing.ask() == CATCH_UP_CHUNKS
    end = len(SOUND) // CHUNK_SAMPLES * CHUNK_SAMPLES
    assert np.array_equal(np.concatenate(expert.heard), SOUND[end - CATCH_UP_CHUNKS * CHUNK_SAMPLES : end])
    assert hearing.ask() == 0


def asked(expert: Expert, stand_out: list[bool]) -> list[float]:
    """What is likely after each frame of an echo's remainder, which stands out or not."""
    hearing = EchoHearing(expert, believed=0.2)
    told = []
    for stands_out in stand_out:
        hearing.keep(SOUND[:FRAME_SAMPLES])
        hearing.ask(stands_out=stands_out)
        told.append(hearing.likely)
    return told


def test_an_echo_of_which_nothing_stands_out_is_not_heard() -> None:
    expert = Expert(0.9)
    assert asked(expert, [False] * 100) == [0.0] * 100
    assert expert.asked == 0


def test_it_goes_on_being_asked_for_a_while_behind_a_frame_that_stands_out() -> None:
    expert = Expert(0.9)
    told = asked(expert, [False] * 20 + [True] + [False] * 20)
    assert [likely > 0 for likely in told] == [False] * 20 + [True] * GOING_ON_FRAMES + [False] * (21 - GOING_ON_FRAMES)
    assert expert.resets == 1


def test_what_it_never_believes_in_it_is_made_to_forget_and_what_it_does_it_is_not() -> None:
    for likely, resets in ((0.2, 200 // DOUBTED_FRAMES), (0.21, 1)):
        expert = Expert(likely)
        asked(expert, [True] * 200)
        assert expert.resets == resets
