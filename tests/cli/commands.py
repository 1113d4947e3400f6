"""The whole command line as the program builds it, for what is written about it by hand: manual and completion."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from hero365_edge.cli import COMMANDS, parser


@dataclass(frozen=True)
class Option:
    """One option, or a positional argument when it has no names."""

    names: tuple[str, ...]
    wants_a_value: bool
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """A command with its further words, as in `config show`; the program itself has no words at all."""

    words: tuple[str, ...]
    following: tuple[str, ...]
    """Words that may follow."""
    options: tuple[Option, ...]

    @property
    def name(self) -> str:
        return " ".join(self.words)


def commands() -> list[Command]:
    """Every command, those with further words too."""
    return list(_walk(parser(COMMANDS), ()))


def _walk(of: argparse.ArgumentParser, words: tuple[str, ...]) -> Iterator[Command]:
    options, following = [], []
    for action in of._actions:
        if isinstance(action, argparse._SubParsersAction):
            following += list(action.choices)
            for word, below in action.choices.items():
                yield from _walk(below, (*words, word))
        else:
            choices = tuple(map(str, action.choices or ()))
            options.append(Option(tuple(action.option_strings), action.nargs != 0, choices))
    yield Command(words, tuple(following), tuple(options))
