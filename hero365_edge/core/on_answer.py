"""What the backend says, and what is heard of it."""

from hero365_edge.core import effects as do
from hero365_edge.core import events as ev
from hero365_edge.core import messages as m
from hero365_edge.core import on_pause
from hero365_edge.core.earcons import Earcon
from hero365_edge.core.situation import Situation, resting
from hero365_edge.core.states import State, Step

NOTED_CHARS = 10_000
"""More of an answer's text is not noted: 10 minutes of speech; the backend could send it without end."""


def received(here: Situation, event: ev.Received) -> None:
    """A message that is no answer."""
    match event.message:
        case m.SessionStarted():
            here.answers.session_started(event.message.session_id or "", here.now)
        case m.AudioProcessing():
            _audio_processing(here, event.message, event.at)
        case m.ResponseStarted():
            _response_started(here, event.message, event.at)
        case m.ResponseEnded() if event.message.response_id == here.answers.response_id:
            if resting(here):  # else what is left of it can still be interrupted, and the backend wants to know
                here.answers.response_id = None
            here.order(do.Complete())
            here.answers.alone.sound_over()
            here.await_sound()
        case m.Error() if here.state is State.PROCESSING:
            accept(here, event.at)
            here.fail(Earcon.FAULT)


def text_answered(here: Situation, event: ev.TextAnswered) -> None:
    """The text of an answer; its sound may follow as a stream."""
    if _is_welcome(here):
        _welcome(here, event.text)
    elif _is_for_turn(here, event.at):
        _note_text(here, event.text)
        if here.state in {State.LISTENING, State.PROCESSING}:
            here.answers.alone.text_came(event.at)
            here.await_sound()


def spoken_answered(here: Situation, event: ev.SpokenAnswered) -> None:
    """An answer with its whole sound."""
    if not _is_for_turn(here, event.at):
        return
    _note_text(here, event.text)
    if not here.answers.streamed:
        here.order(do.PlayWhole(event.audio, event.audio_format))


def answer_began(here: Situation, event: ev.AnswerBegan) -> None:
    """The first sound of an answer is here."""
    here.answers.welcome_until = None
    here.mark("first_byte", event.at)
    here.answers.streamed = here.answers.streamed or event.streamed
    if event.streamed or not resting(here):  # else it is this computer that says the text
        here.answers.alone.sound_began(event.at)
    if here.state is State.PROCESSING:
        here.forget_accepted(here.turn.utterance_id if here.turn is not None else None)
        here.mark("accepted", event.at)
    if here.state is State.PROCESSING or resting(here):
        here.go(Step.ANSWER)
    on_pause.end_if_answered(here)


def first_sample_heard(here: Situation, event: ev.FirstSampleHeard) -> None:
    """The answer's first sample left the sound card."""
    if here.state is State.SPEAKING:
        here.mark("first_sample", event.at)


def still_speaking(here: Situation, _event: ev.StillSpeaking) -> None:
    """The answer goes on, so the state may."""
    if here.state is State.SPEAKING:
        here.deadline = here.now + here.limits.answer_s


def playback_ended(here: Situation, _event: ev.PlaybackEnded) -> None:
    """All of the answer was heard; none of it, when it could not be decoded or the card was gone."""
    if here.state is not State.SPEAKING:
        return
    if here.turn is not None and here.turn.first_sample is None:
        here.fail(Earcon.FAULT)
    else:
        here.finish("answered")


def accept(here: Situation, at: float, named: str | None = None) -> None:
    """The backend took an utterance; when it is the turn's own, what comes now is its answer."""
    accepted = here.forget_accepted(named)
    turn = here.turn
    if turn is None or turn.accepted is not None or (accepted or named or turn.utterance_id) != turn.utterance_id:
        return
    turn.mark("accepted", at)
    here.answers.turn_accepted()
    here.deadline = here.now + here.limits.answer_s
    here.order(do.Admit(play=True))


def _audio_processing(here: Situation, message: m.AudioProcessing, at: float) -> None:
    here.answers.signs = True
    here.answers.welcome_until = None
    named = message.utterance_id or None
    realtime = here.facts.agreement is not None and here.facts.agreement.realtime
    if here.turn is not None and named == here.turn.utterance_id and message.status in {"processing", "cancelled"}:
        here.answers.sign_seen(cancelled=message.status == "cancelled")
        if here.answers.behind:
            return
    if message.status == "cancelled":
        if here.state is State.PROCESSING and here.turn is not None and here.turn.accepted is not None:
            here.fail(Earcon.FAULT)
    elif message.status == "buffered" and realtime:
        pass  # frames are arriving; that says nothing yet about the utterance
    elif here.state is State.LISTENING:
        if here.forget_accepted(named) is None:
            _take_early(here, named, at)
    elif here.state is State.PROCESSING:
        accept(here, at, named)
        here.outbox.tally["duplicate"] += message.status == "skipped_duplicate"
        if message.status == "skipped_duplicate" and here.turn is not None and here.turn.accepted is not None:
            here.finish("answered")
    else:
        here.forget_accepted(named)


def _take_early(here: Situation, named: str | None, at: float) -> None:
    if here.turn is None or not here.recording.live or named not in {None, here.turn.utterance_id}:
        return
    if here.recording.speaking and not here.recording.announced:
        here.answers.stale = True
    else:
        here.answers.early = True
        here.answers.turn_accepted()
        here.mark("accepted", at)
        here.order(do.Admit(play=False))


def _response_started(here: Situation, message: m.ResponseStarted, at: float) -> None:
    mine = here.turn is not None and message.utterance_id == here.turn.utterance_id
    if (here.state is State.LISTENING and not mine) or (mine and here.answers.behind):
        return
    if here.state is State.LISTENING:
        _take_early(here, message.utterance_id, at)
    elif here.answers.is_old(message.utterance_id):
        return
    elif here.state is State.PROCESSING:
        accept(here, at, message.utterance_id if mine else None)
    here.answers.response_id = message.response_id
    here.order(do.Expect(message.response_id, message.ssrc))
    here.answers.alone.sound_announced(at)
    here.await_sound()


def _is_welcome(here: Situation) -> bool:
    until, here.answers.welcome_until = here.answers.welcome_until, None
    return until is not None and here.now < until


def _welcome(here: Situation, text: str) -> None:
    """Whoever is at work, or waits for an answer, needs no welcome."""
    if here.answers.new_session and resting(here) and not len(here.outbox):
        here.order(do.Speak(text, here.answers.alone.wait_s))


def _is_for_turn(here: Situation, at: float) -> bool:
    if here.state is State.LISTENING:
        return here.answers.early
    if here.state is State.PROCESSING and here.turn is not None and here.turn.accepted is None:
        if here.answers.stale or here.answers.behind:
            return False
        accept(here, at)
    return not here.answers.stale


def _note_text(here: Situation, text: str) -> None:
    if here.turn is not None:
        here.turn.heard = f"{here.turn.heard} {text[:NOTED_CHARS]}".strip()[:NOTED_CHARS]
