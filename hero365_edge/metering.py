"""What the metrics of a running appliance are: its parts read at each scrape, and what happens observed."""

import asyncio
import platform
from collections import Counter
from pathlib import Path
from typing import Protocol

from hero365_edge import __version__
from hero365_edge.button import Button
from hero365_edge.cards import LOOK_EVERY_S, Cards
from hero365_edge.connection import Connection
from hero365_edge.core import events as ev
from hero365_edge.core import gestures as g
from hero365_edge.core import messages as m
from hero365_edge.core.gate import dbfs
from hero365_edge.core.health import LinkHealth, Vitals
from hero365_edge.core.latency import Turn
from hero365_edge.core.pcm import FRAME_SAMPLES, duration_s
from hero365_edge.core.session import Session
from hero365_edge.dialogue import Dialogue
from hero365_edge.downlink import Downlink
from hero365_edge.fleet import host
from hero365_edge.fleet.metric_table import LAG, METRICS, PING, PRESS_TO_CAPTURE, TURN_STAGE
from hero365_edge.fleet.metrics import Metrics, Readings
from hero365_edge.fleet.scrape import ScrapeServer
from hero365_edge.fleet.wear import written_bytes
from hero365_edge.health import Health
from hero365_edge.loudness import Loudness
from hero365_edge.privacy import SoundMeter
from hero365_edge.recording import mono
from hero365_edge.spoken import Spoken
from hero365_edge.uplink import Uplink
from hero365_edge.world import World

TICK_S = 1.0

_GESTURES: dict[type, str] = {
    g.Pressed: "pressed",
    g.DoubleTapped: "double_tapped",
    g.HoldBegan: "hold_began",
    g.LongHeld: "long_held",
    g.Stuck: "stuck",
}


class Daemon(Protocol):
    """What is read of the appliance."""

    session: Session
    dialogue: Dialogue
    uplink: Uplink
    downlink: Downlink
    connection: Connection
    cards: Cards
    button: Button
    health: Health
    loudness: Loudness
    sound: SoundMeter
    spoken: Spoken


class Metering:
    """`metrics` is what is served. It is told each event and each turn, and looks once a second."""

    def __init__(self, daemon: Daemon, world: World, channel: int | None, sys: Path = host.SYS) -> None:
        """`channel` of the microphone is the one that is used; the average of all when None. `sys` is sysfs."""
        self._daemon = daemon
        self._world = world
        self._channel = channel
        self._sys = sys
        self._turns: Counter[str] = Counter()
        self._gestures: Counter[str] = Counter()
        self._backend_errors = 0
        self._last_answer_at: float | None = None
        self._began_s = 0.0
        self._rtt_s: float | None = None
        self._health: LinkHealth | None = None
        self._vitals = Vitals()
        self._segments = self._retransmits = 0
        self._under_voltage_s = 0.0
        self._power = host.Power()
        self.metrics = Metrics(self._readings)

    # -- what happens ---------------------------------------------------------------------------------------------

    def seen(self, event: ev.Event) -> None:
        """An event of the conversation."""
        if (gesture := _GESTURES.get(type(event))) is not None:
            self._gestures[gesture] += 1
        elif isinstance(event, ev.Recorded):
            before_s, self._began_s = self._began_s, self._daemon.uplink.began_s
            if self._began_s != before_s:  # else no press began it, or the microphone gave nothing of it
                self.metrics.observe(PRESS_TO_CAPTURE, self._began_s)
        elif isinstance(event, ev.Received) and isinstance(event.message, m.Error):
            self._backend_errors += 1

    def turn_closed(self, turn: Turn) -> None:
        """A turn is over."""
        self._turns[turn.outcome] += 1
        if turn.outcome == "answered":
            self._last_answer_at = self._world.clock.utc().timestamp()
        for stage in METRICS[TURN_STAGE].values:
            at: float | None = getattr(turn, stage)
            if at is not None and turn.speech_end is not None:
                self.metrics.observe(TURN_STAGE, at - turn.speech_end, stage)

    async def run(self, listen: str) -> None:
        """Serve the metrics at `listen`, ADDRESS:PORT, and look each second at what no scrape would see; for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ScrapeServer(listen, self.metrics.registry).run(), name="metrics server")
            tasks.create_task(self._look(), name="metrics")

    async def _look(self) -> None:
        clock = self._world.clock
        while True:
            due_at = clock.now() + TICK_S
            await asyncio.sleep(TICK_S)
            self.metrics.observe(LAG, max(0.0, clock.now() - due_at))
            self._look_at_link()
            self._power = host.power(self._sys)
            self._under_voltage_s += TICK_S * bool(self._power.under_voltage)

    def _look_at_link(self) -> None:
        connection = self._daemon.connection
        before, self._rtt_s = self._rtt_s, connection.rtt_s
        if self._rtt_s is not None and self._rtt_s != before:
            self.metrics.observe(PING, self._rtt_s)
        same = connection.health is self._health
        last, self._health = self._vitals if same else Vitals(), connection.health  # a new link counts from 0
        self._vitals = now = Vitals() if self._health is None else self._health.vitals
        self._segments += now.segments - last.segments
        self._retransmits += now.retransmits - last.retransmits

    # -- what is read ---------------------------------------------------------------------------------------------

    def _readings(self) -> Readings:
        parts = (self._of_conversation(), self._of_playback(), self._of_capture(), self._of_link(), self._of_host())
        return {f"hero365_edge_{name}": reading for part in parts for name, reading in part.items()}

    def _of_conversation(self) -> Readings:
        daemon = self._daemon
        return {
            "state": daemon.dialogue.light.value,
            "turns_total": self._turns,
            "utterances_total": daemon.session.utterances,
            "outbox_utterances": daemon.session.waiting,
            "button_events_total": self._gestures,
            "backend_errors_total": self._backend_errors,
            "last_answer_timestamp_seconds": self._last_answer_at,
        }

    def _of_playback(self) -> Readings:
        figures = self._daemon.downlink.figures
        counts = ("late_frames", "underruns", "pauses")
        lengths = ("content", "played", "silence", "concealed", "stretched", "lost")
        phrases = self._daemon.spoken.figures
        return {
            **{f"playback_{name}_total": figures[name] for name in counts},
            **{f"playback_{name}_seconds_total": figures[f"{name}_ms"] / 1000 for name in lengths},
            "speaker_volume_ratio": self._daemon.loudness.heard,
            "phrase_cache_phrases": phrases.get("phrases"),
            "phrase_cache_bytes": phrases.get("bytes"),
            "phrase_cache_lookups_total": {"hit": phrases["hits"], "miss": phrases["misses"]} if phrases else None,
        }

    def _of_capture(self) -> Readings:
        daemon, microphone = self._daemon, self._world.microphone
        level, cards = daemon.uplink.level, daemon.cards
        meter = level.meter
        recent = microphone.recent(LOOK_EVERY_S)
        troubles = {
            "microphone": cards.microphone_trouble,
            "speaker": cards.speaker_trouble,
            "panel": daemon.button.trouble,
        }
        return {
            "capture_level_dbfs": dbfs(mono(recent, self._channel)) if len(recent) else None,
            "capture_noise_floor_dbfs": meter.floor.dbfs,
            "capture_speech_dbfs": level.speech_dbfs,
            "capture_gain_db": level.gain_db,
            "capture_recorded_seconds_total": duration_s(meter.frames * FRAME_SAMPLES),
            "capture_speech_seconds_total": duration_s(meter.speech_frames * FRAME_SAMPLES),
            "capture_clipped_seconds_total": meter.clipped_s,
            "capture_period_seconds": cards.period.ms / 1000,
            "xruns_total": {"capture": microphone.xruns, "playback": self._world.speaker.xruns},
            "device_up": {device: float(not trouble) for device, trouble in troubles.items()},
            "microphone_deaf": float(cards.is_deaf),
        }

    def _of_link(self) -> Readings:
        daemon, tokens = self._daemon, self._world.tokens
        connection = daemon.connection
        health, counts, agreement = connection.health, connection.counts, connection.agreement
        rejected = {"message": counts.rejected, "sound": daemon.downlink.rejected, "answer": daemon.dialogue.rejected}
        return {
            "link_state": connection.state.value,
            "link_profile": "none" if agreement is None else agreement.profile,
            "reconnects_total": counts.causes,
            "links_lost_total": counts.lost,
            "link_degraded": float(health is not None and health.degraded),
            "link_became_degraded_total": counts.degraded,
            "link_segments_total": self._segments,
            "link_retransmits_total": self._retransmits,
            "link_unsent_bytes": None if health is None else health.vitals.unsent_bytes,
            "uplink_bytes_total": counts.sent_bytes,
            "downlink_bytes_total": counts.received_bytes,
            "uplink_unasked_bytes_total": daemon.sound.unasked_bytes,
            "rejected_total": rejected,
            "token_expires_timestamp_seconds": tokens.expires_at(),
            "token_renews": float(tokens.renews),
        }

    def _of_host(self) -> Readings:
        return {
            "cpu_temperature_celsius": host.temperature_celsius(self._sys),
            "under_voltage": self._power.under_voltage,
            "under_voltage_since_boot": self._power.under_voltage_since_boot,
            "under_voltage_seconds_total": None if self._power.under_voltage is None else self._under_voltage_s,
            "throttled": self._power.throttled,
            "storage_written_bytes_total": written_bytes(),
            "clock_synchronised": float(self._world.clock.synchronised()),
            "watchdog_withheld_total": self._daemon.health.withheld,
            "build_info": {"version": __version__, "python": platform.python_version()},
        }
