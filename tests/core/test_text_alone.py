"""When a text counts as the whole answer: learned from how long behind their texts earlier answers sounded."""

import pytest

from hero365_edge.core.text_alone import (
    ANNOUNCED_S,
    LEARNED_FROM,
    MARGIN,
    MARGIN_S,
    MOST_S,
    UNKNOWN_S,
    UNRELATED_S,
    TextAlone,
)


def learned(*behind_s: float) -> TextAlone:
    """After answers whose sound came so long behind their texts; negative is before."""
    alone = TextAlone()
    for behind in behind_s:
        alone.forget()
        if behind > 0:
            alone.text_came(100.0)
        alone.sound_began(100.0 + behind)
    alone.forget()
    return alone


def test_where_nothing_was_learned_it_is_given_a_second() -> None:
    alone = TextAlone()
    assert alone.since is None, "there is no text"
    alone.text_came(50.0)
    assert alone.since == 50.0 + UNKNOWN_S


def test_where_sound_came_with_its_text_or_before_a_text_without_is_complete_at_once() -> None:
    alone = learned(0.0, -1.0)
    alone.text_came(50.0)
    assert alone.since == 50.0


def test_where_it_came_behind_the_longest_counts_with_a_margin() -> None:
    alone = learned(0.2, 0.8, 0.0, 0.1)
    alone.text_came(50.0)
    assert alone.since == pytest.approx(50.0 + MARGIN * 0.8 + MARGIN_S)


def test_no_delay_makes_a_text_wait_for_ever() -> None:
    assert learned(9.0).wait_s == MOST_S


def test_what_was_long_ago_counts_no_more() -> None:
    assert learned(2.0, *[0.0] * (LEARNED_FROM - 1)).wait_s == MOST_S
    assert learned(2.0, *[0.0] * LEARNED_FROM).wait_s == 0.0


def test_sound_that_has_nothing_to_do_with_the_text_teaches_nothing() -> None:
    assert learned(UNRELATED_S + 0.1).wait_s == UNKNOWN_S


def test_only_the_first_sound_of_an_answer_teaches() -> None:
    alone = learned(0.4)
    alone.text_came(50.0)
    alone.sound_began(50.4)
    for later in (51.0, 52.0):
        alone.text_came(later)
        assert alone.since is None, "what was heard is not said again"
        alone.sound_began(later + 2.9)
    assert alone.wait_s == pytest.approx(MARGIN * 0.4 + MARGIN_S)


def test_the_first_text_of_an_answer_counts() -> None:
    alone = TextAlone()
    alone.text_came(50.0)
    alone.text_came(50.9)
    assert alone.since == 50.0 + UNKNOWN_S


def test_announced_sound_is_given_longer_and_a_told_end_no_time_at_all() -> None:
    alone = learned(0.0)
    alone.text_came(50.0)
    alone.sound_announced(50.5)
    assert alone.since == 50.5 + ANNOUNCED_S
    alone.sound_over()
    assert alone.since == 50.0
    alone.sound_announced(51.0)
    assert alone.since == 51.0 + ANNOUNCED_S, "a second response"


def test_a_text_behind_a_told_end_without_sound_is_complete_at_once() -> None:
    alone = TextAlone()
    alone.sound_announced(50.0)
    alone.sound_over()
    alone.text_came(50.1)
    assert alone.since == 50.1


def test_the_next_answer_begins_anew() -> None:
    alone = TextAlone()
    alone.text_came(50.0)
    alone.sound_over()
    alone.forget()
    assert alone.since is None
    alone.text_came(60.0)
    assert alone.since == 60.0 + UNKNOWN_S
