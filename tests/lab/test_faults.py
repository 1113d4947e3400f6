"""What is missing, broken or wrong when the service starts: it runs, says so, and works once it is mended."""

from collections.abc import Callable

import pytest

from hero365_edge.core.pcm import Pcm
from tests.lab.appliance import UNIT, Appliance, beside_a_backend
from tests.lab.machine import Machine
from tests.lab.pace import now, sleep
from tests.listening import words_of

pytestmark = [pytest.mark.lab, pytest.mark.nightly]

Speech = Callable[[str], Pcm]
Say = Callable[[str], None]

WATCHED_S = 20.0
"""Longer than the watchdog's time, and than the first pauses before a restart."""
CHIP = "/sys/kernel/config/gpio-sim/pi/live"


def runs_and_says(appliance: Appliance, *, what: str) -> str:
    """Start it; it says `what`, and goes on as the same process; all that it said."""
    appliance.start()
    appliance.until(lambda: what in appliance.told(), f"it says {what!r}", 30.0)
    says, pid = appliance.told(), appliance.pid
    sleep(WATCHED_S)
    assert (appliance.show("ActiveState"), appliance.pid, appliance.show("NRestarts")) == ("active", pid, "0")
    return says


def mended(appliance: Appliance) -> float:
    """How long it took until it was ready, in the same process."""
    pid, since = appliance.pid, now()
    appliance.ready(60.0)
    assert (appliance.pid, appliance.show("NRestarts")) == (pid, "0")
    return now() - since


def test_without_a_sound_card_it_runs_and_says_so(installed: Machine, speech: Speech, say: Say) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    with beside_a_backend(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        says = runs_and_says(appliance, what="microphone 'Stick' is not there")
        installed.plug_usb()
        took_s = mended(appliance)
        appliance.a_turn_works(words, answer)
    say(f"lab: no sound card: {says!r}; ready {took_s:.1f} s after it was plugged in")


def test_without_a_network_it_runs_and_keeps_what_is_said(installed: Machine, speech: Speech, say: Say) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    installed.plug_usb()
    installed.network(down=True)
    with beside_a_backend(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        says = runs_and_says(appliance, what="link ")
        appliance.ask(words, hold=True)
        sleep(2.0)
        holding = appliance.told()
        installed.network()
        up_at = now()
        appliance.backend.wait_for(lambda it: bool(it.utterances), 60.0)
        took_s = now() - up_at
        appliance.hear_out()
        appliance.a_turn_works(words, answer)
        assert appliance.show("NRestarts") == "0"
    say(f"lab: no network: {says!r}, then {holding!r}; the backend had it {took_s:.1f} s after the link was up")
    assert not says.startswith(("ready", "fault"))
    assert holding.startswith("holding")


def test_without_a_gpio_chip_it_runs_and_says_so(installed: Machine, speech: Speech, say: Say) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    installed.plug_usb()
    installed.run(f"echo 0 >{CHIP}")
    with beside_a_backend(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        says = runs_and_says(appliance, what="GPIO17")
        installed.run(f"echo 1 >{CHIP}; udevadm settle")
        took_s = mended(appliance)
        appliance.a_turn_works(words, answer)
    say(f"lab: no GPIO chip: {says!r}; ready {took_s:.1f} s after it was there")


@pytest.mark.parametrize(
    "breaking",
    [
        pytest.param("fallocate -l $(df --output=avail -B1 / | tail -1) /full || dd if=/dev/zero of=/full", id="full"),
        pytest.param("sync; mount -o remount,ro / || echo u >/proc/sysrq-trigger; ! touch /probe", id="read-only"),
        pytest.param("rm -rf /var/lib/hero365-edge", id="no state folder"),
        pytest.param(
            "cd /var/lib/hero365-edge && for f in identity.json session.json; do head -c 999 /dev/urandom >$f; done",
            id="corrupt state",
        ),
    ],
)
def test_whatever_its_disk_is_like_a_turn_works(breaking: str, installed: Machine, speech: Speech, say: Say) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    installed.plug_usb()
    installed.run(breaking, check=False)
    with beside_a_backend(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        appliance.start()
        appliance.a_turn_works(words, answer)
        assert appliance.show("NRestarts") == "0"
        journal = installed.journal(UNIT, "--priority=warning")
    say(f"lab: {breaking!r}: a turn works; it warned:\n{journal}")


@pytest.mark.parametrize(("year", "utc"), [(1970, 1000.0), (2035, 2_051_222_400.0)])
def test_a_wrong_clock_is_waited_for(year: int, utc: float, installed: Machine, speech: Speech, say: Say) -> None:
    words, answer = words_of(speech("0890")), words_of(speech("0880"))
    installed.plug_usb()
    installed.set_clock(utc, synchronised=False)
    with beside_a_backend(installed, answer_pcm=answer, pacing="1.5x") as appliance:
        says = runs_and_says(appliance, what="link ")
        told = installed.run("hero365-edge status; hero365-edge check", check=False).out
        installed.set_clock()
        took_s = mended(appliance)
        appliance.a_turn_works(words, answer)
    say(f"lab: the clock at {year}: {says!r}; ready {took_s:.1f} s after it was right; status and check:\n{told}")
    assert "clock" in told


STOPS_IN_S = 3.0


@pytest.mark.parametrize("state", ["offline", "fault", "ready", "listening", "processing", "speaking", "holding"])
def test_it_stops_in_three_seconds_whatever_it_does(state: str, installed: Machine, speech: Speech, say: Say) -> None:
    words, answer = words_of(speech("0880")), words_of(speech("0870"))
    thinks_ms = 30_000 if state == "processing" else 0
    if state != "fault":
        installed.plug_usb()
    if state == "offline":
        installed.network(down=True)
    with beside_a_backend(installed, answer_pcm=answer, pacing="1.5x", think_ms=thinks_ms) as appliance:
        appliance.start()
        if state not in {"offline", "fault"}:
            appliance.ready()
        if state == "holding":
            installed.network(down=True)
        if state == "listening":
            installed.press(17)
        elif state not in {"offline", "fault", "ready"}:
            appliance.ask(words, hold=True)
        appliance.until(lambda: appliance.told().startswith(state), state, 30.0)
        began_at = now()
        installed.run(f"systemctl stop {UNIT}")
        took_s = now() - began_at
        result = appliance.show("Result"), appliance.show("ExecMainStatus")
    say(f"lab: stopped while {state}: in {took_s:.2f} s, {result}")
    assert took_s < STOPS_IN_S
    assert result == ("success", "0")
