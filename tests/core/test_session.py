"""The conversation, played as plain function calls: events in, effects out."""

from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hero365_edge.core import effects as do
from hero365_edge.core import events as ev
from hero365_edge.core import gestures as g
from hero365_edge.core import messages as m
from hero365_edge.core.earcons import Earcon
from hero365_edge.core.endpointer import Ending
from hero365_edge.core.handshake import Agreement
from hero365_edge.core.outbox import MOST_DEATHS, REST_S
from hero365_edge.core.session import Session
from hero365_edge.core.situation import Limits
from hero365_edge.core.states import RESTING, TRANSITIONS, State
from hero365_edge.core.text_alone import ANNOUNCED_S, UNKNOWN_S

SEED = Agreement("seed", realtime=True)
BUFFERED = Agreement("seed", realtime=False)
V1 = Agreement("v1", realtime=True, uplink="opus")


class Talk:
    """A session with a clock in hand: `happen` an event, look at the effects."""

    def __init__(self, limits: Limits | None = None) -> None:
        ids = count(1)
        self.now = 100.0
        self.session = Session(limits or Limits(), lambda: f"u{next(ids)}", self.now)
        self.effects: list[do.Effect] = []
        self.all: list[do.Effect] = []

    def happen(self, make: Callable[[float], ev.Event], after_s: float = 0.0) -> list[do.Effect]:
        self.now += after_s
        self.effects = self.session.handle(make(self.now), self.now)
        self.all += self.effects
        return self.effects

    def wait_for_deadline(self) -> list[do.Effect]:
        deadline = self.session.deadline
        assert deadline is not None
        return self.happen(ev.TimeUp, max(0.0, deadline - self.now))

    def link_up(self, agreement: Agreement = SEED) -> None:
        self.happen(lambda at: ev.LinkUp(agreement, at))

    def link_down(self) -> None:
        self.happen(ev.LinkDown)

    def tap(self) -> None:
        self.happen(g.Pressed)
        self.happen(g.Tapped, 0.4)

    def receive(self, message: m.AnyMessage) -> list[do.Effect]:
        return self.happen(lambda at: ev.Received(message, at), 0.05)

    def processing(self, status: str = "processing") -> list[do.Effect]:
        return self.receive(m.decode(f'{{"type": "audio_processing", "status": "{status}"}}'))

    def speak_and_pause(self) -> list[do.Effect]:
        assert self.session.turn is not None
        utterance_id = self.session.turn.utterance_id
        self.happen(ev.SpeechBegan, 0.1)
        self.happen(ev.SpeechPaused, 1.0)
        return self.happen(lambda at: ev.Endpointed(utterance_id, Ending.SILENCE, at - 0.6, at), 0.6)

    def begin_answer(self) -> None:
        self.happen(lambda at: ev.AnswerBegan(True, at), 0.1)

    def into_an_answer(self) -> None:
        """A whole turn, up to where its answer is heard."""
        self.tap()
        self.speak_and_pause()
        self.processing()
        self.begin_answer()

    @property
    def state(self) -> State:
        return self.session.state

    def is_in(self, state: State) -> bool:
        return self.session.state is state

    def tell(self, kind: type) -> list[do.Effect]:
        return [effect for effect in self.effects if isinstance(effect, kind)]


@pytest.fixture
def talk() -> Talk:
    talk = Talk()
    talk.link_up()
    return talk


def test_a_turn_goes_from_ready_through_listening_processing_and_speaking_back_to_ready(talk: Talk) -> None:
    states = [talk.session.state]
    talk.tap()
    states.append(talk.session.state)
    talk.speak_and_pause()
    states.append(talk.session.state)
    talk.processing()
    talk.begin_answer()
    states.append(talk.session.state)
    talk.happen(ev.FirstSampleHeard)
    talk.happen(ev.PlaybackEnded, 2.0)
    states.append(talk.session.state)
    assert states == [State.READY, State.LISTENING, State.PROCESSING, State.SPEAKING, State.READY]
    [closed] = talk.tell(do.CloseTurn)
    assert isinstance(closed, do.CloseTurn)
    assert closed.turn.outcome == "answered"
    times = closed.turn.since_speech_end_ms()
    assert times["speech_end"] == 0
    assert times["endpoint"] == 600
    assert times["first_sample"] is not None


def test_nothing_goes_up_before_the_gesture_is_settled(talk: Talk) -> None:
    talk.happen(g.Pressed)
    assert not talk.tell(do.Settle)
    talk.happen(g.HoldBegan, 0.35)
    assert talk.tell(do.Settle) == [do.Settle(live=True, held=True)]


def test_the_release_ends_push_to_talk_and_is_its_speech_end(talk: Talk) -> None:
    talk.happen(g.Pressed)
    talk.happen(g.HoldBegan, 0.35)
    talk.happen(ev.SpeechBegan, 0.1)
    talk.happen(g.Released, 2.0)
    assert talk.tell(do.Commit) == [do.Commit(talk.now)]
    assert talk.is_in(State.PROCESSING)
    assert talk.session.turn is not None
    assert talk.session.turn.speech_end == talk.now


def test_a_press_while_listening_sends_now(talk: Talk) -> None:
    talk.tap()
    talk.happen(ev.SpeechBegan, 0.5)
    talk.happen(g.Pressed, 1.0)
    assert talk.tell(do.Commit)
    assert talk.is_in(State.PROCESSING)


@pytest.mark.parametrize("speaking", [False, True])
def test_a_press_while_processing_or_speaking_interrupts_and_listens(talk: Talk, speaking: bool) -> None:
    talk.tap()
    talk.speak_and_pause()
    talk.processing()
    if speaking:
        talk.begin_answer()
    talk.happen(g.Pressed, 0.5)
    assert talk.is_in(State.LISTENING)
    assert talk.tell(do.Silence)
    [closed] = talk.tell(do.CloseTurn)
    assert isinstance(closed, do.CloseTurn)
    assert closed.turn.outcome == "interrupted"


def test_a_voice_in_an_answer_interrupts_it_and_what_it_says_goes_up_from_its_beginning_on(talk: Talk) -> None:
    talk.into_an_answer()
    talk.happen(lambda at: ev.SpokenInto(at - 0.4, at), 1.0)
    assert talk.is_in(State.LISTENING)
    assert talk.tell(do.Silence)
    assert talk.tell(do.Record) == [do.Record("u2", talk.now - 0.4, pressed=False)]
    assert talk.tell(do.Settle) == [do.Settle(live=True, held=False)]
    talk.speak_and_pause()
    assert talk.is_in(State.PROCESSING)


@pytest.mark.parametrize("state", [State.READY, State.LISTENING, State.PROCESSING, State.FAULT])
def test_a_voice_anywhere_else_does_nothing(talk: Talk, state: State) -> None:
    if state is State.FAULT:
        talk.happen(ev.MicrophoneLost)
    elif state is not State.READY:
        talk.tap()
        if state is State.PROCESSING:
            talk.speak_and_pause()
    assert talk.is_in(state)
    assert not talk.happen(lambda at: ev.SpokenInto(at - 0.4, at), 0.5)
    assert talk.is_in(state)


def test_what_is_left_of_an_interrupted_answer_is_dropped_until_the_new_turns_processing(talk: Talk) -> None:
    talk.into_an_answer()
    talk.tap()
    talk.speak_and_pause()
    assert not talk.tell(do.Admit), "the old answer may still be flowing"
    talk.processing()
    assert talk.tell(do.Admit) == [do.Admit(play=True)]


def test_an_interrupted_answer_stays_dropped_when_nobody_spoke_after_it(talk: Talk) -> None:
    talk.into_an_answer()
    talk.tap()
    turn = talk.session.turn
    assert turn is not None
    talk.happen(lambda at: ev.Endpointed(turn.utterance_id, Ending.NO_SPEECH, at, at), 6.0)
    assert talk.is_in(State.READY)
    assert not talk.tell(do.Admit)


def test_in_v1_the_interruption_is_told_to_the_backend_by_the_responses_name() -> None:
    talk = Talk()
    talk.link_up(V1)
    talk.tap()
    assert talk.session.turn is not None
    mine = talk.session.turn.utterance_id
    talk.speak_and_pause()
    talk.receive(m.ResponseStarted(response_id="r1", utterance_id=mine, ssrc=7))
    assert talk.tell(do.Expect) == [do.Expect("r1", 7)]
    talk.begin_answer()
    talk.happen(g.Pressed, 0.5)
    assert talk.tell(do.Silence) == [do.Silence("r1")]
    talk.happen(g.Tapped, 0.4)
    talk.receive(m.ResponseStarted(response_id="r2", utterance_id=mine, ssrc=8))
    assert not talk.tell(do.Expect), "a late answer to the interrupted utterance is not wanted"


def test_silence_ends_nothing_before_it_is_known_whether_the_button_is_held(talk: Talk) -> None:
    talk.happen(g.Pressed)
    talk.speak_and_pause()
    assert talk.is_in(State.LISTENING)
    talk.happen(g.HoldBegan, 0.1)
    talk.happen(g.Released, 2.0)
    assert talk.is_in(State.PROCESSING)
    talk.processing()
    talk.begin_answer()
    talk.happen(g.Pressed, 0.5)
    talk.speak_and_pause()
    talk.happen(g.Tapped, 0.1)
    turn = talk.session.turn
    assert turn is not None
    talk.happen(lambda at: ev.Endpointed(turn.utterance_id, Ending.SILENCE, at - 0.6, at), 0.02)
    assert talk.is_in(State.PROCESSING)


def test_an_answer_that_begins_during_the_pause_is_held_and_played_when_nobody_goes_on(talk: Talk) -> None:
    talk.tap()
    talk.happen(ev.SpeechBegan, 0.1)
    talk.happen(ev.SpeechPaused, 1.0)
    talk.processing()
    assert talk.tell(do.Admit) == [do.Admit(play=False)]
    talk.begin_answer()
    assert talk.is_in(State.LISTENING)
    turn = talk.session.turn
    assert turn is not None
    talk.happen(lambda at: ev.Endpointed(turn.utterance_id, Ending.SILENCE, at - 0.6, at), 0.1)
    assert talk.tell(do.Admit) == [do.Admit(play=True)]
    assert talk.is_in(State.SPEAKING)
    assert talk.session.utterances["accepted"] == 1


def test_an_answer_that_begins_during_a_pause_is_thrown_away_when_speech_goes_on(talk: Talk) -> None:
    talk.tap()
    talk.happen(ev.SpeechBegan, 0.1)
    talk.happen(ev.SpeechPaused, 1.0)
    talk.processing()
    talk.begin_answer()
    talk.happen(ev.SpeechBegan, 0.1)
    assert talk.tell(do.Silence)
    talk.happen(ev.SpeechPaused, 0.5)
    turn = talk.session.turn
    assert turn is not None
    talk.happen(lambda at: ev.Endpointed(turn.utterance_id, Ending.SILENCE, at - 0.6, at), 0.6)
    assert not talk.tell(do.Admit), "the answer to the first half still flows"
    assert talk.is_in(State.PROCESSING)
    talk.processing()
    assert talk.tell(do.Admit) == [do.Admit(play=True)]


def test_a_press_without_a_link_records_keeps_and_dials_at_once() -> None:
    talk = Talk()
    talk.link_down()
    assert talk.is_in(State.OFFLINE)
    talk.tap()
    assert do.DialNow() in talk.all
    talk.speak_and_pause()
    assert talk.is_in(State.HOLDING)
    assert talk.tell(do.Chime) == [do.Chime(Earcon.HELD)]
    talk.link_up()
    assert talk.tell(do.SendKept) == [do.SendKept("u1")]
    assert talk.is_in(State.PROCESSING)
    talk.processing()
    assert do.Forget("u1") in talk.all


def test_an_utterance_goes_live_when_the_link_comes_up_while_it_is_recorded() -> None:
    talk = Talk()
    talk.tap()
    talk.link_up()
    assert talk.tell(do.Settle) == [do.Settle(live=True, held=False)]


def test_in_v1_an_utterance_that_a_broken_link_cut_goes_on_when_there_is_another() -> None:
    talk = Talk()
    talk.link_up(V1)
    talk.tap()
    talk.happen(ev.SpeechBegan, 0.1)
    talk.link_down()
    talk.happen(lambda at: ev.LinkUp(V1, at), 20.0)
    assert do.Settle(live=True, held=False) in talk.effects
    talk.speak_and_pause()
    assert talk.is_in(State.PROCESSING)
    assert talk.tell(do.SendKept) == [], "it went up from its first frame"
    talk.link_down()
    assert talk.is_in(State.HOLDING)
    talk.link_up(V1)
    assert len(talk.tell(do.SendKept)) == 1


def test_what_an_earlier_process_left_waits_for_the_link_and_goes_up_oldest_first() -> None:
    talk = Talk()
    for name, spoken_at in (("later", 90.0), ("earlier", 80.0)):
        talk.happen(lambda at, name=name, spoken_at=spoken_at: ev.Restored(name, spoken_at, 2.0, at))  # type: ignore[misc]  # defaults bind the loop's names
    assert talk.is_in(State.HOLDING)
    assert talk.session.waiting == 2
    talk.link_up()
    assert talk.tell(do.SendKept) == [do.SendKept("earlier")]
    talk.processing("skipped_duplicate")
    assert talk.tell(do.SendKept) == [do.SendKept("later")]
    assert talk.session.utterances == {"accepted": 1, "resent": 0, "duplicate": 1, "expired": 0}


@pytest.mark.parametrize("spoken_at", [None, -20.0, -1e9])
def test_what_is_too_old_when_the_process_begins_is_told_and_never_sent(spoken_at: float | None) -> None:
    talk = Talk()
    talk.happen(lambda at: ev.Restored("old", spoken_at, 2.0, at))
    assert do.Chime(Earcon.EXPIRED) in talk.effects
    assert do.Forget("old") in talk.effects
    assert [effect.turn.outcome for effect in talk.effects if isinstance(effect, do.CloseTurn)] == ["expired"]
    assert talk.session.waiting == 0
    assert not talk.is_in(State.HOLDING)
    talk.link_up()
    assert talk.tell(do.SendKept) == []


def test_a_time_in_the_future_makes_nothing_younger() -> None:
    talk = Talk()
    talk.happen(lambda at: ev.Restored("a", 1e12, 2.0, at))
    assert talk.session.deadline == talk.now + Limits().max_age_s


def asked_without_realtime() -> Talk:
    talk = Talk()
    talk.link_up(BUFFERED)
    talk.tap()
    talk.speak_and_pause()
    talk.processing()
    talk.happen(lambda at: ev.TextAnswered("the boiler", at))
    return talk


def test_without_realtime_a_text_waits_a_moment_for_its_sound_which_may_be_streamed_all_the_same() -> None:
    talk = asked_without_realtime()
    talk.begin_answer()
    talk.happen(ev.FirstSampleHeard)
    talk.happen(ev.PlaybackEnded, 2.0)
    assert [effect.turn.outcome for effect in talk.effects if isinstance(effect, do.CloseTurn)] == ["answered"]


def test_what_did_not_fit_into_a_message_goes_frame_by_frame_from_then_on() -> None:
    talk = Talk()
    talk.happen(lambda at: ev.Restored("long", 90.0, 60.0, at))
    talk.link_up()
    talk.happen(lambda at: ev.LinkDown(at, too_big=True))
    talk.link_up()
    assert talk.tell(do.SendKept) == [do.SendKept("long", in_frames=True)]
    talk.happen(lambda at: ev.LinkDown(at, too_big=True))
    assert do.Chime(Earcon.EXPIRED) in talk.effects, "not even so: it is given up, and told"
    assert talk.session.waiting == 0
    assert talk.session.utterances["expired"] == 1


def test_what_did_not_fit_where_no_frames_are_taken_is_given_up_and_told() -> None:
    talk = Talk()
    talk.happen(lambda at: ev.Restored("long", 90.0, 60.0, at))
    talk.link_up(BUFFERED)
    talk.happen(lambda at: ev.LinkDown(at, too_big=True))
    assert do.Chime(Earcon.EXPIRED) in talk.effects
    assert not talk.is_in(State.PROCESSING)
    assert talk.session.waiting == 0


def test_too_big_is_no_matter_of_what_went_up_frame_by_frame_as_it_was_spoken(talk: Talk) -> None:
    """Perhaps it was executed: sent in frames again, the backend would not know the copy."""
    talk.tap()
    talk.speak_and_pause()
    talk.happen(lambda at: ev.LinkDown(at, too_big=True, hung_up=True))
    talk.link_up()
    assert talk.tell(do.SendKept) == [do.SendKept("u1")]


def test_an_utterance_on_which_link_after_link_dies_rests_longer_each_time_and_is_set_aside_and_told() -> None:
    talk = Talk()
    talk.happen(lambda at: ev.Restored("poison", 90.0, 1.0, at))
    rests = []
    for _ in range(MOST_DEATHS):
        talk.link_up()
        up_at = talk.now
        while not talk.tell(do.SendKept):
            talk.wait_for_deadline()
        rests.append(talk.now - up_at)
        talk.happen(lambda at: ev.Committed("poison", at))
        talk.happen(lambda at: ev.LinkDown(at, hung_up=True))
    assert rests == [0.0, 0.0, REST_S, 2 * REST_S, 4 * REST_S]
    assert talk.tell(do.Chime) == [do.Chime(Earcon.EXPIRED)]
    assert [effect.turn.outcome for effect in talk.effects if isinstance(effect, do.CloseTurn)] == ["expired"]
    assert talk.session.waiting == 0
    assert (talk.session.utterances["set_aside"], talk.session.utterances["expired"]) == (1, 1)


def test_while_one_rests_others_go_up_and_are_answered(talk: Talk) -> None:
    talk.happen(lambda at: ev.Restored("poison", 90.0, 1.0, at))
    for _ in range(2):
        talk.happen(lambda at: ev.Committed("poison", at))
        talk.happen(lambda at: ev.LinkDown(at, hung_up=True))
        talk.link_up()
    assert talk.is_in(State.READY)
    talk.tap()
    talk.speak_and_pause()
    assert talk.is_in(State.PROCESSING)
    talk.processing()
    talk.begin_answer()
    talk.happen(ev.FirstSampleHeard)
    talk.happen(ev.PlaybackEnded, 2.0)
    assert talk.tell(do.SendKept) == [do.SendKept("poison")], "and then it has rested"


@pytest.mark.parametrize(
    "down",
    [
        ev.LinkDown(100.0),  # dropped here: it was not accepted in time, say
        ev.LinkDown(100.0, refused=True),
    ],
)
def test_a_link_that_did_not_die_on_it_is_no_reason_to_rest(down: ev.LinkDown) -> None:
    talk = Talk()
    talk.happen(lambda at: ev.Restored("a", 90.0, 1.0, at))
    for _ in range(2 * MOST_DEATHS):
        talk.link_up()
        assert talk.tell(do.SendKept) == [do.SendKept("a")]
        talk.happen(lambda at: ev.Committed("a", at))
        talk.happen(lambda _: down)


def test_a_link_that_breaks_before_all_of_it_was_sent_is_no_reason_to_rest() -> None:
    talk = Talk()
    talk.happen(lambda at: ev.Restored("a", 90.0, 1.0, at))
    for _ in range(2 * MOST_DEATHS):
        talk.link_up()
        assert talk.tell(do.SendKept) == [do.SendKept("a")]
        talk.happen(lambda at: ev.LinkDown(at, hung_up=True))


def test_an_utterance_whose_link_breaks_is_kept_whole_and_sent_again(talk: Talk) -> None:
    talk.tap()
    talk.link_down()
    assert talk.tell(do.Hold)
    talk.link_up()
    assert not talk.tell(do.Settle), "part of it went up on the old link"
    talk.speak_and_pause()
    assert talk.tell(do.SendKept) == [do.SendKept("u1")]


def test_an_utterance_that_was_not_accepted_when_the_link_broke_is_sent_again(talk: Talk) -> None:
    talk.tap()
    talk.speak_and_pause()
    talk.link_down()
    assert talk.is_in(State.HOLDING)
    talk.link_up()
    assert talk.tell(do.SendKept) == [do.SendKept("u1")]


def test_an_utterance_that_was_accepted_is_not_sent_again(talk: Talk) -> None:
    talk.tap()
    talk.speak_and_pause()
    talk.processing()
    talk.link_down()
    assert talk.is_in(State.OFFLINE)
    talk.link_up()
    assert not talk.tell(do.SendKept)


def test_several_kept_utterances_go_up_one_after_the_other_in_order() -> None:
    talk = Talk()
    for _ in range(3):
        talk.tap()
        talk.speak_and_pause()
    talk.link_up(BUFFERED)
    for _ in range(3):
        talk.processing()
        talk.begin_answer()
        talk.happen(ev.PlaybackEnded, 1.0)
    sent = [effect.utterance_id for effect in talk.all if isinstance(effect, do.SendKept)]
    assert sent == ["u1", "u2", "u3"]
    assert talk.is_in(State.READY)


def test_a_kept_utterance_that_becomes_too_old_is_dropped_and_told() -> None:
    talk = Talk(Limits(max_age_s=20.0))
    talk.tap()
    talk.speak_and_pause()
    talk.wait_for_deadline()
    assert talk.tell(do.Forget) == [do.Forget("u1")]
    assert talk.tell(do.Chime) == [do.Chime(Earcon.EXPIRED)]
    talk.link_up()
    assert not talk.tell(do.SendKept)


def test_an_utterance_that_nobody_accepts_makes_the_link_suspect(talk: Talk) -> None:
    talk.tap()
    talk.speak_and_pause()
    talk.happen(lambda at: ev.Committed("u1", at), 0.1)
    talk.wait_for_deadline()
    assert talk.tell(do.Redial)
    assert talk.is_in(State.HOLDING)


def test_an_utterance_that_still_goes_up_over_a_thin_link_is_given_the_time_it_needs() -> None:
    talk = Talk()
    talk.happen(lambda at: ev.Restored("long", 99.0, 60.0, at))
    talk.link_up()
    for _ in range(4):
        talk.wait_for_deadline()
        assert talk.is_in(State.PROCESSING), "60 s so far"
        assert talk.tell(do.Redial) == []
    talk.happen(lambda at: ev.Committed("long", at), 14.0)
    talk.happen(ev.TimeUp, 14.0)
    assert talk.is_in(State.PROCESSING), "from here on the backend may take its time"
    talk.wait_for_deadline()
    assert talk.tell(do.Redial)
    talk.link_up()
    talk.wait_for_deadline()
    assert talk.tell(do.Redial) == [], "the second copy goes up as slowly"


def test_an_utterance_that_goes_up_too_slowly_expires_all_the_same() -> None:
    talk = Talk()
    talk.happen(lambda at: ev.Restored("long", 99.0, 60.0, at))
    talk.link_up()
    while talk.is_in(State.PROCESSING):
        talk.wait_for_deadline()
    assert talk.now == 99.0 + Limits().max_age_s
    assert do.Chime(Earcon.EXPIRED) in talk.effects
    assert talk.tell(do.Redial), "the rest of it shall not arrive"


def test_what_goes_up_too_slowly_and_is_given_up_while_the_next_is_spoken_does_not_arrive_all_the_same() -> None:
    talk = Talk()
    talk.happen(lambda at: ev.Restored("long", 99.0, 60.0, at))
    talk.link_up()
    talk.happen(g.Pressed, Limits().max_age_s - 5.0)
    talk.happen(ev.TimeUp, 5.0)
    assert talk.tell(do.Redial), "the rest of it shall not arrive"
    assert talk.is_in(State.LISTENING)
    assert talk.tell(do.Chime) == [], "the microphone would take it in"
    talk.happen(g.DoubleTapped)
    assert talk.tell(do.Chime) == [do.Chime(Earcon.EXPIRED)]


def test_what_expires_while_an_answer_is_heard_is_told_behind_it() -> None:
    talk = Talk(Limits(max_age_s=10.0, max_utterances=2))
    talk.happen(lambda at: ev.Restored("kept", 99.0, 2.0, at))
    talk.happen(lambda at: ev.Restored("newer", 99.9, 2.0, at))
    talk.link_up(BUFFERED)
    talk.processing()
    talk.begin_answer()
    talk.happen(ev.TimeUp, 12.0)
    assert talk.is_in(State.SPEAKING)
    assert do.Forget("newer") in talk.all
    assert do.Chime(Earcon.EXPIRED) not in talk.all
    talk.happen(ev.PlaybackEnded, 1.0)
    assert do.Chime(Earcon.EXPIRED) in talk.effects


def test_what_must_make_room_while_it_goes_up_does_not_arrive() -> None:
    talk = Talk(Limits(max_utterances=1))
    talk.happen(lambda at: ev.Restored("long", 99.0, 60.0, at))
    talk.link_up(BUFFERED)
    talk.tap()
    talk.speak_and_pause()
    assert do.Forget("long") in talk.all
    assert [effect for effect in talk.all if isinstance(effect, do.Redial)]


def test_what_the_backend_has_all_of_costs_no_link_when_it_is_given_up() -> None:
    talk = Talk(Limits(max_age_s=10.0))
    talk.happen(lambda at: ev.Restored("sent", 99.0, 2.0, at))
    talk.link_up()
    talk.happen(lambda at: ev.Committed("sent", at), 1.0)
    talk.happen(ev.TimeUp, 9.0)
    assert do.Chime(Earcon.EXPIRED) in talk.effects
    assert talk.tell(do.Redial) == []


def test_what_became_too_old_while_the_program_stood_still_is_not_sent_when_it_goes_on() -> None:
    talk = Talk()
    talk.happen(lambda at: ev.Restored("old", 99.0, 2.0, at))
    talk.happen(lambda at: ev.LinkUp(SEED, at), 500.0)
    assert talk.tell(do.SendKept) == []
    assert do.Chime(Earcon.EXPIRED) in talk.effects
    assert talk.is_in(State.READY)


def test_a_duplicate_that_the_backend_skipped_is_accepted_and_the_turn_over() -> None:
    talk = Talk()
    talk.tap()
    talk.speak_and_pause()
    talk.link_up()
    talk.processing("skipped_duplicate")
    assert do.Forget("u1") in talk.all
    assert talk.is_in(State.READY)


def test_buffered_frames_are_no_acceptance_of_the_utterance(talk: Talk) -> None:
    talk.tap()
    talk.processing("buffered")
    talk.speak_and_pause()
    talk.processing("buffered")
    assert do.Forget("u1") not in talk.all


# -- answers of text alone -----------------------------------------------------------------------------------------


def text(talk: Talk, words: str, after_s: float = 0.0) -> list[do.Effect]:
    return talk.happen(lambda at: ev.TextAnswered(words, at), after_s)


def asked(talk: Talk) -> None:
    talk.tap()
    talk.speak_and_pause()
    talk.processing()


def outcomes(talk: Talk) -> list[str]:
    return [effect.turn.outcome for effect in talk.all if isinstance(effect, do.CloseTurn)]


@pytest.mark.parametrize("agreement", [SEED, BUFFERED, V1])
def test_a_text_that_stays_alone_is_spoken_when_its_sound_has_not_begun_in_time(agreement: Agreement) -> None:
    talk = Talk()
    talk.link_up(agreement)
    asked(talk)
    text(talk, "done")
    assert talk.is_in(State.PROCESSING), "its sound may follow as a stream"
    began_at = talk.now
    talk.wait_for_deadline()
    assert talk.now - began_at == UNKNOWN_S
    assert talk.is_in(State.READY)
    assert talk.tell(do.Speak) == [do.Speak("done")]
    assert outcomes(talk) == ["text"]


def test_where_answers_bring_their_sound_a_text_without_is_spoken_at_once(talk: Talk) -> None:
    asked(talk)
    talk.happen(lambda at: ev.SpokenAnswered("hello", b"x", "mp3", at))
    talk.happen(lambda at: ev.AnswerBegan(False, at))
    talk.happen(ev.FirstSampleHeard)
    talk.happen(ev.PlaybackEnded, 2.0)
    asked(talk)
    text(talk, "done")
    assert talk.session.deadline == talk.now
    talk.wait_for_deadline()
    assert talk.tell(do.Speak) == [do.Speak("done")]


def test_this_computers_own_voice_teaches_nothing_and_a_stream_that_came_too_late_does(talk: Talk) -> None:
    asked(talk)
    text(talk, "done")
    talk.wait_for_deadline()
    talk.happen(lambda at: ev.AnswerBegan(False, at), 0.1)
    talk.happen(ev.PlaybackEnded, 0.5)
    talk.happen(lambda at: ev.AnswerBegan(True, at))
    talk.happen(ev.PlaybackEnded, 2.0)
    asked(talk)
    asked_at = talk.now
    text(talk, "done")
    talk.wait_for_deadline()
    assert talk.now - asked_at == pytest.approx(1.6 * 1.5 + 0.3)


def v1_turn() -> tuple[Talk, Callable[[], list[do.Effect]]]:
    talk = Talk()
    talk.link_up(V1)
    asked(talk)
    turn = talk.session.turn
    assert turn is not None
    started = m.ResponseStarted(response_id="r", utterance_id=turn.utterance_id, ssrc=1)
    return talk, lambda: talk.happen(lambda at: ev.Received(started, at))


@pytest.mark.parametrize("text_first", [True, False])
def test_in_v1_a_response_that_ended_without_sound_is_spoken_at_once(text_first: bool) -> None:
    talk, start = v1_turn()
    if text_first:
        text(talk, "done")
    start()
    talk.happen(lambda at: ev.Received(m.ResponseEnded(response_id="r"), at))
    if not text_first:
        text(talk, "done")
    assert talk.session.deadline == talk.now
    talk.wait_for_deadline()
    assert talk.tell(do.Speak) == [do.Speak("done")]


def test_in_v1_sound_that_was_announced_is_waited_for_longer() -> None:
    talk, start = v1_turn()
    text(talk, "done")
    start()
    assert talk.session.deadline == talk.now + ANNOUNCED_S


def test_a_text_that_came_before_the_endpoint_is_spoken_soon_behind_it(talk: Talk) -> None:
    talk.tap()
    talk.happen(ev.SpeechBegan, 0.1)
    talk.happen(ev.SpeechPaused, 1.0)
    talk.processing()
    text(talk, "done", 0.1)
    came_at = talk.now
    talk.happen(lambda at: ev.Endpointed("u1", Ending.SILENCE, at - 0.6, at), 0.4)
    assert talk.is_in(State.PROCESSING)
    talk.wait_for_deadline()
    assert talk.now - came_at == UNKNOWN_S
    assert talk.tell(do.Speak) == [do.Speak("done")]


def test_the_text_of_an_answer_that_came_too_early_is_not_spoken(talk: Talk) -> None:
    talk.tap()
    talk.happen(ev.SpeechBegan, 0.1)
    talk.happen(ev.SpeechPaused, 1.0)
    talk.processing()
    text(talk, "half")
    talk.speak_and_pause()
    talk.processing()
    text(talk, "whole")
    talk.wait_for_deadline()
    assert talk.tell(do.Speak) == [do.Speak("whole")]


def test_a_text_whose_sound_is_lost_with_the_link_is_spoken(talk: Talk) -> None:
    asked(talk)
    text(talk, "done")
    talk.link_down()
    assert talk.tell(do.Speak) == [do.Speak("done")]
    assert not talk.tell(do.Chime)
    assert outcomes(talk) == ["text"]
    assert talk.is_in(State.OFFLINE)


def test_that_recording_began_is_heard_where_the_settings_ask_for_it_and_behind_what_was_stopped() -> None:
    for asked in (False, True):
        talk = Talk(Limits(start_earcon=asked))
        talk.link_up()
        effects = talk.happen(g.Pressed)
        assert (do.Chime(Earcon.START) in effects) is asked
        if asked:
            kinds = [type(effect) for effect in effects]
            assert kinds.index(do.Silence) < kinds.index(do.Record) < effects.index(do.Chime(Earcon.START))


# -- the welcome ---------------------------------------------------------------------------------------------------


def started(talk: Talk, session_id: str = "s") -> None:
    talk.receive(m.SessionStarted(session_id=session_id))


def test_a_new_session_is_welcomed_by_what_the_backend_says_unless_its_sound_comes() -> None:
    talk = Talk()
    started(talk)
    assert text(talk, "Hello!") == [do.Speak("Hello!", UNKNOWN_S)]
    assert text(talk, "Hello again!") == [], "one welcome is enough"


def test_the_same_session_on_a_new_link_is_not_welcomed_again_and_another_is() -> None:
    talk = Talk()
    for session_id, welcomes in (("one", 1), ("one", 0), ("two", 1), ("two", 0)):
        started(talk, session_id)
        assert len([effect for effect in text(talk, "Hello!") if isinstance(effect, do.Speak)]) == welcomes
        talk.link_down()


def test_who_is_speaking_already_is_not_welcomed() -> None:
    talk = Talk()
    talk.tap()
    started(talk)
    assert text(talk, "Hello!") == []


def test_words_that_wait_are_more_urgent_than_a_welcome() -> None:
    talk = Talk()
    talk.happen(lambda at: ev.Restored("kept", at - 5, 2.0, at))
    started(talk)
    assert text(talk, "Hello!") == []


def test_a_text_that_nobody_asked_for_changes_nothing(talk: Talk) -> None:
    assert text(talk, "Hello!") == []


def test_a_whole_copy_of_a_streamed_answer_is_not_played_again(talk: Talk) -> None:
    talk.into_an_answer()
    talk.happen(lambda at: ev.SpokenAnswered("hello", b"x", "mp3", at))
    assert not talk.tell(do.PlayWhole)


def test_a_backend_that_never_says_processing_is_heard_all_the_same(talk: Talk) -> None:
    talk.tap()
    talk.speak_and_pause()
    assert talk.tell(do.Admit) == [do.Admit(play=True)]
    talk.begin_answer()
    assert talk.is_in(State.SPEAKING)
    assert do.Forget("u1") in talk.all


def test_an_answer_of_which_nothing_was_heard_is_told_as_a_fault(talk: Talk) -> None:
    talk.into_an_answer()
    talk.happen(ev.PlaybackEnded)
    assert talk.tell(do.Chime) == [do.Chime(Earcon.FAULT)]
    assert talk.is_in(State.READY)


def test_a_double_tap_plays_the_last_answer_and_sends_nothing(talk: Talk) -> None:
    talk.happen(g.Pressed)
    talk.happen(g.DoubleTapped, 0.3)
    assert talk.tell(do.Discard)
    assert talk.tell(do.Replay)
    assert not [effect for effect in talk.all if isinstance(effect, do.Settle | do.Commit)]


def test_a_double_tap_on_an_answer_only_stops_it(talk: Talk) -> None:
    talk.into_an_answer()
    talk.happen(g.Pressed, 1.0)
    talk.happen(g.DoubleTapped, 0.2)
    assert not talk.tell(do.Replay)
    assert talk.is_in(State.READY)


def test_a_long_hold_ends_the_session_but_not_while_somebody_speaks(talk: Talk) -> None:
    talk.happen(g.Pressed)
    talk.happen(g.HoldBegan, 0.35)
    talk.happen(ev.SpeechBegan, 1.0)
    talk.happen(g.LongHeld, 7.0)
    assert not talk.tell(do.EndSession)
    talk.happen(g.Released, 1.0)
    assert talk.is_in(State.PROCESSING)
    talk.happen(g.LongHeld, 10.0)
    assert talk.tell(do.EndSession)
    assert talk.is_in(State.READY), "the next press begins a new session"


def test_what_is_going_up_when_the_session_is_ended_does_not_go_on_behind_the_goodbye(talk: Talk) -> None:
    talk.tap()
    talk.speak_and_pause()
    talk.happen(ev.SessionEndAsked)
    assert talk.tell(do.Hold)
    assert do.Chime(Earcon.EXPIRED) in talk.effects


def test_an_idle_session_is_ended_and_the_next_press_dials_again(talk: Talk) -> None:
    talk.wait_for_deadline()
    assert talk.tell(do.EndSession)
    assert talk.is_in(State.READY)
    talk.happen(g.Pressed)
    assert talk.tell(do.DialNow)


def test_a_link_that_breaks_and_comes_back_makes_no_idle_session_younger(talk: Talk) -> None:
    talk.happen(ev.LinkDown, Limits().idle_s - 60.0)
    talk.link_up()
    assert talk.session.deadline == 100.0 + Limits().idle_s
    talk.wait_for_deadline()
    assert talk.tell(do.EndSession)


def test_a_lost_microphone_is_a_fault_and_what_was_said_is_sent(talk: Talk) -> None:
    talk.tap()
    talk.happen(ev.SpeechBegan, 0.2)
    talk.happen(ev.MicrophoneLost, 1.0)
    assert talk.tell(do.Commit)
    talk.processing()
    talk.begin_answer()
    talk.happen(ev.PlaybackEnded, 1.0)
    assert talk.is_in(State.FAULT)
    talk.happen(g.Pressed)
    assert talk.is_in(State.FAULT), "a deaf box does not claim to listen"
    talk.happen(ev.MicrophoneFound)
    assert talk.is_in(State.READY)


def test_a_microphone_lost_without_a_link_is_a_fault_though_words_wait_and_they_are_sent_all_the_same() -> None:
    talk = Talk()
    talk.tap()
    talk.happen(ev.SpeechBegan, 0.2)
    talk.happen(ev.MicrophoneLost, 1.0)
    assert talk.session.waiting == 1
    assert talk.is_in(State.FAULT)
    talk.link_up()
    assert talk.tell(do.SendKept)


def test_a_lost_speaker_is_a_fault_and_who_speaks_is_heard_all_the_same(talk: Talk) -> None:
    talk.happen(ev.SpeakerLost)
    assert talk.is_in(State.FAULT)
    talk.tap()
    talk.speak_and_pause()
    assert talk.tell(do.Commit)
    talk.processing()
    talk.begin_answer()
    talk.happen(ev.PlaybackEnded, 1.0)
    assert talk.is_in(State.FAULT)
    talk.happen(ev.SpeakerFound)
    assert talk.is_in(State.READY)


def test_a_speaker_lost_in_an_answer_shows_when_the_turn_is_over(talk: Talk) -> None:
    talk.into_an_answer()
    talk.happen(ev.SpeakerLost)
    assert talk.is_in(State.SPEAKING)
    talk.happen(ev.PlaybackEnded, 1.0)
    assert talk.is_in(State.FAULT)


def test_a_deaf_box_can_still_be_interrupted(talk: Talk) -> None:
    talk.into_an_answer()
    talk.happen(ev.MicrophoneLost)
    talk.happen(g.Pressed)
    assert talk.tell(do.Silence)
    assert talk.is_in(State.FAULT)


def test_a_refused_token_is_a_fault_and_a_link_ends_it(talk: Talk) -> None:
    talk.happen(lambda at: ev.LinkDown(at, refused=True))
    assert talk.is_in(State.FAULT)
    talk.link_up()
    assert talk.is_in(State.READY)


def test_a_stuck_button_does_not_record_for_ever(talk: Talk) -> None:
    talk.happen(g.Pressed)
    talk.happen(g.HoldBegan, 0.35)
    talk.happen(g.Stuck, 60.0)
    assert talk.tell(do.Discard)
    assert talk.is_in(State.FAULT)


def test_a_typed_question_is_a_turn_without_a_recording(talk: Talk) -> None:
    talk.happen(lambda at: ev.Said("what is next", at))
    assert talk.tell(do.Send) == [do.Send(m.TextInput(text="what is next", want_audio_response=True))]
    talk.happen(lambda at: ev.SpokenAnswered("the boiler", b"x", "mp3", at))
    assert talk.tell(do.PlayWhole)


def test_an_error_after_the_utterance_ends_the_turn_and_is_told(talk: Talk) -> None:
    talk.tap()
    talk.speak_and_pause()
    talk.receive(m.Error(error="no"))
    assert talk.tell(do.Chime) == [do.Chime(Earcon.FAULT)]
    assert talk.is_in(State.READY)


MESSAGES: st.SearchStrategy[m.AnyMessage] = st.sampled_from(
    [
        *(m.AudioProcessing(status=status) for status in ("processing", "buffered", "skipped_duplicate", "cancelled")),
        m.AudioProcessing(status="processing", utterance_id="u1"),
        m.ResponseStarted(response_id="r", utterance_id="u1", ssrc=1),
        m.ResponseStarted(response_id="r", utterance_id="u2", ssrc=1),
        m.ResponseEnded(response_id="r"),
        m.Error(error="x"),
        m.SessionEnded(),
        m.ContextUpdated(),
    ]
)
EVENTS = st.one_of(
    st.sampled_from(
        [
            *(g.Pressed, g.HoldBegan, g.Tapped, g.Released, g.DoubleTapped, g.LongHeld, g.Stuck),
            *(ev.LinkDown, ev.SpeechBegan, ev.SpeechPaused, ev.FirstSampleHeard, ev.StillSpeaking, ev.PlaybackEnded),
            *(ev.MicrophoneLost, ev.MicrophoneFound, ev.SpeakerLost, ev.SpeakerFound, ev.SessionEndAsked, ev.TimeUp),
        ]
    ),
    st.sampled_from([SEED, BUFFERED, V1]).map(lambda agreement: lambda at: ev.LinkUp(agreement, at)),
    MESSAGES.map(lambda message: lambda at: ev.Received(message, at)),
    st.booleans().map(lambda streamed: lambda at: ev.AnswerBegan(streamed, at)),
    st.just(lambda at: ev.TextAnswered("text", at)),
    st.just(lambda at: ev.SpokenAnswered("text", b"x", "mp3", at)),
    st.just(lambda at: ev.Said("text", at)),
    st.just(lambda at: ev.SpokenInto(at - 0.4, at)),
    st.tuples(st.sampled_from(["u1", "u2", "u3"]), st.sampled_from(Ending)).map(
        lambda pair: lambda at: ev.Endpointed(pair[0], pair[1], at - 0.6, at)
    ),
    st.just(lambda at: ev.Recorded("u1", at, at)),
    st.just(lambda at: ev.LinkDown(at, too_big=True)),
    st.just(lambda at: ev.LinkDown(at, hung_up=True)),
    st.just(lambda at: ev.Committed("u1", at)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(EVENTS, st.floats(0.0, 40.0)), max_size=40))
def test_any_events_in_any_order_keep_the_session_legal_and_never_stuck(
    script: list[tuple[Callable[[float], ev.Event], float]],
) -> None:
    talk = Talk()
    for make, after_s in script:
        talk.happen(make, after_s)
        assert talk.state in TRANSITIONS
        if talk.state not in RESTING:
            assert talk.session.deadline is not None, "a state that waits has a time limit"
    for _ in range(40):
        if talk.state in RESTING and not talk.session.waiting:
            break
        talk.wait_for_deadline()
    assert talk.state in RESTING, "time alone brings every state to rest"
    assert talk.session.waiting == 0, "what waits expires"


def test_every_state_is_reached_from_the_table() -> None:
    targets = {target for steps in TRANSITIONS.values() for target in steps.values() if target is not None}
    assert targets | RESTING == set(State)
