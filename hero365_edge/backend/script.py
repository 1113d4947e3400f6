"""The small talk of a field technician's day that the simulated backend can hold."""

import difflib
import re
from dataclasses import dataclass

WELCOME = "Hello! I'm your Hero365 AI assistant. How can I help you today?"
NOT_HEARD = "Sorry, I didn't catch that. Could you say it again?"
LONGEST_ECHO = 120


@dataclass(frozen=True, slots=True)
class Topic:
    """Something the technician can ask for."""

    answer: str
    phrases: tuple[str, ...]
    keywords: frozenset[str]
    """One of these must be heard: `what is the …` alone is in every question."""


ESTIMATE = Topic(
    "Sure. What is the estimate for?",
    (
        "create an estimate",
        "create a new estimate",
        "create an estimate for this job",
        "create an estimate for the miller job",
    ),
    frozenset({"create", "estimate"}),
)
TOPICS = (
    Topic(
        "Next is the Miller job at ten thirty: a leaking water heater.",
        (
            "what's next on my schedule",
            "what is next on my schedule",
            "what's my next job",
            "what is my next job",
        ),
        frozenset({"next", "schedule"}),
    ),
    ESTIMATE,
    Topic(
        "You have three jobs today: Miller at ten thirty, Garcia at one, and Chen at three fifteen.",
        ("show me today's schedule",),
        frozenset({"schedule", "today's"}),
    ),
    Topic(
        "The address is forty two Oak Street. The side gate is open.",
        (
            "what is the address for this job",
            "what's the address for this job",
            "what's the address",
            "what is the address",
        ),
        frozenset({"address"}),
    ),
    Topic(
        "Calling Anna Miller now.",
        ("call the customer", "call the customer please"),
        frozenset({"call"}),
    ),
    Topic(
        "Done. The Miller job is marked complete.",
        (
            "mark the job complete",
            "mark this job complete",
            "mark the job as complete",
            "mark this job as complete",
        ),
        frozenset({"mark"}),
    ),
)
PHRASES = tuple(phrase for topic in TOPICS for phrase in topic.phrases)
NEAR = 0.6
"""How alike, 0 to 1, what was heard must be to a phrase of the script (difflib, word by word)."""


def nearest(text: str) -> tuple[str, Topic] | None:
    """The phrase of the script that `text` must have been, and its topic; None when it was none of them."""
    words = re.findall(r"[a-z0-9']+", text.lower())
    best: tuple[float, str, Topic] | None = None
    for topic in TOPICS:
        if topic.keywords.isdisjoint(words):
            continue
        for phrase in topic.phrases:
            alike = difflib.SequenceMatcher(None, words, phrase.split(), autojunk=False).ratio()
            if alike >= NEAR and (best is None or alike > best[0]):
                best = (alike, phrase, topic)
    return (best[1], best[2]) if best else None


class Conversation:
    """One session's talk; it remembers only that it asked what an estimate is for."""

    def __init__(self) -> None:
        self._asked_what_for = False

    def reply(self, text: str | None) -> str:
        """What the agent says to `text` (None: nothing was understood)."""
        if not text:
            return NOT_HEARD
        found = nearest(text)
        asked, self._asked_what_for = self._asked_what_for, False
        if found:
            _, topic = found
            self._asked_what_for = topic is ESTIMATE
            return topic.answer
        told = text.strip().rstrip(".!?")[:LONGEST_ECHO]
        if asked:
            return f"I created the estimate for: {told}."
        return f"I heard: {told}. What would you like me to do?"
