"""What a contact did, from changes at known times."""

from collections.abc import Sequence

from hero365_edge.core.bounce import Change, strokes


def changes(*at_ms: float, first: bool = True) -> Sequence[Change]:
    """Changes at these times, the first a press."""
    return [Change(first ^ bool(index % 2), at / 1000) for index, at in enumerate(at_ms)]


def test_a_bounce_of_a_known_pattern_is_counted_right() -> None:
    press, release = strokes([*changes(1000, 1001, 1003, 1006, 1010.5), *changes(1100, 1102, 1103.5, first=False)])
    assert (press.pressed, press.at, press.changes, round(press.bounce_ms, 6)) == (True, 1.0, 5, 10.5)
    assert (release.pressed, release.at, release.changes, round(release.bounce_ms, 6)) == (False, 1.1, 3, 3.5)


def test_a_contact_that_does_not_bounce_has_no_bounce() -> None:
    assert [(each.pressed, each.bounce_ms, each.changes) for each in strokes(changes(0, 80, 200))] == [
        (True, 0.0, 1),
        (False, 0.0, 1),
        (True, 0.0, 1),
    ]


def test_a_spike_is_a_stroke_that_leaves_the_contact_as_it_was() -> None:
    (spike,) = strokes(changes(0, 1))
    assert not spike.pressed


def test_a_contact_that_lies_still_for_thirty_milliseconds_has_ended_its_stroke() -> None:
    assert len(strokes(changes(0, 29.9))) == 1
    assert len(strokes(changes(0, 30.1))) == 2


def test_an_untouched_contact_has_no_strokes() -> None:
    assert strokes([]) == []


def test_a_contact_that_goes_on_bouncing_is_in_one_stroke_however_long() -> None:
    (stroke,) = strokes(changes(0, 20, 40, 60, 80))
    assert (stroke.changes, round(stroke.bounce_ms, 6)) == (5, 80.0)
