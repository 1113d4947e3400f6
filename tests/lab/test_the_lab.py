"""The lab does what it says: each verb of the world, tried on programs that everybody knows."""

import socket
import ssl
import statistics
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from hero365_edge.core.pcm import RATE_HZ, Pcm
from tests.lab.agent_line import GuestError
from tests.lab.lamps import Shows
from tests.lab.machine import Machine
from tests.lab.pace import now, sleep
from tests.lab.stick import StickError

pytestmark = pytest.mark.lab

STICK = "-q -D hw:Stick -f S16_LE -r 48000 --period-size=960 --buffer-size=9600 -t raw"

BUTTON = """
from gpiozero import LED, Button
from signal import pause
button, led = Button(17), LED(22)
button.when_pressed = led.on
button.when_released = led.off
print(type(button.pin_factory).__name__, flush=True)
pause()
"""
LAMP = """
import time
from gpiozero import PWMLED
led = PWMLED(22)
led.value = 0.08; time.sleep(2)
led.on(); time.sleep(2)
led.blink(on_time=0.1, off_time=0.1, n=20, background=False)
led.pulse(fade_in_time=0.32, fade_out_time=0.32, n=6, background=False)
led.off(); time.sleep(1)
"""
HANGS = """
import time
from systemd import daemon
daemon.notify("READY=1")
for _ in range(10):
    daemon.notify("WATCHDOG=1"); time.sleep(0.2)
time.sleep(600)
"""
PINGS = """
import socket, ssl, sys, time
plain = socket.create_connection(("lab-backend", int(sys.argv[1])), timeout=10)
line = ssl.create_default_context().wrap_socket(plain, server_hostname="lab-backend")
for _ in range(5):
    asked = time.monotonic(); line.sendall(b"x"); line.recv(1); print(1000 * (time.monotonic() - asked))
"""


def test_all_units_are_well(machine: Machine) -> None:
    assert machine.run("systemctl is-system-running").out == "running\n"


def test_a_press_reaches_gpiozero_by_lgpio_and_its_led_is_seen(machine: Machine) -> None:
    machine.put(BUTTON, "/root/button.py")
    machine.run("systemd-run -q --unit=button python3 -u /root/button.py")
    until(lambda: "LGPIOFactory" in machine.journal("button"))
    assert machine.lamp(22) == 0
    pressed_at = machine.press(17)
    until(lambda: machine.lamp(22) == 1)
    released_at = machine.release(17)
    until(lambda: machine.lamp(22) == 0)
    (on_at, on), (off_at, off) = machine.lamp_trace(22).changes[-2:]
    assert (on, off) == (1, 0)
    assert 0 < on_at - pressed_at < 0.5
    assert 0 < off_at - released_at < 0.5


def test_a_lamp_s_rhythm_is_told(machine: Machine) -> None:
    machine.put(LAMP, "/root/lamp.py")
    machine.run("python3 /root/lamp.py")
    trace = machine.lamp_trace(22)
    rises = [at for at, level in trace.changes if level]
    begin, end = rises[0], rises[-1]
    assert trace.shows(begin + 0.2, begin + 1.8) is Shows.DIM
    assert trace.shows(begin + 2.3, begin + 3.8) is Shows.BRIGHT
    assert trace.shows(begin + 4.5, begin + 7.5) is Shows.BLINKING
    assert trace.period_s(begin + 4.5, begin + 7.5) == pytest.approx(0.2, abs=0.05)
    assert trace.shows(end - 3, end - 0.5) is Shows.BREATHING
    assert trace.period_s(end - 3, end) == pytest.approx(0.64, abs=0.1)
    assert trace.shows(end + 0.2, end + 0.9) is Shows.OFF


def test_the_stick_plays_and_records_at_once_and_no_sample_is_lost(machine: Machine) -> None:
    machine.plug_usb()
    said, played = noise(4, seed=1), noise(4, seed=2)
    machine.put(np.repeat(at_48_khz(played), 2).tobytes(), "/root/out.raw")
    both = f"timeout 30 arecord {STICK} -c 1 -d 7 /root/in.raw & timeout 30 aplay {STICK} -c 2 /root/out.raw; wait"
    began_at = now()
    with ThreadPoolExecutor(1) as other:
        running = other.submit(machine.run, both)
        until(lambda: any(what == "microphone on" for _, what in machine.stick.events()))
        sleep(1.0)  # it is switched on before it is listened to
        over_at = machine.speak(said)
        running.result(60)
    assert began_at + 4 < over_at < now()
    assert at_48_khz(said).tobytes() in machine.get("/root/in.raw")
    heard = machine.heard()
    assert at_48_khz(played).tobytes() in heard.pcm[:, 0].tobytes()
    ((begin, end),) = heard.sounds()
    assert 3.98 < end - begin < 5.0  # a busy host makes the guest late, and pauses between its packets
    assert began_at < begin < end < now()


def test_what_nobody_records_is_not_heard_later(machine: Machine) -> None:
    machine.plug_usb()
    machine.speak(noise(0.5, seed=3), wait=False)
    sleep(2.0)
    machine.run(f"timeout 30 arecord {STICK} -c 1 -d 1 /root/in.raw")
    assert not any(machine.get("/root/in.raw"))
    with pytest.raises(StickError, match="nobody recorded"):
        machine.speak(noise(0.5, seed=3))


def test_a_stick_pulled_out_is_gone_and_put_back_is_there(machine: Machine) -> None:
    machine.plug_usb()
    with ThreadPoolExecutor(1) as other:
        running = other.submit(machine.run, f"timeout 30 arecord {STICK} -c 1 -d 20 /dev/null", check=False)
        until(lambda: any(what == "microphone on" for _, what in machine.stick.events()))
        machine.unplug_usb()
        assert running.result(15).code == 1
    until(lambda: "Stick" not in machine.run("cat /proc/asound/cards").out)
    with pytest.raises(StickError, match="no USB stick"):
        machine.heard()
    machine.plug_usb(name="Other")
    machine.run(f"timeout 20 aplay {STICK.replace('Stick', 'Other')} -c 2 -d 1 /dev/zero")
    assert machine.heard().pcm.shape[0] > 47000


def test_the_link_is_trusted_and_as_slow_as_the_weather(machine: Machine) -> None:
    machine.put(PINGS, "/root/pings.py")
    with echo(*machine.far_end(8443)) as port:

        def round_trip_ms() -> float:
            return statistics.median(map(float, machine.run(f"python3 /root/pings.py {port}").out.split()))

        fair_ms = round_trip_ms()
        machine.network(delay_ms=100)
        slow_ms = round_trip_ms()
        machine.network()
        cleared_ms = round_trip_ms()
    assert slow_ms - fair_ms == pytest.approx(200, abs=30)
    assert cleared_ms < fair_ms + 30


def test_a_certificate_that_is_not_the_backend_s_is_refused(machine: Machine) -> None:
    machine.put(PINGS, "/root/pings.py")
    with echo(*machine.far_end(8443, expired=True)) as port, pytest.raises(GuestError, match="has expired"):
        machine.run(f"python3 /root/pings.py {port}")
    with echo(*machine.far_end(8443, host="somebody-else")) as port, pytest.raises(GuestError, match="not valid for"):
        machine.run(f"python3 /root/pings.py {port}")


def test_a_dead_spot_and_a_pulled_cable(machine: Machine) -> None:
    ping = "ping -q -c 3 -i 0.2 -W 1 lab-backend"
    machine.run(ping)
    machine.network(loss_percent=100)
    assert machine.run(ping, check=False).code == 1
    assert "1" in machine.run("cat /sys/class/net/eth1/carrier").out
    machine.network(down=True)
    until(lambda: "0" in machine.run("cat /sys/class/net/eth1/carrier").out)
    assert machine.run(ping, check=False).code != 0
    machine.network()
    until(lambda: machine.run(ping, check=False).code == 0)
    machine.network(loss_percent=30, jitter_ms=20, delay_ms=40, rate_kbit=256)
    told = machine.run("ping -q -c 40 -i 0.05 -W 1 lab-backend", check=False).out
    assert 5 < float(told.split("% packet loss")[0].split()[-1]) < 95


def test_systemd_s_watchdog_ends_what_hangs(machine: Machine) -> None:
    machine.put(HANGS, "/usr/local/lib/hangs.py")
    options = "-p Type=notify -p WatchdogSec=1 -p Restart=always -p DynamicUser=yes"
    machine.run(f"systemd-run -q --unit=hangs {options} /usr/bin/python3 /usr/local/lib/hangs.py")
    until(lambda: "Watchdog timeout" in machine.journal("hangs"))
    until(lambda: int(machine.run("systemctl show hangs -p NRestarts --value").out) >= 1)


def test_a_power_cut_loses_what_was_not_synced_and_keeps_what_was(machine: Machine) -> None:
    machine.run("echo kept >/root/kept; sync /root/kept /root; echo lost >/root/lost")
    machine.cut_power()
    machine.power_on()
    assert machine.get("/root/kept") == b"kept\n"
    with pytest.raises(GuestError, match="No such file"):
        machine.get("/root/lost")
    machine.press(17)
    machine.plug_usb()


def test_after_a_restore_all_is_as_it_was_and_the_clock_is_right(machine: Machine) -> None:
    machine.network(down=True)
    machine.run("touch /root/left-behind")
    machine.snapshot("of-a-test")
    machine.set_clock(978307200, synchronised=False)
    assert "2001" in machine.run("date --utc").out
    assert "NTPSynchronized=no" in machine.run("timedatectl show").out
    machine.restore("clean")
    assert abs(float(machine.run("date +%s.%N").out) - time.time()) < 1.0
    assert "NTPSynchronized=yes" in machine.run("timedatectl show").out
    assert machine.run("ls /root").out == ""
    machine.run("ping -q -c 1 -W 2 lab-backend")


def test_what_does_not_end_is_ended(machine: Machine) -> None:
    with pytest.raises(GuestError, match=r"not done within 1 s: sleep 1234"):
        machine.run("sleep 1234 & sleep 1234", timeout_s=1)
    assert machine.run("pgrep -f 'sleep 123[4]'", check=False).code == 1


def test_a_folder_and_a_wheel_come_whole(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("folder")
    (folder / "sub").mkdir()
    (folder / "sub/file").write_bytes(bytes(range(256)) * 20000)
    machine.put(folder, "/srv/folder")
    assert machine.get("/srv/folder/sub/file") == bytes(range(256)) * 20000
    wheel = folder / "hello-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("hello.py", "import webrtcvad\ndef main(): print('hello'); return 3\n")
        archive.writestr("hello-1.dist-info/entry_points.txt", "[console_scripts]\nhello = hello:main\n")
    assert machine.run("hello", check=False).code == 127
    machine.install(wheel)
    said = machine.run("hello", check=False)
    assert (said.code, said.out) == (3, "hello\n")


class echo:  # noqa: N801  used like a function
    """A TLS server that sends back what it is sent; its port, for the length of a block."""

    def __init__(self, listener: socket.socket, tls: ssl.SSLContext) -> None:
        self._listener = listener
        self._tls = tls
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> int:
        self._thread.start()
        port = self._listener.getsockname()[1]
        assert isinstance(port, int)
        return port

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # ends `accept`
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            plain.settimeout(10)
            try:
                with self._tls.wrap_socket(plain, server_side=True) as line:
                    while got := line.recv(100):
                        line.sendall(got)
            except OSError:  # the guest did not like the certificate
                plain.close()


def noise(seconds: float, *, seed: int) -> Pcm:
    return np.random.default_rng(seed).integers(-9000, 9000, int(seconds * RATE_HZ)).astype("<i2")


def at_48_khz(pcm: Pcm) -> NDArray[np.int16]:
    resampled: NDArray[Any] = soxr.resample(pcm, RATE_HZ, 48000)
    return resampled.astype("<i2")


def until(true: Callable[[], bool], limit_s: float = 20.0) -> None:
    deadline = now() + limit_s
    while not true():
        assert now() < deadline, f"not within {limit_s} s"
        sleep(0.05)
