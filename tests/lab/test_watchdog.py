"""What hangs is killed by systemd and started anew, and a turn works again."""

from collections.abc import Callable

import pytest

from hero365_edge.core.pcm import Pcm
from tests.lab.appliance import UNIT, Appliance, at_work
from tests.lab.machine import Machine
from tests.lab.pace import now
from tests.listening import words_of

pytestmark = pytest.mark.lab

Speech = Callable[[str], Pcm]

WATCHDOG_S = 15.0
"""The unit's WatchdogSec, which counts from the last sign of life."""
RESTARTED_S = WATCHDOG_S + 5.0
"""TimeoutAbortSec (3 s) for a process that cannot die and RestartSec (1 s) are within it."""


def restarted(appliance: Appliance, pid: int, since: float) -> float:
    """Wait for a new process; how long after `since` it was there."""
    appliance.until(lambda: appliance.pid not in {0, pid}, "systemd started it anew", 60.0)
    return now() - since


def a_hung_card_ends_in_a_new_process(appliance: Appliance) -> str:
    """Let the stick hang until the watchdog is told to bite; what was told of it, and the times."""
    machine, pid, hung_at = appliance.machine, appliance.pid, now()
    machine.stick.hang()
    appliance.until(lambda: "no progress" in appliance.told(), "it says that a card hangs", 30.0)
    says = appliance.told()
    appliance.until(lambda: "Watchdog request" in machine.journal(UNIT), "the watchdog bites", 60.0)
    ended_s = now() - hung_at
    machine.stick.hang()  # it works again: Linux itself waits for a stick that hangs, and lets no program go meanwhile
    took_s = restarted(appliance, pid, hung_at)
    assert took_s < RESTARTED_S
    return f"{says!r}; ended after {ended_s:.1f} s, a new process after {took_s:.1f} s"


def test_a_process_that_stands_still_is_replaced(
    installed: Machine, speech: Speech, say: Callable[[str], None]
) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    with at_work(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        pid = appliance.pid
        stopped_at = now()
        installed.run(f"kill -STOP {pid}")
        took_s = restarted(appliance, pid, stopped_at)
        appliance.a_turn_works(words, answer)
        journal = installed.journal(UNIT)
    say(f"lab: SIGSTOP: a new process after {took_s:.1f} s; watchdog {WATCHDOG_S:.0f} s")
    assert "Watchdog timeout" in journal
    assert took_s < RESTARTED_S


def test_a_capture_thread_that_hangs_with_its_card_is_replaced(
    installed: Machine, speech: Speech, say: Callable[[str], None]
) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    with at_work(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        figures = a_hung_card_ends_in_a_new_process(appliance)
        appliance.a_turn_works(words, answer)
    say(f"lab: a card that hung while it was ready: {figures}")


HOLD = """
import ctypes, os, sys
# Stops one thread and no other, until it is killed. Linux tells its parent of that only when this has heard of it.
libc = ctypes.CDLL(None, use_errno=True)
if libc.ptrace(16, int(sys.argv[1]), None, None):
    sys.exit(f"ptrace: errno {ctypes.get_errno()}")
status = os.waitpid(int(sys.argv[1]), 0x40000000)[1]
while os.WIFSTOPPED(status):
    status = os.waitpid(int(sys.argv[1]), 0x40000000)[1]
"""


@pytest.mark.nightly
def test_an_event_loop_that_is_blocked_ends_in_a_new_process(
    installed: Machine, speech: Speech, say: Callable[[str], None]
) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    with at_work(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        installed.put(HOLD, "/root/hold.py")
        pid = appliance.pid
        blocked_at = now()
        installed.run(f"setsid python3 /root/hold.py {pid} >/dev/null 2>&1 </dev/null &")
        took_s = restarted(appliance, pid, blocked_at)
        appliance.a_turn_works(words, answer)
        assert "Watchdog timeout" in installed.journal(UNIT)
    say(f"lab: its event loop blocked: a new process after {took_s:.1f} s")
    assert took_s < RESTARTED_S


@pytest.mark.nightly
def test_a_speaker_that_hangs_in_the_middle_of_an_answer_ends_in_a_new_process(
    installed: Machine, speech: Speech, say: Callable[[str], None]
) -> None:
    words, answer = words_of(speech("0880")), words_of(speech("0870"))
    with at_work(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        appliance.ask(words, hold=True)
        appliance.until(lambda: appliance.told().startswith("speaking"), "it speaks", 20.0)
        figures = a_hung_card_ends_in_a_new_process(appliance)
        appliance.a_turn_works(words, answer)
    say(f"lab: a card that hung while it spoke: {figures}")


@pytest.mark.nightly
def test_a_process_that_is_killed_or_has_no_memory_left_is_replaced_at_once(
    installed: Machine, speech: Speech, say: Callable[[str], None]
) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    with at_work(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        pid, killed_at = appliance.pid, now()
        installed.run(f"kill -KILL {pid}")
        killed_s = restarted(appliance, pid, killed_at)
        appliance.a_turn_works(words, answer)
        pid, limited_at = appliance.pid, now()
        installed.run(f"systemctl set-property --runtime {UNIT} MemoryMax=20M")
        appliance.until(lambda: "oom-kill" in installed.journal(UNIT), "the kernel kills it", 30.0)
        installed.run(f"systemctl set-property --runtime {UNIT} MemoryMax=260M")
        memory_s = restarted(appliance, pid, limited_at)
        appliance.a_turn_works(words, answer)
    say(f"lab: a new process {killed_s:.1f} s after SIGKILL, {memory_s:.1f} s after its memory was taken away")
    assert killed_s < RESTARTED_S
    assert memory_s < RESTARTED_S
