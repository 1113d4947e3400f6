"""The USB stick pulled out in the middle, and put back: the same process goes on, and a turn works."""

import re
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


def test_pulled_out_while_speaking(installed: Machine, speech: Speech, say: Callable[[str], None]) -> None:
    words, answer = words_of(speech("0880")), words_of(speech("0870"))
    with at_work(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        appliance.ask(words, hold=True)
        appliance.until(lambda: appliance.told().startswith("speaking"), "it speaks", 20.0)
        sleep(0.5)
        figures = pulled_and_put_back(appliance)
        appliance.a_turn_works(words, answer)
    say(f"lab: pulled out while speaking: {figures}")
