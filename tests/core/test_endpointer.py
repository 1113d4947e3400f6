"""Frames with speech and without: where an utterance ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core.endpointer import START_WINDOW, Ending, Endpointer

HANGOVER = 30
NO_SPEECH = 300
LONGEST = 3000


def endpointer(held: bool = False) -> Endpointer:
    """With the settings' defaults: 600 ms, 6 s, 60 s."""
    made = Endpointer(hangover_ms=600, no_speech_timeout_s=6.0, max_utterance_s=60.0)
    made.held = held
    return made


def give(to: Endpointer, frames: str) -> tuple[Ending | None, int]:
    """Give frames, `v` voiced and `.` not, until an ending: which, and at which frame counted from 1."""
    for number, frame in enumerate(frames, 1):
        if (ending := to.frame(frame == "v")) is not None:
            return ending, number
    return None, len(frames)


def heard(by: Endpointer) -> tuple[bool, bool, int]:
    """Whether there was speech, whether there is speech now, and the newest frame of it."""
    return by.spoke, by.speaking, by.last_voiced_frame


# -- speech and clicks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", ["vvv", "v.v.v", "vv..v", "..vvv", "v..vv"])
def test_three_voiced_frames_of_five_are_speech(frames: str) -> None:
    made = endpointer()
    give(made, frames[:-1])
    assert heard(made) == (False, False, -1)
    give(made, frames[-1])
    assert heard(made) == (True, True, len(frames) - 1)


@pytest.mark.parametrize("frames", ["v", "vv", "vv...v", "v..v..v..v..v", "vv....vv....vv"])
def test_clicks_are_no_speech(frames: str) -> None:
    made = endpointer()
    give(made, frames + "." * 20)
    assert heard(made) == (False, False, -1)


def test_a_pause_of_a_window_is_no_longer_speaking_but_the_utterance_goes_on() -> None:
    made = endpointer()
    told = []
    for frames in ("vvvv" + "." * (START_WINDOW - 1), ".", "vv", "v"):
        give(made, frames)
        told.append(heard(made))
    assert told == [(True, True, 3), (True, False, 3), (True, False, 3), (True, True, 11)]


# -- silence ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speech", ["vvv", "." * 290 + "vvv", "vvv" + "." * 29 + "vvv", "v.v.v.v.v", "vvv..v"])
def test_the_utterance_ends_with_the_hangovers_last_frame_and_not_before(speech: str) -> None:
    made = endpointer()
    assert give(made, speech + "." * (HANGOVER - 1)) == (None, len(speech) + HANGOVER - 1)
    assert give(made, ".") == (Ending.SILENCE, 1)
    assert made.last_voiced_frame == len(speech) - 1


@pytest.mark.parametrize("click", ["v", "vv"])
@pytest.mark.parametrize("after", [4, 15, 20])
def test_a_click_in_the_hangover_neither_prolongs_it_nor_counts_as_speech(click: str, after: int) -> None:
    made = endpointer()
    hangover = ("." * after + click + "." * HANGOVER)[:HANGOVER]
    assert give(made, "vvvvv" + hangover) == (Ending.SILENCE, 5 + HANGOVER)
    assert heard(made) == (True, False, 4)


@pytest.mark.parametrize("pause", [HANGOVER - 3, HANGOVER - 1])
def test_a_word_that_begins_in_the_hangovers_last_frame_is_not_cut_off(pause: int) -> None:
    assert give(endpointer(), "vvv" + "." * pause + "v.vv") == (None, 3 + pause + 4)


def test_a_click_in_the_hangovers_last_frame_costs_no_more_than_the_window() -> None:
    frames = "vvv" + "." * (HANGOVER - 1) + "v" + "." * 40
    assert give(endpointer(), frames) == (Ending.SILENCE, 3 + HANGOVER + START_WINDOW)


@pytest.mark.parametrize(("hangover_ms", "frames"), [(240, 12), (250, 13), (259, 13), (260, 13), (3000, 150)])
def test_the_hangover_is_never_shorter_than_asked_for(hangover_ms: int, frames: int) -> None:
    made = Endpointer(hangover_ms, no_speech_timeout_s=6.0, max_utterance_s=60.0)
    assert give(made, "vvv" + "." * 200) == (Ending.SILENCE, 3 + frames)


# -- what never ends by itself ----------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", [".", "v...."])
def test_without_speech_it_ends_after_the_time_limit_and_not_before(frame: str) -> None:
    assert give(endpointer(), frame * NO_SPEECH) == (Ending.NO_SPEECH, NO_SPEECH)


def test_a_first_word_just_before_the_limit_is_heard_out() -> None:
    made = endpointer()
    assert give(made, "." * (NO_SPEECH - 3) + "vvv" + "." * 100) == (Ending.SILENCE, NO_SPEECH + HANGOVER)


def test_endless_speech_ends_at_the_longest_utterance() -> None:
    assert give(endpointer(), "v" * 4000) == (Ending.TOO_LONG, LONGEST)
    assert give(endpointer(), ("vvv" + "." * 20) * 200) == (Ending.TOO_LONG, LONGEST)


@pytest.mark.parametrize(("limit_s", "frames"), [(1.0, 50), (1.01, 50), (0.33, 16), (59.99, 3000)])
def test_limits_in_seconds_are_whole_frames(limit_s: float, frames: int) -> None:
    assert give(Endpointer(600, limit_s, 60.0), "." * 4000) == (Ending.NO_SPEECH, frames)
    assert give(Endpointer(600, 60.0, limit_s), "v" * 4000) == (Ending.TOO_LONG, frames)


def test_an_utterance_whose_whole_length_held_no_speech_is_not_worth_sending() -> None:
    assert give(Endpointer(600, no_speech_timeout_s=6.0, max_utterance_s=2.0), "." * 400) == (Ending.NO_SPEECH, 100)


# -- push-to-talk -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", ["." * 4000, "vvv" + "." * 4000, "v" * 4000])
def test_while_held_only_the_length_ends_it(frames: str) -> None:
    assert give(endpointer(held=True), frames) == (Ending.TOO_LONG, LONGEST)


def test_while_held_speech_is_noticed_all_the_same() -> None:
    made = endpointer(held=True)
    give(made, "....vvv" + "." * 40)
    assert heard(made) == (True, False, 6)


def test_a_hold_that_begins_late_counts_from_the_first_frame() -> None:
    made = endpointer()
    give(made, "." * 18)
    made.held = True
    assert give(made, "." * 4000) == (Ending.TOO_LONG, LONGEST - 18)


# -- anything ---------------------------------------------------------------------------------------------------


RUNS = st.sampled_from(["v", "vv", "vvv", "v.v", "v" * 20, ".", "." * 4, "." * 15, "." * 26, "." * 29, "." * 31])


@given(st.lists(RUNS, max_size=20).map("".join), st.booleans())
def test_on_any_frames_the_last_voiced_one_is_voiced_and_speech_is_never_left_out(frames: str, held: bool) -> None:
    made = endpointer(held)
    ending, number = give(made, frames)
    last = made.last_voiced_frame
    assert made.spoke == (last >= 0) == any(frames[:number][at : at + 5].count("v") >= 3 for at in range(number))
    assert not made.spoke or frames[last] == "v"
    assert not made.speaking or number - 1 - last < START_WINDOW
    quiet = number - 1 - last
    if ending is Ending.SILENCE:
        assert quiet >= HANGOVER
        assert "v" not in frames[number - START_WINDOW : number]
    elif made.spoke and not held:
        assert quiet < HANGOVER or "v" in frames[number - START_WINDOW : number]


# -- the stages of a pause --------------------------------------------------------------------------------------


def announced_after(frames: str) -> int:
    """How many frames of silence behind these it takes until the end is announced."""
    made = endpointer()
    give(made, frames)
    return next(number for number in range(1, 100) if made.frame(voiced=False) is None and made.seems_over)


def ends_after(frames: str, hangover_ms: int = 600, doubtful: bool = False) -> int:
    """The same until the talker's own pauses end it."""
    made = Endpointer(hangover_ms, no_speech_timeout_s=6.0, max_utterance_s=60.0)
    made.adaptive = True
    give(made, frames)
    return next(number for number in range(1, 100) if made.frame(voiced=False, doubtful=doubtful))


@pytest.mark.parametrize(("pause", "frames"), [(0, 4), (2, 4), (5, 5), (9, 9), (20, 12)])
def test_the_end_is_announced_sooner_the_more_fluent_the_talker_is(pause: int, frames: int) -> None:
    assert announced_after("v" * 20 + "." * pause + "v" * 20) == frames


@pytest.mark.parametrize(("pause", "frames"), [(0, 18), (5, 18), (6, 19), (10, 25), (16, 34)])
def test_the_talkers_own_pauses_decide_how_long_the_last_one_is(pause: int, frames: int) -> None:
    assert ends_after("v" * 20 + "." * pause + "v" * 20) == frames


def test_a_talker_of_long_pauses_is_waited_for_up_to_a_third_longer_than_the_hangover() -> None:
    made = endpointer()
    give(made, "v" * 20 + "." * 25 + "v" * 20)  # the gesture settles later, and the profile with it
    made.adaptive = True
    assert give(made, "." * 100) == (Ending.SILENCE, 40)


def test_the_longest_pause_counts_not_the_newest() -> None:
    assert ends_after("v" * 20 + "." * 10 + "v" * 20 + "." * 3 + "v" * 20) == 25


def test_silence_before_the_first_word_is_no_pause_of_the_talker() -> None:
    assert ends_after("." * 100 + "v" * 20) == 18


@pytest.mark.parametrize(("hangover_ms", "frames"), [(600, 18), (1200, 35), (300, 12)])
def test_a_longer_hangover_is_a_longer_patience(hangover_ms: int, frames: int) -> None:
    assert ends_after("v" * 20, hangover_ms) == frames


def test_what_may_be_speech_makes_a_pause_half_as_long_but_is_announced_all_the_same() -> None:
    assert ends_after("v" * 20, doubtful=True) == 35
    made = endpointer()
    give(made, "v" * 20)
    for _ in range(4):
        made.frame(voiced=False, doubtful=True)
    assert made.seems_over


def test_an_answer_may_be_heard_when_the_pause_is_longer_than_the_talkers_and_not_later_than_the_hangover() -> None:
    for pause, frames in ((0, 17), (10, 22), (20, HANGOVER)):
        made = endpointer()
        give(made, "v" * 20 + "." * pause + "v" * 20)
        told = [made.frame(voiced=False) is not None or made.may_end for _ in range(HANGOVER)]
        assert told.index(True) + 1 == frames


def test_speech_takes_the_announcement_back() -> None:
    made = endpointer()
    told = []
    for frames in ("v" * 20 + "." * 20, "vvv"):
        give(made, frames)
        told.append((made.seems_over, made.may_end))
    assert told == [(True, True), (False, False)]


def test_nothing_is_announced_before_the_first_word() -> None:
    made = endpointer()
    give(made, "." * 100)
    assert not made.seems_over


def test_pauses_are_counted_from_the_sound_where_the_verdicts_come_late() -> None:
    made = Endpointer(600, 6.0, 60.0, late_ms=60)
    assert give(made, "vvv" + "." * 100) == (Ending.SILENCE, 3 + HANGOVER - 3)
