"""The manual page says what the program does: every command and option, and none that is not there."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

import hero365_edge
from hero365_edge import cli
from tests.cli.commands import Command, commands

PAGE = Path(__file__).parents[1] / "man/hero365-edge.1"
TEXT = PAGE.read_text(encoding="utf-8").replace("\\-", "-")

OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z])(?![\w-])")
NAMED = [command for command in commands() if command.words]


def section(title: str) -> str:
    """What stands under this heading."""
    return TEXT.split(f"\n.SH {title}\n")[1].split("\n.SH ")[0]


def sections() -> Mapping[str, str]:
    """What stands under each command."""
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in section("COMMANDS").split(".SS ")[1:]}


def documented(command: Command) -> str:
    return sections().get(command.name, "")


def test_every_command_has_its_section_and_no_other_has() -> None:
    assert set(sections()) == {command.name for command in NAMED if not command.following}


@pytest.mark.parametrize("command", NAMED, ids=lambda command: command.name)
def test_each_option_is_told_where_its_command_is_and_no_other(command: Command) -> None:
    if command.following:
        return
    taken = {name for option in command.options for name in option.names} - {"-h", "--help"}
    heads = re.findall(r"^\.TP\n(.*)$", documented(command), re.MULTILINE)
    assert {name for head in heads for name in OPTION.findall(head)} == taken


@pytest.mark.parametrize("command", NAMED, ids=lambda command: command.name)
def test_the_choices_of_an_option_are_told(command: Command) -> None:
    for option in command.options:
        if option.choices and option.names:
            assert f'{option.names[0]} " {" | ".join(option.choices)}"' in documented(command)


def test_the_variables_that_the_program_reads_are_told_and_its_folders() -> None:
    package = Path(hero365_edge.__file__).parent
    code = "".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    read = set(re.findall(r'"([A-Z]+_DIRECTORY|HERO365_[A-Z]+_TOKEN)"', code))
    assert read >= {"STATE_DIRECTORY", "HERO365_BACKEND_TOKEN"}
    assert read <= set(re.findall(r"^\.B (\w+)$", section("ENVIRONMENT"), re.MULTILINE))
    folders = set(re.findall(r'Path\("(/var/[^"]+)"\)', code))
    assert folders <= set(re.findall(r"^\.I (\S+)$", section("FILES"), re.MULTILINE))


def test_exit_codes_are_the_programs() -> None:
    codes = re.findall(r"^\.TP\n\.B (\d+)$", section("EXIT STATUS"), re.MULTILINE)
    assert list(map(int, codes)) == [cli.OK, cli.FAILED, 2, cli.UNREACHABLE, cli.MISCONFIGURED, cli.INTERRUPTED]


def test_it_is_of_this_version() -> None:
    assert f'"hero365-edge {hero365_edge.__version__}"' in TEXT.split("\n.SH")[0]


def test_examples_are_commands_that_there_are() -> None:
    used = re.findall(r"hero365-edge ([a-z]+) .*?--?(\w+)", section("EXAMPLES").replace("\\fR", ""))
    assert used
    for word, option in used:
        (command,) = (each for each in NAMED if each.words == (word,))
        assert any(f"--{option}" in each.names for each in command.options)


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_has_nothing_to_complain_about() -> None:
    command = ["groff", "-man", "-Tutf8", "-ww", "-b", "-z", str(PAGE)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603  our own words
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_has_nothing_to_complain_about() -> None:
    command = ["mandoc", "-Tlint", "-Wwarning", str(PAGE)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603  our own words
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
