"""What the session orders: effects, for `dialogue.py` to carry out in the order given."""

from dataclasses import dataclass

from hero365_edge.core import messages as m
from hero365_edge.core.earcons import Earcon
from hero365_edge.core.lamp import Light
from hero365_edge.core.latency import Turn


@dataclass(frozen=True, slots=True)
class Record:
    """Record an utterance whose button was pressed at `since`; nothing leaves the device yet."""

    utterance_id: str
    since: float
    pressed: bool = True
    """False: no button was, and a voice was heard that began then."""


@dataclass(frozen=True, slots=True)
class Settle:
    """The gesture is settled: let the recording's frames go up if `live`; push-to-talk if `held`."""

    live: bool
    held: bool


@dataclass(frozen=True, slots=True)
class Announce:
    """`v1`: tell the backend that the recording may have ended here."""


@dataclass(frozen=True, slots=True)
class TakeBack:
    """`v1`: tell it that it had not."""


@dataclass(frozen=True, slots=True)
class Commit:
    """The recording ends at `until`: send the rest of it."""

    until: float


@dataclass(frozen=True, slots=True)
class Discard:
    """Throw the recording away."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The recording cannot go up live any more: keep it whole."""


@dataclass(frozen=True, slots=True)
class SendKept:
    """Send a kept utterance as `audio_data`, or frame by frame as if it were spoken now if `in_frames`."""

    utterance_id: str
    in_frames: bool = False


@dataclass(frozen=True, slots=True)
class Forget:
    """A kept utterance is not needed any more."""

    utterance_id: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Stop the speaker and drop what comes until `Admit`; tell the backend in `v1` what of `cancel` was heard."""

    cancel: str | None = None


@dataclass(frozen=True, slots=True)
class Admit:
    """Take the sound of answers; `play` it, or hold it until the next `Admit`."""

    play: bool


@dataclass(frozen=True, slots=True)
class Expect:
    """`v1`: this response's packets carry this SSRC."""

    response_id: str
    ssrc: int


@dataclass(frozen=True, slots=True)
class Complete:
    """The streamed answer is complete."""


@dataclass(frozen=True, slots=True)
class PlayWhole:
    """Play an answer that came in one piece, called `audio_format` by the backend."""

    audio: bytes
    audio_format: str


@dataclass(frozen=True, slots=True)
class Speak:
    """Let an answer be heard of which only the text came, unless its sound comes within `after_s`."""

    text: str
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Replay:
    """Play the last answer again."""


@dataclass(frozen=True, slots=True)
class Chime:
    """Play an earcon."""

    earcon: Earcon


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message."""

    message: m.AnyMessage


@dataclass(frozen=True, slots=True)
class DialNow:
    """Dial at once, whatever the back-off says."""


@dataclass(frozen=True, slots=True)
class Redial:
    """Drop the link, which does not do its work, and dial again."""

    reason: str


@dataclass(frozen=True, slots=True)
class EndSession:
    """End the session with the backend; the next dial begins a new one."""


@dataclass(frozen=True, slots=True)
class Show:
    """Let the lamp show this."""

    light: Light


@dataclass(frozen=True, slots=True)
class CloseTurn:
    """The turn is over; here is its record."""

    turn: Turn


Effect = (
    Record
    | Settle
    | Announce
    | TakeBack
    | Commit
    | Discard
    | Hold
    | SendKept
    | Forget
    | Silence
    | Admit
    | Expect
    | Complete
    | PlayWhole
    | Speak
    | Replay
    | Chime
    | Send
    | DialNow
    | Redial
    | EndSession
    | Show
    | CloseTurn
)
