"""Builds the lab's machine: a Debian disk image with what a Raspberry Pi adds, kept in the user's cache.

Three layers, each rebuilt only when what it is made of has changed, with the seconds it took printed:

| layer | what | built anew by |
|---|---|---|
| debian | a root folder by mmdebstrap, from this machine's own mirror | `PACKAGES`, the mirror, a month gone by |
| parts | gpio-sim and lgpio, by the guest's own compiler; packages as files | a new kernel, `pi_parts.sh`, `PYPI` |
| image | both, our files in `guest/`, a certificate authority: an ext4 image | any of them |

Debian trixie stands in for Raspberry Pi OS, which is made of it. What the latter has from its own archive, lgpio and a
newer gpiozero, comes from PyPI here.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.cache import alone, cache, sweep
from tests.lab.certificates import make_authority

HOST_PACKAGES = "faketime qemu-system-x86 qemu-utils mmdebstrap debian-archive-keyring e2fsprogs zstd iproute2"
_PROGRAMS = ("faketime", "qemu-system-x86_64", "qemu-img", "mmdebstrap", "mke2fs", "zstd", "ip", "nsenter", "unshare")

SUITE = "trixie"
_BOOTS = (
    "systemd systemd-sysv dbus udev kmod procps iproute2 iputils-ping e2fsprogs ca-certificates"
    " linux-image-amd64 initramfs-tools zstd gpiod alsa-utils python3"
)
# What our Debian package depends on, so that it installs with no network.
_NEEDED = (
    "adduser libopus0 libmpg123-0t64 espeak-ng python3-gpiozero python3-msgspec python3-numpy python3-opuslib"
    " python3-prometheus-client python3-pyaudio python3-soxr python3-systemd python3-tqdm python3-websockets"
    " python3-yaml"
)
PACKAGES = tuple(_BOOTS.split() + _NEEDED.split())
PYPI = ("lgpio==0.2.2.0", "gpiozero==2.0.1.post3", "colorzero==2.0", "webrtcvad-wheels==2.0.14.post1")
_PIP = ["--no-deps", "--python-version=3.13", "--platform=manylinux_2_17_x86_64", "--platform=manylinux2014_x86_64"]
"""What pip shall look for: it runs on the host, which may have another Python."""

LEFT_TO_TESTS = ("victoria-metrics",)
"""Debian's packages that the image has as files only: installed, this one would run a store in every test."""

_HERE = Path(__file__).parent
_STEP_LIMIT_S = 900.0
_DISK_SIZE = "3G"  # sparse
_MOUNT = (
    'mount -t overlay overlay -o "lowerdir=$(realpath low),upperdir=up,workdir=work" root; mount -t proc proc root/proc'
)
# A small first ramdisk, with only what finds the disk; no documents.
_MMDEBSTRAP = [
    "--mode=root",
    "--variant=minbase",
    "--architectures=amd64",
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "man", "locale")),
    (
        '--essential-hook=mkdir -p "$1"/etc/initramfs-tools/conf.d; '
        r'printf "MODULES=list\nCOMPRESS=zstd\n" >"$1"/etc/initramfs-tools/conf.d/lab; '
        r'printf "virtio_pci\nvirtio_blk\next4\n" >"$1"/etc/initramfs-tools/modules'
    ),
]


class LabBroken(Exception):  # noqa: N818  a state of affairs, told to whoever asked for the lab
    """The lab was asked for and cannot be built or does not run; the text says why."""


@dataclass(frozen=True, slots=True)
class Image:
    """A built machine: `disk.img` (raw ext4), `vmlinuz`, `initrd.img`, `debs`, and the authority its guests trust."""

    folder: Path

    @property
    def key(self) -> str:
        """What the image is made of, in 16 hexadecimal digits."""
        return self.folder.name.partition("-")[2]


def obstacle() -> str | None:
    """Why the lab cannot run here at all; None when it can, as far as one can see."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return f"the lab's machine is built and run on x86_64 Linux, this is {platform.system()} {platform.machine()}"
    if os.geteuid() != 0:
        return "the lab needs root: it builds a root folder and makes network interfaces"
    return None


def build(say: Callable[[str], None]) -> Image:
    """The image, from the cache if nothing has changed. `say` is told each step and its seconds. Raises LabBroken."""
    if absent := [program for program in _PROGRAMS if shutil.which(program) is None]:
        raise LabBroken(f"{', '.join(absent)} missing: apt-get install {HOST_PACKAGES}")
    folder = cache()
    with alone(folder):  # two test runs at once build once
        return _Builder(folder, say).image()


class _Builder:
    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._say = say
        self._log = folder / "build.log"

    def image(self) -> Image:
        mirror = _mirror()
        debian = self._layer("debian", [mirror, SUITE, time.strftime("%Y-%m"), *PACKAGES, *_MMDEBSTRAP])
        if not debian.exists():
            with self._step("debian", debian) as new:
                options = [*_MMDEBSTRAP, f"--include={','.join(PACKAGES)}"]
                self._run(["mmdebstrap", *options, SUITE, str(new / "root"), mirror])
        script = (_HERE / "build/pi_parts.sh").read_text()
        parts = self._layer("parts", [debian.name, *PYPI, *_PIP, *LEFT_TO_TESTS, script])
        if not parts.exists():
            with self._step("parts", parts) as new:
                self._build_parts(debian / "root", new)
        authority = (_HERE / "certificates.py").read_text()
        image = self._layer("image", [parts.name, authority, *_texts(_HERE / "guest"), *_texts(_HERE / "build")])
        if not image.exists():
            with self._step("image", image) as new:
                self._build_image(debian / "root", parts, new)
        return Image(image)

    def _build_parts(self, root: Path, new: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--quiet", "download", *_PIP]
        sources = [name for name in PYPI if not name.startswith("webrtcvad")]
        with self._overlay(root) as over:
            folder = over / "up/parts"
            shutil.copytree(_HERE / "build", folder)
            self._run([*pip, "--no-binary=lgpio", f"--dest={folder}/pypi", *sources])
            (over / "up/etc").mkdir()
            shutil.copy("/etc/resolv.conf", over / "up/etc")
            script = f"{_MOUNT}; chroot root bash -c 'cd /parts; . ./pi_parts.sh {' '.join(LEFT_TO_TESTS)}'"
            self._run(["unshare", "-m", "bash", "-euc", script], over)
            shutil.copytree(folder / "wheels", new / "wheels")
            shutil.copytree(folder / "debs", new / "debs", ignore=shutil.ignore_patterns("partial", "lock"))
            (new / "module").mkdir()
            shutil.copy(folder / "module/gpio-sim.ko", new / "module")
        self._run([*pip, "--only-binary=:all:", f"--dest={new}/wheels", PYPI[-1]])

    def _build_image(self, root: Path, parts: Path, new: Path) -> None:
        make_authority(new)
        shutil.copytree(parts / "debs", new / "debs")
        with self._overlay(root) as over:
            shutil.copytree(_HERE / "guest", over / "up", dirs_exist_ok=True)
            shutil.copytree(parts, over / "up/tmp/lab", ignore=shutil.ignore_patterns("debs"))
            shutil.copy(new / "ca.crt", over / "up/tmp/lab")
            shutil.copy(_HERE / "build/finish.sh", over / "up/tmp/lab")
            disk = f"mke2fs -q -t ext4 -m 0 -d root '{new}/disk.img' {_DISK_SIZE}"
            script = f"{_MOUNT}; chroot root bash /tmp/lab/finish.sh; umount root/proc; {disk}"
            self._run(["unshare", "-m", "bash", "-euc", script], over)
        for name in ("vmlinuz", "initrd.img"):
            shutil.copy(next((root / "boot").glob(f"{name}-*")), new / name)

    def _layer(self, kind: str, made_of: Sequence[str]) -> Path:
        return self._folder / f"{kind}-{hashlib.sha256(chr(0).join(made_of).encode()).hexdigest()[:16]}"

    @contextmanager
    def _step(self, kind: str, layer: Path) -> Iterator[Path]:
        """An empty folder, which becomes the layer if all goes well; what the layer takes the place of is removed."""
        began_at = time.monotonic()
        self._say(f"lab: building {kind} …")
        new = self._folder / f"new-{kind}"
        _remove(new)
        new.mkdir()
        yield new
        sweep(self._folder.glob(f"{kind}-*"))
        new.rename(layer)
        self._say(f"lab: {kind} built in {time.monotonic() - began_at:.0f} s")

    @contextmanager
    def _overlay(self, root: Path) -> Iterator[Path]:
        """A folder whose `up` takes all changes to `root`; `_MOUNT`, in a shell there, makes `root` of them."""
        over = self._folder / "overlay"
        _remove(over)
        for name in ("up", "work", "root"):
            (over / name).mkdir(parents=True)
        (over / "low").symlink_to(root)
        try:
            yield over
        finally:
            _remove(over)

    def _run(self, command: list[str], folder: Path | None = None) -> None:
        """Run a step to its end. Raises LabBroken with the end of what it said."""
        with self._log.open("ab") as log:
            try:
                # The lab may be built while another one runs, whose guest must keep real time.
                done = subprocess.run(  # noqa: S603  every word of it is written in this file
                    ["nice", "-n", "15", *command],  # noqa: S607  all of them by their names
                    check=False,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=_STEP_LIMIT_S,
                )
            except subprocess.TimeoutExpired:
                raise LabBroken(f"{command[0]} took more than {_STEP_LIMIT_S:.0f} s; see {self._log}") from None
        if done.returncode:
            told = "\n".join(self._log.read_text(errors="replace").splitlines()[-25:])
            raise LabBroken(f"{command[0]} failed with {done.returncode}; the end of {self._log}:\n{told}")


def _remove(folder: Path) -> None:
    """What a step that failed has left; all that was mounted there was mounted privately, and is gone."""
    if folder.exists():
        shutil.rmtree(folder)


def _texts(folder: Path) -> list[str]:
    """Names and contents of all files below."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return [text for path in files for text in (str(path.relative_to(folder)), path.read_text())]


def _mirror() -> str:
    """Where this machine itself gets Debian from."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout  # noqa: S603  constant
    for line in told.splitlines():
        mirror = line.partition(" ")[0]
        if "debian" in mirror and not any(word in line for word in ("security", "updates", "backports", "nodistro")):
            return mirror
    raise LabBroken("this machine's apt configuration names no Debian mirror")
