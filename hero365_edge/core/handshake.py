"""From an open socket to a session that both sides agree on: confirm, start, negotiate; each step has a time limit."""

from dataclasses import dataclass
from enum import StrEnum

from hero365_edge.core import messages as m
from hero365_edge.errors import LinkError


class LinkState(StrEnum):
    """How far the link is (PRODUCT section 4); only the last can carry a turn."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    CONFIRMED = "confirmed"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the two sides settled on."""

    profile: str = "seed"
    """`seed` or `v1`."""
    realtime: bool = False
    """Whether binary audio may go up; else utterances go as `audio_data`."""
    uplink: str = "pcm16"
    """`pcm16` or `opus`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long each step may take."""

    confirm_s: float = 5.0
    start_s: float = 5.0
    realtime_s: float = 5.0


class Handshake:
    """One link's opening. `received` and `time_up` give the messages to send; `agreement` is set when it is done."""

    def __init__(self, profile: str, seed_uplink: str, limits: Limits, now: float) -> None:
        """`profile` is `auto`, `seed` or `v1`, and `seed_uplink` is `pcm16` or `opus`: the settings of the backend."""
        self._profile = profile
        self._seed_uplink = seed_uplink
        self._limits = limits
        self._realtime_available = False
        self._bare_sent = False
        self._asked = False
        self.state = LinkState.CONNECTING
        self.agreement: Agreement | None = None
        self.deadline: float | None = now + limits.confirm_s

    def received(self, message: m.AnyMessage, now: float) -> list[m.AnyMessage]:
        """Take a message of the backend; the answers to send. Messages of the conversation are not its business.

        Raises LinkError when the backend refuses the session.
        """
        match message:
            case m.ConnectionConfirmed() if self.state is LinkState.CONNECTING:
                return self._confirmed(message, now)
            case m.SessionStarted() if self.state is LinkState.CONFIRMED:
                return self._started(message, now)
            case m.RealtimeEnabled() if self._asked:
                self._realtime_enabled(message)
            case m.Error() if self._asked:
                return self._realtime_refused(now)
            case m.Error() if self.state is not LinkState.ACTIVE:
                raise LinkError(f"the backend refused the session: {message.error[:200]}")
        return []

    def time_up(self, now: float) -> list[m.AnyMessage]:
        """The deadline passed; what to send instead. Raises LinkError, except where the seed calls the step optional.

        No answer to `enable_realtime` is read as an error: a backend may drop what it cannot validate.
        """
        if not self._asked:
            waited = "connection_confirmed" if self.state is LinkState.CONNECTING else "session_started"
            raise LinkError(f"no {waited} within its time limit")
        return self._realtime_refused(now)

    def _confirmed(self, message: m.ConnectionConfirmed, now: float) -> list[m.AnyMessage]:
        self._realtime_available = bool(message.realtime_available)
        self.state = LinkState.CONFIRMED
        self.deadline = now + self._limits.start_s
        return [m.StartSession()]

    def _started(self, message: m.SessionStarted, now: float) -> list[m.AnyMessage]:
        if isinstance(message.realtime_available, bool):
            self._realtime_available = message.realtime_available
        self.state = LinkState.ACTIVE
        if not self._realtime_available:
            self._settle(Agreement())
            return []
        self._asked = True
        self.deadline = now + self._limits.realtime_s
        if self._profile == "seed":
            self._bare_sent = True
            return [m.EnableRealtime()]
        return [m.EnableRealtime(audio=m.AudioOffer())]

    def _realtime_enabled(self, message: m.RealtimeEnabled) -> None:
        choice = message.audio if isinstance(message.audio, m.AudioChoice) else None
        # The bare message, once sent, is the last that the backend heard of profiles: a choice behind it came too late.
        chosen = choice is not None and choice.profile == "v1" and not self._bare_sent
        if chosen or self._profile == "v1":
            self._settle(Agreement("v1", realtime=True, uplink=_codec(choice)))
        else:
            self._settle(Agreement("seed", realtime=True, uplink=self._seed_uplink))

    def _realtime_refused(self, now: float) -> list[m.AnyMessage]:
        if self._bare_sent:
            self._settle(Agreement())
            return []
        self._bare_sent = True
        self.deadline = now + self._limits.realtime_s
        return [m.EnableRealtime()]

    def _settle(self, agreement: Agreement) -> None:
        self._asked = False
        self.deadline = None
        self.agreement = agreement


def _codec(choice: m.AudioChoice | None) -> str:
    """The first that was offered of those chosen; the better one when the backend does not say."""
    chosen = () if choice is None else (choice.uplink,) if isinstance(choice.uplink, str) else choice.uplink
    return next((codec for codec in chosen if codec in m.AudioOffer().uplink), "opus")
