"""Every metric of the daemon: its name, type, help, label with all the values it may have, and buckets (PRODUCT 9).

Named as Prometheus asks: base units (seconds, bytes), counters end in `_total`. No label holds a user, a session or a
text, and each has the few values written here; what is none of them is counted as `other`.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from hero365_edge.core.handshake import LinkState
from hero365_edge.core.lamp import STATES
from hero365_edge.core.latency import STAGES

Kind: TypeAlias = Literal["counter", "gauge", "state", "info", "histogram"]
"""`state`: a gauge that is 1 at one value of its label, 0 at the others. `info`: always 1, its labels are the facts."""

OTHER = "other"
"""Where a value is counted that nobody thought of."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric."""

    name: str
    kind: Kind
    help: str
    label: str = ""
    """Its one label; empty where it has none. An `info` has one for each of `values`."""
    values: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    """Upper bounds; the last, infinite one is not written."""

    def value(self, told: str) -> str:
        """The label's value for what was told; garbage becomes `other`, so that the series stay few."""
        return told if told in self.values else OTHER


TURN_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 5.0)
"""0.6 s to the first sample is the seed's target."""
PRESS_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
PING_BUCKETS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""0.1 s is the seed's target; from 1 s on the link counts as slow (`core/health.py`)."""
LAG_BUCKETS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)
"""From 5 s on the watchdog goes hungry (`health.py`)."""

_P = "hero365_edge_"

TURN_STAGE = _P + "turn_stage_seconds"
PRESS_TO_CAPTURE = _P + "press_to_capture_seconds"
PING = _P + "ping_rtt_seconds"
LAG = _P + "event_loop_lag_seconds"

_LATENCY = (
    Metric(
        TURN_STAGE,
        "histogram",
        "From the end of speech to a stage of the turn; first_sample is the first audio heard.",
        "stage",
        STAGES[STAGES.index("endpoint") :],
        TURN_BUCKETS,
    ),
    Metric(
        PRESS_TO_CAPTURE,
        "histogram",
        "From the button's edge to the utterance's first samples in hand.",
        buckets=PRESS_BUCKETS,
    ),
    Metric(
        PING,
        "histogram",
        "Round trips of answered WebSocket pings, the backend's own delay included.",
        buckets=PING_BUCKETS,
    ),
    Metric(LAG, "histogram", "How much later than asked the event loop woke, once a second.", buckets=LAG_BUCKETS),
)

_CONVERSATION = (
    Metric(_P + "state", "state", "What the appliance does, as the lamp shows it.", "state", STATES),
    Metric(
        _P + "turns_total",
        "counter",
        "Turns by how they ended; interrupted are the answers that were cut short.",
        "outcome",
        ("answered", "text", "interrupted", "no_speech", "discarded", "expired", "failed", OTHER),
    ),
    Metric(
        _P + "utterances_total",
        "counter",
        "What became of utterances: accepted, sent again, accepted twice, given up; of these, set aside as links died.",
        "outcome",
        ("accepted", "resent", "duplicate", "expired", "set_aside", OTHER),
    ),
    Metric(_P + "outbox_utterances", "gauge", "Utterances that the backend has not accepted yet."),
    Metric(
        _P + "button_events_total",
        "counter",
        "What the button was used for.",
        "gesture",
        ("pressed", "double_tapped", "hold_began", "long_held", "stuck", OTHER),
    ),
    Metric(_P + "backend_errors_total", "counter", "Errors that the backend sent as messages."),
    Metric(_P + "last_answer_timestamp_seconds", "gauge", "When an answer was last heard to its end, since 1970."),
)

_PLAYBACK = (
    Metric(_P + "playback_content_seconds_total", "counter", "Sound of answers that came, decoded."),
    Metric(_P + "playback_played_seconds_total", "counter", "Of that, what was handed to the sound card."),
    Metric(_P + "playback_silence_seconds_total", "counter", "Silence in the middle of an answer."),
    Metric(_P + "playback_concealed_seconds_total", "counter", "What bridged a pause of the stream."),
    Metric(_P + "playback_stretched_seconds_total", "counter", "What was put in to speak slower."),
    Metric(_P + "playback_lost_seconds_total", "counter", "Content that vanished: 0, or there is a mistake."),
    Metric(
        _P + "playback_late_frames_total", "counter", "Pieces that came when they should have been playing already."
    ),
    Metric(_P + "playback_underruns_total", "counter", "How often nothing was there to be played in an answer."),
    Metric(_P + "playback_pauses_total", "counter", "How often that lasted longer than was concealed."),
    Metric(_P + "speaker_volume_ratio", "gauge", "Loudness as a share of full scale; 0 while muted."),
)

_CAPTURE = (
    Metric(
        _P + "capture_level_dbfs", "gauge", "Level of the newest half second of the microphone, against full scale."
    ),
    Metric(_P + "capture_noise_floor_dbfs", "gauge", "Level of the noise in the newest utterance, against full scale."),
    Metric(_P + "capture_speech_dbfs", "gauge", "Level of the voice over its last second, before any gain."),
    Metric(_P + "capture_gain_db", "gauge", "How much a quiet voice is raised."),
    Metric(_P + "capture_recorded_seconds_total", "counter", "Sound recorded in utterances."),
    Metric(_P + "capture_speech_seconds_total", "counter", "Of that, what the voice detector took for speech."),
    Metric(_P + "capture_clipped_seconds_total", "counter", "Of that, samples at full scale."),
    Metric(_P + "capture_period_seconds", "gauge", "Length of one callback of the sound cards."),
    Metric(
        _P + "xruns_total",
        "counter",
        "How often a sound card was served too late.",
        "direction",
        ("capture", "playback", OTHER),
    ),
    Metric(_P + "device_up", "gauge", "Whether a part works.", "device", ("microphone", "speaker", "panel", OTHER)),
    Metric(_P + "microphone_deaf", "gauge", "Whether the microphone gives samples and hears nothing."),
)

_DOWN_KINDS = ("audio", "agent_response", "control", OTHER)
_UP_KINDS = ("audio", "audio_data", "control", OTHER)

_LINK = (
    Metric(_P + "link_state", "state", "How far the link is; only active carries turns.", "state", tuple(LinkState)),
    Metric(_P + "link_profile", "state", "What was agreed for this session.", "profile", ("none", "seed", "v1")),
    Metric(
        _P + "reconnects_total",
        "counter",
        "Links that ended, or could not be had, by what the matter was.",
        "cause",
        (
            *("lost", "busy", "refused", "too_big", "no_backend", "tls", "clock", "timeout", "no_token"),
            *("ended", "silent", "degraded", "dropped", OTHER),
        ),
    ),
    Metric(
        _P + "links_lost_total", "counter", "Links that ended while a session was on; cause dropped is not among them."
    ),
    Metric(_P + "link_degraded", "gauge", "Whether the link is too slow or too lossy for speech just now."),
    Metric(_P + "link_became_degraded_total", "counter", "How often a link became so."),
    Metric(_P + "link_segments_total", "counter", "TCP segments with data that were sent, each time they were."),
    Metric(_P + "link_retransmits_total", "counter", "TCP segments that were sent again."),
    Metric(_P + "link_unsent_bytes", "gauge", "Handed over and not acknowledged by the other side yet."),
    Metric(_P + "uplink_bytes_total", "counter", "Bytes of messages to the backend.", "kind", _UP_KINDS),
    Metric(_P + "downlink_bytes_total", "counter", "Bytes of messages of the backend.", "kind", _DOWN_KINDS),
    Metric(
        _P + "uplink_unasked_bytes_total", "counter", "Sound that went up without a press: 0, or there is a mistake."
    ),
    Metric(
        _P + "rejected_total",
        "counter",
        "What came and could not be understood.",
        "what",
        ("message", "sound", "answer", OTHER),
    ),
    Metric(
        _P + "token_expires_timestamp_seconds",
        "gauge",
        "When the token ends, since 1970; absent where it does not say.",
    ),
    Metric(_P + "token_renews", "gauge", "Whether the daemon fetches the next token by itself."),
)

_HOST = (
    Metric(_P + "cpu_temperature_celsius", "gauge", "The hottest thermal zone of the computer."),
    Metric(_P + "under_voltage", "gauge", "Whether the supply is too low just now."),
    Metric(_P + "under_voltage_since_boot", "gauge", "Whether it ever was since the computer started."),
    Metric(_P + "under_voltage_seconds_total", "counter", "How long it was while the daemon looked."),
    Metric(_P + "throttled", "gauge", "Whether the computer is slowed down just now, for heat or voltage."),
    Metric(_P + "storage_written_bytes_total", "counter", "What this process had written to the card."),
    Metric(_P + "clock_synchronised", "gauge", "Whether somebody keeps the wall clock right."),
    Metric(
        _P + "watchdog_withheld_total",
        "counter",
        "How often the watchdog began to go hungry, by what made no progress.",
        "check",
        ("event_loop", "cards", "connection", "button", OTHER),
    ),
    Metric(_P + "phrase_cache_phrases", "gauge", "Answers whose sound is kept."),
    Metric(_P + "phrase_cache_bytes", "gauge", "What they take."),
    Metric(
        _P + "phrase_cache_lookups_total",
        "counter",
        "Answers in text alone that were looked for there.",
        "result",
        ("hit", "miss", OTHER),
    ),
    Metric(_P + "build_info", "info", "Which version this is.", values=("version", "python")),
)

METRICS = {metric.name: metric for metric in (*_LATENCY, *_CONVERSATION, *_PLAYBACK, *_CAPTURE, *_LINK, *_HOST)}
"""By name, in the order in which they are served."""
