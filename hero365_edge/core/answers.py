"""Which answer belongs to the turn: the seed names no utterance in its answers, so their order has to tell.

An answer may begin while the technician is still being recorded, because the backend hears the pause as soon as the
device does; it is held, and played if nobody spoke after it began. What is left of an interrupted answer is dropped
until the backend shows a first sign of the new utterance (PRODUCT section 3).
"""

from collections import deque

from hero365_edge.core.text_alone import TextAlone

WELCOME_S = 3.0
"""The seed's backend welcomes each new session with a text, which may come when an utterance has gone up already."""
REMEMBERED = 16
"""So many interrupted utterances are remembered, to know their late answers by name in `v1`."""


class Answers:
    """The bookkeeping of one session's answers; decides nothing about sound itself."""

    def __init__(self) -> None:
        self.stale = False
        """Whether sound of an interrupted answer may still come."""
        self.early = False
        """Whether the backend took the utterance that is still being recorded."""
        self.signs = False
        """Whether this backend says `audio_processing` at all."""
        self.welcome_until: float | None = None
        """A text that comes before this time, and before any sign of an utterance, welcomes to a new session."""
        self.new_session = False
        """Whether that session was not on before: the seed's backend welcomes to the same one on each new link, too."""
        self.response_id: str | None = None
        """`v1`: the response being played, to its last sample; after its end has come, too."""
        self.streamed = False
        """Whether this turn's answer came as a stream; a whole copy of it is not played again."""
        self._ends_told = self._taken_back = self._signs_seen = 0
        self._superseded: deque[str] = deque(maxlen=REMEMBERED)
        self.alone = TextAlone()
        self._session_id: str | None = None

    def session_started(self, session_id: str, now: float) -> None:
        """A session is on: a new one, or the one of before on a new link."""
        self.welcome_until = now + WELCOME_S
        self.new_session = session_id != self._session_id
        self._session_id = session_id

    def turn_began(self, superseded: str | None) -> None:
        """A new utterance; `superseded` is the one whose answer was interrupted or is not wanted any more."""
        self.early = False
        self.streamed = False
        self.response_id = None
        self.alone.forget()
        self._ends_told = self._taken_back = self._signs_seen = 0
        if superseded is not None:
            self.stale = True
            self._superseded.append(superseded)

    def turn_accepted(self) -> None:
        """The backend took the turn's utterance: what comes now is its answer."""
        self.stale = False

    def end_told(self) -> None:
        """`v1`: the backend is told that the utterance is over, or may be."""
        self._ends_told += 1

    def taken_back(self) -> None:
        """`v1`: the backend is told that it is not."""
        self._taken_back += 1

    def sign_seen(self, cancelled: bool) -> None:
        """`v1`: the backend said `processing` of the turn's utterance, or `cancelled`, which it may say instead."""
        self._signs_seen += not cancelled or self._signs_seen < self._taken_back

    @property
    def behind(self) -> bool:
        """`v1`: whether what comes now belongs to a pause that was taken back since.

        Where none was, what comes is of the utterance, and a backend that gives no signs cannot be behind them.
        """
        return self.signs and self._taken_back > 0 and self._signs_seen < self._ends_told

    def link_lost(self) -> None:
        """Nothing of an old answer can come any more."""
        self.stale = False
        self.welcome_until = None
        self.response_id = None
        self.alone.forget()
        self._ends_told = self._taken_back = self._signs_seen = 0

    def is_old(self, utterance_id: str) -> bool:
        """Whether a `v1` response to this utterance was interrupted before."""
        return utterance_id in self._superseded
