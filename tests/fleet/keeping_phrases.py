"""Fills and uses a phrase cache in a process that ends at each line of the code in turn, and judges what is left.

    python -m tests.fleet.keeping_phrases FOLDER     # prints how many lines there were
"""

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

import numpy as np

from hero365_edge.core.pcm import Pcm
from hero365_edge.fleet import durable, phrases
from hero365_edge.fleet.phrases import Phrases
from hero365_edge.speech_ports import Whose
from tests.fleet.writing_all_the_time import end_at

WATCHED = {durable.__file__, phrases.__file__}
LIMIT_BYTES = 10_000
"""Two phrases: a third throws one away."""
KEPT = (("one", Whose.LOCAL), ("one", Whose.AGENT), ("two", Whose.AGENT), ("three", Whose.LOCAL))


def sound(text: str, whose: Whose) -> Pcm:
    """How this one says it, and nobody else."""
    seed = [*text.encode(), whose is Whose.AGENT]
    return np.random.default_rng(seed).integers(-9000, 9000, 1000, dtype=np.int16)


async def use(book: Phrases, told: int) -> None:
    """Keep a phrase, replace it, throw another away; what is kept for good is told, a line each."""
    for text, whose in KEPT:
        await book.keep(text, sound(text, whose), whose)
        os.write(told, f"{text}/{whose}\n".encode())
    book.find("three")


def judge(folder: Path, told: list[str]) -> list[str]:
    """What is not whole, too much, or lost though it was told; the process after opens the cache, and mends it."""
    wrong = []
    book = Phrases(folder, LIMIT_BYTES)
    known = {text: whose for text, _ in KEPT if (whose := book.whose(text)) is not None}
    for text, whose in known.items():
        found = book.find(text)
        if found is None or not np.array_equal(found, sound(text, whose)):
            wrong.append(f"{text} of {whose} is not whole")
    if told:
        text, _, name = told[-1].partition("/")
        if text not in known or (name == Whose.AGENT and known[text] is not Whose.AGENT):
            wrong.append(f"{told[-1]} was told and is not there")
    if unfinished := [path.name for path in folder.glob(".*")]:
        wrong.append(f"left behind: {unfinished}")
    if book.bytes > LIMIT_BYTES:
        wrong.append(f"{book.bytes} bytes")
    return wrong


def lines(folder: Path) -> int:
    """How many lines there were. Raises AssertionError for one after which something is not as it should be."""
    for last in count(1):
        reading, telling = os.pipe()
        child = os.fork()
        if child == 0:
            book = Phrases(folder, LIMIT_BYTES)
            end_at(last, WATCHED)
            asyncio.run(use(book, telling))
            os._exit(0)
        os.close(telling)
        with os.fdopen(reading) as pipe:
            told = pipe.read().splitlines()
        _, status = os.waitpid(child, 0)
        if wrong := judge(folder, told):
            raise AssertionError(f"ended at line {last}: {wrong}")
        if os.waitstatus_to_exitcode(status) == 0:
            return last - 1
        for path in folder.iterdir():
            path.unlink()
    raise AssertionError  # it counts for ever


if __name__ == "__main__":
    sys.stdout.write(str(lines(Path(sys.argv[1]))))
