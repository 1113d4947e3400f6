"""The early end of a turn in `v1`: announced, taken back, answered, crossed on the road."""

import pytest

from hero365_edge.core import effects as do
from hero365_edge.core import events as ev
from hero365_edge.core import gestures as g
from hero365_edge.core import messages as m
from hero365_edge.core.endpointer import Ending
from hero365_edge.core.states import State
from tests.core.test_session import SEED, V1, Talk


class Chat(Talk):
    """A conversation in `v1`, its words and the backend's."""

    def __init__(self) -> None:
        super().__init__()
        self.link_up(V1)

    @property
    def mine(self) -> str:
        assert self.session.turn is not None
        return self.session.turn.utterance_id

    def speak(self) -> None:
        self.happen(ev.SpeechBegan, 0.1)

    def pause(self) -> list[do.Effect]:
        return self.happen(lambda at: ev.SeemsOver(self.mine, at - 0.08, at), 0.5)

    def go_on(self) -> list[do.Effect]:
        return self.happen(lambda at: ev.WentOn(self.mine, at), 0.1)

    def wait(self) -> list[do.Effect]:
        return self.happen(lambda at: ev.MayEnd(self.mine, at), 0.25)

    def end(self) -> list[do.Effect]:
        return self.happen(lambda at: ev.Endpointed(self.mine, Ending.SILENCE, at - 0.6, at), 0.2)

    def sign(self, status: str = "processing") -> list[do.Effect]:
        named = f'"status": "{status}", "utterance_id": "{self.mine}"'
        return self.receive(m.decode(f'{{"type": "audio_processing", {named}}}'))

    def response(self, name: str = "r1", ssrc: int = 7) -> list[do.Effect]:
        return self.receive(m.ResponseStarted(response_id=name, utterance_id=self.mine, ssrc=ssrc))


@pytest.fixture
def chat() -> Chat:
    chat = Chat()
    chat.tap()
    chat.speak()
    return chat


def test_the_turn_ends_as_soon_as_its_answer_is_ready_and_the_pause_is_longer_than_the_talkers(chat: Chat) -> None:
    assert do.Announce() in chat.pause()
    speech_end = chat.now - 0.08
    chat.sign()
    assert chat.tell(do.Admit) == [do.Admit(play=False)]
    chat.response()
    chat.wait()
    assert chat.is_in(State.LISTENING), "no answer is there yet"
    chat.begin_answer()
    assert chat.tell(do.Commit) == [do.Commit(speech_end)]
    assert chat.tell(do.Admit) == [do.Admit(play=True)]
    assert chat.is_in(State.SPEAKING)
    turn = chat.session.turn
    assert turn is not None
    assert (turn.speech_end, turn.endpoint) == (speech_end, chat.now)


def test_an_answer_that_is_ready_sooner_waits_until_the_pause_is_long_enough(chat: Chat) -> None:
    chat.pause()
    chat.sign()
    chat.response()
    chat.begin_answer()
    assert chat.is_in(State.LISTENING)
    chat.wait()
    assert chat.is_in(State.SPEAKING)


def test_without_an_answer_the_turn_ends_by_the_hangover_and_waits_for_it(chat: Chat) -> None:
    chat.pause()
    chat.sign()
    chat.wait()
    chat.end()
    assert chat.is_in(State.PROCESSING)
    chat.response()
    assert chat.tell(do.Expect)
    chat.begin_answer()
    assert chat.is_in(State.SPEAKING)


def test_when_speech_goes_on_the_answer_is_discarded_unheard_and_the_announcement_taken_back(chat: Chat) -> None:
    chat.pause()
    chat.sign()
    chat.response()
    chat.begin_answer()
    chat.go_on()
    assert chat.effects == [do.TakeBack(), do.Silence()]
    chat.wait()
    assert chat.is_in(State.LISTENING)
    assert do.Admit(play=True) not in chat.all[-4:]


def test_an_answer_to_a_pause_that_was_taken_back_is_not_taken_though_it_comes_in_the_next_pause(chat: Chat) -> None:
    chat.pause()
    chat.go_on()
    chat.pause()
    chat.sign()
    chat.response("old", 6)
    assert not chat.tell(do.Expect), "it crossed the taking back on the road"
    chat.sign("cancelled")
    chat.sign()
    assert chat.tell(do.Admit) == [do.Admit(play=False)]
    chat.response("new", 7)
    assert chat.tell(do.Expect) == [do.Expect("new", 7)]
    chat.begin_answer()
    chat.wait()
    assert chat.is_in(State.SPEAKING)


def test_a_backend_that_cancels_before_it_gave_a_sign_owes_none(chat: Chat) -> None:
    chat.pause()
    chat.go_on()
    chat.pause()
    chat.sign("cancelled")
    chat.sign()
    assert chat.tell(do.Admit) == [do.Admit(play=False)]


def test_an_old_answer_is_not_taken_behind_the_end_either(chat: Chat) -> None:
    chat.pause()
    chat.go_on()
    chat.happen(g.Pressed, 0.1)
    assert chat.is_in(State.PROCESSING), "sent now, in the middle of speech: an end that was not announced"
    chat.sign()
    chat.response("old", 6)
    assert not chat.tell(do.Expect)
    chat.sign("cancelled")
    chat.sign()
    chat.response("new", 7)
    assert chat.tell(do.Expect) == [do.Expect("new", 7)]


def test_a_backend_that_gives_no_signs_is_believed_by_the_name_alone(chat: Chat) -> None:
    chat.pause()
    chat.end()
    chat.response()
    assert chat.tell(do.Expect) == [do.Expect("r1", 7)]


def test_a_pause_before_the_gesture_is_settled_is_announced_when_it_is() -> None:
    chat = Chat()
    chat.happen(g.Pressed)
    chat.speak()
    assert do.Announce() not in chat.pause()
    chat.happen(g.Tapped, 0.4)
    assert chat.effects[-1] == do.Announce()


@pytest.mark.parametrize("held", [False, True])
def test_nothing_is_announced_in_the_seed_profile_nor_while_the_button_is_held(held: bool) -> None:
    chat = Chat()
    if not held:
        chat.link_up(SEED)
        chat.tap()
    else:
        chat.happen(g.Pressed)
        chat.happen(g.HoldBegan, 0.4)
    chat.speak()
    chat.pause()
    chat.go_on()
    assert not {do.Announce(), do.TakeBack()} & set(chat.all)


def test_a_link_that_breaks_in_the_pause_forgets_what_was_announced(chat: Chat) -> None:
    chat.pause()
    chat.sign()
    chat.link_down()
    chat.happen(lambda at: ev.LinkUp(V1, at), 1.0)
    assert chat.tell(do.Announce), "the new link hears of the pause, if it still is one"
    chat.sign()
    chat.response()
    chat.begin_answer()
    chat.wait()
    assert chat.is_in(State.SPEAKING)
