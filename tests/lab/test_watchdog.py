"""What hangs is killed by systemd and started anew, and a turn works again."""

import time
from collections.abc import Callable

import pytest

from hero365_edge.core.pcm import Pcm
from tests.lab.appliance import UNIT, Appliance, at_work
from tests.lab.machine import Machine
from tests.listening import find, follow, words_of

pytestmark = pytest.mark.lab

Speech = Callable[[str], Pcm]

WATCHDOG_S = 15.0
"""The unit's WatchdogSec, which counts from the last sign of life."""
RESTARTED_S = WATCHDOG_S + 3.0 + 1.0 + 5.0
"""TimeoutAbortSec for a process that cannot die, RestartSec, and what PRODUCT allows on top."""


def restarted(appliance: Appliance, pid: int, since: float) -> float:
    """Wait for a new process; how long after `since` it was there."""
    appliance.until(lambda: appliance.pid not in {0, pid}, "systemd started it anew", 60.0)
    return time.monotonic() - since


def a_turn_works(appliance: Appliance, words: Pcm, answer: Pcm) -> None:
    """Ask, and hear the answer out."""
    appliance.ready(60.0)
    appliance.machine.heard()
    before = len(appliance.backend.wait_for(lambda _: True, 5.0).answers)
    appliance.ask(words, hold=True)
    appliance.backend.wait_for(lambda it: len(it.answers) > before, 40.0)
    backend, heard = appliance.hear_out()
    assert find(words, backend.utterances[-1].pcm).likeness > 0.8
    assert follow(answer, heard.mono()).likeness > 0.9


def test_a_process_that_stands_still_is_replaced(
    installed: Machine, speech: Speech, say: Callable[[str], None]
) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    with at_work(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        pid = appliance.pid
        stopped_at = time.monotonic()
        installed.run(f"kill -STOP {pid}")
        took_s = restarted(appliance, pid, stopped_at)
        a_turn_works(appliance, words, answer)
        journal = installed.journal(UNIT)
    say(f"lab: SIGSTOP: a new process after {took_s:.1f} s; watchdog {WATCHDOG_S:.0f} s")
    assert "Watchdog timeout" in journal
    assert took_s < RESTARTED_S


def test_a_capture_thread_that_hangs_with_its_card_is_replaced(
    installed: Machine, speech: Speech, say: Callable[[str], None]
) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    with at_work(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        pid = appliance.pid
        stick = installed.stick
        hung_at = time.monotonic()
        stick.hang()
        appliance.until(lambda: "no progress" in appliance.told(), "it says that a card hangs", 30.0)
        says = appliance.told()
        appliance.until(lambda: "Watchdog timeout" in installed.journal(UNIT), "the watchdog bites", 60.0)
        ended_s = time.monotonic() - hung_at
        stick.hang()  # now it works again: Linux itself waits for a stick that hangs, and lets no program go meanwhile
        took_s = restarted(appliance, pid, hung_at)
        a_turn_works(appliance, words, answer)
    say(f"lab: a hung card: {says!r}; ended after {ended_s:.1f} s, a new process after {took_s:.1f} s")
