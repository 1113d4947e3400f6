"""The bench on a real kernel: a stick pulled out in the middle, a contact that bounces as told, the lamp's line."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from hero365_edge.bench.hardware import button, lamp
from hero365_edge.core.lamp import Light, pattern
from tests.lab.appliance import BUTTON, LAMP
from tests.lab.lamps import Shows
from tests.lab.machine import Done, Machine
from tests.lab.pace import now, sleep

pytestmark = pytest.mark.lab

Say = Callable[[str], None]

JABRA = 0x0B0E
OUT = "/root/bench"
SAYS = "/root/says"
# gpio-sim's own side of the line. Each press and each release is three changes, with known pauses between them. A line
# moves somewhere within the call that moves it: this machine's one core shall do nothing else in the midst of that.
FINGER = """
import glob, json, os, sys, time
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
pull, = glob.glob(f"/sys/devices/platform/gpio-sim*/gpiochip*/sim_gpio{sys.argv[1]}/pull")
file = open(pull, "w", buffering=1)
def move(down):
    before = time.monotonic()
    file.write("pull-down\\n" if down else "pull-up\\n")
    return (before + time.monotonic()) / 2
spans = []
for _ in range(int(sys.argv[2])):
    for down in (True, False):
        first = move(down)
        for again in (not down, down):
            time.sleep(0.003)
            last = move(again)
        spans.append(1000 * (last - first))
        time.sleep(0.12)
print(json.dumps(spans))
"""


def benched(machine: Machine, what: str, limit_s: float = 240.0) -> Done:
    bench = f"PYTHONUNBUFFERED=1 hero365-edge bench {what} --out {OUT} </dev/null"
    return machine.run(f"{bench} >{SAYS} 2>&1; code=$?; cat {SAYS}; exit $code", timeout_s=limit_s, check=False)


def figures(machine: Machine, what: str) -> dict[str, dict[str, Any]]:
    (result,) = json.loads(machine.get(f"{OUT}/bench-{what}.json"))["results"]
    return {figure["name"]: figure for figure in result["figures"]}


def until_it_is_at_it(machine: Machine) -> None:
    """Until it plays: PortAudio opens each card for a moment before, but gives none of them a sound."""
    deadline = now() + 60.0
    while not machine.stick.heard().sounds():
        assert now() < deadline, "nothing is played"
        sleep(0.1)


def until_it_asks(machine: Machine) -> None:
    """Until the tester is told to press: PortAudio listens for a moment to each card, and then opens one."""
    deadline = now() + 60.0
    while machine.run(f"grep -q '^Press the button' {SAYS}", check=False).code:
        assert now() < deadline, "nobody is asked to press"
        sleep(0.1)


def test_a_stick_is_recognised_benched_and_lost_when_it_is_pulled_out(installed: Machine, say: Say) -> None:
    installed.plug_usb(maker=JABRA)
    board = json.loads(installed.run("hero365-edge devices --json").out)["board"]
    assert [one["profile"] for one in board["recognised"]] == ["usb-speakerphone"]
    assert benched(installed, "soak --minutes 0.1").code in (0, 1)
    report = json.loads(installed.get(f"{OUT}/bench-soak.json"))
    assert (report["subject"]["profile"], report["subject"]["fake"]) == ("usb-speakerphone", False)
    assert figures(installed, "soak")["dropped"]["value"] is not None
    installed.plug_usb(maker=JABRA)
    with ThreadPoolExecutor(1) as other:
        running = other.submit(benched, installed, "soak --minutes 30")
        until_it_is_at_it(installed)
        sleep(3.0)
        pulled_at = installed.unplug_usb()
        done = running.result(120)
    took_s = now() - pulled_at
    assert {figure["verdict"] for figure in figures(installed, "soak").values()} == {"lost"}, done
    assert done.code == 1
    assert took_s < 30.0
    say(f"lab: pulled out while benched: 'lost' and the end {took_s:.1f} s later")


def test_presses_that_bounce_in_a_known_pattern_are_counted_and_timed_by_the_kernel(
    installed: Machine, say: Say
) -> None:
    installed.plug_usb(maker=JABRA)
    installed.put(FINGER, "/root/finger.py")
    with ThreadPoolExecutor(1) as other:
        running = other.submit(benched, installed, "button")
        until_it_asks(installed)
        spans_ms = json.loads(installed.run(f"python3 /root/finger.py {BUTTON} {button.PRESSES}").out)
        done = running.result(120)
    told = figures(installed, "button")
    notes = json.loads(installed.get(f"{OUT}/bench-button.json"))["results"][0]["notes"]
    strokes = 2 * button.PRESSES
    say(f"lab: {done.out} {notes}; the finger's bounce at 99 %: {np.quantile(spans_ms, 0.99):.2f} ms")
    assert notes == [f"{button.PRESSES} presses, {strokes} of {strokes} strokes bounced"]
    assert told["miscounted"]["value"] == told["stuck"]["value"] == 0
    assert told["bounce_p99"]["value"] == pytest.approx(np.quantile(spans_ms, 0.99), abs=1.0)
    assert 0 < told["press_median"]["value"] <= told["press_p99"]["value"] < 100.0


def looks(light: Light) -> Shows:
    """What a trace of the line shows of it."""
    of = pattern(light)
    if of.fade_ms:
        return Shows.BREATHING
    if of.steady:
        return Shows.BRIGHT if of.brightness == 1.0 else Shows.DIM
    return Shows.BLINKING


def test_the_lamp_s_line_is_read_back_through_all_lights(installed: Machine, say: Say) -> None:
    asked_at = now()
    done = benched(installed, "lamp")
    assert figures(installed, "lamp")["wrong"]["verdict"] == "not measured", done
    trace = installed.lamp_trace(LAMP)
    begin = next(at for at, level in trace.changes if level and at > asked_at)
    seen = {}
    for index, light in enumerate(Light):
        since = begin + index * lamp.SHOWN_S
        of = pattern(light)
        if light is Light.OFFLINE:  # its flash is too short to be told from a dim lamp but by its share of the time
            share = float(trace.brightness(since, since + lamp.SHOWN_S).mean())
            assert share == pytest.approx(of.on_ms / (of.on_ms + of.off_ms), rel=0.3)
            seen[light.value] = f"{100 * share:.0f} % on"
            continue
        shows = trace.shows(since + 0.3, since + lamp.SHOWN_S - 0.3)
        seen[light.value] = shows.value
        assert shows is looks(light), f"{light}: {shows}"
        if not of.steady:
            period_s = trace.period_s(since + 0.1, since + lamp.SHOWN_S - 0.1)
            told_s = (2 * of.fade_ms + of.on_ms + of.off_ms) / 1000
            assert period_s == pytest.approx(told_s, rel=0.15), light
    say(f"lab: the lamp's line showed {re.sub('[{}]', '', str(seen))}")
