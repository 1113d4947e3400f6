"""A process that is killed at any moment leaves an identity, a state and a phrase cache that are whole.

A killed process is not quite a cut power: what it wrote reaches the disk all the same. The lab cuts a machine's power
under the same script.
"""

import asyncio
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hero365_edge.fleet.identity import IdentityStore
from hero365_edge.fleet.phrases import Phrases
from tests.fleet import keeping_phrases
from tests.fleet.writing_all_the_time import change, judge

SCRIPT = Path(__file__).with_name("writing_all_the_time.py")
KILLS = 54


def script(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "ignore", str(SCRIPT), *arguments]


def test_killed_at_random_moments_it_is_always_whole_and_never_forgets(tmp_path: Path) -> None:
    dice = random.Random(365)  # noqa: S311  no secret
    cuts = 0
    for _ in range(KILLS):
        with subprocess.Popen(script("write", str(tmp_path)), stdout=subprocess.PIPE) as writer:  # noqa: S603  ours
            assert writer.stdout is not None
            first = writer.stdout.readline()
            time.sleep(dice.random() * 0.05)
            writer.kill()
            told = [first, *writer.stdout.read().splitlines()]
        assert judge(tmp_path, int(told[-1])) == []
        cuts += len(list((tmp_path / "state").iterdir())) != 2
    assert cuts, "not one of them fell into a write"


def test_ended_at_each_line_of_the_code_in_turn_it_is_whole() -> None:
    with tempfile.TemporaryDirectory(dir=_in_memory()) as folder:
        command = script("lines", folder)
        ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=120).stdout  # noqa: S603  ours
    assert int(ended) > 100


def test_a_phrase_cache_that_was_ended_at_each_line_in_turn_is_whole() -> None:
    with tempfile.TemporaryDirectory(dir=_in_memory()) as folder:
        command = [sys.executable, "-W", "ignore", "-m", "tests.fleet.keeping_phrases", folder]
        ended = subprocess.run(  # noqa: S603  our own interpreter
            command, check=True, stdout=subprocess.PIPE, timeout=120, cwd=Path(__file__).parents[2]
        ).stdout
    assert int(ended) > 100


def test_the_judge_of_phrases_finds_what_is_not_whole_and_what_was_lost(tmp_path: Path) -> None:
    async def keep() -> None:
        for text, whose in keeping_phrases.KEPT[:2]:
            await Phrases(tmp_path).keep(text, keeping_phrases.sound("another", whose), whose)

    asyncio.run(keep())
    assert keeping_phrases.judge(tmp_path, ["one/agent"]) == ["one of agent is not whole"]
    assert keeping_phrases.judge(tmp_path, ["two/agent"])[1:] == ["two/agent was told and is not there"]


def test_the_judge_finds_what_is_not_whole(tmp_path: Path) -> None:
    """A test that cannot fail is a defect: so the judge has to."""
    change(tmp_path, 6)
    store = IdentityStore(tmp_path / "state")
    stored, path = store.load(), store.token_path()
    assert stored is not None
    assert path is not None
    number = int(stored.user_id)
    assert judge(tmp_path, number + 2) != [], "an acknowledged change was lost"
    path.write_text(path.read_text()[:-100])
    assert "a mixture" in judge(tmp_path, number)[0], "half a token"
    path.write_text(f"{number + 1}-{'x' * 3000}")
    assert "a mixture" in judge(tmp_path, number)[0], "a token of another generation"


def _in_memory() -> str | None:
    """Each line takes several syncs of a real disk; what is proved here does not depend on the disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  a folder of its own in it
