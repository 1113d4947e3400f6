"""What the computer itself must give: the right time, room on the disk, realtime threads, enough power."""

import asyncio
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hero365_edge.cli.probes.finding import Finding, Running, Verdict
from hero365_edge.devices.clock import SystemClock, is_synchronised
from hero365_edge.devices.realtime import PRIORITY
from hero365_edge.errors import DeviceError
from hero365_edge.fleet.identity import state_folder
from hero365_edge.settings import Settings

MADE = datetime(2026, 11, 1, tzinfo=UTC)
"""No clock is right that says less: this program is younger."""
LITTLE_MB = 50
"""The phrase cache and the journal want so much."""
NOTHING_MB = 2
"""A full disk takes no new token."""

THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
_THROTTLED_BITS = {0: "the voltage is too low now", 1: "the clock is capped now", 2: "throttled now", 3: "hot now"}
_THROTTLED_SINCE_BOOT = 0xF_0000


async def clock(_: Settings, _running: Running) -> Finding:
    """Certificates are judged by the wall clock."""
    return judge_clock(SystemClock().utc(), MADE)


def judge_clock(now: datetime, made: datetime) -> Finding:
    """What to think of this time."""
    told = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now < made:
        text = f"{told} is before this program was made: certificates look not yet valid, and no connection is made"
        return Finding(Verdict.FAIL, text, "`timedatectl`; with a network it sets itself, and the program waits for it")
    try:
        right = is_synchronised()
    except DeviceError as error:
        return Finding(Verdict.NOT_CHECKED, f"{told}; {error}")
    if not right:
        step = "`timedatectl`; a wrong clock makes certificates look not yet valid, or expired"
        return Finding(Verdict.WARN, f"{told}, not synchronised", step)
    return Finding(Verdict.OK, f"{told}, synchronised")


async def disk(settings: Settings, _running: Running) -> Finding:
    """Write for real where the daemon writes: only that tells a full disk or one that became read-only."""
    folders = [state_folder(os.environ)]
    if settings.control.socket:
        folders.append(Path(settings.control.socket).parent)
    return await asyncio.to_thread(judge_folders, folders)


def judge_folders(folders: list[Path]) -> Finding:
    """Room and writability. Raises DeviceError for a folder that takes nothing."""
    texts, unseen, little = [], [], False
    for folder in folders:
        if not _is_there(folder):
            unseen.append(f"{folder} is not there yet, the service makes it")
            continue
        try:
            with tempfile.TemporaryFile(dir=folder, prefix=".hero365-edge-check-") as file:
                file.write(bytes(4096))
                file.flush()
                os.fsync(file.fileno())
        except PermissionError:
            unseen.append(f"{folder} cannot be tried by this user (sudo can)")
            continue
        except OSError as error:
            raise DeviceError(f"{folder} takes nothing ({error.strerror})") from error
        free_mb = shutil.disk_usage(folder).free // 1_000_000
        if free_mb < NOTHING_MB:
            raise DeviceError(f"{folder} has {free_mb} MB left")
        little = little or free_mb < LITTLE_MB
        texts.append(f"{folder} is writable, {free_mb} MB free")
    text = "; ".join(texts + unseen)
    if little:
        return Finding(Verdict.WARN, text, f"make room, {LITTLE_MB} MB at least: `journalctl --vacuum-size=50M`")
    return Finding(Verdict.NOT_CHECKED if unseen else Verdict.OK, text)


def _is_there(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:  # behind a folder that this user may not enter
        return True


async def realtime(_: Settings, _running: Running) -> Finding:
    """Whether the sound cards' threads get the priority that keeps them from stuttering on a busy computer."""
    refused = await asyncio.to_thread(_refused_realtime)
    if refused:
        step = "the service has it (LimitRTPRIO=); by hand: a line `@audio - rtprio 5` in /etc/security/limits.d/"
        return Finding(Verdict.WARN, f"this user gets none ({refused}): sound may stutter on a busy computer", step)
    return Finding(Verdict.OK, f"SCHED_FIFO {PRIORITY} is granted")


def _refused_realtime() -> str:
    """Try it with this thread alone; why not, empty when it works."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except OSError as error:
        return error.strerror or str(error)
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    return ""


async def power(_: Settings, _running: Running) -> Finding:
    """What a Raspberry Pi's firmware says of its supply."""
    return judge_power(THROTTLED)


def judge_power(path: Path) -> Finding:
    """The firmware's bits: 0 to 3 are now, 16 to 19 since the last boot (`vcgencmd get_throttled`)."""
    try:
        bits = int(path.read_text(encoding="ascii"), 16)
    except (OSError, ValueError):
        return Finding(Verdict.NOT_CHECKED, "this computer does not say")
    step = "a stronger supply, a thicker cable, or cooling"
    if now := [text for bit, text in _THROTTLED_BITS.items() if bits >> bit & 1]:
        return Finding(Verdict.WARN, ", ".join(now), step)
    if bits & _THROTTLED_SINCE_BOOT:
        return Finding(Verdict.WARN, f"good now, but not always since the last boot ({bits:#x})", step)
    return Finding(Verdict.OK, "neither low nor hot since the last boot")
