"""What the parts of the appliance take from the settings, each in its own words."""

from msgspec.structs import replace

from hero365_edge import connection, uplink
from hero365_edge.core import handshake, situation
from hero365_edge.core.sniff import AudioKind
from hero365_edge.player import Playback
from hero365_edge.settings import Settings


def session_limits(settings: Settings) -> situation.Limits:
    """How long each wait of the conversation may take."""
    return situation.Limits(
        accept_s=settings.session.accept_timeout_s,
        answer_s=settings.session.answer_timeout_s,
        idle_s=settings.session.idle_timeout_s,
        max_utterance_s=settings.capture.max_utterance_s,
        max_age_s=settings.outbox.max_age_s,
        max_utterances=settings.outbox.max_utterances,
        start_earcon=settings.playback.start_earcon,
    )


def backend(settings: Settings) -> connection.Backend:
    """Where to dial and how to agree."""
    wanted = settings.backend
    return connection.Backend(
        url=wanted.url,
        user_id=wanted.user_id,
        business_id=wanted.business_id,
        auth_transport=wanted.auth_transport,
        profile=wanted.profile,
        seed_uplink=wanted.seed_uplink,
        connect_timeout_s=wanted.connect_timeout_s,
        limits=handshake.Limits(
            confirm_s=wanted.confirm_timeout_s, start_s=wanted.start_timeout_s, realtime_s=wanted.realtime_timeout_s
        ),
        reconnect_spread_s=wanted.reconnect_spread_s,
    )


def capture(settings: Settings) -> uplink.Capture:
    """What the way up wants to know."""
    channel = settings.audio.input.channel
    return uplink.Capture(
        preroll_ms=settings.capture.preroll_ms,
        hangover_ms=settings.capture.hangover_ms,
        no_speech_timeout_s=settings.capture.no_speech_timeout_s,
        max_utterance_s=settings.capture.max_utterance_s,
        tail_silence_ms=settings.backend.tail_silence_ms,
        channel=channel if isinstance(channel, int) else None,
        max_gain_db=settings.audio.input.max_gain_db,
    )


def playback(settings: Settings) -> Playback:
    """What the way down wants to know."""
    kind = settings.backend.downlink
    return Playback(
        start_ms=settings.playback.start_ms,
        response_gap_ms=settings.session.response_gap_ms,
        volume=settings.audio.output.volume,
        kind=None if kind == "auto" else AudioKind(kind),
    )


def taken_while_running(running: Settings, fresh: Settings) -> Settings:
    """`running` with all of `fresh` that needs no restart: loudness, usual phrases, log."""
    output = replace(running.audio.output, volume=fresh.audio.output.volume)
    return replace(
        running,
        audio=replace(running.audio, output=output),
        speech=replace(running.speech, phrases=fresh.speech.phrases),
        log=fresh.log,
    )
