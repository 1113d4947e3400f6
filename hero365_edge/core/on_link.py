"""What becomes of the link, and of the utterances that wait for it."""

import math

from hero365_edge.core import effects as do
from hero365_edge.core import events as ev
from hero365_edge.core import on_panel
from hero365_edge.core.earcons import Earcon
from hero365_edge.core.latency import Turn
from hero365_edge.core.outbox import FRAMES, WHOLE
from hero365_edge.core.situation import Situation, resting
from hero365_edge.core.states import State, Step


def link_up(here: Situation, event: ev.LinkUp) -> None:
    """A session is on: what waits goes up."""
    here.facts.agreement = event.agreement
    here.facts.refused = here.facts.dormant = False
    recording = here.recording
    if resting(here):
        here.go(Step.SETTLE)
    elif here.state is State.LISTENING and recording.settled and (not recording.cut or event.agreement.profile == "v1"):
        # In `v1` an utterance has a name: what a broken link cut goes on under it, from its first frame. In the seed
        # profile half an utterance on a new link would be another utterance.
        recording.live = event.agreement.realtime
        here.order(do.Settle(live=recording.live, held=recording.held))
        here.announce()


def restored(here: Situation, event: ev.Restored) -> None:
    """Held by an earlier process: it waits for the link again, as old as it is."""
    here.waiting_turns[event.utterance_id] = Turn(event.utterance_id, speech_end=event.spoken_at)
    spoken_at = -math.inf if event.spoken_at is None else min(event.spoken_at, event.at)
    here.expire(here.outbox.hold(event.utterance_id, spoken_at, event.length_s, sent=False))
    _expire_old(here)
    if resting(here):
        here.go(Step.SETTLE)


def link_down(here: Situation, event: ev.LinkDown) -> None:
    """The link is gone: what was not accepted is kept, what was not answered is lost."""
    sent_as = "" if here.turn is None else here.outbox.sent_as(here.turn.utterance_id)
    if event.too_big and here.turn is not None and sent_as in {WHOLE, FRAMES}:
        _did_not_fit(here, here.turn, sent_as)
    elif event.hung_up:
        _died_on_it(here)
    here.facts.agreement = None
    here.facts.refused = event.refused
    here.outbox.link_lost()
    here.answers.link_lost()
    if event.tell and resting(here):
        here.order(do.Chime(Earcon.FAULT if event.refused else Earcon.OFFLINE))
    if here.state is State.LISTENING:
        _lose_live_recording(here)
    elif here.state is State.PROCESSING:
        _lose_answer(here)
    elif here.state is State.SPEAKING:
        here.order(do.Complete())
    elif resting(here):
        here.go(Step.SETTLE)


def _did_not_fit(here: Situation, turn: Turn, sent_as: str) -> None:
    """In frames it will; where they are not taken, or did not fit either, it never will, and that is told."""
    agreement = here.facts.agreement
    if agreement is not None and agreement.realtime and sent_as == WHOLE:
        here.facts.in_frames = True
    else:
        here.expire(here.outbox.give_up(turn.utterance_id))


def _died_on_it(here: Situation) -> None:
    """The backend had all of an utterance and hung up instead of accepting it: that may be the utterance's fault."""
    for turn in list(here.waiting_turns.values()):
        if turn.committed is not None:
            here.expire(here.outbox.link_died_on(turn.utterance_id, here.now))


def _lose_live_recording(here: Situation) -> None:
    here.recording.cut = here.recording.cut or here.recording.live
    here.recording.live = here.recording.announced = False
    here.order(do.Hold())
    if here.answers.early:
        here.answers.early = False
        here.order(do.Silence())
    if here.turn is not None:
        here.turn.accepted = here.turn.first_byte = None
        here.turn.heard = ""


def _lose_answer(here: Situation) -> None:
    waits = here.turn is not None and here.turn.utterance_id in here.waiting_turns
    if waits:
        here.keep()
    elif here.turn is not None and here.turn.outcome == "expired":
        here.finish("expired")  # it was set aside, and that was told
    elif here.turn is not None and here.turn.heard:
        here.finish_without_sound()
    else:
        here.fail(Earcon.OFFLINE)


def time_up(here: Situation, _event: ev.TimeUp) -> None:
    """A time limit passed: no state waits for ever."""
    _expire_old(here)
    if resting(here) and here.facts.agreement is not None and here.outbox.waiting:
        here.send_next()
    if here.deadline is None or here.now < here.deadline:
        return
    here.deadline = None
    _TIME_UP[here.state](here)


def _expire_old(here: Situation) -> None:
    expired = here.outbox.expire(here.now)
    here.expire(expired)
    if here.turn is not None and here.turn.utterance_id in expired and here.state is State.PROCESSING:
        here.finish("expired")
    elif expired and resting(here):
        here.go(Step.SETTLE)


def _rest_again(here: Situation) -> None:
    here.go(Step.SETTLE)


def _idle(here: Situation) -> None:
    here.order(do.EndSession())
    here.facts.agreement = None
    here.facts.dormant = True
    here.go(Step.SETTLE)


def _no_answer(here: Situation) -> None:
    turn = here.turn
    if turn is not None and turn.heard and turn.accepted is not None:
        here.finish_without_sound()
    elif turn is not None and turn.utterance_id in here.waiting_turns and turn.committed is None:
        # It is still going up, over a thin link; a dead one is found by its health, and age is a limit too.
        here.deadline = here.now + here.limits.accept_s
    elif turn is not None and turn.utterance_id in here.waiting_turns:
        # Not accepted in time: whatever the socket says, this link does not do its work.
        here.order(do.Redial("an utterance was not accepted in time"))
        link_down(here, ev.LinkDown(here.now))
    else:
        here.fail(Earcon.FAULT)


def _answer_hung(here: Situation) -> None:
    here.order(do.Silence())
    here.fail(Earcon.FAULT)


_TIME_UP = {
    State.STARTING: _rest_again,
    State.OFFLINE: _rest_again,
    State.READY: _idle,
    State.FAULT: _rest_again,
    State.HOLDING: _rest_again,
    State.LISTENING: on_panel.give_up_recording,
    State.PROCESSING: _no_answer,
    State.SPEAKING: _answer_hung,
}
