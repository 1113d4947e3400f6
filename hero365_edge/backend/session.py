"""What the backend remembers under a session id while connections come and go."""

import hashlib
from collections import OrderedDict

from hero365_edge.backend import messages
from hero365_edge.backend.endpointing import speech_of
from hero365_edge.backend.records import Utterance
from hero365_edge.backend.script import Conversation

KNOWN_UTTERANCES = 100
KEPT_SESSIONS = 100


class Session:
    """One technician's conversation."""

    def __init__(self) -> None:
        self.connected_at = messages.now()
        self.connections = 0
        self.talk = Conversation()
        self._known: OrderedDict[str, None] = OrderedDict()

    def knows(self, utterance: Utterance) -> bool:
        """Whether it was here before: by its name, or by the sound of its speech to the last bit."""
        return any(mark in self._known for mark in _marks(utterance))

    def remember(self, utterance: Utterance) -> None:
        """It is being answered: a second copy shall not be."""
        for mark in _marks(utterance):
            self._known[mark] = None
        while len(self._known) > KNOWN_UTTERANCES:
            self._known.popitem(last=False)

    def forget(self, utterance: Utterance) -> None:
        """It was not the whole of it."""
        for mark in _marks(utterance):
            self._known.pop(mark, None)


class Sessions:
    """All of them; the longest unused are forgotten."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def get(self, session_id: str) -> Session:
        """The session of this id, new when it was not known."""
        session = self._sessions.setdefault(session_id, Session())
        self._sessions.move_to_end(session_id)
        while len(self._sessions) > KEPT_SESSIONS:
            self._sessions.popitem(last=False)
        return session


def _marks(utterance: Utterance) -> list[str]:
    marks = [hashlib.sha256(speech_of(utterance.pcm).tobytes()).hexdigest()]
    return marks if utterance.utterance_id is None else [*marks, utterance.utterance_id]
