"""The bash completion, run in a real bash, offers exactly what the program takes."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.commands import Command, Option, commands

COMPLETION = Path(__file__).parents[1] / "completion/hero365-edge"
ALL = {command.name: command for command in commands()}

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


def offered(*lines: Sequence[str]) -> list[set[str]]:
    """What Tab offers behind each of these lines; the last word of a line is the one under the cursor."""
    script = [f"set -u; source {COMPLETION}"]
    for words in lines:
        quoted = " ".join(f"'{word}'" for word in ("hero365-edge", *words))
        script.append(f"COMP_WORDS=({quoted}); COMP_CWORD={len(words)}; _hero365_edge")
        script.append("echo ${COMPREPLY[@]+${COMPREPLY[@]}}")
    return [set(line.split()) for line in bash("\n".join(script)).splitlines()]


def bash(script: str) -> str:
    """What a bash without anybody's own settings prints; it may not complain."""
    command = [shutil.which("bash") or "bash", "--norc", "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)  # noqa: S603  our own text
    assert ended.stderr == ""
    return ended.stdout


def long(option: Option) -> set[str]:
    return {name for name in option.names if name.startswith("--")}


@pytest.mark.parametrize("command", ALL.values(), ids=lambda command: command.name or "(none)")
def test_each_command_offers_its_words_and_long_options_and_nothing_else(command: Command) -> None:
    (words,) = offered((*command.words, ""))
    arguments = {choice for option in command.options if not option.names for choice in option.choices}
    assert words == {*command.following, *arguments, *(name for option in command.options for name in long(option))}


@pytest.mark.parametrize("command", ALL.values(), ids=lambda command: command.name or "(none)")
def test_behind_an_option_come_its_values_or_file_names_where_it_wants_one(command: Command) -> None:
    options = [option for option in command.options if option.names]
    lines = [(*command.words, name, "") for option in options for name in option.names]
    wanted = [option for option in options for _ in option.names]
    for option, words in zip(wanted, offered(*lines), strict=True):
        if option.wants_a_value:
            assert words == set(option.choices), option
        else:
            assert words >= {name for each in options for name in long(each)}, option


def test_no_command_is_offered_that_the_program_does_not_have() -> None:
    table = COMPLETION.read_text().split("local -A next=(")[1].split("\n    )")[0]
    keys = {line.split("]=")[0].strip(" [/").replace("/", " ") for line in table.splitlines() if "]=" in line}
    assert keys == set(ALL)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["che"], {"check"}),
        (["check", "--j"], {"--json"}),
        (["status", "--config", "check", "--w"], {"--watch"}),
        (["say", "check", "--j"], set()),
        (["config", "s"], {"show", "schema"}),
        (["config", "show", "--config", "a.yaml", "--"], {"--config", "--json", "--help"}),
        (["backend", "--pacing", "h"], {"hiccup"}),
        (["fly", ""], None),
    ],
)
def test_what_is_half_typed_is_completed(line: list[str], words: set[str] | None) -> None:
    (found,) = offered(line)
    assert found == (words if words is not None else offered([""])[0])


def test_bash_knows_it_by_the_programs_name() -> None:
    known = bash(f"source {COMPLETION}; complete -p hero365-edge")
    assert known == "complete -o default -F _hero365_edge hero365-edge\n"
