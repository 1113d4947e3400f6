"""The table of states, looked at as a graph."""

import pytest

from hero365_edge.core.lamp import Light
from hero365_edge.core.states import REST, RESTING, TRANSITIONS, State, Step

EVERY_STATE = pytest.mark.parametrize("state", list(State))


def next_to(state: State) -> set[State]:
    """Where one step can lead."""
    return {found for to in TRANSITIONS[state].values() for found in (RESTING if to is REST else {to})}


def reachable(start: State) -> set[State]:
    found, fresh = set[State](), {start}
    while fresh:
        found |= fresh
        fresh = {other for state in fresh for other in next_to(state)} - found
    return found


@EVERY_STATE
def test_every_state_has_its_row_and_its_light(state: State) -> None:
    assert TRANSITIONS[state]
    assert isinstance(state.value, Light)


def test_no_two_states_show_the_same_light() -> None:
    assert len({state.value for state in State}) == len(State)


@EVERY_STATE
def test_no_state_can_be_stuck(state: State) -> None:
    assert reachable(state) == set(State)


def test_only_where_nothing_is_under_way_the_facts_may_change_the_state() -> None:
    assert {State.STARTING, State.OFFLINE, State.READY, State.HOLDING, State.FAULT} == RESTING
    assert {state for state in State if Step.SETTLE in TRANSITIONS[state]} == RESTING


@EVERY_STATE
def test_a_press_always_works(state: State) -> None:
    """Listening is left by it, and every other state left for listening."""
    if state is State.LISTENING:
        assert Step.COMMIT in TRANSITIONS[state]
        assert Step.KEEP in TRANSITIONS[state]
    else:
        assert TRANSITIONS[state][Step.LISTEN] is State.LISTENING


@pytest.mark.parametrize("state", [State.LISTENING, State.PROCESSING, State.SPEAKING])
def test_what_is_under_way_can_always_be_given_up(state: State) -> None:
    assert REST in TRANSITIONS[state].values()


@pytest.mark.parametrize("step", list(Step))
def test_no_step_is_without_use(step: Step) -> None:
    assert any(step in steps for steps in TRANSITIONS.values())


def test_a_step_leads_to_the_same_state_from_wherever_it_is_taken() -> None:
    for step in Step:
        assert len({steps[step] for steps in TRANSITIONS.values() if step in steps}) == 1, step


def test_nobody_hears_an_answer_while_being_listened_to() -> None:
    assert State.SPEAKING not in next_to(State.LISTENING)
