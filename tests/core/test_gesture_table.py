"""The table of PRODUCT section 7, cell by cell: what the contact does goes in, what the session orders comes out.

Each gesture in each state, with a contact that is clean and one that bounces for 24 ms at each stroke. What the table
does not say of a state is said here too. The chip, the lines and the lamps are `tests/devices/test_panel.py` and
`tests/contract/test_panel.py`; press to recording is `tests/lab/test_bench.py`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from hero365_edge.core import effects as do
from hero365_edge.core import events as ev
from hero365_edge.core.earcons import Earcon
from hero365_edge.core.gestures import Debouncer, Edge, Gesture, Gestures
from hero365_edge.core.states import RESTING, State
from tests.core.test_session import Talk

Strokes = Sequence[float]
"""For how long the button is down, up, down…, in seconds."""

TAP: Strokes = (0.349,)
HOLD: Strokes = (0.351,)
DOUBLE_TAP: Strokes = (0.1, 0.25, 0.1)
LONG_HOLD: Strokes = (8.1,)
STUCK: Strokes = (60.1,)
BEFORE_S = 0.5
"""The finger comes so long after the state was reached."""


def linked() -> Talk:
    talk = Talk()
    talk.link_up()
    return talk


def offline() -> Talk:
    talk = Talk()
    talk.wait_for_deadline()
    return talk


def listening() -> Talk:
    talk = linked()
    talk.tap()
    talk.happen(ev.SpeechBegan, 0.1)
    return talk


def holding() -> Talk:
    talk = offline()
    talk.tap()
    talk.speak_and_pause()
    return talk


def processing() -> Talk:
    talk = linked()
    talk.tap()
    talk.speak_and_pause()
    return talk


def speaking() -> Talk:
    talk = processing()
    talk.processing()
    talk.begin_answer()
    talk.happen(ev.FirstSampleHeard)
    return talk


def deaf() -> Talk:
    talk = linked()
    talk.happen(ev.MicrophoneLost)
    return talk


def refused() -> Talk:
    talk = linked()
    talk.happen(lambda at: ev.LinkDown(at, refused=True))
    return talk


STATES: Mapping[str, tuple[Callable[[], Talk], State]] = {
    "starting": (Talk, State.STARTING),
    "offline": (offline, State.OFFLINE),
    "ready": (linked, State.READY),
    "listening": (listening, State.LISTENING),
    "holding": (holding, State.HOLDING),
    "processing": (processing, State.PROCESSING),
    "speaking": (speaking, State.SPEAKING),
    "fault, deaf": (deaf, State.FAULT),
    "fault, refused": (refused, State.FAULT),
}


def exactly(event: ev.Event) -> Callable[[float], ev.Event]:
    return lambda _: event


class Finger:
    """Moves the contact, and meets every deadline of the debouncer, the gestures and the session."""

    def __init__(self, talk: Talk, *, bounces: bool) -> None:
        self.talk = talk
        self._bounces = bounces
        talk.all.clear()
        self.pressed_at = talk.now + BEFORE_S
        self.released_at = self.pressed_at
        self._contact, self._gestures = Debouncer(), Gestures()

    def moves(self, strokes: Strokes, *, says: bool = False) -> None:
        """Press and let go; with `says` there is a voice from half a second behind the press on."""
        changes = list(self._changes(strokes))
        self.released_at = self.pressed_at + sum(strokes)
        voice_at = self.pressed_at + 0.5 if says else None
        level = False
        while changes or self._contact.deadline is not None or self._gestures.deadline is not None:
            later = [self._contact.deadline, self._gestures.deadline, self.talk.session.deadline, voice_at]
            now = min([at for at in later if at is not None] + [at for at, _ in changes[:1]])
            self.talk.now = max(self.talk.now, now)
            if now == voice_at:
                voice_at = None
                self.talk.happen(ev.SpeechBegan)
            elif changes and now == changes[0][0]:
                level = changes.pop(0)[1]
                self._edges(self._contact.change(level, now))
            elif now == self._contact.deadline:
                self._edges(self._contact.settle(level, now))
            elif now == self._gestures.deadline:
                self._tell(self._gestures.tick(now))
            else:
                self.talk.happen(ev.TimeUp)

    def _changes(self, strokes: Strokes) -> Iterator[tuple[float, bool]]:
        at = self.pressed_at
        for number, seconds in enumerate((0.0, *strokes)):
            at += seconds
            down = number % 2 == 0
            bouncing = [(0.004 * bounce, (bounce % 2 == 0) == down) for bounce in range(7 if self._bounces else 1)]
            begins = at if down else at - bouncing[-1][0]  # a stroke is from the first touch to the last
            yield from ((begins + late, level) for late, level in bouncing)

    def _edges(self, edges: Sequence[Edge]) -> None:
        for edge in edges:
            self._tell(self._gestures.edge(edge))

    def _tell(self, gestures: Sequence[Gesture]) -> None:
        for gesture in gestures:
            self.talk.happen(exactly(gesture))

    def told(self, kind: type) -> list[do.Effect]:
        return [effect for effect in self.talk.all if isinstance(effect, kind)]


# What comes of it


def listens(finger: Finger) -> None:
    """Recorded from the press on; the endpoint ends it."""
    talk = finger.talk
    (record,) = finger.told(do.Record)
    assert isinstance(record, do.Record)
    assert record.since == pytest.approx(finger.pressed_at)
    assert talk.is_in(State.LISTENING)
    assert [settle.held for settle in finger.told(do.Settle) if isinstance(settle, do.Settle)] == [False]
    assert not finger.told(do.Commit)
    talk.speak_and_pause()
    assert finger.told(do.Commit)
    assert not talk.is_in(State.LISTENING)


def pushes_to_talk(finger: Finger) -> None:
    """Recorded from the press to the release."""
    (record,) = finger.told(do.Record)
    (commit,) = finger.told(do.Commit)
    assert isinstance(record, do.Record)
    assert isinstance(commit, do.Commit)
    assert (record.since, commit.until) == pytest.approx((finger.pressed_at, finger.released_at))
    assert [settle.held for settle in finger.told(do.Settle) if isinstance(settle, do.Settle)] == [True]
    assert not finger.talk.is_in(State.LISTENING)


def sends_now(finger: Finger) -> None:
    """What was said until the press goes up, and nothing else is recorded or played."""
    (commit,) = finger.told(do.Commit)
    assert isinstance(commit, do.Commit)
    assert commit.until == pytest.approx(finger.pressed_at)
    assert not finger.told(do.Record)
    assert not finger.told(do.Replay)


def _interrupts(finger: Finger) -> None:
    orders = [effect for effect in finger.talk.all if isinstance(effect, do.Silence | do.Record)]
    assert [type(effect) for effect in orders] == [do.Silence, do.Record]


def interrupts_and_listens(finger: Finger) -> None:
    _interrupts(finger)
    listens(finger)


def interrupts_and_pushes_to_talk(finger: Finger) -> None:
    _interrupts(finger)
    pushes_to_talk(finger)


def only_interrupts(finger: Finger) -> None:
    _interrupts(finger)
    assert finger.told(do.Discard)
    assert not finger.told(do.Replay)
    assert not finger.told(do.Commit)
    assert finger.talk.state in RESTING


def plays_again(finger: Finger) -> None:
    """And sends nothing of what the first tap recorded."""
    assert len(finger.told(do.Replay)) == 1
    assert not finger.told(do.Commit)
    assert len(finger.told(do.Discard)) == len(finger.told(do.Record))
    assert finger.talk.state in RESTING


def ends_the_session(finger: Finger) -> None:
    assert len(finger.told(do.EndSession)) == 1
    assert finger.talk.state in RESTING
    assert finger.talk.session.waiting == 0


def complains(finger: Finger) -> None:
    """A box that hears nothing says so, and does not claim to listen."""
    assert do.Chime(Earcon.FAULT) in finger.talk.all
    assert not finger.told(do.Record)
    assert finger.talk.is_in(State.FAULT)


Outcome = Callable[[Finger], None]
IN_EVERY_STATE = dict.fromkeys(STATES, ends_the_session)
REST = ("starting", "offline", "ready", "holding", "fault, refused")
TABLE: Mapping[str, tuple[Strokes, Mapping[str, Outcome]]] = {
    "tap": (
        TAP,
        {
            **dict.fromkeys(REST, listens),
            "listening": sends_now,
            "processing": interrupts_and_listens,
            "speaking": interrupts_and_listens,
            "fault, deaf": complains,
        },
    ),
    "hold": (
        HOLD,
        {
            **dict.fromkeys(REST, pushes_to_talk),
            "listening": sends_now,
            "processing": interrupts_and_pushes_to_talk,
            "speaking": interrupts_and_pushes_to_talk,
            "fault, deaf": complains,
        },
    ),
    "double tap": (
        DOUBLE_TAP,
        {
            **dict.fromkeys(REST, plays_again),
            "listening": sends_now,
            "processing": only_interrupts,
            "speaking": only_interrupts,
            "fault, deaf": plays_again,
        },
    ),
    "hold 8 s": (LONG_HOLD, IN_EVERY_STATE),
}
CELLS = [
    pytest.param(state, strokes, outcome, id=f"{gesture}-{state}")
    for gesture, (strokes, row) in TABLE.items()
    for state, outcome in row.items()
]
each_contact = pytest.mark.parametrize("bounces", [False, True], ids=["clean", "bounces"])
in_each_state = pytest.mark.parametrize("state", STATES)


def finger_in(state: str, *, bounces: bool = False) -> Finger:
    reach, reached = STATES[state]
    talk = reach()
    assert talk.is_in(reached)
    return Finger(talk, bounces=bounces)


def test_the_table_has_every_state_in_every_row() -> None:
    assert {reached for _, reached in STATES.values()} == set(State)
    assert all(set(row) == set(STATES) for _, row in TABLE.values())


@each_contact
@pytest.mark.parametrize(("state", "strokes", "outcome"), CELLS)
def test_each_gesture_does_in_each_state_what_the_table_says(
    state: str, strokes: Strokes, outcome: Outcome, bounces: bool
) -> None:
    finger = finger_in(state, bounces=bounces)
    finger.moves(strokes)
    outcome(finger)


@each_contact
@pytest.mark.parametrize("state", [*REST, "processing", "speaking"])
def test_who_speaks_while_holding_for_more_than_eight_seconds_is_heard_and_not_hung_up_on(
    state: str, bounces: bool
) -> None:
    finger = finger_in(state, bounces=bounces)
    finger.moves((12.0,), says=True)
    pushes_to_talk(finger)
    assert not finger.told(do.EndSession)


@each_contact
@pytest.mark.parametrize("says", [False, True], ids=["silent", "spoken into"])
@in_each_state
def test_a_button_that_is_down_for_a_minute_records_no_longer_and_is_told_as_a_fault(
    state: str, says: bool, bounces: bool
) -> None:
    finger = finger_in(state, bounces=bounces)
    finger.moves(STUCK, says=says)
    talk = finger.talk
    assert talk.session.facts.stuck
    assert len(finger.told(do.Record)) == len(finger.told(do.Commit)) + len(finger.told(do.Discard)) - (
        state == "listening"
    )
    while talk.state not in RESTING:
        talk.wait_for_deadline()
    assert talk.is_in(State.FAULT) or state == "fault, refused"


@in_each_state
def test_after_a_stuck_button_the_next_press_counts_again(state: str) -> None:
    finger = finger_in(state)
    finger.moves(STUCK)
    again = Finger(finger.talk, bounces=False)
    again.moves(TAP)
    assert not again.talk.session.facts.stuck
    assert again.told(do.Record) or state == "fault, deaf"


@in_each_state
def test_a_contact_that_flickers_for_less_than_25_ms_while_it_is_held_is_held(state: str) -> None:
    """The same orders as for a hold without."""
    steady, flickering = finger_in(state), finger_in(state)
    steady.moves((1.0,))
    flickering.moves((0.5, 0.024, 0.476))
    assert [type(effect) for effect in flickering.talk.all] == [type(effect) for effect in steady.talk.all]
