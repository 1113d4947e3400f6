"""What happens to the conversation: events into the session, in the past tense, each with its time.

The panel's gestures (`gestures.py`) are events too.
"""

from dataclasses import dataclass

from hero365_edge.core import messages as m
from hero365_edge.core.endpointer import Ending
from hero365_edge.core.gestures import Gesture
from hero365_edge.core.handshake import Agreement


@dataclass(frozen=True, slots=True)
class LinkUp:
    """A session is on and its audio is agreed."""

    agreement: Agreement
    at: float


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The link is gone, or could not be had."""

    at: float
    refused: bool = False
    """The token was refused: a fault, not the road."""
    tell: bool = False
    """The technician should be told now."""
    too_big: bool = False
    """The backend does not take messages of the size of one it was sent."""
    hung_up: bool = False
    """The other side ended it, or the way to it broke; nobody here did."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message of the backend, the answers excepted."""

    message: m.AnyMessage
    at: float


@dataclass(frozen=True, slots=True)
class TextAnswered:
    """The backend answered in text alone, or sends the sound separately."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class SpokenAnswered:
    """The backend answered with the whole sound."""

    text: str
    audio: bytes
    audio_format: str
    """What the backend calls it: mp3, wav or opus."""
    at: float


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """The recording holds speech, now again after a pause or for the first time."""

    at: float


@dataclass(frozen=True, slots=True)
class SpeechPaused:
    """The technician is not speaking just now."""

    at: float


@dataclass(frozen=True, slots=True)
class SeemsOver:
    """The recording holds a pause as at its end, which began at `speech_end`."""

    utterance_id: str
    speech_end: float
    at: float


@dataclass(frozen=True, slots=True)
class WentOn:
    """There is speech behind that pause."""

    utterance_id: str
    at: float


@dataclass(frozen=True, slots=True)
class MayEnd:
    """The pause is by now longer than the talker's own."""

    utterance_id: str
    at: float


@dataclass(frozen=True, slots=True)
class Endpointed:
    """The endpointer ended the recording."""

    utterance_id: str
    ending: Ending
    speech_end: float
    at: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """The recording that was told to stop is complete."""

    utterance_id: str
    speech_end: float
    at: float


@dataclass(frozen=True, slots=True)
class Restored:
    """An earlier process left an utterance that was not accepted; `spoken_at` is None when nobody knows how old."""

    utterance_id: str
    spoken_at: float | None
    length_s: float
    at: float


@dataclass(frozen=True, slots=True)
class Committed:
    """The utterance's last byte was handed to the socket."""

    utterance_id: str
    at: float


@dataclass(frozen=True, slots=True)
class AnswerBegan:
    """The first byte of an answer's sound was taken."""

    streamed: bool
    """Whether it came as a stream, not in one piece."""
    at: float


@dataclass(frozen=True, slots=True)
class FirstSampleHeard:
    """The answer's first sample left the sound card at this time."""

    at: float


@dataclass(frozen=True, slots=True)
class StillSpeaking:
    """More of the answer was heard."""

    at: float


@dataclass(frozen=True, slots=True)
class SpokenInto:
    """The technician speaks into the answer, and began at `since` or a little later."""

    since: float
    at: float


@dataclass(frozen=True, slots=True)
class PlaybackEnded:
    """All of the answer was heard."""

    at: float


@dataclass(frozen=True, slots=True)
class MicrophoneLost:
    """The microphone is missing or deaf."""

    at: float


@dataclass(frozen=True, slots=True)
class MicrophoneFound:
    """The microphone works."""

    at: float


@dataclass(frozen=True, slots=True)
class SpeakerLost:
    """The speaker is missing, or takes nothing."""

    at: float


@dataclass(frozen=True, slots=True)
class SpeakerFound:
    """The speaker is open."""

    at: float


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody typed a question."""

    text: str
    at: float


@dataclass(frozen=True, slots=True)
class SessionEndAsked:
    """Somebody wants the session to end."""

    at: float


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The session's deadline passed."""

    at: float


Event = (
    Gesture
    | LinkUp
    | LinkDown
    | Received
    | TextAnswered
    | SpokenAnswered
    | SpeechBegan
    | SpeechPaused
    | SeemsOver
    | WentOn
    | MayEnd
    | Endpointed
    | Recorded
    | Restored
    | Committed
    | AnswerBegan
    | FirstSampleHeard
    | StillSpeaking
    | SpokenInto
    | PlaybackEnded
    | MicrophoneLost
    | MicrophoneFound
    | SpeakerLost
    | SpeakerFound
    | Said
    | SessionEndAsked
    | TimeUp
)
