"""Quiet voices and loud ones, a noise between them, a shout: what the gain makes of them."""

import numpy as np
import pytest

from hero365_edge.core.gate import dbfs
from hero365_edge.core.level import FALL_DB, PEAK, RISE_DB, TARGET_DBFS, AutomaticLevel
from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm, silence

DICE = np.random.default_rng(1)
SHAPE = DICE.normal(0, 1, FRAME_SAMPLES)
SECOND = 50


def voice(level_dbfs: float) -> Pcm:
    scaled: Pcm = np.round(SHAPE * 32768 * 10 ** (level_dbfs / 20) / np.sqrt(np.mean(np.square(SHAPE)))).astype(
        np.int16
    )
    return scaled


def test_a_quiet_voice_is_raised_to_where_it_is_heard_well() -> None:
    level = AutomaticLevel(20.0)
    raised = [level.frame(voice(-42.0), voiced=True) for _ in range(20 * SECOND)]
    assert dbfs(raised[-1]) == pytest.approx(TARGET_DBFS, abs=0.5)
    assert level.speech_dbfs == pytest.approx(-42.0, abs=0.1)


def test_slowly() -> None:
    level = AutomaticLevel(20.0)
    levels = [dbfs(level.frame(voice(-45.0), voiced=True)) for _ in range(10 * SECOND)]
    assert max(np.diff(levels)) < 2 * RISE_DB
    assert levels[SECOND] == pytest.approx(-45.0 + SECOND * RISE_DB, abs=0.2)


def test_within_its_limit() -> None:
    level = AutomaticLevel(6.0)
    for _ in range(20 * SECOND):
        level.frame(voice(-60.0), voiced=True)
    assert level.gain_db == pytest.approx(6.0)


def test_a_voice_that_is_loud_enough_is_not_touched() -> None:
    level = AutomaticLevel(20.0)
    for _ in range(10 * SECOND):
        assert np.array_equal(level.frame(voice(TARGET_DBFS + 1), voiced=True), voice(TARGET_DBFS + 1))


def test_a_limit_of_0_switches_it_off() -> None:
    level = AutomaticLevel(0.0)
    for _ in range(10 * SECOND):
        assert np.array_equal(level.frame(voice(-60.0), voiced=True), voice(-60.0))


def test_noise_between_the_words_changes_nothing() -> None:
    level = AutomaticLevel(20.0)
    for _ in range(5 * SECOND):
        level.frame(voice(-40.0), voiced=True)
    before_db = level.gain_db
    assert before_db > 5
    for _ in range(60 * SECOND):
        level.frame(voice(-60.0), voiced=False)
    assert level.gain_db == before_db


def test_a_shout_behind_a_whisper_is_not_clipped_and_the_gain_falls_with_the_voice() -> None:
    level = AutomaticLevel(20.0)
    for _ in range(20 * SECOND):
        level.frame(voice(-50.0), voiced=True)
    shout = (np.sign(SHAPE) * 10_000).astype(np.int16)
    for _ in range(2):
        assert np.abs(level.frame(shout, voiced=True).astype(int)).max() <= PEAK + 1
    for _ in range(round(20 / FALL_DB) + 3 * SECOND):
        last = level.frame(shout, voiced=True)
    assert level.gain_db == 0.0
    assert np.array_equal(last, shout)


def test_a_slam_between_the_words_is_not_clipped_and_the_next_word_is_raised_as_the_one_before() -> None:
    level = AutomaticLevel(20.0)
    for _ in range(20 * SECOND):
        level.frame(voice(-50.0), voiced=True)
    before_db, before = level.gain_db, level.frame(voice(-50.0), voiced=True)
    slam = (np.sign(SHAPE) * 30_000).astype(np.int16)
    assert np.array_equal(level.frame(slam, voiced=False), slam)
    assert level.gain_db == pytest.approx(before_db, abs=RISE_DB)
    back = level.frame(voice(-60.0), voiced=False).astype(int)
    assert np.abs(back[:10] - voice(-60.0)[:10]).max() <= 30, "it comes back within a frame, without a step"
    assert dbfs(level.frame(voice(-50.0), voiced=True)) == pytest.approx(dbfs(before), abs=0.2)


def test_silence_is_no_division_by_zero() -> None:
    level = AutomaticLevel(20.0)
    level.frame(voice(-50.0), voiced=True)
    assert not level.frame(silence(FRAME_SAMPLES), voiced=True).any()


def test_what_changes_within_a_frame_changes_without_a_step() -> None:
    level = AutomaticLevel(20.0)
    steady = np.full(FRAME_SAMPLES, 300, np.int16)
    raised = np.concatenate([level.frame(steady, voiced=True) for _ in range(10 * SECOND)]).astype(int)
    assert np.abs(np.diff(raised)).max() <= 1
