"""Which board this is, from what the kernel shows of it; why; and what that makes of the settings."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hero365_edge.core.board import PARTS, Board, Mark, setting_defaults

HEADER_I2C_BUS = 1
"""The bus on pins 3 and 5 of the header, on every Raspberry Pi with 40 pins."""


@dataclass(frozen=True, slots=True)
class Hat:
    """What the EEPROM of a HAT says of it, as the firmware puts it into the device tree."""

    vendor: str
    product: str
    product_id: str
    """As in `0x0101`."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip on an I2C bus that the device tree or a driver names."""

    bus: int
    address: int
    name: str
    """As in `wm8960`."""
    answers: bool
    """A driver holds it, so the chip has answered; False where the overlay names one that may not be there."""


@dataclass(frozen=True, slots=True)
class Card:
    """One of the kernel's sound cards."""

    id: str
    """As in `/proc/asound/cards`, between the brackets."""
    usb: str = ""
    """`vendor:product` in hexadecimal; empty for a card that is not on USB."""
    captures: bool = False
    plays: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found of the computer and what is plugged into it. All of it is read, nothing is tried out."""

    computer: str = ""
    """As in `Raspberry Pi 4 Model B Rev 1.4`; empty where there is no device tree."""
    hat: Hat | None = None
    chips: tuple[Chip, ...] = ()
    cards: tuple[Card, ...] = ()
    promised: tuple[str, ...] = ()
    """Ids of cards that the device tree describes, whether or not their driver made one of it."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """A profile that fits, and why."""

    name: str
    board: Board
    reasons: tuple[str, ...]
    """Each completes "because …"."""
    card: str
    """ALSA's id of its sound card; empty while the kernel has none, and the device tree promises none."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """One thing that a mark asks for, and that is there."""

    weight: int
    reason: str
    card: str = ""


# An EEPROM names the product, a USB id the maker, a chip only what is soldered there, and a card what was configured.
_HAT, _USB, _CHIP, _CARD = 8, 4, 2, 1


def recognise(evidence: Evidence, boards: Mapping[str, Board]) -> tuple[Recognised, ...]:
    """The profiles with the strongest mark that fits: none, one, or several that cannot be told apart."""
    fitting: list[tuple[int, Recognised]] = []
    for name, board in boards.items():
        marks = [seen for mark in board.marks if (seen := _seen(mark, evidence))]
        if marks:
            best = max(marks, key=_weight)
            card = next((one.card for one in best if one.card), "") or card_of(board, evidence)
            fitting.append((_weight(best), Recognised(name, board, tuple(one.reason for one in best), card)))
    most = max((weight for weight, _ in fitting), default=0)
    return tuple(found for weight, found in fitting if weight == most)


def card_of(board: Board, evidence: Evidence) -> str:
    """ALSA's id of the board's card: the first of its usual ids that is there or promised; empty if none is."""
    there = [card.id for card in evidence.cards] + list(evidence.promised)
    return next((known for known in board.alsa.cards if known in there), "")


def agreed(found: Sequence[Recognised]) -> Mapping[str, object]:
    """The settings on which all of them agree: what is sure, although which board it is may not be.

    A button, lamp or card is agreed on as a whole: half a lamp is none that anybody has.
    """
    each = [setting_defaults(one.board, one.card) for one in found]
    sure: dict[str, object] = {}
    for part in PARTS:
        first, *others = [{key: one[key] for key in one if key.startswith(part)} for one in each] or [{}]
        if all(other == first for other in others):
            sure |= first
    return sure


def missing_lines(board: Board, config_txt: str) -> tuple[str, ...]:
    """The lines the board needs that are not in this text of /boot/firmware/config.txt.

    Order, spaces and what stands behind a `#` are nothing; sections (`[pi4]`) are not looked at.
    """
    there = {_plain(line.partition("#")[0]) for line in config_txt.splitlines()}
    return tuple(line for line in board.config_txt if _plain(line) not in there)


def alsa_id(card_name: str) -> str:
    """What the kernel makes of a card's name: letters and digits of its last word, 15 at most (sound/core/init.c)."""
    words = card_name.split()
    return re.sub(r"[^0-9A-Za-z]", "", words[-1])[:15] if words else ""


def _plain(line: str) -> str:
    return "".join(line.split())


def _weight(mark: Sequence[_Seen]) -> int:
    return sum(one.weight for one in mark)


def _seen(mark: Mark, evidence: Evidence) -> Sequence[_Seen]:
    """Everything the mark asks for; nothing at all if a part of it is not there."""
    if mark.no_hat and evidence.hat is not None:
        return ()
    asked = (
        (mark.hat, _hat),
        (mark.usb, _speakerphone),
        (mark.i2c, _chip),
        (mark.card, _card),
    )
    found = [look(mark, evidence) for wanted, look in asked if wanted]
    return [one for one in found if one is not None] if None not in found else ()


def _hat(mark: Mark, evidence: Evidence) -> _Seen | None:
    hat = evidence.hat
    if hat is None or mark.hat.casefold() not in hat.product.casefold() or mark.hat_id not in ("", hat.product_id):
        return None
    return _Seen(_HAT, f"the HAT's EEPROM says {hat.product!r} ({hat.product_id}) of {hat.vendor!r}")


def _speakerphone(mark: Mark, evidence: Evidence) -> _Seen | None:
    for card in evidence.cards:
        if card.captures and card.plays and (card.usb == mark.usb or card.usb.startswith(f"{mark.usb}:")):
            return _Seen(_USB, f"card {card.id} on USB is {card.usb} and both hears and speaks", card.id)
    return None


def _chip(mark: Mark, evidence: Evidence) -> _Seen | None:
    wanted = (HEADER_I2C_BUS, int(mark.i2c, 16), mark.chip)
    for chip in evidence.chips:
        if (chip.bus, chip.address, chip.name) == wanted:
            answers = "answers" if chip.answers else "is named by the device tree (no driver holds it)"
            return _Seen(_CHIP, f"chip {mark.chip} at I2C address {mark.i2c} {answers}")
    return None


def _card(mark: Mark, evidence: Evidence) -> _Seen | None:
    if mark.card in [card.id for card in evidence.cards]:
        return _Seen(_CARD, f"there is a card {mark.card}", mark.card)
    if mark.card in evidence.promised:
        return _Seen(_CARD, f"the device tree promises a card {mark.card} (its driver has not made it)", mark.card)
    return None
