"""The vocabulary of the wire: every JSON message of the seed protocol and of the `v1` profile, as types.

Each message is known in both directions. Fields stand in the order of the seed's examples. What the seed only
recommends may be missing or null when read; a field of the wrong type makes the whole message a `WireError`.
"""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

import msgspec

from hero365_edge.errors import WireError

Note: TypeAlias = str | None
"""A text that only informs: it may be missing or null, and nothing depends on it."""

MAX_TEXT_BYTES = 16 * 1024 * 1024
"""PRODUCT section 3: a text message of 16 MiB at most."""


class Message(msgspec.Struct, frozen=True, tag_field="type", kw_only=True, omit_defaults=True):
    """What all messages share: `type` (the tag) and, filled in when sent, `timestamp`."""


# -- opening and closing ----------------------------------------------------------------------------------------


class ConnectionConfirmed(Message, frozen=True, tag="connection_confirmed"):
    """The backend has accepted the WebSocket."""

    session_id: Note = ""
    realtime_available: bool | None = False
    buffered_available: bool | None = False
    message: Note = ""
    timestamp: Note = ""


class StartSession(Message, frozen=True, tag="start_session"):
    """Begin the voice session."""

    timestamp: Note = ""


class SessionStarted(Message, frozen=True, tag="session_started"):
    """The voice session is on."""

    session_id: Note = ""
    status: Note = ""
    message: Note = ""
    realtime_available: bool | msgspec.UnsetType | None = msgspec.UNSET
    buffered_available: bool | msgspec.UnsetType | None = msgspec.UNSET
    timestamp: Note = ""


class AudioOffer(msgspec.Struct, frozen=True, kw_only=True):
    """The one extra object of `enable_realtime`: what this device can do (PRODUCT section 3)."""

    profile: str = "v1"
    uplink: tuple[str, ...] = ("opus", "pcm16")
    downlink: tuple[str, ...] = ("opus", "pcm16")
    sample_rate: int = 16000
    frame_ms: int = 20


class AudioChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What the backend chose of an offer; one codec may come as a name or as a list of one."""

    profile: str = "v1"
    uplink: str | tuple[str, ...] = "opus"
    downlink: str | tuple[str, ...] = "opus"


class EnableRealtime(Message, frozen=True, tag="enable_realtime"):
    """Ask for binary realtime audio; with `audio`, offer the `v1` profile."""

    audio: AudioOffer | msgspec.UnsetType = msgspec.UNSET
    timestamp: Note = ""


class RealtimeEnabled(Message, frozen=True, tag="realtime_enabled"):
    """Binary realtime audio is on; with `audio`, the backend has chosen the `v1` profile."""

    session_id: Note = ""
    status: Note = ""
    audio: AudioChoice | msgspec.UnsetType = msgspec.UNSET
    timestamp: Note = ""


class EndSession(Message, frozen=True, tag="end_session"):
    """End the voice session."""

    timestamp: Note = ""


class SessionEnded(Message, frozen=True, tag="session_ended"):
    """The voice session is over."""

    session_id: Note = ""
    status: Note = ""
    message: Note = ""
    timestamp: Note = ""


# -- what the technician says -----------------------------------------------------------------------------------


class TextInput(Message, frozen=True, tag="text_input"):
    """A typed question."""

    text: str
    want_audio_response: bool = msgspec.field(default_factory=bool)
    timestamp: Note = ""


class AudioData(Message, frozen=True, tag="audio_data"):
    """A whole utterance: base64 of a file of `format`, `size` in bytes before base64. `utterance_id` only in `v1`."""

    audio: str
    format: str = msgspec.field(default_factory=str)
    size: int | msgspec.UnsetType = msgspec.UNSET
    utterance_id: str | msgspec.UnsetType = msgspec.UNSET
    timestamp: Note = ""


class UtteranceStarted(Message, frozen=True, tag="utterance_started"):
    """`v1`: frames of this utterance follow under this SSRC."""

    utterance_id: str
    ssrc: int
    timestamp: Note = ""


class UtteranceEnded(Message, frozen=True, tag="utterance_ended"):
    """`v1`: the utterance has `frames` frames of 20 ms; tentative while the technician may still go on."""

    utterance_id: str
    frames: int
    tentative: bool = msgspec.field(default_factory=bool)
    timestamp: Note = ""


class UtteranceResumed(Message, frozen=True, tag="utterance_resumed"):
    """`v1`: the tentative end was none."""

    utterance_id: str
    timestamp: Note = ""


# -- what the backend says --------------------------------------------------------------------------------------


class AudioProcessing(Message, frozen=True, tag="audio_processing"):
    """The backend's first sign of an utterance, and what it did with it. `utterance_id` only in `v1`."""

    status: Literal["processing", "buffered", "skipped_duplicate", "cancelled"]
    session_id: Note = ""
    audio_size: int | None = 0
    buffer_size: int | None = 0
    utterance_id: Note = ""
    timestamp: Note = ""


class AgentResponse(Message, frozen=True, tag="agent_response"):
    """An answer: its text, and sometimes its whole sound (base64 of `audio_format`)."""

    response: str
    session_id: Note = ""
    context: dict[str, Any] | None = None
    audio_response: str | None = None
    audio_format: str | None = None
    timestamp: Note = ""


class ResponseStarted(Message, frozen=True, tag="response_started"):
    """`v1`: an answer to this utterance follows under this SSRC."""

    response_id: str
    utterance_id: str
    ssrc: int
    timestamp: Note = ""


class ResponseEnded(Message, frozen=True, tag="response_ended"):
    """`v1`: the answer is complete."""

    response_id: str
    timestamp: Note = ""


class ResponseCancelled(Message, frozen=True, tag="response_cancelled"):
    """`v1`: the technician interrupted the answer after hearing `played_ms` of it."""

    response_id: str
    played_ms: int
    timestamp: Note = ""


# -- around the conversation ------------------------------------------------------------------------------------


class SessionStatusData(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `session_status`."""

    status: Note = ""
    realtime_enabled: bool | None = False
    connected_at: Note = ""
    active_connections: int | None = 0


class SessionStatus(Message, frozen=True, tag="session_status"):
    """How the backend sees the session."""

    session_id: Note = ""
    data: SessionStatusData = SessionStatusData()
    timestamp: Note = ""


class ContextUpdate(Message, frozen=True, tag="context_update"):
    """Where the technician is and what is being worked on: `location`, `current_task`, `activity_mode`."""

    data: dict[str, Any]
    timestamp: Note = ""


class ContextUpdated(Message, frozen=True, tag="context_updated"):
    """The backend took the context; the seed names the message and none of its fields."""

    timestamp: Note = ""


class Error(Message, frozen=True, tag="error"):
    """The backend could not do something."""

    error: str
    session_id: Note = ""
    timestamp: Note = ""


AnyMessage: TypeAlias = (
    ConnectionConfirmed
    | StartSession
    | SessionStarted
    | EnableRealtime
    | RealtimeEnabled
    | EndSession
    | SessionEnded
    | TextInput
    | AudioData
    | UtteranceStarted
    | UtteranceEnded
    | UtteranceResumed
    | AudioProcessing
    | AgentResponse
    | ResponseStarted
    | ResponseEnded
    | ResponseCancelled
    | SessionStatus
    | ContextUpdate
    | ContextUpdated
    | Error
)

_DECODER: msgspec.json.Decoder[AnyMessage] = msgspec.json.Decoder(AnyMessage)
_ENCODER = msgspec.json.Encoder()


def decode(data: str | bytes) -> AnyMessage:
    """Read one JSON message. Raises WireError with what is wrong and where, without the message's content."""
    if len(data) > MAX_TEXT_BYTES:
        raise WireError(f"a text message of {len(data)} bytes; at most {MAX_TEXT_BYTES} are allowed")
    try:
        return _DECODER.decode(data)
    except RecursionError:
        raise WireError("a text message nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise WireError(f"a text message that is not of the protocol: {str(error)[:200]}") from None


def encode(message: AnyMessage, at: datetime) -> str:
    """Write one JSON message, stamped with `at` (an aware datetime) as ISO-8601 UTC ending in `Z`."""
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return _ENCODER.encode(msgspec.structs.replace(message, timestamp=stamp)).decode()


def sound_of(response: AgentResponse) -> bytes | None:
    """The answer's whole sound, or None for an answer of text alone. Raises WireError on bad base64."""
    if not response.audio_response:
        return None
    try:
        return base64.b64decode(response.audio_response, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WireError(f"agent_response.audio_response is not base64: {error}") from None


def audio_data(wav: bytes, utterance_id: str | msgspec.UnsetType = msgspec.UNSET) -> AudioData:
    """A whole utterance as the seed's buffered message; `wav` is a WAV file's bytes. In `v1` it has its name."""
    audio = base64.b64encode(wav).decode("ascii")
    return AudioData(audio=audio, format="wav", size=len(wav), utterance_id=utterance_id)
