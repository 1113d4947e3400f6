"""No utterance is lost without a word, and none is executed twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core.outbox import Outbox


def outbox(
    *ids: str, sent: bool = False, max_age_s: float = 120.0, max_utterances: int = 5, length_s: float = 1.0
) -> Outbox:
    """Holds these, spoken a second apart from 0."""
    made = Outbox(max_age_s, max_utterances)
    for spoken_at, utterance_id in enumerate(ids):
        made.hold(utterance_id, float(spoken_at), length_s, sent)
    return made


def to_send(box: Outbox) -> list[str]:
    """What goes up when everything may."""
    ids = []
    while (utterance_id := box.next_to_send(0.0)) is not None:
        ids.append(utterance_id)
    return ids


# -- sending ----------------------------------------------------------------------------------------------------


def test_they_go_up_in_the_order_they_were_spoken_each_once() -> None:
    box = outbox("a", "b", "c")
    assert [box.waiting, to_send(box), box.waiting] == [True, ["a", "b", "c"], False]
    assert len(box) == 3, "they are held until they are accepted"


def test_what_went_up_live_is_not_sent_again_on_the_same_link() -> None:
    box = outbox("a", sent=True)
    assert not box.waiting
    assert box.next_to_send(0.0) is None


def test_after_a_lost_link_all_that_was_not_accepted_goes_up_again_in_order() -> None:
    box = outbox("a", "b", "c", sent=True)
    box.accept("b")
    box.link_lost()
    assert to_send(box) == ["a", "c"]


# -- acceptance -------------------------------------------------------------------------------------------------


def test_a_backend_that_names_no_utterance_accepts_the_oldest_it_was_sent() -> None:
    box = outbox("a", "b", "c")
    box.next_to_send(0.0)
    box.next_to_send(0.0)
    assert [box.accept(), box.accept(), box.accept()] == ["a", "b", None]
    assert to_send(box) == ["c"]


def test_a_named_utterance_is_accepted_out_of_order() -> None:
    box = outbox("a", "b", sent=True)
    assert box.accept("b") == "b"
    assert len(box) == 1
    assert box.accept("b") is None, "a second sign of it accepts nothing else"
    assert len(box) == 1


@pytest.mark.parametrize("named", [None, "a", "x"])
def test_what_was_not_sent_cannot_be_accepted(named: str | None) -> None:
    box = outbox("a")
    assert box.accept(named) is None
    assert to_send(box) == ["a"]


def test_nothing_is_accepted_on_a_new_link_before_it_was_sent_there() -> None:
    box = outbox("a", sent=True)
    box.link_lost()
    assert box.accept() is None
    assert to_send(box) == ["a"]


# -- limits -----------------------------------------------------------------------------------------------------


def test_of_more_than_it_may_hold_the_oldest_goes_and_is_named() -> None:
    box = outbox("a", "b", max_utterances=2)
    assert box.hold("c", 2.0, 1.0, sent=False) == ["a"]
    assert len(box) == 2
    assert to_send(box) == ["b", "c"]


def test_as_many_as_it_may_hold_all_stay() -> None:
    box = outbox("a", max_utterances=2)
    assert box.hold("b", 1.0, 1.0, sent=False) == []


@pytest.mark.parametrize(("length_s", "gone"), [(40.0, []), (40.1, ["a"]), (80.1, ["a", "b"])])
def test_of_more_than_two_minutes_of_sound_the_oldest_go(length_s: float, gone: list[str]) -> None:
    box = outbox("a", "b", length_s=40.0)
    assert box.hold("c", 2.0, length_s, sent=False) == gone
    assert box.tally["expired"] == len(gone)


def test_one_utterance_stays_however_long_it_is() -> None:
    assert outbox().hold("a", 0.0, 121.0, sent=False) == []


def test_what_an_earlier_process_left_goes_first_though_it_is_told_later() -> None:
    box = outbox("a", "b")
    box.hold("earlier", -30.0, 1.0, sent=False)
    assert to_send(box) == ["earlier", "a", "b"]
    assert box.deadline == 90.0


def test_what_can_never_be_accepted_is_given_up_by_name() -> None:
    box = outbox("a", "b")
    assert box.give_up("a") == ["a"]
    assert box.give_up("a") == []
    assert to_send(box) == ["b"]
    assert box.tally["expired"] == 1


def test_only_what_was_sent_before_counts_as_sent_again() -> None:
    box = outbox("a")
    box.next_to_send(0.0)
    assert box.tally["resent"] == 0
    box.link_lost()
    box.next_to_send(0.0)
    box.hold("live", 1.0, 1.0, sent=True)
    box.link_lost()
    assert to_send(box) == ["a", "live"]
    assert [box.tally["resent"], box.tally["accepted"]] == [3, 0]


@pytest.mark.parametrize("sent", [False, True])
def test_each_expires_at_its_own_age_whether_sent_or_not(sent: bool) -> None:
    box = outbox("a", "b", sent=sent, max_age_s=120.0)
    told = [(box.expire(now), box.deadline) for now in (119.99, 120.0, 120.5, 500.0)]
    assert told == [([], 120.0), (["a"], 121.0), ([], 121.0), (["b"], None)]
    assert len(box) == 0


def test_sending_again_makes_nothing_younger() -> None:
    box = outbox("a", sent=True)
    box.link_lost()
    box.next_to_send(0.0)
    assert box.deadline == 120.0


def test_the_deadline_follows_the_oldest_that_is_left() -> None:
    box = outbox("a", "b", sent=True)
    box.accept("a")
    assert box.deadline == 121.0


def test_giving_up_names_them_all_once() -> None:
    box = outbox("a", "b")
    assert box.clear() == ["a", "b"]
    assert box.clear() == []
    assert not box.waiting
    assert box.deadline is None


# -- any history ------------------------------------------------------------------------------------------------

STEPS = st.lists(st.sampled_from(["hold", "hold sent", "send", "accept", "link lost", "expire", "age"]), max_size=60)


@given(STEPS)
def test_in_any_history_each_utterance_leaves_once_and_never_goes_up_twice_on_a_link(steps: list[str]) -> None:
    box = Outbox(max_age_s=10.0, max_utterances=3)
    now = 0.0
    held: list[str] = []
    left: list[str] = []
    on_this_link: list[str] = []
    for number, step in enumerate(steps):
        now += 5.0 if step == "age" else 1.0
        name = f"u{number}"
        if step.startswith("hold"):
            held.append(name)
            left += box.hold(name, now, 1.0, sent=step == "hold sent")
            on_this_link += [name] * (step == "hold sent")
        elif step == "send" and (sent := box.next_to_send(0.0)) is not None:
            on_this_link.append(sent)
        elif step == "accept" and (accepted := box.accept()) is not None:
            assert accepted in on_this_link
            left.append(accepted)
        elif step == "link lost":
            box.link_lost()
            on_this_link = []
        elif step == "expire":
            left += box.expire(now)
            assert box.deadline is None or box.deadline > now
        assert len(set(on_this_link)) == len(on_this_link)
        assert len(box) == len(held) - len(left) <= 3
    expired = len(left) - box.tally["accepted"] + len(box)
    left += box.clear()
    assert sorted(left) == sorted(held)
    assert box.tally["expired"] == expired, "what left was accepted or is told as expired"
