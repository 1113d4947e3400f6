"""Realtime priority for the threads of the sound cards' callbacks, and for no other.

A whole Python process at such a priority would starve the rest of the computer. So would a callback's thread that
runs wild: PortAudio's spins when its card is pulled out. Linux sends SIGXCPU when a realtime thread has run for
`WILD_US` without ever waiting; `tame` then takes the priority away, and a runaway costs no more than a core.
"""

import logging
import os
import resource
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

PRIORITY = 5
"""Of 99; above everything ordinary, below the kernel's own interrupt threads (50)."""

WILD_US = 200_000


def arm() -> None:
    """Let the callbacks of this process have realtime priority. Whoever calls it has `tame` called on SIGXCPU.

    Not on a computer with one core: there a callback that runs wild leaves nobody the time to call `tame`.
    """
    if len(os.sched_getaffinity(0)) < 2:
        log.info("one core: the sound cards' callbacks have no realtime priority")
        return
    _, hard = resource.getrlimit(resource.RLIMIT_RTTIME)
    resource.setrlimit(resource.RLIMIT_RTTIME, (WILD_US if hard < 0 else min(WILD_US, hard), hard))


def tame() -> None:
    """Take the priority from every thread of this process that has it, and arm anew: Linux raises the limit."""
    for task in Path("/proc/self/task").iterdir():
        thread = int(task.name)
        with suppress(ProcessLookupError):  # it has ended meanwhile
            if is_realtime(thread):
                # Without privilege the flag may not be taken back.
                os.sched_setscheduler(thread, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))
                log.warning("a sound card's callback ran wild; it goes on without realtime priority")
    arm()


def raise_this_thread() -> None:
    """Give the calling thread realtime priority if the process is armed and may: LimitRTPRIO= of the unit."""
    if resource.getrlimit(resource.RLIMIT_RTTIME)[0] < 0:
        return
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
    except OSError as error:
        log.debug("the sound card's callback has no realtime priority (%s)", error.strerror)


def is_realtime(thread: int) -> bool:
    """Whether the thread of this number (`threading.get_native_id`) has it."""
    return os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO
