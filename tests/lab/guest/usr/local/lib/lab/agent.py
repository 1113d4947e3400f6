"""The lab's hands inside the machine: runs commands, turns the world's side of the GPIO lines, takes the USB stick.

It is spoken to over a virtio port, so that no weather of the network reaches it. A message, either way, is a line of
JSON and then as many raw bytes as its `sizes` add up to. A request has an `id` and says what to `do`; its answer has
the same `id`, and `error` when it failed. Times are seconds of this machine's CLOCK_MONOTONIC.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

PORT = "/dev/virtio-ports/lab"
USB_PORT = 3240  # USB/IP's own
LINES = 54
FIRST_NAMED, LAST_NAMED = 2, 27
BOARD = "Revision\t: c03114\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n"
_SIM = Path("/sys/kernel/config/gpio-sim/pi")
_VHCI = Path("/sys/devices/platform/vhci_hcd.0")
_TRACE = Path("/sys/kernel/tracing/instances/lamps")

Answer = tuple[dict[str, Any], list[bytes]]


def sh(command: str) -> str:
    bash = ["/bin/bash", "-euc", command]
    return subprocess.run(bash, check=True, capture_output=True, text=True).stdout  # noqa: S603  what this file says


class Pins:
    """A GPIO chip of the kernel's own, gpiochip0, with a Pi's labels; and the other end of its lines."""

    def __init__(self) -> None:
        sh("modprobe gpio-sim; mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config")
        bank = _SIM / "bank0"
        bank.mkdir(parents=True)
        (bank / "num_lines").write_text(f"{LINES}\n")
        (bank / "label").write_text("pinctrl-bcm2711\n")
        for line in range(FIRST_NAMED, LAST_NAMED + 1):
            (bank / f"line{line}").mkdir()
            (bank / f"line{line}/name").write_text(f"GPIO{line}\n")
        (_SIM / "live").write_text("1\n")
        sh("udevadm settle -t 120")
        chip = (bank / "chip_name").read_text().strip()
        self._lines = Path("/sys/devices/platform") / (_SIM / "dev_name").read_text().strip() / chip
        self._open: dict[str, int] = {}
        # gpiozero reads there which Pi this is.
        cpuinfo = Path("/run/lab-cpuinfo")
        cpuinfo.write_text(f"{Path('/proc/cpuinfo').read_text()}{BOARD}")
        sh(f"mount --bind {cpuinfo} /proc/cpuinfo")
        self._trace(chip)

    def _trace(self, chip: str) -> None:
        """Let the kernel note each level that a program sets, with its time; nothing has to run for that."""
        told = Path("/sys/kernel/debug/gpio").read_text().split(f"{chip}: GPIOs ")[1]
        self.first = int(told.split("-")[0])
        _TRACE.mkdir()
        (_TRACE / "trace_clock").write_text("mono\n")
        (_TRACE / "buffer_size_kb").write_text("4096\n")
        event = _TRACE / "events/gpio/gpio_value"
        (event / "filter").write_text(f"get == 0 && gpio >= {self.first} && gpio < {self.first + LINES}\n")
        (event / "enable").write_text("1\n")

    def pull(self, line: int, high: bool) -> float:
        """What the world puts on an input line; when the kernel had it, ± what this call took."""
        file = self._file(line, "pull", os.O_WRONLY)
        os.pwrite(file, b"pull-up\n" if high else b"pull-down\n", 0)
        return time.monotonic()

    def level(self, line: int) -> int:
        return int(os.pread(self._file(line, "value", os.O_RDONLY), 8, 0))

    def _file(self, line: int, name: str, mode: int) -> int:
        path = f"{self._lines}/sim_gpio{line}/{name}"
        if path not in self._open:
            self._open[path] = os.open(path, mode)
        return self._open[path]


def take_usb_devices() -> None:
    """Whoever connects is a full-speed USB device: the connection goes to the kernel, in the first free port."""
    server = socket.create_server(("", USB_PORT))
    while True:
        device, _ = server.accept()
        device.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ports = (line.split() for line in (_VHCI / "status").read_text().splitlines())
        free = next(int(port[1]) for port in ports if port[0] == "hs" and port[2] == "004")
        (_VHCI / "attach").write_text(f"{free} {device.fileno()} {free + 2} 2\n")
        device.close()  # the kernel has its own hold of it


def run(request: dict[str, Any], stdin: bytes) -> Answer:
    """A command line of bash's. Past its time it is killed, with all it started: `code` is None then."""
    with subprocess.Popen(  # noqa: S603  running what it is told is the purpose
        ["/bin/bash", "-c", request["command"]],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, cwd="/root",
    ) as process:  # fmt: skip
        code: int | None
        try:
            out, err = process.communicate(stdin, request["timeout_s"])
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            code = None
    return {"code": code}, [out, err]


def set_clock(utc: float, synchronised: bool) -> None:
    """Set the wall clock, and tell the kernel whether it is right, as timesyncd and chrony do (adjtimex(2))."""
    time.clock_settime(time.CLOCK_REALTIME, utc)
    timex = (ctypes.c_long * 32)(0x4 | 0x10)  # modes: ADJ_MAXERROR, ADJ_STATUS
    timex[3] = 0 if synchronised else 16_000_000
    timex[5] = 0 if synchronised else 0x40  # STA_UNSYNC
    ctypes.CDLL(None).adjtimex(ctypes.byref(timex))


class Agent:
    def __init__(self) -> None:
        self._pins = Pins()
        self._port = os.open(PORT, os.O_RDWR)
        self._writing = threading.Lock()
        self._got = bytearray()

    def serve(self) -> None:
        while True:
            line = self._line()
            try:
                request = json.loads(line)
            except ValueError:
                continue  # the rest of something that was cut off
            payload = self._bytes(sum(request.get("sizes", [])))
            if request["do"] == "run":  # takes its time; the others take less than a thread would
                threading.Thread(target=self._answer, args=(request, partial(run, request, payload))).start()
            else:
                self._answer(request, partial(self._do, request))

    def _do(self, request: dict[str, Any]) -> Answer:
        match request:
            case {"do": "pull", "line": line, "high": high}:
                return {"at": self._pins.pull(line, high)}, []
            case {"do": "level", "line": line}:
                return {"level": self._pins.level(line)}, []
            case {"do": "set_clock", "utc": utc, "synchronised": synchronised}:
                set_clock(utc, synchronised)
                return {}, []
            case {"do": "hello"}:
                return {"at": time.monotonic(), "first_gpio": self._pins.first}, []
        raise ValueError(f"no such request: {request}")

    def _answer(self, request: dict[str, Any], work: Callable[[], Answer]) -> None:
        try:
            told, payload = work()
        except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            told, payload = {"error": f"{error!r}\n{traceback.format_exc()}"}, []
        head = json.dumps({**told, "id": request["id"], "sizes": [len(part) for part in payload]})
        data = memoryview(b"".join([head.encode(), b"\n", *payload]))
        with self._writing:
            while data:
                data = data[os.write(self._port, data[:65536]) :]

    def _line(self) -> bytes:
        while (end := self._got.find(b"\n")) < 0:
            self._read()
        return self._take(end + 1)

    def _bytes(self, size: int) -> bytes:
        while len(self._got) < size:
            self._read()
        return self._take(size)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._got[:size])
        del self._got[:size]
        return taken

    def _read(self) -> None:
        got = os.read(self._port, 65536)
        if not got:
            time.sleep(0.05)  # nobody holds the other end
        self._got += got


def main() -> None:
    # Loaded now, so that a stick is there as soon as it is plugged in.
    sh("modprobe -a vhci-hcd snd-usb-audio act_mirred sch_netem cls_matchall sch_ingress; ip link add ifb0 type ifb")
    agent = Agent()
    threading.Thread(target=take_usb_devices, daemon=True).start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    agent.serve()


if __name__ == "__main__":
    main()
