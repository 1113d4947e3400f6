"""Where the conversation stands, and the few moves by which it changes; the handlers of `on_*.py` work on it."""

from collections.abc import Callable
from dataclasses import dataclass

from hero365_edge.core import effects as do
from hero365_edge.core.answers import Answers
from hero365_edge.core.earcons import Earcon
from hero365_edge.core.handshake import Agreement
from hero365_edge.core.latency import Turn
from hero365_edge.core.outbox import FRAMES, WHOLE, Outbox
from hero365_edge.core.states import REST, RESTING, TRANSITIONS, State, Step

START_S = 10.0
"""After so long the appliance is no longer starting but offline."""
RECORDING_SLACK_S = 5.0
"""So much longer than `max_utterance_s` may a recording take before the uplink counts as hung."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each wait may take, how much may wait, what is told by sound; from the settings of the same names."""

    accept_s: float = 15.0
    answer_s: float = 30.0
    idle_s: float = 900.0
    max_utterance_s: float = 60.0
    max_age_s: float = 120.0
    max_utterances: int = 5
    start_earcon: bool = False


@dataclass(slots=True)
class Facts:
    """What is so, whatever the conversation does."""

    agreement: Agreement | None = None
    """What was agreed with the backend; None without a session."""
    dormant: bool = False
    """The session was ended on purpose; the next press begins one."""
    refused: bool = False
    """The backend refuses the token."""
    in_frames: bool = False
    """A whole utterance was too big a message for this backend: kept ones go frame by frame."""
    deaf: bool = False
    """The microphone is missing or gives nothing."""
    dumb: bool = False
    """The speaker is missing or takes nothing: what is said is still heard, but nothing is answered."""
    stuck: bool = False
    """The button does not come up."""


@dataclass(slots=True)
class Recording:
    """What is known of the recording under way."""

    from_rest: bool = True
    """Whether it began in a resting state, not by interrupting."""
    settled: bool = False
    """Whether the gesture is known; until then nothing leaves the device, for it may become a double tap."""
    live: bool = False
    """Whether its frames go up while it is made."""
    held: bool = False
    """Push-to-talk."""
    cut: bool = False
    """Whether the link it went up on broke; then it is kept whole."""
    spoke: bool = False
    """Whether there was speech in it."""
    speaking: bool = False
    """Whether there is speech in it just now."""
    seems_over: bool = False
    """Whether there is a pause in it just now, as at an end."""
    speech_end: float = 0.0
    """When that pause began."""
    may_end: bool = False
    """Whether that pause is longer than the talker's own."""
    announced: bool = False
    """`v1`: whether the backend was told of that pause."""


class Situation:
    """State, facts and what waits. `new_id` names utterances."""

    def __init__(self, limits: Limits, new_id: Callable[[], str], now: float) -> None:
        self.limits = limits
        self.new_id = new_id
        self.now = now
        self.state = State.STARTING
        self.deadline: float | None = now + START_S
        """When the state's own time limit passes."""
        self.facts = Facts()
        self.recording = Recording()
        self.answers = Answers()
        self.outbox = Outbox(limits.max_age_s, limits.max_utterances)
        self.turn: Turn | None = None
        """The turn under way; None between turns."""
        self._used_at = now
        """When something was under way last: from here on the session is idle."""
        self._expiry_untold = False
        self.waiting_turns: dict[str, Turn] = {}
        """The turns whose utterances wait in the outbox."""
        self.effects: list[do.Effect] = []

    def order(self, *effects: do.Effect) -> None:
        """Add to what `dialogue.py` will carry out."""
        self.effects.extend(effects)

    def go(self, step: Step) -> None:
        """Take a step of the table, and do what the new state always needs."""
        target = TRANSITIONS[self.state][step]
        before = self.state
        self.state = self._resting_state() if target is REST else target
        if self.state is not before:
            self.order(do.Show(self.state.value))
        if before not in RESTING or self.state not in RESTING:
            self._used_at = self.now
        self.deadline = self._state_deadline()
        if target is not REST:
            return
        if self._expiry_untold:
            self._expiry_untold = False
            self.order(do.Chime(Earcon.EXPIRED))
        if not self.answers.stale:
            self.order(do.Admit(play=True))
        if self.outbox.waiting and self.facts.agreement is not None:
            self.send_next()

    def send_next(self) -> None:
        """Send the oldest waiting utterance that is not too old by now."""
        self.expire(self.outbox.expire(self.now))
        utterance_id = self.outbox.next_to_send(self.now, FRAMES if self.facts.in_frames else WHOLE)
        if utterance_id is None:
            return
        self.turn = self.waiting_turns[utterance_id]
        self.turn.committed = None
        self.answers.turn_began(superseded=None)
        self.order(do.Complete(), do.SendKept(utterance_id, self.facts.in_frames))
        self.go(Step.SEND)
        self.admit_unless_stale()

    def keep(self) -> None:
        """The turn's utterance waits for the link; the technician is told."""
        self.turn = None
        self.order(do.Chime(Earcon.HELD))
        self.go(Step.KEEP)

    def mark(self, stage: str, at: float) -> None:
        """Note a stage of the turn under way, the first time it happens."""
        if self.turn is not None:
            self.turn.mark(stage, at)

    def admit_unless_stale(self) -> None:
        """Take answers, where no sign of acceptance need come first.

        A backend that has never said `audio_processing` will not say it now either.
        """
        if not self.answers.stale or not self.answers.signs:
            self.answers.stale = False
            self.order(do.Admit(play=True))

    def announce(self) -> None:
        """Tell a backend of `v1` that the recording may have ended, if it hears it live and it seems so."""
        recording, agreement = self.recording, self.facts.agreement
        live = recording.live and not recording.held and agreement is not None and agreement.profile == "v1"
        if live and recording.seems_over and not recording.announced:
            recording.announced = True
            self.answers.end_told()
            self.order(do.Announce())

    def await_sound(self) -> None:
        """Once a text came of the answer that is waited for: its sound has until then to begin."""
        since = self.answers.alone.since
        if self.state is State.PROCESSING and since is not None:
            self.deadline = min(since, self.now + self.limits.answer_s)

    def drop_early_answer(self) -> None:
        """The technician went on after the backend had taken a pause for the end: that answer is not wanted."""
        if self.answers.early and self.turn is not None:
            self.answers.early = False
            self.answers.stale = True
            self.answers.response_id = None
            self.turn.accepted = self.turn.first_byte = None
            self.turn.heard = ""
            self.answers.alone.forget()
            self.order(do.Silence())

    def forget_accepted(self, named: str | None) -> str | None:
        """The backend has this utterance, or the oldest it was sent: stop holding it. Its id, if one was held."""
        accepted = self.outbox.accept(named)
        if accepted is not None:
            self.waiting_turns.pop(accepted, None)
            self.order(do.Forget(accepted))
        return accepted

    def expire(self, utterance_ids: list[str]) -> None:
        """These utterances will not be sent any more; the technician is told."""
        for utterance_id in utterance_ids:
            turn = self.waiting_turns.pop(utterance_id)
            self.order(do.Forget(utterance_id))
            if self.state in {State.LISTENING, State.SPEAKING}:
                self._expiry_untold = True  # until it is quiet: an answer hides the earcon, and a recording takes it in
            else:
                self.order(do.Chime(Earcon.EXPIRED))
            if utterance_id in self.outbox.on_the_way and turn.committed is None and self.facts.agreement is not None:
                self.order(do.Redial("what was being sent is given up"))  # so that the rest of it does not arrive
            if turn.outcome == "open":
                turn.outcome = "expired"
                if turn is not self.turn:
                    self.order(do.CloseTurn(turn))

    def close_turn(self, outcome: str) -> None:
        """The turn under way is over; its record goes out."""
        if self.turn is not None:
            if self.turn.outcome == "open":
                self.turn.outcome = outcome
            self.order(do.CloseTurn(self.turn))
            self.turn = None

    def finish(self, outcome: str) -> None:
        """The turn is over and the appliance rests."""
        self.answers.response_id = None
        self.close_turn(outcome)
        self.go(Step.FINISH)

    def finish_without_sound(self) -> None:
        """The answer was a text alone; it is heard all the same."""
        text = self.turn.heard if self.turn is not None else ""
        self.finish("text")
        if resting(self):
            self.order(do.Admit(play=True))
        self.order(do.Speak(text))

    def fail(self, earcon: Earcon) -> None:
        """Nothing came of the turn; the technician is told."""
        self.order(do.Chime(earcon))
        self.finish("failed")

    def _resting_state(self) -> State:
        facts = self.facts
        if facts.refused or facts.deaf or facts.dumb or facts.stuck:
            return State.FAULT
        if facts.agreement is not None:
            return State.READY
        if len(self.outbox):
            return State.HOLDING
        return State.READY if facts.dormant else State.OFFLINE

    def _state_deadline(self) -> float | None:
        limits = self.limits
        if self.state is State.READY:
            return self._used_at + limits.idle_s if self.facts.agreement is not None else None
        wait_s = {
            State.LISTENING: limits.max_utterance_s + RECORDING_SLACK_S,
            State.PROCESSING: limits.accept_s,
            State.SPEAKING: limits.answer_s,
        }.get(self.state)
        return None if wait_s is None else self.now + wait_s


def resting(here: Situation) -> bool:
    """Whether nothing is under way but perhaps the wait for the link."""
    return here.state in RESTING
