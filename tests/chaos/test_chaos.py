"""Sixty utterances, each with a piece of bad luck: all of them are executed once, or told to be too old."""

import tempfile
from pathlib import Path

import pytest

from tests.chaos.lanes import chaos, missing
from tests.chaos.report import report, table

WHY_NOT = missing()
pytestmark = [
    pytest.mark.network,
    pytest.mark.alsa,
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT),
]

TURNS = 60
SEED = 1


async def test_no_utterance_is_lost_or_executed_twice_whatever_goes_wrong() -> None:
    with tempfile.TemporaryDirectory(prefix="c") as folder:  # a socket's name is 107 bytes at most
        figures = report(await chaos(SEED, TURNS, Path(folder)))
    told = table(figures)
    assert (figures["lost"], figures["doubled"], figures["stuck"], figures["unknown"]) == (0, 0, 0, 0), told
    assert figures["turns"] == TURNS
    assert figures["accepted"] + figures["expired_told"] == TURNS, told
    assert figures["kinds"]["outage past max_age"]["accepted"] == 0, "old orders are not executed"
    assert len(figures["kinds"]) == 24, "every kind has come"
