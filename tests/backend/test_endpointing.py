"""Speech is found by level and ended by 600 ms of quiet."""

import numpy as np
import pytest

from hero365_edge.backend.endpointing import Endpointer, Heard, speech_of
from tests.backend.caller import Samples, silence, voice


def fed(endpointer: Endpointer, pcm: Samples) -> list[tuple[int, Heard]]:
    """What changed, with the number of the frame that changed it."""
    frames = [pcm[start : start + 320] for start in range(0, len(pcm), 320)]
    told = [(number, endpointer.feed(frame)) for number, frame in enumerate(frames)]
    return [(number, heard) for number, heard in told if heard is not Heard.NOTHING]


def hiss(seconds: float) -> Samples:
    """A quiet room: never zero, never loud."""
    return np.random.default_rng(7).integers(-20, 20, round(seconds * 16_000)).astype(np.int16)


def test_speech_then_600_ms_of_quiet_is_an_utterance() -> None:
    endpointer = Endpointer()
    assert fed(endpointer, np.concatenate([voice(1.0), silence(0.6)])) == [(2, Heard.SPEECH), (79, Heard.END)]
    np.testing.assert_array_equal(endpointer.take(), np.concatenate([voice(1.0), silence(0.6)]))


def test_quiet_alone_is_no_utterance() -> None:
    assert fed(Endpointer(), np.concatenate([silence(1.0), hiss(3.0)])) == []


def test_a_click_is_no_utterance() -> None:
    assert fed(Endpointer(), np.concatenate([hiss(0.2), voice(0.04), hiss(1.0), voice(0.04), hiss(1.0)])) == []


def test_a_pause_of_580_ms_does_not_end_it() -> None:
    endpointer = Endpointer()
    pcm = np.concatenate([voice(0.4), hiss(0.58), voice(0.4), hiss(0.6)])
    assert fed(endpointer, pcm) == [(2, Heard.SPEECH), (98, Heard.END)]
    np.testing.assert_array_equal(endpointer.take(), pcm)


def test_noise_of_a_van_ends_only_by_digital_silence() -> None:
    endpointer = Endpointer()
    van = voice(4.0) // 20
    assert fed(endpointer, np.concatenate([van, silence(0.58)])) == [(2, Heard.SPEECH)]
    assert fed(endpointer, silence(0.02)) == [(0, Heard.END)]


def test_what_is_left_of_the_tail_does_not_begin_the_next_utterance() -> None:
    endpointer = Endpointer()
    fed(endpointer, np.concatenate([voice(0.4), hiss(0.6)]))
    endpointer.take()
    following = np.concatenate([hiss(0.3), voice(0.4, seed=2), silence(0.6)])
    fed(endpointer, np.concatenate([hiss(0.1), silence(0.6), following]))
    np.testing.assert_array_equal(endpointer.take(), following)


def test_quiet_before_speech_is_bounded() -> None:
    endpointer = Endpointer()
    fed(endpointer, hiss(30.0))
    assert endpointer.size_bytes <= 2 * 16_000 * 2


def test_endless_noise_is_cut() -> None:
    endpointer = Endpointer()
    assert [heard for _, heard in fed(endpointer, voice(90.0))] == [Heard.SPEECH, Heard.END]


@pytest.mark.parametrize("tail", [0.0, 0.3, 0.6])
def test_the_speech_of_two_copies_is_the_same_whatever_ended_them(tail: float) -> None:
    said = np.concatenate([hiss(0.3), voice(0.5), hiss(0.2)])
    np.testing.assert_array_equal(speech_of(np.concatenate([said, silence(tail)])), voice(0.5))


def test_the_speech_of_quiet_is_all_of_it() -> None:
    np.testing.assert_array_equal(speech_of(hiss(0.5)), hiss(0.5))
    assert speech_of(silence(0)).size == 0
