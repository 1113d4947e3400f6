"""Realtime priority where this computer permits it: who has it, who has not, and who loses it again."""

import asyncio
import contextlib
import hashlib
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hero365_edge.core.pcm import silence
from hero365_edge.devices import realtime
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.microphone import PortAudioMicrophone
from hero365_edge.devices.speaker import PortAudioSpeaker
from tests.alsa_rig import AlsaRig
from tests.appliance import until


def permitted() -> bool:
    """Whether this process may: as root, or by RLIMIT_RTPRIO."""
    program = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))"
    return subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0  # noqa: S603  all of it is written here


needs_permission = pytest.mark.skipif(not permitted(), reason="no realtime priority here: run as root, or ulimit -r 5")


@pytest.fixture
def limits() -> Iterator[None]:
    """The limit and the signal's handler as they were, afterwards."""
    limit, handler = resource.getrlimit(resource.RLIMIT_RTTIME), signal.getsignal(signal.SIGXCPU)
    yield
    signal.signal(signal.SIGXCPU, handler)
    resource.setrlimit(resource.RLIMIT_RTTIME, limit)


def realtime_threads() -> set[int]:
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            if realtime.is_realtime(int(task.name)):
                found.add(int(task.name))
    return found


@needs_permission
@pytest.mark.alsa
@pytest.mark.usefixtures("limits")
async def test_exactly_the_threads_of_the_two_callbacks_have_it_and_each_new_run_too(alsa: AlsaRig) -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGXCPU, realtime.tame)
    realtime.arm()
    clock = SystemClock()
    before = {thread.native_id for thread in threading.enumerate()}
    microphone = PortAudioMicrophone(clock, "hero_mic")
    speaker = PortAudioSpeaker(clock, "hero_spk")
    seen: list[tuple[int, int]] = []
    microphone_called, speaker_called = microphone._arrived, speaker._wanted
    callers: dict[str, int] = {}

    def arrived(*arguments: object) -> object:
        callers["microphone"] = threading.get_native_id()
        return microphone_called(*arguments)  # type: ignore[arg-type]  # handed through

    def wanted(*arguments: object) -> object:
        callers["speaker"] = threading.get_native_id()
        return speaker_called(*arguments)  # type: ignore[arg-type]  # handed through

    microphone._arrived = arrived  # type: ignore[assignment,method-assign]  # to learn which thread calls
    speaker._wanted = wanted  # type: ignore[assignment,method-assign]  # to learn which thread calls
    microphone.start()
    speaker.start()
    try:
        for _ in range(2):  # waking a speaker again gives it another thread
            callers.clear()
            speaker.write(silence(3200))
            await until(lambda: len(callers) == 2, 5.0)
            assert realtime_threads() == set(callers.values())
            assert not realtime_threads() & before
            seen += [(thread, os.sched_getparam(thread).sched_priority) for thread in realtime_threads()]
            speaker.flush()
            await until(lambda: len(realtime_threads()) == 1, 5.0)
    finally:
        microphone.close()
        speaker.close()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGXCPU)
    assert {priority for _, priority in seen} == {realtime.PRIORITY}
    assert realtime_threads() == set()


@needs_permission
@pytest.mark.usefixtures("limits")
async def test_a_thread_that_runs_wild_loses_it_and_the_next_one_may_have_it() -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGXCPU, realtime.tame)
    realtime.arm()
    for _ in range(2):
        had_it, kept_it = [], []

        def run_wild() -> None:
            realtime.raise_this_thread()
            had_it.append(realtime.is_realtime(0))  # noqa: B023  joined below
            for _ in range(20):  # up to some 2 s without the interpreter's lock and without ever waiting
                hashlib.pbkdf2_hmac("sha256", b"wild", b"wild", 200_000)
                if not realtime.is_realtime(0):
                    return
            kept_it.append(True)  # noqa: B023  joined below

        await asyncio.to_thread(run_wild)
        assert had_it == [True]
        assert not kept_it
        assert resource.getrlimit(resource.RLIMIT_RTTIME)[0] == realtime.WILD_US
    asyncio.get_running_loop().remove_signal_handler(signal.SIGXCPU)


@pytest.mark.usefixtures("limits")
def test_a_process_that_is_not_armed_asks_for_nothing() -> None:
    if resource.getrlimit(resource.RLIMIT_RTTIME)[0] >= 0:
        pytest.skip("somebody else has set RLIMIT_RTTIME for this process already")
    had_it = []

    def ask() -> None:
        realtime.raise_this_thread()
        had_it.append(realtime.is_realtime(0))

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert had_it == [False]


def test_where_it_is_not_permitted_the_thread_goes_on_and_says_so_for_the_curious_alone() -> None:
    program = """
import logging, os, resource, sys
from hero365_edge.devices import realtime
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, format="%(levelname)s %(message)s")
resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
realtime.arm()
realtime.raise_this_thread()
print(realtime.is_realtime(0))
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603  all of it is written here
    told, is_realtime = done.stdout.splitlines()
    assert told == "DEBUG the sound card's callback has no realtime priority (Operation not permitted)"
    assert is_realtime == "False"


def test_with_one_core_nobody_has_it_for_a_thread_that_runs_wild_would_leave_no_time_to_tame_it() -> None:
    program = """
import os, resource
from hero365_edge.devices import realtime
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
realtime.arm()
realtime.raise_this_thread()
print(realtime.is_realtime(0), resource.getrlimit(resource.RLIMIT_RTTIME)[0] == realtime.WILD_US)
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603  all of it is written here
    assert done.stdout == "False False\n"
