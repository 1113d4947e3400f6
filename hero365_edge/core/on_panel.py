"""What the technician does: gestures, and the recording from its first sample to its end."""

from hero365_edge.core import effects as do
from hero365_edge.core import events as ev
from hero365_edge.core import gestures as g
from hero365_edge.core import messages as m
from hero365_edge.core.earcons import Earcon
from hero365_edge.core.endpointer import Ending
from hero365_edge.core.latency import Turn
from hero365_edge.core.situation import Recording, Situation, resting
from hero365_edge.core.states import State, Step


def pressed(here: Situation, event: g.Pressed) -> None:
    """The button went down: listen, interrupt and listen, or send now."""
    here.facts.stuck = False
    if here.state is State.LISTENING:
        finish_recording(here, event.at)
    elif here.facts.deaf:
        _interrupt_only(here)
        here.order(do.Chime(Earcon.FAULT))
    else:
        _listen(here, event.at)


def spoken_into(here: Situation, event: ev.SpokenInto) -> None:
    """A voice in the answer does what the button does, and the endpoint ends what it says."""
    if here.state is State.SPEAKING and not here.facts.deaf:
        _listen(here, event.since, pressed=False)
        _settle(here, held=False)


def hold_began(here: Situation, _event: g.HoldBegan) -> None:
    """Push-to-talk."""
    if here.state is State.LISTENING and not here.recording.settled:
        _settle(here, held=True)


def tapped(here: Situation, _event: g.Tapped) -> None:
    """A tap, and no second one: the endpoint will end the recording."""
    if here.state is State.LISTENING and not here.recording.settled:
        _settle(here, held=False)


def released(here: Situation, event: g.Released) -> None:
    """The end of push-to-talk."""
    if here.state is State.LISTENING and here.recording.held:
        here.mark("speech_end", event.at)
        finish_recording(here, event.at)


def double_tapped(here: Situation, _event: g.DoubleTapped) -> None:
    """From rest: play the last answer again. Otherwise the first tap interrupted, and this one means "only that"."""
    again = resting(here) or here.recording.from_rest
    if here.state is State.LISTENING and not here.recording.settled:
        _withdraw(here, "discarded")
    if again and resting(here):
        here.order(do.Admit(play=True), do.Replay())


def long_held(here: Situation, event: g.LongHeld) -> None:
    """The session's end, unless the technician is speaking: what was said is not thrown away."""
    if here.state is State.LISTENING and here.recording.spoke:
        return
    end_session(here, ev.SessionEndAsked(event.at))


def stuck(here: Situation, _event: g.Stuck) -> None:
    """Nobody presses for so long: stop recording and show the fault."""
    here.facts.stuck = True
    if here.state is State.LISTENING:
        give_up_recording(here)
    if resting(here):  # also with words that wait: the fault counts for more
        here.go(Step.SETTLE)


def end_session(here: Situation, _event: ev.SessionEndAsked) -> None:
    """End the session with the backend; the next press begins a new one. What still waits is given up, and told."""
    here.order(do.Hold(), do.EndSession())  # what is going up does not end in the time of the goodbye
    here.facts.agreement = None
    here.facts.dormant = True
    here.expire(here.outbox.clear())
    if here.state is State.LISTENING:
        _withdraw(here, "discarded")
    _interrupt_only(here)
    here.answers.link_lost()
    here.go(Step.SETTLE)


def said(here: Situation, event: ev.Said) -> None:
    """A typed question; only with a session and nothing else under way."""
    if not resting(here) or here.facts.agreement is None:
        return
    here.turn = Turn(here.new_id(), committed=event.at)
    here.answers.turn_began(superseded=None)
    here.order(do.Complete(), do.Send(m.TextInput(text=event.text, want_audio_response=True)))
    here.go(Step.SEND)
    here.admit_unless_stale()


def microphone_lost(here: Situation, _event: ev.MicrophoneLost) -> None:
    """Deaf: what was said so far is sent, and the fault is shown."""
    here.facts.deaf = True
    if here.state is State.LISTENING:
        give_up_recording(here)
    if resting(here):  # also with words that wait: the fault counts for more
        here.go(Step.SETTLE)


def microphone_found(here: Situation, _event: ev.MicrophoneFound) -> None:
    """Hears again."""
    here.facts.deaf = False
    if resting(here):
        here.go(Step.SETTLE)


def speaker_lost(here: Situation, _event: ev.SpeakerLost) -> None:
    """Dumb: only the lamp can say so, and does once nothing is under way."""
    here.facts.dumb = True
    if resting(here):
        here.go(Step.SETTLE)


def speaker_found(here: Situation, _event: ev.SpeakerFound) -> None:
    """Can be heard again."""
    here.facts.dumb = False
    if resting(here):
        here.go(Step.SETTLE)


def speech_began(here: Situation, _event: ev.SpeechBegan) -> None:
    """There is speech in the recording, at first or again after a pause."""
    if here.state is not State.LISTENING or here.turn is None:
        return
    here.recording.spoke = here.recording.speaking = True
    here.drop_early_answer()


def speech_paused(here: Situation, _event: ev.SpeechPaused) -> None:
    """Nobody is speaking just now."""
    here.recording.speaking = False


def endpointed(here: Situation, event: ev.Endpointed) -> None:
    """The endpointer ended the recording."""
    if here.state is not State.LISTENING or here.turn is None or event.utterance_id != here.turn.utterance_id:
        return
    if event.ending is Ending.SILENCE and not here.recording.settled:
        return  # it may become push-to-talk; else the next frame tells it again
    if event.ending is not Ending.SILENCE:
        here.order(do.Chime(Earcon.END))
    if event.ending is Ending.NO_SPEECH:
        _withdraw(here, "no_speech")
        return
    here.mark("speech_end", event.speech_end)
    here.mark("endpoint", event.at)
    finish_recording(here, event.speech_end)


def recorded(here: Situation, event: ev.Recorded) -> None:
    """The recording is complete; now its last speech is known too."""
    _mark_by_id(here, event.utterance_id, "speech_end", event.speech_end)


def committed(here: Situation, event: ev.Committed) -> None:
    """The utterance's last byte is with the socket."""
    _mark_by_id(here, event.utterance_id, "committed", event.at)
    mine = here.turn is not None and here.turn.utterance_id == event.utterance_id
    if mine and here.state is State.PROCESSING and event.utterance_id in here.waiting_turns:
        here.deadline = here.now + here.limits.accept_s  # only from here on can the backend accept it


def give_up_recording(here: Situation) -> None:
    """The recording cannot go on; what was said so far is not lost."""
    if here.recording.spoke:
        finish_recording(here, here.now)
        return
    here.order(do.Chime(Earcon.FAULT))
    _withdraw(here, "failed")


def finish_recording(here: Situation, until: float) -> None:
    """The utterance ends with the sample captured at `until`, and goes up or is kept for the link."""
    turn = here.turn
    if turn is None:
        return
    if not here.recording.settled:
        _settle(here, held=False)
    turn.mark("endpoint", until)
    here.order(do.Commit(until))
    agreement = here.facts.agreement
    if here.recording.live and not here.recording.announced and agreement is not None and agreement.profile == "v1":
        here.answers.end_told()
    if here.answers.early:
        _go_on_with_early_answer(here, turn)
        return
    live = here.recording.live
    here.waiting_turns[turn.utterance_id] = turn
    length_s = 0.0 if turn.press is None else until - turn.press
    here.expire(here.outbox.hold(turn.utterance_id, until, length_s, sent=live))
    if live:
        here.go(Step.COMMIT)
        here.admit_unless_stale()
    elif here.facts.agreement is None:
        here.keep()
    else:
        here.go(Step.KEEP)
        here.send_next()


def _go_on_with_early_answer(here: Situation, turn: Turn) -> None:
    here.outbox.tally["accepted"] += 1
    here.order(do.Forget(turn.utterance_id), do.Admit(play=True))
    here.go(Step.COMMIT)
    here.deadline = here.now + here.limits.answer_s
    if turn.first_byte is not None:
        here.go(Step.ANSWER)
    else:
        here.await_sound()


def _interrupt_only(here: Situation) -> None:
    if resting(here):
        return
    _supersede(here)
    here.go(Step.FINISH)


def _supersede(here: Situation) -> None:
    cancel = here.answers.response_id
    superseded = None if resting(here) else here.turn.utterance_id if here.turn is not None else ""
    here.close_turn("interrupted")
    here.answers.turn_began(superseded)
    here.order(do.Silence(cancel))


def _listen(here: Situation, at: float, *, pressed: bool = True) -> None:
    here.recording = Recording(from_rest=resting(here))
    _supersede(here)
    here.turn = Turn(here.new_id(), press=at)
    here.go(Step.LISTEN)
    here.order(do.Record(here.turn.utterance_id, at, pressed))
    if here.limits.start_earcon:
        here.order(do.Chime(Earcon.START))
    if here.facts.agreement is None:
        here.facts.dormant = False
        here.order(do.DialNow())


def _settle(here: Situation, held: bool) -> None:
    agreement = here.facts.agreement
    here.recording.settled = True
    here.recording.held = held
    here.recording.live = agreement is not None and agreement.realtime
    here.order(do.Settle(live=here.recording.live, held=held))
    here.announce()


def _withdraw(here: Situation, outcome: str) -> None:
    here.order(do.Discard())
    here.close_turn(outcome)
    here.go(Step.WITHDRAW)


def _mark_by_id(here: Situation, utterance_id: str, stage: str, at: float) -> None:
    turn = here.waiting_turns.get(utterance_id)
    if turn is None and here.turn is not None and here.turn.utterance_id == utterance_id:
        turn = here.turn
    if turn is not None:
        turn.mark(stage, at)
