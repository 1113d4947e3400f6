"""Which board this computer has: for the settings, and in words for `hero365-edge devices`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hero365_edge.config import BoardDefaults
from hero365_edge.core.board import GPIO_AT_PIN, Board, setting_defaults
from hero365_edge.core.recognition import Evidence, Recognised, agreed, card_of, missing_lines, recognise
from hero365_edge.devices.evidence import config_txt, read_evidence
from hero365_edge.errors import ConfigError
from hero365_edge.profiles import GENERIC, load_boards

WITHOUT_BOARD = ("none", "keyboard")
"""What `panel.profile` can be beside `auto` and a board."""
ROOT = Path("/")


def board_defaults(profile: str, root: Path = ROOT) -> BoardDefaults | None:
    """What the board that `panel.profile` means gives the settings. Raises ConfigError for a profile that is none."""
    if profile in WITHOUT_BOARD:
        return None
    boards = load_boards()
    evidence = read_evidence(root)
    if profile == "auto":
        found = recognise(evidence, boards)
        names = " or ".join(one.name for one in found)
        return BoardDefaults(f"profile {names}", agreed(found)) if found else None
    if profile not in boards:
        allowed = ", ".join(("auto", *WITHOUT_BOARD, *boards))
        raise ConfigError(f"panel.profile is {profile!r}; it must be one of {allowed}")
    board = boards[profile]
    own = recognise(evidence, {profile: board})
    card = own[0].card if own else card_of(board, evidence)
    return BoardDefaults(f"profile {profile}", setting_defaults(board, card))


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to tell of the board."""

    evidence: Evidence
    found: Sequence[Recognised]
    config_txt: str | None
    names: Sequence[str]
    """Of every profile there is."""

    def facts(self) -> Mapping[str, object]:
        """For a program."""
        return {
            "computer": self.evidence.computer,
            "recognised": [
                {
                    "profile": one.name,
                    "title": one.board.title,
                    "reasons": one.reasons,
                    "card": one.card,
                    "verified": one.board.verified,
                    "settings": setting_defaults(one.board, one.card),
                    "config_txt_missing": self._missing(one.board),
                }
                for one in self.found
            ],
            "settings": agreed(self.found),
        }

    def in_words(self) -> Iterator[str]:
        """The lines for a person."""
        yield "Board (panel.profile: auto takes what is recognised)"
        if self.evidence.computer:
            yield f"  computer: {self.evidence.computer}"
        if not self.found:
            others = ", ".join(name for name in self.names if name != GENERIC)
            yield f"  none recognised: panel.profile can name it; there are profiles of {others}"
        if len(self.found) > 1:
            yield "  these cannot be told apart: name yours in panel.profile; until then what they agree on is taken"
        for one in self.found:
            yield from self._one(one)

    def troubles(self, one: Recognised) -> Iterator[str]:
        """What keeps the board from working, as far as it can be seen."""
        if one.card not in [card.id for card in self.evidence.cards]:
            yield "its sound card is not there: the overlay is missing, or `dmesg` says why the driver failed"
        if missing := self._missing(one.board):
            yield f"/boot/firmware/config.txt lacks: {', '.join(missing)}"

    def _one(self, one: Recognised) -> Iterator[str]:
        board = one.board
        yield f"  {one.name}: {board.title}, because {', '.join(one.reasons)}"
        yield f"    button {_pin(board.button.line)}, {_second(board)}lamp {_lamp(board)}; {_echo(board)}"
        yield from (f"    {trouble}" for trouble in self.troubles(one))
        yield f"    this profile: {board.verified}"

    def _missing(self, board: Board) -> Sequence[str]:
        return () if self.config_txt is None else missing_lines(board, self.config_txt)


def look(root: Path = ROOT) -> Look:
    """Look at this computer."""
    boards = load_boards()
    evidence = read_evidence(root)
    return Look(evidence, recognise(evidence, boards), config_txt(root), tuple(boards))


def _pin(line: int) -> str:
    """A line with its place on the header, as in `GPIO17 (pin 11)`."""
    pin = next(pin for pin, at in GPIO_AT_PIN.items() if at == line)
    return f"GPIO{line} (pin {pin})"


def _second(board: Board) -> str:
    second = board.second
    return "" if second is None or second.does == "none" else f"{second.does} {_pin(second.line)}, "


def _lamp(board: Board) -> str:
    lamp = board.lamp
    lines = ", ".join(_pin(line) for line in lamp.lines)
    if lamp.kind == "apa102":
        return f"{lamp.count} APA102 on {f'SPI {lamp.spi}' if lamp.spi else lines}"
    return lines or "none"


def _echo(board: Board) -> str:
    if isinstance(board.cancels_echo, str):
        return f"whether it cancels its echo: {board.cancels_echo}"
    return "it cancels its own echo" if board.cancels_echo else "it does not cancel its echo"
