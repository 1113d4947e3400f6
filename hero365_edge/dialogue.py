"""Events into the session, effects out: the one place where the lanes, the link and the panel meet."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from hero365_edge.connection import Connection
from hero365_edge.core import effects as do
from hero365_edge.core import events as ev
from hero365_edge.core import messages as m
from hero365_edge.core.earcons import earcon
from hero365_edge.core.gestures import Edge, Gestures
from hero365_edge.core.handshake import Agreement
from hero365_edge.core.lamp import Light, shown
from hero365_edge.core.latency import Turn
from hero365_edge.core.session import Session
from hero365_edge.core.states import RESTING
from hero365_edge.downlink import Downlink
from hero365_edge.errors import WireError
from hero365_edge.ports import Clock, Panel
from hero365_edge.spoken import Spoken
from hero365_edge.uplink import Uplink

log = logging.getLogger(__name__)
transcripts = logging.getLogger("hero365_edge.transcripts")
"""What was said, one line each, under a name of its own: by it a support bundle leaves them out."""


class Dialogue:
    """Carries out what the session orders. Everything happens in the event loop, one event at a time."""

    def __init__(
        self,
        clock: Clock,
        session: Session,
        gestures: Gestures,
        panel: Panel,
        *,
        log_transcripts: bool,
        seen: Callable[[ev.Event], None],
    ) -> None:
        """`seen` is told each event, for status and measurements. `connect` comes before `run`."""
        self._clock = clock
        self._session = session
        self._panel = panel
        self.log_transcripts = log_transcripts
        self._seen = seen
        self._gestures = gestures
        self._events: deque[ev.Event] = deque()
        self._handling = False
        self._changed = asyncio.Event()
        self._agreement: Agreement | None = None
        self.light = Light.STARTING
        self._muted = False
        self.last_turn: Turn | None = None
        self.last_text = ""
        self._texts = 0
        self._last_error = ""
        self.before_press: Callable[[], None] = lambda: None
        """Called when the button goes down, before anything is done about it."""
        self.turn_closed: Callable[[Turn], None] = lambda _: None
        """Told each turn that is over, for measurements."""
        self.rejected = 0
        """Answers whose sound was skipped because it was not base64."""

    def connect(self, uplink: Uplink, downlink: Downlink, connection: Connection, spoken: Spoken) -> None:
        """Give it the lanes and the link, which in turn tell it what happens."""
        self._uplink = uplink
        self._downlink = downlink
        self._connection = connection
        self._spoken = spoken
        self._carry_out: dict[type, Callable[[Any], None]] = {
            do.Record: lambda order: uplink.record(order.utterance_id, order.since, pressed=order.pressed),
            do.Settle: lambda order: uplink.settle(self._agreement if order.live else None, order.held),
            do.Announce: lambda _: uplink.announce(ended=True),
            do.TakeBack: lambda _: uplink.announce(ended=False),
            do.Commit: lambda order: uplink.commit(order.until),
            do.Discard: lambda _: uplink.discard(),
            do.Hold: lambda _: uplink.stop_sending(),
            do.SendKept: lambda order: uplink.send_kept(order.utterance_id, self._agreement, order.in_frames),
            do.Forget: lambda order: uplink.forget(order.utterance_id),
            do.Silence: self._silence,
            do.Admit: lambda order: downlink.admit(order.play),
            do.Expect: lambda order: downlink.expect(order.ssrc),
            do.Complete: lambda _: downlink.complete(),
            do.PlayWhole: lambda order: downlink.play(order.audio, order.audio_format),
            do.Speak: lambda order: spoken.say(order.text, order.after_s, self._resting),
            do.Replay: lambda _: downlink.replay(),
            do.Chime: lambda order: downlink.chime(earcon(order.earcon)),
            do.Send: lambda order: connection.post(order.message),
            do.DialNow: lambda _: connection.dial_now(),
            do.Redial: lambda order: connection.redial(order.reason),
            do.EndSession: lambda _: self._end_session(),
            do.Show: self._show,
            do.CloseTurn: self._close_turn,
        }

    # -- what happens ---------------------------------------------------------------------------------------------

    def happen(self, event: ev.Event) -> None:
        """Take an event and carry out what follows. Events that follow from effects wait for their turn."""
        self._events.append(event)
        if self._handling:
            return
        self._handling = True
        try:
            while self._events:
                event = self._events.popleft()
                for effect in self._session.handle(event, self._clock.now()):
                    self._carry_out[type(effect)](effect)
                self._light_lamp()
                self._seen(event)
        finally:
            self._handling = False
        self._changed.set()

    def edge(self, edge: Edge) -> None:
        """The button changed."""
        if edge.pressed:
            self.before_press()
        for gesture in self._gestures.edge(edge):
            self.happen(gesture)
        self._changed.set()

    def edge_now(self, pressed: bool) -> None:
        """Somebody presses or releases the button from afar."""
        self.edge(Edge(pressed, self._clock.now()))

    def mute(self, muted: bool) -> None:
        """Let the lamp tell that nothing will be heard, or no longer."""
        if muted != self._muted:
            self._muted = muted
            self._light_lamp()

    def say(self, text: str) -> bool:
        """Ask a typed question; False when there is no session or a turn is under way."""
        if self._agreement is None or self._session.state not in RESTING:
            return False
        self.happen(ev.Said(text, self._clock.now()))
        return True

    def end_session(self) -> int:
        """End the session with the backend; how many kept utterances were given up with it."""
        kept = self._session.waiting
        self.happen(ev.SessionEndAsked(self._clock.now()))
        return kept

    # -- what the connection tells --------------------------------------------------------------------------------

    def link_up(self, agreement: Agreement) -> None:
        """A session is on."""
        self._agreement = agreement
        self._downlink.link_up(v1=agreement.profile == "v1")
        self.happen(ev.LinkUp(agreement, self._clock.now()))

    def link_down(self, refused: bool, tell: bool, too_big: bool, hung_up: bool) -> None:
        """The link is gone."""
        self._agreement = None
        self._uplink.stop_sending()
        self.happen(ev.LinkDown(self._clock.now(), refused, tell, too_big, hung_up))

    def idle(self) -> bool:
        """Whether nobody would miss the link for a moment."""
        return self._session.state in RESTING and not self._downlink.playing and not self._session.waiting

    def message(self, message: m.AnyMessage) -> None:
        """A message of the backend, made into the event that it is."""
        now = self._clock.now()
        if isinstance(message, m.Error):
            level = logging.DEBUG if message.error == self._last_error else logging.WARNING
            log.log(level, "the backend says: %s", message.error[:200])
            self._last_error = message.error
        if not isinstance(message, m.AgentResponse):
            self.happen(ev.Received(message, now))
            return
        self.last_text = message.response
        self._texts += self._session.state not in RESTING
        if self.log_transcripts:
            transcripts.info("the agent says: %s", " ".join(message.response.split()))
        try:
            audio = m.sound_of(message)
        except WireError as error:
            self.rejected += 1
            level = logging.WARNING if self.rejected == 1 else logging.DEBUG
            log.log(level, "the sound of an answer was skipped: %s", error)
            audio = None
        if audio is None:
            self.happen(ev.TextAnswered(message.response, now))
        else:
            self.happen(ev.SpokenAnswered(message.response, audio, message.audio_format or "", now))

    def sound(self, data: bytes) -> None:
        """A binary message of sound goes straight to the lane."""
        self._downlink.sound(data)

    # -- running --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Watch the time limits of the session and of the gestures, for ever."""
        self._light_lamp()
        while True:
            self._changed.clear()
            self._time_limits()
            times = [at for at in (self._session.deadline, self._gestures.deadline) if at is not None]
            wait_s = max(0.0, min(times) - self._clock.now()) if times else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            await asyncio.sleep(0)  # an edge that waits to be told comes before the clock's verdict on it

    def _time_limits(self) -> None:
        now = self._clock.now()
        for gesture in self._gestures.tick(now):
            self.happen(gesture)
        deadline = self._session.deadline
        if deadline is not None and now >= deadline:
            self.happen(ev.TimeUp(now))

    # -- effects that are more than one call ----------------------------------------------------------------------

    def _silence(self, order: do.Silence) -> None:
        heard_ms = self._downlink.silence()
        if order.cancel is not None:
            self._connection.post(m.ResponseCancelled(response_id=order.cancel, played_ms=heard_ms))

    def _show(self, order: do.Show) -> None:
        self.light = order.light

    def _light_lamp(self) -> None:
        self._panel.show(shown(self.light, recording=self._uplink.recording, muted=self._muted))

    def _end_session(self) -> None:
        self._agreement = None
        self._connection.end_session()

    def _resting(self) -> bool:
        return self._session.state in RESTING

    def _close_turn(self, order: do.CloseTurn) -> None:
        self.last_turn = order.turn
        self.turn_closed(order.turn)
        if self._texts == 1 and order.turn.outcome == "answered" and order.turn.first_sample is not None:
            self._spoken.heard(order.turn.heard, self._downlink.last_answer.pcm())
        self._texts = 0
        times_ms = order.turn.since_speech_end_ms()
        fields = {"turn": order.turn.outcome, **{f"{stage}_ms": ms for stage, ms in times_ms.items()}}
        log.info("turn %s: %s", order.turn.outcome, times_ms, extra={"fields": fields})
