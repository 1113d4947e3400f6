"""`hero365-edge bundle`: a support archive of everything that explains a fault; no secret, no sound."""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path

from hero365_edge import __version__
from hero365_edge.cli import logs
from hero365_edge.cli.options import add_config, load_config, told
from hero365_edge.cli.secrecy import know_the_secrets
from hero365_edge.devices.clock import SystemClock
from hero365_edge.dialogue import transcripts
from hero365_edge.errors import EdgeError
from hero365_edge.fleet.bundle import Packed, Part, pack
from hero365_edge.fleet.control import request
from hero365_edge.fleet.identity import state_folder
from hero365_edge.fleet.token import token_source

COMMAND_S = 60.0
"""`check` may wait for a card, a name and a backend that do not answer."""
JOURNAL_LINES = 20_000
KERNEL_LINES = 2000

_SAID = re.compile(rf"({re.escape(transcripts.name)}: ).*")
_SOUND = ("/proc/asound/cards", "/proc/asound/version", "/proc/asound/pcm", "/proc/asound/card*/stream*")
_STREAMS = ("/proc/asound/card*/pcm*/sub*/status", "/proc/asound/card*/pcm*/sub*/hw_params")
_COMPUTER = (
    *("/proc/device-tree/model", "/etc/os-release", "/proc/version", "/proc/cmdline", "/proc/uptime", "/proc/loadavg"),
    *("/proc/meminfo", "/proc/cpuinfo", "/proc/pressure/*", "/sys/class/thermal/thermal_zone*/temp"),
    *("/sys/devices/platform/soc/soc:firmware/get_throttled", "/sys/class/hwmon/hwmon*/in*_lcrit_alarm"),
    *("/boot/firmware/config.txt", "/boot/config.txt"),
)
_UNIT_FACTS = (
    "LoadState,UnitFileState,ActiveState,SubState,Result,ExecMainStatus,ExecMainStartTimestamp,NRestarts,StatusText,"
    "MainPID,MemoryCurrent,MemoryPeak,CPUUsageNSec,TasksCurrent,WatchdogUSec,WatchdogTimestamp,DropInPaths"
)
_DEBIAN = (
    *("hero365-edge", "python3-numpy", "python3-msgspec", "python3-yaml", "python3-websockets", "python3-pyaudio"),
    *("python3-soxr", "python3-webrtcvad", "python3-opuslib", "python3-gpiozero", "python3-lgpio", "python3-systemd"),
    *("libportaudio2", "libasound2*", "libopus0", "libmpg123-0*", "systemd", "ca-certificates", "espeak-ng"),
    *("linux-image-*", "raspi-firmware", "pipewire", "pulseaudio"),
)
"""What it stands on, and what may get in its way."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Where to write it, and whether what was said may be in it."""
    add_config(parser)
    parser.add_argument("--out", metavar="PATH", type=Path, default=Path(), help="a file or a folder (this folder)")
    parser.add_argument(
        "--transcripts",
        action="store_true",
        help="leave the texts of answers in, where log.transcripts had them written at all, and the place and the task",
    )
    parser.add_argument("--list", action="store_true", help="only tell what would be in it")


def run(arguments: argparse.Namespace) -> int:
    """Pack it, and tell what is in it. Raises EdgeError when it cannot be written."""
    parts = _parts(arguments)
    if arguments.list:
        print("\n".join(f"{part.name:22} {part.what}" for part in parts))
        return 0
    know_the_secrets(arguments)
    made_at = SystemClock().utc()
    path = arguments.out
    if path.is_dir():
        path /= f"hero365-edge-{platform.node() or 'device'}-{made_at:%Y%m%d-%H%M%S}.tar.gz"
    print("collecting: " + ", ".join(part.name for part in parts), file=sys.stderr)
    for each in pack(path, parts, made_at):
        print(_in_words(each))
    print(f"{path}: {path.stat().st_size} bytes; no secret and no sound in it, but look before you send it")
    return 0


def _in_words(packed: Packed) -> str:
    return f"{packed.name:22} {f'not collected: {packed.problem}' if packed.problem else packed.what}"


def _parts(arguments: argparse.Namespace) -> list[Part]:
    own = ["--config", str(arguments.config)] if arguments.config else []
    kernel = ("journalctl", "--dmesg", "--no-pager", f"--lines={KERNEL_LINES}", "--output=short-iso")
    unit_file = ("systemctl", "cat", logs.UNIT)
    status = ("systemctl", "show", logs.UNIT, f"--property={_UNIT_FACTS}")
    table: tuple[tuple[str, str, Callable[[], str]], ...] = (
        ("versions.txt", "this program, Python, libraries, Debian's packages", _versions),
        ("settings.json", "the merged settings and where each came from", partial(_settings, arguments)),
        ("check.json", "what `hero365-edge check` finds", _ours("check", "--json", *own)),
        ("status.json", "what the running program says of itself, counters too", partial(_status, arguments)),
        ("journal.txt", "what it wrote into the journal", _journal),
        ("unit.txt", "the state of its service, memory and restarts too", _output(*status)),
        ("unit-file.txt", "the service as it is installed, and changes to it", _output(*unit_file)),
        ("kernel.txt", "the kernel's last messages: sound cards, USB, voltage", _output(*kernel)),
        ("boots.txt", "when the computer was started", _output("journalctl", "--list-boots", "--no-pager")),
        ("sound-cards.txt", "the kernel's sound cards, and who has them open", partial(_files, *_SOUND, *_STREAMS)),
        ("computer.txt", "model, memory, load, temperature, throttling, boot settings", partial(_files, *_COMPUTER)),
        ("disks.txt", "room on the disks", _output("df", "-h", "-x", "squashfs")),
        ("folders.txt", "the names and sizes of its files, not what is in them", _folders),
        ("network.txt", "addresses and routes", _output("ip", "address")),
        ("clock.txt", "time and its synchronisation", _output("timedatectl", "show")),
    )
    said = str if arguments.transcripts else _without_what_was_said
    return [Part(name, what, partial(_told, make, said)) for name, what, make in table]


def _told(make: Callable[[], str], said: Callable[[str], str]) -> str:
    return said(make())


def _output(*command: str) -> Callable[[], str]:
    """What a program prints, with its errors and its exit status behind."""

    def output() -> str:
        try:
            ended = subprocess.run(  # noqa: S603  our own words
                command,
                capture_output=True,
                text=True,
                errors="backslashreplace",
                timeout=COMMAND_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as error:
            raise EdgeError(f"{command[0]} gave no answer within {COMMAND_S:g} s") from error
        except OSError as error:
            raise EdgeError(f"{command[0]} cannot be run ({error.strerror})") from error
        if ended.returncode and not ended.stdout:
            raise EdgeError(f"{command[0]} says: {ended.stderr.strip() or f'exit status {ended.returncode}'}")
        more = f"\n-- standard error --\n{ended.stderr}" if ended.stderr else ""
        return f"{ended.stdout}{more}"

    return output


def _ours(*command: str) -> Callable[[], str]:
    """What a command of our own prints; apart, so that a card that hangs does not hang the bundle."""
    return _output(sys.executable, "-m", "hero365_edge", *command)


def _versions() -> str:
    lines = [f"hero365-edge {__version__}", f"Python {platform.python_version()}", platform.platform()]
    try:
        wanted = metadata.requires("hero365-edge") or []
    except metadata.PackageNotFoundError:
        wanted = []
    for name in sorted({re.split(r"[^\w.-]", each)[0] for each in wanted if "'dev'" not in each.replace('"', "'")}):
        try:
            lines.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            lines.append(f"{name} is not installed under this name")
    try:
        known = _output("dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Package} ${Version}\\n", *_DEBIAN)()
        lines += ["", *(line for line in known.splitlines() if line.startswith("ii"))]
    except EdgeError as error:
        lines.append(str(error))
    return "\n".join(lines)


def _settings(arguments: argparse.Namespace) -> str:
    loaded = load_config(arguments, with_board=True)
    where = token_source(loaded.settings, os.environ, SystemClock()).where()
    return json.dumps({"settings": told(loaded.settings), "origin": dict(loaded.origin), "token_from": where}, indent=2)


def _status(arguments: argparse.Namespace) -> str:
    status = request(Path(load_config(arguments).settings.control.socket), {"do": "status"})
    if not arguments.transcripts:
        for private in ("last_text", "context"):  # what was said; where the vehicle is, and what is done there
            status.pop(private, None)
    return json.dumps(status, indent=2)


def _journal() -> str:
    if text := "\n".join(logs.lines(logs.query(count=JOURNAL_LINES))):
        return text
    raise EdgeError("the journal has nothing of it, or this user may not see it (sudo may)")


def _without_what_was_said(text: str) -> str:
    return _SAID.sub(r"\1(left out)", text)


def _files(*patterns: str) -> str:
    """The files that fit, each under its name."""
    texts = []
    for pattern in patterns:
        for path in sorted(Path("/").glob(pattern.lstrip("/"))):
            try:
                content = path.read_text(encoding="utf-8", errors="backslashreplace")
            except OSError as error:
                content = f"cannot be read ({error.strerror})"
            texts.append(f"== {path} ==\n{content.rstrip()}\n")
    if not texts:
        raise EdgeError("there is nothing of it on this computer")
    return "\n".join(texts)


def _folders() -> str:
    own = {state_folder(os.environ), Path("/run/hero365-edge"), Path("/etc/hero365-edge")}
    return _output("ls", "-lAR", *map(str, sorted(own)))()
