"""The USB stick pulled out in the middle, and put back: the same process goes on, and a turn works."""

import re
import statistics
from collections.abc import Callable

import pytest

from hero365_edge.core.pcm import Pcm
from tests.lab.appliance import BUTTON, TAP_S, UNIT, Appliance, at_work
from tests.lab.machine import Machine
from tests.lab.pace import now, sleep
from tests.listening import words_of

pytestmark = pytest.mark.lab

Speech = Callable[[str], Pcm]

NOTICED_S = 3.0
"""PRODUCT: 1 s without a callback is a dead microphone. PortAudio spins meanwhile, and this machine has one core."""
BACK_S = 2.0
"""PRODUCT: it works so soon after the kernel has the card again."""
REPLUGS = 100
BEFORE_S = 1.0
"""It may work before the test knows that the kernel has the card."""
THINK_S = 4.0
PULLED_BEFORE_S = 0.8
"""So long before the answer: the kernel has seen it by then, and the microphone tells only a second after the pull."""
STORY_S = 10.0
"""So much around a slow one is shown."""
_STAMPED = re.compile(r"^\[ *([\d.]+)\] (.*)$", re.MULTILINE)


def pulled_and_put_back(appliance: Appliance) -> str:
    """Pull it out now; the times of what is told then, and of its recovery."""
    machine = appliance.machine
    pid, pulled_at = appliance.pid, machine.unplug_usb()
    appliance.until(lambda: appliance.told().startswith("fault"), "the fault is told", 15.0)
    says = appliance.told()
    noticed = re.search(r"\[ *([\d.]+)\].*the microphone is lost", machine.journal(UNIT))
    assert noticed
    noticed_s = machine.host_time(float(noticed[1])) - pulled_at
    sleep(1.0)
    machine.plug_usb()
    plugged_at = now()
    appliance.ready(20.0)
    back_s = now() - plugged_at
    assert appliance.pid == pid
    assert appliance.show("NRestarts") == "0"
    assert noticed_s < NOTICED_S, says
    return f"noticed after {noticed_s:.1f} s ({says}), ready {back_s:.1f} s after the kernel had the card again"


def test_pulled_out_while_listening(installed: Machine, speech: Speech, say: Callable[[str], None]) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    with at_work(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        installed.speak(words, wait=False)
        installed.press(BUTTON)
        sleep(TAP_S)
        installed.release(BUTTON)
        sleep(1.0)
        assert appliance.told().startswith("listening")
        figures = pulled_and_put_back(appliance)
        appliance.a_turn_works(words, answer)
    say(f"lab: pulled out while listening: {figures}")


def test_pulled_out_while_the_speaker_sleeps_just_before_the_answer(
    installed: Machine, speech: Speech, say: Callable[[str], None]
) -> None:
    words, answer = words_of(speech("0880")), words_of(speech("0870"))
    with at_work(installed, answer_pcm=answer, think_ms=1000 * THINK_S, pacing="1.5x") as appliance:
        appliance.ask(words, hold=True)
        # The backend thinks from the moment it has heard the end, which on a slow machine is seconds late.
        heard = appliance.backend.wait_for(lambda it: bool(it.utterances), 20.0).utterances[-1]
        sleep(heard.ended_at + THINK_S - PULLED_BEFORE_S - now())
        pulled_at = now()
        figures = pulled_and_put_back(appliance)
        began_at = appliance.backend.records.answers[-1].began_at
        assert 0 < began_at - pulled_at < 1.0, "the answer came before anybody could know"
        appliance.a_turn_works(words, answer)
    say(f"lab: pulled out just before the answer: {figures}")


def test_pulled_out_while_speaking(installed: Machine, speech: Speech, say: Callable[[str], None]) -> None:
    words, answer = words_of(speech("0880")), words_of(speech("0870"))
    with at_work(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        appliance.ask(words, hold=True)
        appliance.until(lambda: appliance.told().startswith("speaking"), "it speaks", 20.0)
        sleep(0.5)
        figures = pulled_and_put_back(appliance)
        appliance.a_turn_works(words, answer)
    say(f"lab: pulled out while speaking: {figures}")


@pytest.mark.nightly
def test_pulled_out_and_put_back_a_hundred_times_it_is_told_and_works_each_time_and_nothing_is_left_behind(
    installed: Machine, speech: Speech, say: Callable[[str], None]
) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    machine = installed
    with at_work(machine, answer_pcm=answer, pacing="1.5x") as appliance:
        pid = appliance.pid
        held, pulled, plugged = [], [], []
        for number in range(REPLUGS + 1):
            pulled.append(machine.unplug_usb())
            appliance.until(lambda: appliance.told().startswith("fault"), f"replug {number}: the fault is told", 15.0)
            machine.plug_usb()
            plugged.append(now())
            appliance.until(lambda: appliance.told().startswith("ready"), f"replug {number}: it is ready again", 20.0)
            held.append(threads_and_files(machine, pid))
        assert appliance.pid == pid
        assert appliance.show("NRestarts") == "0"
        lost_after_s = since(pulled, times(machine, "the microphone is lost"))
        back_after_s = since(plugged, times(machine, "the microphone works"))
        slowest = [max(range(len(each)), key=each.__getitem__) for each in (lost_after_s, back_after_s)]
        story = "".join(f"\nreplug {number}:\n{told_after(machine, pulled[number])}" for number in slowest)
        appliance.a_turn_works(words, answer)
    say(
        f"lab: {len(pulled)} times pulled out and put back: noticed after {spread(lost_after_s)}, works "
        f"{spread(back_after_s)} after the kernel had the card again; threads and files {held[1]}, then {held[-1]}"
    )
    assert max(lost_after_s) < NOTICED_S, story
    assert max(back_after_s) < BACK_S, story
    assert held[-1] == held[1], "the first time may load what stays"


def threads_and_files(machine: Machine, pid: int) -> tuple[int, int]:
    """How many threads and open files the process has now."""
    threads, files = machine.run(f"ls /proc/{pid}/task | wc -l; ls /proc/{pid}/fd | wc -l").out.split()
    return int(threads), int(files)


def spread(seconds: list[float]) -> str:
    """For people: the middle one, and the three slowest."""
    slowest = ", ".join(f"{each:.1f}" for each in sorted(seconds)[-3:])
    return f"{statistics.median(seconds):.1f} s in the middle and {slowest} s at most"


def told_after(machine: Machine, moment: float) -> str:
    """What the appliance told in its journal around that time, each line with how long after it."""
    lines = [(machine.host_time(float(at)) - moment, rest) for at, rest in _STAMPED.findall(machine.journal(UNIT))]
    return "\n".join(f"{after_s:6.2f} s {rest}" for after_s, rest in lines if -STORY_S < after_s < STORY_S)


def times(machine: Machine, message: str) -> list[float]:
    """When the appliance said so, in the lab's time."""
    told = re.findall(rf"^\[ *([\d.]+)\].*{message}", machine.journal(UNIT), re.MULTILINE)
    return [machine.host_time(float(moment)) for moment in told]


def since(moments: list[float], told: list[float]) -> list[float]:
    """How long after each of these moments it was told next, in seconds; StopIteration when it was not."""
    return [next(at for at in told if at > moment - BEFORE_S) - moment for moment in moments]
