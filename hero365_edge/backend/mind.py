"""What is understood and what is said: by the script with ears and a voice, or always the same."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hero365_edge.backend import script
from hero365_edge.backend.ears import Ears
from hero365_edge.backend.options import Options, Pcm
from hero365_edge.backend.records import Utterance
from hero365_edge.backend.voice import Voice, voice

NO_SOUND: Pcm = np.zeros(0, dtype=np.int16)
FIXED_TEXT = "Here is your answer."


@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """What was made of an utterance."""

    understood: str | None
    text: str
    pcm: Pcm
    """Empty when no sound was wanted."""


class Mind(Protocol):
    """Answers utterances. Slow (up to a second): called on a thread of its own, one at a time."""

    def answer(self, utterance: Utterance, talk: script.Conversation, want_audio: bool) -> Reply:
        """Understand and reply. Raises SpeechUnavailable when the voice stopped working."""
        ...


class Fixed:
    """Says one thing, listens to nothing, and needs no speech package."""

    def __init__(self, text: str, pcm: Pcm) -> None:
        self._text = text
        self._pcm = pcm

    def answer(self, utterance: Utterance, talk: script.Conversation, want_audio: bool) -> Reply:  # noqa: ARG002  the port's shape
        """The one thing."""
        return Reply(utterance.text, self._text, self._pcm if want_audio else NO_SOUND)


class Scripted:
    """Understands speech and holds the script's conversation."""

    def __init__(self, ears: Ears, say: Voice) -> None:
        self._ears = ears
        self._say = say

    def answer(self, utterance: Utterance, talk: script.Conversation, want_audio: bool) -> Reply:
        """Understand (a typed text needs no ears), and reply by the script."""
        understood = utterance.text if utterance.came == "text" else self._ears.understand(utterance.pcm)
        text = talk.reply(understood)
        return Reply(understood, text, self._say(text) if want_audio else NO_SOUND)


def mind(options: Options) -> Mind:
    """The mind these options ask for, ready to answer at once. Raises SpeechUnavailable."""
    if options.answer_pcm is not None:
        return Fixed(options.answer_text or FIXED_TEXT, options.answer_pcm)
    if options.answer_text is not None:
        return Fixed(options.answer_text, voice()(options.answer_text))
    return Scripted(Ears(script.PHRASES, _phrase), voice())


def _phrase(text: str) -> str | None:
    found = script.nearest(text)
    return found[0] if found else None
