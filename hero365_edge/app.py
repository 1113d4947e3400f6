"""The composition root: builds every part and runs them as named tasks of one group."""

import asyncio
import contextlib
import logging
import uuid
from pathlib import Path

from hero365_edge import connection, downlink, from_settings, orders, uplink
from hero365_edge.button import Button
from hero365_edge.cards import Cards
from hero365_edge.core import events as ev
from hero365_edge.core.earcons import Earcon, earcon
from hero365_edge.core.gestures import STUCK_S, Gestures
from hero365_edge.core.session import Session
from hero365_edge.core.states import State
from hero365_edge.dialogue import Dialogue
from hero365_edge.echo import CleanEar
from hero365_edge.fleet.control import ControlServer
from hero365_edge.fleet.secrets import scrub
from hero365_edge.fleet.wear import written_bytes
from hero365_edge.health import Health, overdue
from hero365_edge.loudness import Loudness
from hero365_edge.privacy import SoundMeter
from hero365_edge.settings import Settings
from hero365_edge.spoken import Spoken
from hero365_edge.surroundings import Surroundings
from hero365_edge.world import World

log = logging.getLogger(__name__)

SPEAKER_S = 3.0
"""A speaker that works is open by then."""
TOKEN_LOOK_S = 30.0
STOP_S = 3.5
"""The session's goodbye may take so long after SIGTERM; the whole exit 5 s (PRODUCT section 8)."""


class Appliance:
    """The whole daemon, on whatever world it is given."""

    def __init__(self, settings: Settings, world: World) -> None:
        self._settings = settings  # those that count: what needs a restart stays as it was at the start
        self._world = world
        clock = world.clock
        self.session = Session(from_settings.session_limits(settings), lambda: str(uuid.uuid4()), clock.now())
        self.dialogue = Dialogue(
            clock,
            self.session,
            Gestures(settings.panel.debounce_ms),
            world.panel,
            log_transcripts=settings.log.transcripts,
            seen=self._seen,
        )
        happen = self.dialogue.happen
        self.downlink = downlink.Downlink(clock, world.speaker, world.codecs, from_settings.playback(settings), happen)
        self.loudness = Loudness(self._be_heard, settings.audio.output.volume)
        backend = from_settings.backend(settings)
        self.connection = connection.Connection(clock, world.dialer, backend, world.tokens, self.dialogue)
        self.surroundings = Surroundings(clock, world.location, self.connection.post)
        self.sound = SoundMeter(self.connection.send, lambda: self.uplink.open)
        channel, microphone = from_settings.capture(settings).channel, world.microphone
        self.ear = (
            None if world.echo is None else CleanEar(clock, microphone, world.codecs, channel, world.echo, happen)
        )
        self.uplink = uplink.Uplink(
            clock,
            self.ear or microphone,
            world.detector,
            world.codecs,
            from_settings.capture(settings),
            self.sound.send,
            happen,
            world.shelf,
        )
        if world.memory is not None and (session_id := world.memory.recall(settings.session.idle_timeout_s)):
            self.connection.session_id = session_id
        self.spoken = Spoken(world.phrases, world.voice, world.codecs, self.downlink.stand_in, self.downlink.chime)
        self.spoken.usual = settings.speech.phrases
        self.dialogue.connect(self.uplink, self.downlink, self.connection, self.spoken)
        self.cards = Cards(
            clock,
            world.microphone,
            world.speaker,
            happen,
            self.downlink.card_lost,
            self.downlink.hold,
            recording=lambda: self.uplink.recording,
            playing=lambda: self.downlink.playing,
            period_ms=settings.audio.period_ms,
            channel=channel,
            zeros_allowed={"auto": None, "fault": False, "normal": True}[settings.audio.input.digital_silence],
            always_on=settings.capture.always_on,
        )
        self.dialogue.mute(settings.audio.output.volume == 0)
        self.dialogue.before_press = self.cards.listen
        self.button = Button(clock, world.panel, self.dialogue.edge, self._second_pressed)
        checks = {
            "cards": self.cards.stuck,
            "connection": overdue("the connection", lambda: self.connection.due_at),
            "button": self.button.stuck,
        }
        self.health = Health(clock, world.supervisor, self.describe, checks)
        self.metering = None
        if settings.metrics.listen:
            from hero365_edge.metering import Metering  # noqa: PLC0415  its library is loaded only where it is wanted

            self.metering = Metering(self, world, channel)
            self.dialogue.turn_closed = self.metering.turn_closed
        self.listeners: list[asyncio.Queue[ev.Event]] = []
        """Each gets every event, for whoever watches a run, such as the demo; full queues miss out."""

    async def run(self, stop: asyncio.Event) -> None:
        """Be the appliance until `stop` is set, then end the session and let everything go."""
        path = self._settings.control.socket
        control = ControlServer(Path(path), orders.handlers(self)) if path else None
        try:
            async with asyncio.TaskGroup() as tasks:
                work = {
                    "connection": self.connection.run(),
                    "uplink": self.uplink.run(),
                    "downlink": self.downlink.run(),
                    "dialogue": self.dialogue.run(),
                    "spoken": self.spoken.run(),
                    "button": self.button.run(),
                    "cards": self.cards.run(),
                    "health": self.health.run(),
                    "surroundings": self.surroundings.run(),
                    "leftovers": self._take_up(self.uplink.restore()),
                    "token": self._keep_token_fresh(),
                }
                if self.ear is not None:
                    work["echo"] = self.ear.run()
                if self.metering is not None:
                    work["metrics"] = self.metering.run(self._settings.metrics.listen)
                if self._world.memory is not None:
                    work["session memory"] = self._world.memory.run(lambda: self.connection.session_id)
                running = [tasks.create_task(each, name=name) for name, each in work.items()]
                if control is not None:
                    await control.start()
                self._world.supervisor.ready()
                await stop.wait()
                self._world.supervisor.stopping()
                await self._say_goodbye()
                for task in running:
                    task.cancel()
        finally:
            if control is not None:
                await control.close()
            self.button.close()
            self.cards.close()

    def reload(self, settings: Settings) -> list[str]:
        """Take what can change while running; the names of the sections with changes that need a restart.

        Those are named each time, until the restart or until they are taken back.
        """
        volume = settings.audio.output.volume
        if volume != self._settings.audio.output.volume:  # else what `volume` and `mute` said stays
            self.loudness.set(volume)
        self.dialogue.log_transcripts = settings.log.transcripts
        self.spoken.usual = settings.speech.phrases
        self._settings = from_settings.taken_while_running(self._settings, settings)
        return [name for name in Settings.__struct_fields__ if getattr(self._settings, name) != getattr(settings, name)]

    def status(self) -> dict[str, object]:
        """What `hero365-edge status` prints."""
        turn = self.dialogue.last_turn
        return {
            "state": self.dialogue.light.value,
            "why": self._why(),
            "link": self.connection.facts(),
            "session_id": self.connection.session_id,
            "devices": {
                "microphone": self.cards.microphone_trouble or self._settings.audio.input.device,
                "speaker": self.cards.speaker_trouble or self._settings.audio.output.device,
                "panel": "; ".join(self.button.troubles.values()) or "works",
            },
            "sound": {
                "period_ms": self.cards.period.ms,
                "xruns": self._world.microphone.xruns + self._world.speaker.xruns,
                "sent_bytes": self.sound.sent_bytes,
                "sent_unasked_bytes": self.sound.unasked_bytes,
                **self.uplink.level.figures,
                **(self.ear.figures if self.ear else {}),
            },
            "volume": self.loudness.facts(),
            "waiting_utterances": self.session.waiting,
            "utterances": dict(self.session.utterances),
            "kept": {
                "outlives_the_process": self._world.shelf.lasts,
                "session_writes": None if self._world.memory is None else self._world.memory.writes,
                "written_bytes": written_bytes(),
            },
            "context": self.surroundings.facts(),
            "last_turn": None if turn is None else {"outcome": turn.outcome, **turn.since_speech_end_ms()},
            "last_text": scrub(self.dialogue.last_text) if self._settings.log.transcripts else None,
            "phrases": self.spoken.figures,
            "playback": {**self.downlink.figures, "rejected": self.downlink.rejected},
        }

    def describe(self) -> str:
        """One line for systemd and people."""
        trouble = self.cards.microphone_trouble or self.cards.speaker_trouble or self.button.trouble
        waits_for = f", which waits for the {self.connection.waits_for}" if self.connection.waits_for else ""
        link = f"link {self.connection.state.value}{waits_for}"
        return f"{self.dialogue.light.value}, {link}{f'; {trouble}' if trouble else ''}"

    def _why(self) -> dict[str, str]:
        """What is wrong, by the part that is to blame; empty when all is well."""
        facts = self.session.facts
        stuck = {"button": f"it has not come up for {STUCK_S:g} s"} if facts.stuck else {}
        reasons = {
            "microphone": self.cards.microphone_trouble,
            "speaker": self.cards.speaker_trouble,
            **self.button.troubles,
            **stuck,
            "location": self.surroundings.trouble,
            "token" if facts.refused else "link": "" if facts.dormant else scrub(self.connection.trouble),
        }
        return {part: reason for part, reason in reasons.items() if reason}

    async def _take_up(self, restored: list[ev.Restored]) -> None:
        """Hold what an earlier process held, as soon as the speaker can tell which of it expired, if it ever can."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SPEAKER_S if restored else 0.0):
                while self.cards.speaker_trouble:  # noqa: ASYNC110  the cards have no event for it, and this is once
                    await asyncio.sleep(0.05)
        for event in restored:
            log.info("%.1f s of speech of an earlier run wait to be sent", event.length_s)
            self.dialogue.happen(event)

    async def _keep_token_fresh(self) -> None:
        while True:
            await asyncio.sleep(TOKEN_LOOK_S)
            await self._world.tokens.refresh()

    async def _say_goodbye(self) -> None:
        if self._world.shelf.lasts and self.session.waiting:
            return  # the next run sends it, in this session, where the backend knows a copy when it sees one
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                self.dialogue.happen(ev.SessionEndAsked(self._world.clock.now()))
                await self.connection.close()

    def _be_heard(self, volume: float) -> None:
        self.downlink.set_volume(volume)
        self.dialogue.mute(volume == 0)

    def _second_pressed(self) -> None:
        if self._settings.panel.second_does == "mute":
            self.loudness.toggle()
        else:
            self.loudness.step()
        if not self.uplink.recording:  # the microphone would hear it
            self.downlink.chime(earcon(Earcon.LOUDNESS))

    def _seen(self, event: ev.Event) -> None:
        if self.metering is not None:
            self.metering.seen(event)
        if self.ear is not None:
            self.ear.attend(self.downlink.playing, self.session.state is State.SPEAKING)
        if isinstance(event, ev.Recorded) and (health := self.connection.health) is not None:
            self.downlink.expect_lateness(health.rtt_spread_s)
        if self.uplink.recording:
            self.cards.wanted()
        if (memory := self._world.memory) is not None and isinstance(event, ev.LinkUp):
            memory.look()
        elif memory is not None and isinstance(event, ev.Recorded | ev.Said):
            memory.active()
        if isinstance(event, ev.LinkUp):
            self.surroundings.session_on()
        elif isinstance(event, ev.LinkDown):
            self.surroundings.session_off()
        for queue in self.listeners:
            with contextlib.suppress(asyncio.QueueFull):
                queue.put_nowait(event)
