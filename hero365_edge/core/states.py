"""The states of the appliance and every legal step between them: the table, alone.

REST stands for whichever resting state the facts call for (link, microphone, utterances waiting to be sent).
"""

from enum import Enum

from hero365_edge.core.lamp import Light


class State(Enum):
    """What the appliance is doing; the value is what the lamp shows (PRODUCT section 2)."""

    STARTING = Light.STARTING
    OFFLINE = Light.OFFLINE
    READY = Light.READY
    LISTENING = Light.LISTENING
    HOLDING = Light.HOLDING
    PROCESSING = Light.PROCESSING
    SPEAKING = Light.SPEAKING
    FAULT = Light.FAULT


class Step(Enum):
    """Why the state changes."""

    SETTLE = "a fact changed while resting"
    LISTEN = "the technician wants to speak"
    WITHDRAW = "the recording is thrown away"
    COMMIT = "the utterance is on its way"
    KEEP = "the utterance waits for the link"
    SEND = "a waiting utterance or a typed question goes up"
    ANSWER = "sound of an answer is there"
    FINISH = "the turn is over"


REST = None
"""The target of a step whose end the facts decide."""

_RESTING: dict[Step, State | None] = {
    Step.SETTLE: REST,
    Step.LISTEN: State.LISTENING,
    Step.SEND: State.PROCESSING,
    Step.ANSWER: State.SPEAKING,
}

TRANSITIONS: dict[State, dict[Step, State | None]] = {
    State.STARTING: _RESTING,
    State.OFFLINE: _RESTING,
    State.READY: _RESTING,
    State.FAULT: _RESTING,
    State.HOLDING: _RESTING,
    State.LISTENING: {
        Step.WITHDRAW: REST,
        Step.COMMIT: State.PROCESSING,
        Step.KEEP: State.HOLDING,
    },
    State.PROCESSING: {
        Step.LISTEN: State.LISTENING,
        Step.ANSWER: State.SPEAKING,
        Step.KEEP: State.HOLDING,
        Step.FINISH: REST,
    },
    State.SPEAKING: {
        Step.LISTEN: State.LISTENING,
        Step.FINISH: REST,
    },
}

RESTING = frozenset(state for state, steps in TRANSITIONS.items() if steps is _RESTING)
"""The states in which nothing is under way but perhaps the wait for the link."""
