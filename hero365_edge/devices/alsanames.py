"""Which of PortAudio's devices a setting means: by PortAudio's name, a part of it, or ALSA's own; how to open it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from hero365_edge.core.pcm import RATE_HZ
from hero365_edge.errors import DeviceError

Direction: TypeAlias = Literal["input", "output"]
WHAT = {"input": "microphone", "output": "speaker"}

CARDS = Path("/proc/asound/cards")
_MOST_MICROPHONES = 8  # of the arrays one can buy

_NAME = re.compile(r"(?:plug)?hw:(?:CARD=)?(?P<card>[^,=:]+)(?:,(?:DEV=)?(?P<device>\d+))?")
_LISTED_AS = re.compile(r"\(hw:(\d+),\d+\)")
_CARD = re.compile(r"^ *(\d+) \[(\S+) *\]: (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Card:
    """One direction of an ALSA device as PortAudio lists it."""

    index: int
    """PortAudio's number for it; means nothing once PortAudio was terminated."""
    name: str
    rate_hz: int
    channels: int
    """The most it has."""

    @property
    def is_hardware(self) -> bool:
        """Whether it is a card, not a sound server or another device of software."""
        return "(hw:" in self.name

    def is_there(self, listing: Path = CARDS) -> bool:
        """Whether the kernel still has it; true of software, and where its list is hidden, as in a container."""
        listed, text = _LISTED_AS.search(self.name), _text(listing)
        return not listed or not text or any(listed[1] == number for number, _, _ in _CARD.findall(text))


def pick(cards: Sequence[Card], direction: Direction, name: str) -> Card:
    """The card of exactly this name or ALSA's own, else the only one whose name contains it, whatever the case.

    Raises DeviceError with the names there are when none fits, or several do.
    """
    part = listed_as(name) or name
    fitting = [card for card in cards if card.name == name] or [
        card for card in cards if part.casefold() in card.name.casefold()
    ]
    if not fitting:
        why = "is in use by another program" if kernel_has(name) else "is not there"
        raise DeviceError(f"{WHAT[direction]} {name!r} {why}; there are: {_names(cards)}")
    if len(fitting) > 1:
        raise DeviceError(f"{WHAT[direction]} {name!r} could be any of: {_names(fitting)}")
    return fitting[0]


def rates(card: Card, asked_hz: int, taken_hz: int = 0) -> list[int]:
    """The rates to try on this card, best first; `asked_hz` of 0 prefers the speech rate to the card's own.

    PortAudio converts no rates: a plain USB stick takes 48000 Hz and nothing else. What the card is known to take,
    `taken_hz`, comes first: each refusal costs time, and may be lost (`devices/portaudio.py`).
    """
    return [asked_hz] if asked_hz else list(dict.fromkeys([taken_hz or RATE_HZ, RATE_HZ, card.rate_hz]))


def channels(card: Card, direction: Direction) -> int:
    """How many channels to open: all that a microphone has, one to a speaker.

    Given fewer than the card has, PortAudio takes a microphone's first ones and silently ignores the others, and
    gives a speaker's pair the same in both. ALSA's converting devices (`default`, `pulse`) say they have dozens.
    """
    return card.channels if direction == "input" and card.channels <= _MOST_MICROPHONES else 1


def listed_as(name: str, listing: Path = CARDS) -> str | None:
    """How PortAudio's name of this card ends, as in `(hw:1,0)`; None for a name of another form.

    PortAudio lists cards as `Title: … (hw:1,0)`. It converts nothing, and neither need ALSA: rates and channels are
    converted here, so that `plughw:` is the same as `hw:`. Raises DeviceError where the kernel has no such card.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    cards = {number: (number, name) for number, name, _ in _CARD.findall(_text(listing))}
    numbers = [number for number, names in cards.items() if found["card"] in names]
    if not numbers:
        there = ", ".join(f"hw:{name}" for _, name in cards.values()) or "none at all"
        raise DeviceError(f"ALSA has no card {found['card']!r} ({name!r}); there are: {there}")
    return f"(hw:{numbers[0]},{found['device'] or 0})"


def kernel_has(name: str, listing: Path = CARDS) -> bool:
    """Whether the kernel has a card whose name contains this: then it is there, and somebody else has it open."""
    found = _NAME.fullmatch(name)
    wanted = (found["card"] if found else name).casefold()
    return any(wanted in f"{number} {card} {title}".casefold() for number, card, title in _CARD.findall(_text(listing)))


def _text(listing: Path) -> str:
    try:
        return listing.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # a computer without sound


def _names(cards: Sequence[Card]) -> str:
    return ", ".join(repr(card.name) for card in cards) or "none at all"
