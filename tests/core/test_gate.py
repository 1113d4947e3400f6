"""The gate: two detectors as one, and when the expensive one is asked."""

import numpy as np
import pytest

from hero365_edge.core.gate import ABOVE_FLOOR_ALONE_DB, GOING_ON_FRAMES, LATE_MS, Gate, dbfs
from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm, silence
from hero365_edge.core.referee import CATCH_UP_CHUNKS
from tests.core.expert import Expert

QUIET_RMS, SOFT_RMS, LOUD_RMS = 30, 100, 8_000


class Quick:
    """Hears what it is told to."""

    def __init__(self) -> None:
        self.hears = True
        self.resets = 0

    def is_speech(self, frame: Pcm) -> bool:
        assert frame.shape == (FRAME_SAMPLES,)
        assert frame.dtype == np.int16
        return self.hears

    def reset(self) -> None:
        self.resets += 1


class Ears:
    """A gate over both, and sound for it."""

    def __init__(self, *, alone: bool = False) -> None:
        self.quick, self.expert = Quick(), Expert()
        self.gate = Gate(self.quick, None if alone else self.expert)
        self._dice = np.random.default_rng(1)
        self.quick.hears = False
        for _ in range(50):
            self.gate.prepare(self.frame(QUIET_RMS))

    def frame(self, rms: float) -> Pcm:
        return self._dice.normal(0, rms, FRAME_SAMPLES).astype(np.int16)

    def hear(self, rms: float, frames: int, *, quick: bool, likely: float = 0.0) -> list[bool]:
        self.quick.hears, self.expert.likely = quick, likely
        return [self.gate.is_speech(self.frame(rms)) for _ in range(frames)]


def test_the_expert_is_not_asked_while_the_quick_one_hears_nothing() -> None:
    ears = Ears()
    assert not any(ears.hear(LOUD_RMS, 100, quick=False, likely=1.0))
    assert ears.expert.asked == 0


def test_nor_about_what_is_no_louder_than_what_is_around() -> None:
    ears = Ears()
    assert not any(ears.hear(QUIET_RMS, 100, quick=True, likely=1.0))
    assert ears.expert.asked == 0


def test_the_expert_decides_whether_what_the_quick_one_hears_is_speech() -> None:
    ears = Ears()
    assert not any(ears.hear(LOUD_RMS, 50, quick=True, likely=0.4))
    assert ears.expert.asked > 25
    assert all(ears.hear(LOUD_RMS, 50, quick=True, likely=0.6)[2:])


def test_it_is_told_the_newest_of_what_came_before_it_was_asked() -> None:
    ears = Ears()
    ears.hear(LOUD_RMS, 40, quick=False)
    ears.hear(LOUD_RMS, 1, quick=True)
    assert len(ears.expert.heard) == CATCH_UP_CHUNKS


def test_in_the_middle_of_a_loud_word_it_is_not_asked() -> None:
    ears = Ears()
    ears.hear(LOUD_RMS, 5, quick=True, likely=1.0)
    asked = ears.expert.asked
    assert all(ears.hear(LOUD_RMS, 100, quick=True))
    assert ears.expert.asked == asked


def test_in_the_middle_of_a_soft_word_it_is() -> None:
    ears = Ears()
    ears.hear(SOFT_RMS, 5, quick=True, likely=1.0)
    assert all(ears.hear(SOFT_RMS, 50, quick=True, likely=1.0))
    assert not any(ears.hear(SOFT_RMS, 50, quick=True, likely=0.0)[2:])


def test_a_soft_end_of_a_word_is_heard_though_the_quick_one_does_not() -> None:
    ears = Ears()
    ears.hear(LOUD_RMS, 5, quick=True, likely=1.0)
    assert all(ears.hear(QUIET_RMS, 10, quick=False, likely=0.9))


def test_some_time_behind_the_last_word_it_is_not_asked_any_more() -> None:
    ears = Ears()
    ears.hear(LOUD_RMS, 5, quick=True, likely=1.0)
    ears.hear(QUIET_RMS, GOING_ON_FRAMES + 2, quick=False)
    asked = ears.expert.asked
    ears.hear(QUIET_RMS, 50, quick=False)
    assert ears.expert.asked == asked


@pytest.mark.parametrize(("likely", "doubtful"), [(0.05, False), (0.2, True), (0.9, False)])
def test_what_is_neither_speech_nor_surely_none_is_doubtful(likely: float, doubtful: bool) -> None:
    ears = Ears()
    ears.hear(LOUD_RMS, 5, quick=True, likely=1.0)
    ears.hear(QUIET_RMS, 4, quick=False, likely=likely)
    assert ears.gate.doubtful is doubtful


def test_without_the_expert_the_quick_one_decides_about_what_is_loud_enough() -> None:
    ears = Ears(alone=True)
    assert not any(ears.hear(QUIET_RMS, 20, quick=True))
    assert ears.gate.doubtful, "it may be a soft word"
    assert all(ears.hear(LOUD_RMS, 20, quick=True))
    assert not any(ears.hear(LOUD_RMS, 20, quick=False))


def test_how_loud_it_is_around_is_learned_from_what_came_before() -> None:
    for above_db, voiced in ((ABOVE_FLOOR_ALONE_DB - 2, False), (ABOVE_FLOOR_ALONE_DB + 2, True)):
        ears = Ears(alone=True)
        assert ears.hear(QUIET_RMS * 10 ** (above_db / 20), 1, quick=True) == [voiced]


def test_its_verdicts_are_late_only_with_the_expert() -> None:
    assert (Ears().gate.late_ms, Ears(alone=True).gate.late_ms) == (LATE_MS, 0)


def test_a_reset_forgets_both_detectors_and_the_noise() -> None:
    ears = Ears()
    ears.gate.reset()
    assert (ears.quick.resets, ears.expert.resets) == (1, 1)
    ears.gate.prepare(ears.frame(SOFT_RMS))
    assert not any(ears.hear(SOFT_RMS, 5, quick=True, likely=1.0)), "that is what it is like around by now"
    assert ears.expert.asked == 0


def test_levels_are_told_against_full_scale() -> None:
    assert dbfs(np.full(FRAME_SAMPLES, -32768, np.int16)) == 0.0
    assert dbfs(silence(FRAME_SAMPLES)) == -120.0
