"""The emulated computer: one processor of a kind that QEMU's own translator runs well, 1 GiB, a disk, two wires.

KVM is not used: what looks like it on a virtual machine is not always it. A second processor would boot a third faster
and now and then crashes the guest's kernel (QEMU's multi-threaded translator).
"""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from tests.lab.agent_line import AgentLine, GuestError
from tests.lab.image import Image, LabBroken
from tests.lab.namespace import WIRES, Namespace
from tests.lab.pace import slowly

MEMORY_MIB = 1024
BOOT_LIMIT_S = 240.0
_HARDWARE = [
    *("-machine", "q35", "-cpu", "Nehalem", "-accel", "tcg,thread=multi,tb-size=256", "-smp", "1"),
    *("-m", str(MEMORY_MIB), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
    *("-device", "virtio-rng-pci", "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=lab,name=lab"),
]
# Less to emulate, names as on a Pi. Both of apparmor=0 and selinux=0: without the one Debian's kernel takes the other.
# The processor's own counter is the clock: reading another is a call into QEMU, and takes half of the machine's time.
_KERNEL = (
    "root=/dev/vda rw console=ttyS0 quiet mitigations=off nokaslr random.trust_cpu=on audit=0 apparmor=0 selinux=0"
    " systemd.show_status=no net.ifnames=0 clocksource=tsc tsc=reliable"
)


def _libfaketime() -> Path:
    return next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))


class Qemu:
    """One computer and its disk, which outlives a power cut. `folder` is empty and takes disk, sockets and console."""

    def __init__(self, image: Image, namespace: Namespace, folder: Path) -> None:
        self._image = image
        self._namespace = namespace
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._line: AgentLine | None = None

    @property
    def command(self) -> list[str]:
        """What it is started with; a snapshot belongs to exactly this and the image."""
        folder, image = self._folder, self._image.folder
        network = [
            word
            for wire in WIRES
            for word in (
                *("-netdev", f"tap,id={wire},ifname={wire},script=no,downscript=no"),
                *("-device", f"virtio-net-pci,id=card-{wire},netdev={wire},romfile="),
            )
        ]
        return [
            *(*slowly(_libfaketime()), "qemu-system-x86_64", *_HARDWARE, *network),
            *("-kernel", f"{image}/vmlinuz", "-initrd", f"{image}/initrd.img", "-append", _KERNEL),
            # cache=unsafe: what the guest has synced survives the death of QEMU, and only that is cut here.
            *("-drive", f"file={folder}/disk.qcow2,format=qcow2,if=none,id=disk,cache=unsafe,discard=unmap"),
            *("-device", "virtio-blk-pci,drive=disk", "-serial", f"file:{folder}/console"),
            *("-qmp", f"unix:{folder}/qmp,server=on,wait=off"),
            *("-chardev", f"socket,id=lab,path={folder}/lab,server=on,wait=off"),
        ]

    @property
    def line(self) -> AgentLine:
        """To its agent. Raises GuestError when the power is off."""
        if self._line is None:
            raise GuestError("the lab's machine is switched off")
        return self._line

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def new_disk(self, like: Path | None = None) -> None:
        """The image's disk as it was built, or a copy of one with snapshots in it."""
        disk = self._folder / "disk.qcow2"
        if like is not None:
            shutil.copyfile(like, disk)
            return
        base = ["-b", f"{self._image.folder}/disk.img", "-F", "raw"]
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *base, str(disk)], check=True, timeout=60)  # noqa: S603, S607  ours

    def start(self, snapshot: str | None = None) -> None:
        """Switch on; boots, or goes on from a snapshot. Returns when the guest answers. Raises LabBroken."""
        for name in ("qmp", "lab"):
            (self._folder / name).unlink(missing_ok=True)
        resume = ["-loadvm", snapshot] if snapshot else []
        with (self._folder / "qemu.log").open("ab") as log:
            self._process = self._namespace.start([*self.command, *resume], log)
        deadline = time.monotonic() + BOOT_LIMIT_S
        self._await(self._connects, deadline)
        self._await(self._answers, deadline)

    def kill(self) -> None:
        """As if its plug was pulled."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
        if self._line is not None:
            self._line.close()
            self._line = None

    def read_disk(self, path: str, to: Path) -> None:
        """Copy a folder of a disk that nobody uses. Raises LabBroken for a file system that does not mend by itself."""
        raw = self._folder / "disk.raw"
        run = partial(subprocess.run, check=True, timeout=120, capture_output=True)
        run(["qemu-img", "convert", "-O", "raw", str(self._folder / "disk.qcow2"), str(raw)])
        mended = subprocess.run(["e2fsck", "-fp", str(raw)], check=False, timeout=120, capture_output=True)  # noqa: S603, S607  ours
        if mended.returncode not in (0, 1):  # 1: something was mended
            raise LabBroken(f"the disk after a power cut: {mended.stdout.decode(errors='replace')}")
        run(["debugfs", "-R", f"rdump {path} {to}", str(raw)])
        raw.unlink()

    def console(self, lines: int = 40) -> str:
        """The end of what the guest's kernel and QEMU itself said."""
        told = [self._folder / "console", self._folder / "qemu.log"]
        texts = [path.read_text(errors="replace") for path in told if path.exists()]
        return "\n".join(line for text in texts for line in text.splitlines()[-lines:])

    def monitor(self, command: str, limit_s: float = 120.0) -> str:
        """A command of QEMU's human monitor. Raises LabBroken with what it complains of."""
        told = str(self._qmp("human-monitor-command", limit_s, {"command-line": command}))
        if told.startswith("Error"):
            raise LabBroken(f"qemu: {command}: {told}")
        return told

    def _qmp(self, command: str, limit_s: float, arguments: dict[str, object]) -> Any:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(limit_s)
            client.connect(str(self._folder / "qmp"))
            with client.makefile("rw") as stream:
                stream.readline()  # the greeting
                for each, given in (("qmp_capabilities", {}), (command, arguments)):
                    stream.write(json.dumps({"execute": each, "arguments": given}) + "\n")
                    stream.flush()
                    answer: dict[str, Any] = {}
                    while not answer.keys() & {"return", "error"}:  # events come between
                        answer = json.loads(stream.readline())
        if "error" in answer:
            raise LabBroken(f"qemu: {command} {arguments}: {answer['error']['desc']}")
        return answer["return"]

    def _connects(self) -> bool:
        with suppress(FileNotFoundError, ConnectionRefusedError):
            self._line = AgentLine(self._folder / "lab")
            return True
        return False

    def _answers(self) -> bool:
        with suppress(GuestError):
            self.line.ask("hello", limit_s=1.0)
            return True
        return False

    def _await(self, true: Callable[[], bool], deadline: float) -> None:
        while not true():
            if not self.running or time.monotonic() > deadline:
                why = f"not up within {BOOT_LIMIT_S:.0f} s" if self.running else "QEMU ended"
                raise LabBroken(f"the lab's machine: {why}; the end of its console:\n{self.console()}")
            time.sleep(0.05)
