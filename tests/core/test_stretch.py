"""Slowing down: what is put in sounds like its surroundings, joins without a step, and is a whole period long."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from hero365_edge.core import stretch
from hero365_edge.core.pcm import RATE_HZ, Pcm


def voice(pitch_hz: float, samples: int = 1600) -> Pcm:
    """A vowel: harmonics of the pitch, weaker the higher."""
    at = np.arange(samples) / RATE_HZ
    sound = sum(np.sin(2 * np.pi * pitch_hz * number * at + number) / number for number in range(1, 8))
    return np.round(4000 * np.asarray(sound)).astype(np.int16)


def inserted(pcm: Pcm, at: int = 700) -> Pcm:
    return stretch.insertion(pcm[at - stretch.PAST : at], pcm[at : at + stretch.COMING])


@pytest.mark.parametrize("pitch_hz", [70, 100, 133, 200, 290, 390])
def test_what_is_put_in_is_whole_periods_of_the_voice(pitch_hz: int) -> None:
    periods = len(inserted(voice(pitch_hz))) * pitch_hz / RATE_HZ
    assert periods == pytest.approx(round(periods), abs=0.05)


@pytest.mark.parametrize("pitch_hz", [70, 133, 290])
def test_a_vowel_that_is_longer_is_still_the_same_vowel(pitch_hz: int) -> None:
    pcm = voice(pitch_hz)
    longer = np.concatenate([pcm[:700], inserted(pcm), pcm[700:]]).astype(float)
    piece = longer[600:1100]
    best = max(
        float(np.corrcoef(piece, voice(pitch_hz, 3000)[start : start + 500])[0, 1]) for start in range(500, 900)
    )
    assert best > 0.97


@pytest.mark.parametrize("pitch_hz", [70, 133, 290])
def test_neither_seam_has_a_step(pitch_hz: int) -> None:
    pcm = voice(pitch_hz)
    longer = np.concatenate([pcm[:700], inserted(pcm), pcm[700:]]).astype(int)
    steps = np.abs(np.diff(longer))
    seams = [699, 699 + len(inserted(pcm))]
    assert max(steps[seam] for seam in seams) <= 1.1 * np.abs(np.diff(pcm.astype(int))).max()


def test_noise_is_left_alone() -> None:
    noise = np.random.default_rng(1).normal(0, 5000, 1600).clip(-30_000, 30_000).astype(np.int16)
    assert len(inserted(noise)) == 0


def test_in_silence_ten_ms_go_in_whatever_they_are() -> None:
    hiss = np.random.default_rng(1).normal(0, 40, 1600).astype(np.int16)
    assert stretch.silent(hiss)
    assert len(inserted(hiss)) == 160


def test_speech_is_not_silent_and_nothing_is() -> None:
    assert not stretch.silent(voice(133))
    assert stretch.silent(np.zeros(160, np.int16))
    assert stretch.silent(np.zeros(0, np.int16))


@given(arrays(np.int16, stretch.PAST + stretch.COMING))
def test_whatever_the_samples_are_it_never_fails_nor_overflows(pcm: Pcm) -> None:
    piece = stretch.insertion(pcm[: stretch.PAST], pcm[stretch.PAST :])
    assert piece.dtype == np.int16
    assert len(piece) == 0 or stretch.SHORTEST <= len(piece) <= stretch.LONGEST
    if len(piece):
        assert pcm.min() <= piece.min() <= piece.max() <= pcm.max()


@pytest.mark.parametrize(("past", "coming"), [(stretch.PAST - 1, stretch.COMING), (stretch.PAST, stretch.COMING - 1)])
def test_too_little_to_look_at_is_the_callers_mistake(past: int, coming: int) -> None:
    with pytest.raises(ValueError, match="are needed"):
        stretch.insertion(voice(133, past), voice(133, coming))


def test_a_beginning_rises_from_the_level_it_is_told_and_is_then_untouched() -> None:
    pcm = np.full(400, 10_000, np.int16)
    for start in (0.0, 0.5, 1.0):
        soft = stretch.faded_in(pcm, start)
        assert soft[0] == pytest.approx(10_000 * start, abs=10)
        assert (np.diff(soft.astype(int)) >= 0).all()
        assert np.array_equal(soft[stretch.FADE :], pcm[stretch.FADE :])
    assert len(stretch.faded_in(pcm[:7], 0.0)) == 7
