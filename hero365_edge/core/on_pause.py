"""The pauses of a recording in `v1`: the end is announced early, so that the answer can be ready when it is sure.

Each announcement that is not taken back is answered by one `audio_processing`; an announcement and its taking back may
cross an answer on the road, so the signs are counted, and what belongs to an older pause is not taken.
"""

from hero365_edge.core import effects as do
from hero365_edge.core import events as ev
from hero365_edge.core import on_panel
from hero365_edge.core.situation import Situation
from hero365_edge.core.states import State


def seems_over(here: Situation, event: ev.SeemsOver) -> None:
    """Nobody has spoken for a moment, as at an end."""
    if _is_mine(here, event.utterance_id):
        here.recording.seems_over = True
        here.recording.speech_end = event.speech_end
        here.announce()


def went_on(here: Situation, event: ev.WentOn) -> None:
    """It was none: the announcement is taken back, and what was answered to it is not wanted."""
    if not _is_mine(here, event.utterance_id):
        return
    here.recording.seems_over = here.recording.may_end = False
    if here.recording.announced:
        here.recording.announced = False
        here.answers.taken_back()
        here.order(do.TakeBack())
    here.drop_early_answer()


def may_end(here: Situation, event: ev.MayEnd) -> None:
    """The pause is longer than the talker's own."""
    if _is_mine(here, event.utterance_id):
        here.recording.may_end = True
        end_if_answered(here)


def end_if_answered(here: Situation) -> None:
    """The turn ends as soon as its answer is ready and nobody speaks."""
    recording, turn = here.recording, here.turn
    ready = turn is not None and turn.first_byte is not None and here.answers.early
    if here.state is State.LISTENING and ready and recording.announced and recording.may_end:
        here.mark("speech_end", recording.speech_end)
        here.mark("endpoint", here.now)
        on_panel.finish_recording(here, recording.speech_end)


def _is_mine(here: Situation, utterance_id: str) -> bool:
    return here.state is State.LISTENING and here.turn is not None and here.turn.utterance_id == utterance_id
