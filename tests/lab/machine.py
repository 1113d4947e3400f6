"""The appliance's machine with verbs of the world: press, speak, plug in, pull out, cut the power, look at the lamp."""

import io
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from ssl import SSLContext

from hero365_edge.core.pcm import Pcm
from tests.lab.agent_line import GuestError
from tests.lab.certificates import BACKEND, server_context
from tests.lab.lamps import LampTrace, read_trace
from tests.lab.namespace import Namespace
from tests.lab.pace import PACE, now
from tests.lab.qemu import Qemu
from tests.lab.stick import Heard, StickError, UsbStick
from tests.lab.usb_descriptors import LINUX_FOUNDATION
from tests.lab.weather import Weather

_TRACE = "/sys/kernel/tracing/instances/lamps/trace"
_WHEEL = """
import configparser, pathlib, sys, sysconfig, zipfile
packages = pathlib.Path(sysconfig.get_path("purelib", "posix_local"))
for wheel in sys.argv[1:]:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
        for name in archive.namelist():
            if name.endswith(".dist-info/entry_points.txt"):
                entries = configparser.ConfigParser()
                entries.read_string(archive.read(name).decode())
                for command, target in entries.items("console_scripts"):
                    module, _, function = target.partition(":")
                    script = pathlib.Path("/usr/local/bin") / command
                    called = f"import sys\\nfrom {module} import {function}\\nsys.exit({function}())"
                    script.write_text(f"#!/usr/bin/python3\\n{called}\\n")
                    script.chmod(0o755)
"""


@dataclass(frozen=True, slots=True)
class Done:
    """A command of the guest's that ended: its exit code, and what it printed."""

    code: int
    out: str
    err: str


class Machine:
    """One machine. All times are the lab's, in its seconds (`pace.now()`)."""

    def __init__(self, qemu: Qemu, namespace: Namespace, authority: Path, folder: Path) -> None:
        """`authority` holds what makes certificates that the guest trusts; `folder` is for what a test run leaves."""
        self._qemu = qemu
        self._authority = authority
        self._namespace = namespace
        self._folder = folder
        self._stick: UsbStick | None = None
        self._sticks = 0
        self._first_gpio = 0

    # ---- the button and the lamp ----

    def press(self, line: int) -> float:
        """Connect a line to ground, as a button does; when its edge was, ± 2 ms."""
        return self._pull(line, False)

    def release(self, line: int) -> float:
        """Let go of it: the pull-up raises it; when its edge was."""
        return self._pull(line, True)

    def lamp(self, line: int) -> int:
        """The level on a line now: of a lamp that pulses, one or the other."""
        level = self._qemu.line.ask("level", line=line)["level"]
        assert isinstance(level, int)
        return level

    def lamp_trace(self, line: int) -> LampTrace:
        """Each switching of a lamp's line, as the kernel noted it, of the last minutes (some 50,000 switchings)."""
        to_host_s = self._to_host_s()
        return read_trace(self.run(f"cat {_TRACE}").out, self._first_gpio + line, to_host_s)

    # ---- sound ----

    def plug_usb(
        self, *, rate_hz: int = 48000, drift_ppm: float = 0.0, name: str = "Stick", maker: int = LINUX_FOUNDATION
    ) -> UsbStick:
        """Plug in a USB sound stick (mono microphone, stereo speaker); ALSA's card `name`. Raises StickError."""
        self.unplug_usb()
        self._sticks += 1
        folder = self._folder / f"stick{self._sticks}"
        folder.mkdir()
        self._stick = UsbStick(self._namespace, folder, rate_hz=rate_hz, drift_ppm=drift_ppm, name=name, maker=maker)
        listed = rf"until grep -q \\[{name} /proc/asound/cards; do sleep 0.05; done"
        self.run(f"timeout 40 sh -c '{listed}; udevadm settle -t 30'")
        return self._stick

    def unplug_usb(self) -> float:
        """Pull it out, if there is one; when."""
        stick, self._stick = self._stick, None
        return stick.unplug() if stick else now()

    @property
    def stick(self) -> UsbStick:
        """The stick that is plugged in. Raises StickError."""
        if self._stick is None:
            raise StickError("no USB stick is plugged in: machine.plug_usb() comes first")
        return self._stick

    def speak(self, sound: Pcm | Path, wait: bool = True) -> float:
        """Say it at the stick's microphone; when the last of it was heard. See `UsbStick.speak`."""
        return self.stick.speak(sound, wait)

    def heard(self) -> Heard:
        """What the stick's speaker was given since the last call."""
        return self.stick.heard()

    # ---- the link ----

    def network(
        self,
        *,
        delay_ms: float = 0,
        jitter_ms: float = 0,
        loss_percent: float = 0,
        rate_kbit: float = 0,
        down: bool = False,
    ) -> None:
        """Make this weather on the appliance's link, in each direction; without arguments, fair. See `Weather`."""
        weather = Weather(
            delay_ms=delay_ms, jitter_ms=jitter_ms, loss_percent=loss_percent, rate_kbit=rate_kbit, down=down
        )
        self.run(weather.commands())
        self._qemu.monitor(f"set_link card-lab1 {'off' if down else 'on'}")

    def far_end(self, port: int, *, expired: bool = False, host: str = BACKEND) -> tuple[socket, SSLContext]:
        """A listening socket at `lab-backend:port`, for a server of this process, and the TLS it should speak.

        The guest trusts that certificate, but not when it is `expired` or made out to another `host`.
        """
        tls = server_context(self._authority, self._folder, expired=expired, host=host)
        return self._namespace.listen(port), tls

    def far_listener(self) -> socket:
        """A listening socket at `lab-backend`, at any port, without TLS."""
        return self._namespace.listen(0)

    # ---- power, disk, clock ----

    def cut_power(self) -> None:
        """As if the ignition went off: what was not yet on the disk is lost. The stick stays in the test's hand."""
        self._qemu.kill()
        self.unplug_usb()

    def left_on_disk(self, path: str, to: Path) -> None:
        """Copy what a power cut left of a folder into the folder `to`, with the file system's journal replayed.

        Nothing is booted for it, and the machine's own disk stays as it was left.
        """
        self._qemu.read_disk(path, to)

    def power_on(self) -> None:
        """Boot what is on the disk (20 to 50 s). Returns when it answers, which is before all services are up."""
        self._qemu.start()
        self._greet()

    def snapshot(self, name: str) -> None:
        """Keep the running machine under this name, for `restore`; a stick is pulled out first."""
        self.unplug_usb()
        self.run("sync; sleep 0.5")
        self._qemu.monitor(f"savevm {name}")

    def restore(self, name: str) -> None:
        """Go back to a snapshot, in about a second: memory, disk, network as they were, no stick, the right time."""
        self.unplug_usb()
        self._qemu.kill()  # QEMU lets the processor's counter go back to a snapshot only when it starts
        self._qemu.start(name)
        self._qemu.monitor("set_link card-lab1 on")
        self._greet()

    def set_clock(self, utc: float | None = None, *, synchronised: bool = True) -> None:
        """Set the guest's wall clock (seconds since 1970; None is now) and whether its kernel believes in it."""
        self._qemu.line.ask("set_clock", utc=time.time() if utc is None else utc, synchronised=synchronised)

    def host_time(self, guest_s: float) -> float:
        """A time of the guest's CLOCK_MONOTONIC by the host's, ± 1 ms."""
        return guest_s + self._to_host_s()

    # ---- what is on it ----

    def run(self, command: str, *, timeout_s: float = 60.0, stdin: bytes = b"", check: bool = True) -> Done:
        """A command line for bash, as root; what it leaves running must not hold its output.

        Raises GuestError when it takes too long and, with `check`, when it does not exit with 0.
        """
        told = self._qemu.line.ask("run", stdin, limit_s=timeout_s / PACE + 15, command=command, timeout_s=timeout_s)
        out, err = (part.decode(errors="replace") for part in told["payload"])
        if told["code"] is None or (check and told["code"]):
            why = f"not done within {timeout_s:.0f} s" if told["code"] is None else f"exit code {told['code']}"
            raise GuestError(f"{why}: {command}\n{out[-2000:]}\n{err[-4000:]}")
        return Done(told["code"], out, err)

    def put(self, content: Path | bytes | str, path: str, mode: str = "644") -> None:
        """A file into the guest, or a folder with all that is in it."""
        if isinstance(content, Path) and content.is_dir():
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w") as archive:
                archive.add(content, arcname=".")
            self.run(f"mkdir -p {path}; tar -x --no-same-owner -C {path}", stdin=packed.getvalue())
            return
        data = content.read_bytes() if isinstance(content, Path) else content
        data = data.encode() if isinstance(data, str) else data
        self.run(f"install -D -m {mode} /dev/stdin {path}", stdin=data)

    def get(self, path: str) -> bytes:
        """A file of the guest's."""
        content = self._qemu.line.ask("run", command=f"cat {path}", timeout_s=60.0, limit_s=75.0)
        if content["code"]:
            raise GuestError(content["payload"][1].decode())
        data = content["payload"][0]
        assert isinstance(data, bytes)
        return data

    def install(self, *packages: Path, timeout_s: float = 300.0) -> Done:
        """Debian packages by apt, all at once, or wheels (into /usr/local, commands too); no network is needed.

        Dependencies must be in the image (`image.PACKAGES`) or among `packages`. A wheel gets webrtcvad from PyPI,
        which our Debian package brings itself.
        """
        names = []
        for package in packages:
            names.append(f"/root/{package.name}")
            self.put(package, names[-1])
        if all(name.endswith(".whl") for name in names):
            return self.run(f"python3 - /opt/lab/*.whl {' '.join(names)}", stdin=_WHEEL.encode(), timeout_s=timeout_s)
        apt = "apt-get install -y --no-install-recommends --allow-downgrades -o Acquire::Retries=0"
        return self.run(f"DEBIAN_FRONTEND=noninteractive {apt} {' '.join(names)}", timeout_s=timeout_s)

    def debian_packages(self) -> list[Path]:
        """Those of Debian that the image has as files only, with what they need: `image.LEFT_TO_TESTS`."""
        return sorted((self._authority / "debs").glob("*.deb"))

    def journal(self, unit: str | None = None, *options: str) -> str:
        """The journal, of one unit if given: times, and messages. `options` are journalctl's."""
        of = f"--unit={unit}" if unit else ""
        return self.run(f"journalctl --no-pager --output=short-monotonic {of} {' '.join(options)}").out

    def console(self) -> str:
        """The end of what its kernel said."""
        return self._qemu.console()

    # ----

    def _pull(self, line: int, high: bool) -> float:
        at = self._qemu.line.ask("pull", line=line, high=high)["at"]
        return self.host_time(at)

    def _greet(self) -> None:
        self._first_gpio = self._qemu.line.ask("hello", limit_s=30.0 / PACE)["first_gpio"]
        self.set_clock()

    def _to_host_s(self) -> float:
        """What to add to the guest's monotonic time; from the quickest of a few questions."""
        best_s, offset_s = float("inf"), 0.0
        for _ in range(5):
            asked_at = now()
            guest_s = self._qemu.line.ask("hello")["at"]
            took_s = now() - asked_at
            if took_s < best_s:
                best_s, offset_s = took_s, asked_at + took_s / 2 - guest_s
        return offset_s
