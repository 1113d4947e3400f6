"""The systemd unit: what systemd itself says of it, and that it fits the program it starts."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from hero365_edge.app import STOP_S
from hero365_edge.cards import STUCK_S
from hero365_edge.cli import MISCONFIGURED
from hero365_edge.devices.realtime import PRIORITY
from hero365_edge.fleet.identity import STATE
from hero365_edge.fleet.token import CREDENTIAL
from hero365_edge.health import LOOK_EVERY_S
from hero365_edge.settings import Settings

SYSTEMD = Path(__file__).parents[1] / "systemd"
UNIT = SYSTEMD / "hero365-edge.service"
NEWER_THAN_BOOKWORM = ("RestartSteps", "RestartMaxDelaySec")
"""Keys of systemd 254, which 252 passes over with a warning."""
MOST_EXPOSED = 20
"""Ten times the score, as `systemd-analyze security --threshold=` takes it."""


def settings_of(text: str) -> dict[str, list[str]]:
    """The unit's keys with all their values, in order; an empty one resets, as in systemd.syntax(7)."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def words(text: str, *keys: str) -> set[str]:
    return {word for key in keys for value in settings_of(text).get(key, ()) for word in value.split()}


@pytest.fixture(scope="module")
def unit() -> str:
    return UNIT.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def analyze() -> str:
    """The program; every Debian has it, a bare container may not."""
    program = shutil.which("systemd-analyze")
    if program is None:
        missing = "systemd-analyze missing: apt-get install systemd"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return program


def run(command: Sequence[str | Path]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})  # noqa: S603  all of it is written here


def test_it_is_exposed_little_by_systemds_own_count(analyze: str) -> None:
    done = run([analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", UNIT])
    assert done.returncode == 0, done.stdout


def test_the_count_would_find_a_unit_that_is_wide_open(analyze: str, unit: str, tmp_path: Path) -> None:
    weaker = tmp_path / UNIT.name
    weaker.write_text(unit.replace("ProtectSystem=strict\n", "").replace("CapabilityBoundingSet=\n", ""))
    assert run([analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", weaker]).returncode != 0


def complaints(analyze: str, text: str, folder: Path) -> tuple[int, list[str]]:
    """The exit code of `systemd-analyze verify`, and what it says of this unit."""
    path = folder / UNIT.name
    path.write_text(text.replace("/usr/bin/hero365-edge run", "/bin/true"))
    done = run([analyze, "verify", "--man=no", path])
    return done.returncode, [line for line in done.stderr.splitlines() if UNIT.name in line]


def test_systemd_understands_every_line(analyze: str, unit: str, tmp_path: Path) -> None:
    code, said = complaints(analyze, unit, tmp_path)
    assert code == 0, said
    version = int(run([analyze, "--version"]).stdout.split()[1])
    unknown = {key for line in said for key in re.findall(r"Unknown key(?: name)? '(\w+)'", line)}
    assert unknown == (set(NEWER_THAN_BOOKWORM) if version < 254 else set())
    assert all("Unknown key" in line for line in said)


def test_a_line_that_systemd_does_not_understand_is_found(analyze: str, unit: str, tmp_path: Path) -> None:
    _, said = complaints(analyze, unit.replace("WatchdogSec=15", "WatchdogSec=soon"), tmp_path)
    assert any("Failed to parse" in line for line in said)


def test_its_start_waits_for_no_network_no_clock_and_no_card(unit: str) -> None:
    assert not words(unit, "After", "Wants", "Requires", "BindsTo", "Requisite", "PartOf")


def test_nothing_it_needs_can_keep_it_from_starting_by_being_absent(unit: str) -> None:
    """An absolute credential or environment file that is missing is exit 243 or 209 for ever."""
    assert settings_of(unit)["LoadCredential"] == [CREDENTIAL]
    assert "EnvironmentFile" not in settings_of(unit)
    assert not [key for key in settings_of(unit) if key.startswith(("Condition", "Assert"))]


def test_it_is_started_again_for_ever_unless_the_configuration_is_wrong(unit: str) -> None:
    keys = settings_of(unit)
    assert keys["Restart"] == ["always"]
    assert keys["StartLimitIntervalSec"] == ["0"]
    assert keys["RestartPreventExitStatus"] == [str(MISCONFIGURED)]


def test_the_daemons_files_are_where_the_unit_lets_it_write(unit: str) -> None:
    keys = settings_of(unit)
    assert Path("/var/lib", *keys["StateDirectory"]) == STATE
    socket = Path(Settings().control.socket)
    assert Path("/run", *keys["RuntimeDirectory"]) == socket.parent
    assert f"LG_WD={socket.parent}" in words(unit, "Environment")
    assert keys["RuntimeDirectoryPreserve"] == ["restart"]


def test_the_socket_is_for_the_units_group_and_root_alone(unit: str) -> None:
    assert settings_of(unit)["RuntimeDirectoryMode"] == ["0750"]
    assert settings_of(unit)["Group"] == ["hero365-edge"]


def test_it_counts_as_started_and_as_alive_when_the_main_process_says_so_itself(unit: str) -> None:
    assert settings_of(unit)["Type"] == ["notify"]
    assert settings_of(unit)["NotifyAccess"] == ["main"]


def test_its_times_leave_the_daemon_time(unit: str) -> None:
    keys = settings_of(unit)
    watchdog_s = float(*keys["WatchdogSec"])
    assert watchdog_s == 15
    assert min(LOOK_EVERY_S, watchdog_s / 4) * 4 <= watchdog_s
    assert watchdog_s > STUCK_S
    assert float(*keys["TimeoutStopSec"]) > STOP_S + 1.5


def test_realtime_is_allowed_to_the_audio_thread_and_given_to_nobody(unit: str) -> None:
    keys = settings_of(unit)
    assert int(*keys["LimitRTPRIO"]) == PRIORITY
    assert "CPUSchedulingPolicy" not in keys
    assert "RestrictRealtime" not in keys
    assert {"sched_setscheduler", "setrlimit", "prlimit64"} <= words(unit, "SystemCallFilter")


def test_gpiozero_still_sees_what_board_it_is_on(unit: str) -> None:
    assert "ProcSubset" not in settings_of(unit)


@pytest.mark.parametrize(
    "opening",
    [
        *("DeviceAllow=char-alsa", "RestrictAddressFamilies=", "LimitRTPRIO=", "Nice=", "OOMScoreAdjust="),
        *("SystemCallFilter=sched_setscheduler", "RuntimeDirectoryMode=", "LoadCredential="),
    ],
)
def test_what_opens_something_says_why(unit: str, opening: str) -> None:
    """A comment stands above its group of lines."""
    lines = unit.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(opening))
    while lines[at - 1] and not lines[at - 1].startswith("#"):
        at -= 1
    assert lines[at - 1].startswith("# ")


def test_its_user_is_made_with_the_groups_of_sound_gpio_and_spi() -> None:
    lines = [line.split()[:3] for line in (SYSTEMD / "hero365-edge.sysusers").read_text().splitlines()]
    assert ["m", "hero365-edge", "audio"] in lines
    for group in ("gpio", "spi"):
        assert ["m", "hero365-edge", group] in lines
        assert ["g", group, "-"] in lines  # plain Debian has none, and a missing group is exit 216


def test_systemd_makes_that_user(tmp_path: Path) -> None:
    sysusers = shutil.which("systemd-sysusers")
    if sysusers is None:
        pytest.skip("systemd-sysusers missing: apt-get install systemd")
    (tmp_path / "etc").mkdir()
    done = run([sysusers, f"--root={tmp_path}", SYSTEMD / "hero365-edge.sysusers"])
    assert done.returncode == 0, done.stderr
    groups = accounts(tmp_path / "etc/group")
    user = accounts(tmp_path / "etc/passwd")["hero365-edge"]
    assert user[-1].endswith("nologin")
    assert groups["audio"][-1] == groups["gpio"][-1] == "hero365-edge"


def accounts(path: Path) -> Mapping[str, Sequence[str]]:
    return {line.split(":")[0]: line.split(":") for line in path.read_text().splitlines()}
