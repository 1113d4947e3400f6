"""How systemd runs the program, and whether its user may use cards and pins."""

import asyncio
import grp
import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from hero365_edge.cli.probes.finding import Finding, Running, Verdict
from hero365_edge.devices.gpiochips import gpio_chips
from hero365_edge.errors import DeviceError
from hero365_edge.settings import Settings

UNIT = "hero365-edge.service"
USER = "hero365-edge"
BOOTED = Path("/run/systemd/system")
"""There when systemd is process 1 (sd_booted(3))."""
ASK_S = 10.0
_FACTS = "LoadState,UnitFileState,ActiveState,SubState,Result,NRestarts,WatchdogUSec,ExecMainStatus"


async def unit(_: Settings, running: Running) -> Finding:
    """Installed, enabled, running, watched."""
    if not BOOTED.exists():  # noqa: ASYNC240  in memory, never waits
        by_hand = "; hero365-edge runs, started by hand" if running else ""
        return Finding(Verdict.NOT_CHECKED, f"systemd does not run this computer{by_hand}")
    return judge_unit(await _ask_systemd(), by_hand=bool(running))


def judge_unit(facts: Mapping[str, str], by_hand: bool) -> Finding:
    """What `systemctl show` said of the unit; `by_hand` when a daemon answers that may not be systemd's."""
    if facts.get("LoadState") != "loaded":
        also = "; hero365-edge runs, started by hand" if by_hand else ""
        step = "install the Debian package, or `hero365-edge install-service`"
        return Finding(Verdict.WARN, f"{UNIT} is not installed ({facts.get('LoadState') or 'unknown'}){also}", step)
    state, restarts = facts.get("ActiveState", ""), facts.get("NRestarts", "0")
    text = f"{facts.get('UnitFileState') or 'not enabled'}, {state} ({facts.get('SubState', '')})"
    if restarts != "0":
        text = f"{text}, restarted {restarts} times by itself"
    if state == "failed" or facts.get("Result", "success") != "success":
        why = f"{facts.get('Result')}, exit status {facts.get('ExecMainStatus', '?')}"
        raise DeviceError(f"{text}; it ended by {why}")
    if state not in ("active", "activating", "reloading"):
        return Finding(Verdict.WARN, text, "start it: `sudo systemctl enable --now hero365-edge`")
    if facts.get("UnitFileState") not in ("enabled", "enabled-runtime"):
        step = "`sudo systemctl enable hero365-edge`"
        return Finding(Verdict.WARN, f"{text}; it will not start with the computer", step)
    if facts.get("WatchdogUSec", "0") in ("0", "infinity", ""):
        step = f"take out what overrides WatchdogSec=: `systemctl cat {UNIT}`"
        return Finding(Verdict.WARN, f"{text}, without watchdog", step)
    return Finding(Verdict.OK, f"{text}, watchdog {facts['WatchdogUSec']}")


async def _ask_systemd() -> dict[str, str]:
    """Raises DeviceError when systemctl cannot be asked."""
    command = ("systemctl", "show", UNIT, f"--property={_FACTS}")
    try:
        asking = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise DeviceError(f"systemctl cannot be run ({error.strerror})") from error
    try:
        async with asyncio.timeout(ASK_S):
            out, errors = await asking.communicate()
    except TimeoutError as error:
        asking.kill()
        await asking.wait()
        raise DeviceError(f"systemctl gave no answer within {ASK_S:g} s") from error
    if asking.returncode:
        raise DeviceError(f"systemctl says: {errors.decode(errors='replace').strip()[:200]}")
    return dict(line.split("=", 1) for line in out.decode(errors="replace").splitlines() if "=" in line)


async def user(_: Settings, _running: Running) -> Finding:
    """Whoever the daemon is must be in the groups that own cards and pins."""
    needed = ["audio", *({_group_of(Path(chip.path)) for chip in gpio_chips()} - {"root", ""})]
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        if os.geteuid() == 0:
            return Finding(Verdict.NOT_CHECKED, f"there is no user {USER} here, and root may do everything")
        entry = pwd.getpwuid(os.geteuid())
    return judge_groups(entry.pw_name, _names(os.getgrouplist(entry.pw_name, entry.pw_gid)), needed)


def judge_groups(name: str, groups: set[str], needed: list[str]) -> Finding:
    """Whether the user of this name may use cards and pins."""
    if missing := [group for group in needed if group not in groups]:
        step = "; ".join(f"`sudo usermod -aG {group} {name}`" for group in missing)
        text = f"{name} is not in the group(s) {', '.join(missing)}"
        return Finding(Verdict.WARN, text, f"{step}, then start the service (or log in) again")
    return Finding(Verdict.OK, f"{name} is in the group(s) {', '.join(needed)}")


def _group_of(path: Path) -> str:
    try:
        return grp.getgrgid(path.stat().st_gid).gr_name
    except (OSError, KeyError):
        return ""


def _names(numbers: list[int]) -> set[str]:
    """The groups' names; a number without a name is left out."""
    return {entry.gr_name for entry in grp.getgrall() if entry.gr_gid in numbers}
