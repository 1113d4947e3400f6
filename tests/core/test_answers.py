"""Which answer belongs to the turn."""

from hero365_edge.core.answers import REMEMBERED, Answers


def flags(answers: Answers) -> set[str]:
    return {name for name in ("stale", "early", "signs", "streamed") if getattr(answers, name)}


def test_at_first_nothing_is_old_early_or_under_way() -> None:
    answers = Answers()
    assert flags(answers) == set()
    assert answers.response_id is None
    assert not answers.is_old("u1")


def test_an_interrupted_answer_may_still_flow_until_the_new_utterance_is_accepted() -> None:
    answers = Answers()
    answers.turn_began(superseded="u1")
    assert flags(answers) == {"stale"}
    answers.turn_accepted()
    assert flags(answers) == set()
    assert answers.is_old("u1"), "by its name it is known as old for longer"
    assert not answers.is_old("u2")


def test_an_interrupted_typed_question_has_no_utterance_but_its_answer_may_flow_too() -> None:
    answers = Answers()
    answers.turn_began(superseded="")
    assert answers.stale


def test_a_turn_that_interrupts_nothing_makes_nothing_stale() -> None:
    answers = Answers()
    answers.turn_began(superseded=None)
    assert not answers.stale


def test_a_turn_from_rest_does_not_absolve_an_answer_that_may_still_flow() -> None:
    answers = Answers()
    answers.turn_began(superseded="u1")
    answers.turn_began(superseded=None)
    assert answers.stale


def test_each_turn_begins_without_what_the_one_before_had() -> None:
    answers = Answers()
    answers.early = answers.streamed = answers.signs = True
    answers.response_id = "r1"
    answers.turn_began(superseded=None)
    assert flags(answers) == {"signs"}, "the backend is the same"
    assert not answers.response_id


def test_on_a_new_link_nothing_of_an_old_answer_can_come() -> None:
    answers = Answers()
    answers.turn_began(superseded="u1")
    answers.response_id = "r1"
    answers.link_lost()
    assert flags(answers) == set()
    assert not answers.response_id
    assert answers.is_old("u1")


def test_a_day_of_interruptions_does_not_fill_the_memory() -> None:
    answers = Answers()
    for number in range(10 * REMEMBERED):
        answers.turn_began(superseded=f"u{number}")
    known = [number for number in range(10 * REMEMBERED) if answers.is_old(f"u{number}")]
    assert known == list(range(9 * REMEMBERED, 10 * REMEMBERED))
