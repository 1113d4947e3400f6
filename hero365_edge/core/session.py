"""The conversation: events in, effects out, told the time.

The legal steps stand in `states.py`, where it stands and its few moves in `situation.py`, and what each event does
in `on_panel.py`, `on_pause.py`, `on_link.py` and `on_answer.py`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from hero365_edge.core import effects as do
from hero365_edge.core import events as ev
from hero365_edge.core import gestures as g
from hero365_edge.core import on_answer, on_link, on_panel, on_pause
from hero365_edge.core.latency import Turn
from hero365_edge.core.situation import Facts, Limits, Situation, resting
from hero365_edge.core.states import State

_HANDLERS: dict[type, Callable[[Situation, Any], None]] = {
    g.Pressed: on_panel.pressed,
    g.HoldBegan: on_panel.hold_began,
    g.Tapped: on_panel.tapped,
    g.Released: on_panel.released,
    g.DoubleTapped: on_panel.double_tapped,
    g.LongHeld: on_panel.long_held,
    g.Stuck: on_panel.stuck,
    ev.SessionEndAsked: on_panel.end_session,
    ev.Said: on_panel.said,
    ev.MicrophoneLost: on_panel.microphone_lost,
    ev.MicrophoneFound: on_panel.microphone_found,
    ev.SpeakerLost: on_panel.speaker_lost,
    ev.SpeakerFound: on_panel.speaker_found,
    ev.SpokenInto: on_panel.spoken_into,
    ev.SpeechBegan: on_panel.speech_began,
    ev.SpeechPaused: on_panel.speech_paused,
    ev.SeemsOver: on_pause.seems_over,
    ev.WentOn: on_pause.went_on,
    ev.MayEnd: on_pause.may_end,
    ev.Endpointed: on_panel.endpointed,
    ev.Recorded: on_panel.recorded,
    ev.Committed: on_panel.committed,
    ev.Restored: on_link.restored,
    ev.LinkUp: on_link.link_up,
    ev.LinkDown: on_link.link_down,
    ev.TimeUp: on_link.time_up,
    ev.Received: on_answer.received,
    ev.TextAnswered: on_answer.text_answered,
    ev.SpokenAnswered: on_answer.spoken_answered,
    ev.AnswerBegan: on_answer.answer_began,
    ev.FirstSampleHeard: on_answer.first_sample_heard,
    ev.StillSpeaking: on_answer.still_speaking,
    ev.PlaybackEnded: on_answer.playback_ended,
}


class Session:
    """One technician's conversation. `new_id` names utterances."""

    def __init__(self, limits: Limits, new_id: Callable[[], str], now: float) -> None:
        self._here = Situation(limits, new_id, now)

    def handle(self, event: ev.Event, now: float) -> list[do.Effect]:
        """Take an event; what to do about it, in order."""
        self._here.effects = []
        self._here.now = now
        _HANDLERS[type(event)](self._here, event)
        return self._here.effects

    @property
    def deadline(self) -> float | None:
        """When the session wants a `TimeUp`."""
        here = self._here
        sends = here.facts.agreement is not None and resting(here)
        times = (here.deadline, here.outbox.deadline, here.outbox.ready_at if sends else None)
        return min((at for at in times if at is not None), default=None)

    @property
    def state(self) -> State:
        """What the appliance is doing."""
        return self._here.state

    @property
    def facts(self) -> Facts:
        """What is so, whatever the conversation does; for reading."""
        return self._here.facts

    @property
    def turn(self) -> Turn | None:
        """The turn under way."""
        return self._here.turn

    @property
    def utterances(self) -> Mapping[str, int]:
        """How many were accepted, sent again, skipped as a duplicate, and expired."""
        return self._here.outbox.tally

    @property
    def waiting(self) -> int:
        """How many utterances the backend has not accepted yet."""
        return len(self._here.outbox)
