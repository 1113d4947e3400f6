"""What systemd says of the unit, and the groups of its user."""

from collections.abc import Mapping

import pytest

from hero365_edge.cli.probes.finding import Verdict
from hero365_edge.cli.probes.service import BOOTED, judge_groups, judge_unit
from hero365_edge.errors import DeviceError
from tests.cli.probes.taking import taken

GOOD = {
    "LoadState": "loaded",
    "UnitFileState": "enabled",
    "ActiveState": "active",
    "SubState": "running",
    "Result": "success",
    "NRestarts": "0",
    "WatchdogUSec": "15s",
    "ExecMainStatus": "0",
}


@pytest.mark.parametrize(
    ("facts", "verdict", "text", "next_step"),
    [
        ({}, Verdict.OK, "enabled, active (running), watchdog 15s", ""),
        ({"NRestarts": "7"}, Verdict.OK, "restarted 7 times by itself", ""),
        ({"LoadState": "not-found"}, Verdict.WARN, "is not installed (not-found)", "install"),
        ({"UnitFileState": "disabled"}, Verdict.WARN, "will not start with the computer", "systemctl enable"),
        ({"ActiveState": "inactive", "SubState": "dead"}, Verdict.WARN, "inactive (dead)", "enable --now"),
        ({"WatchdogUSec": "0"}, Verdict.WARN, "without watchdog", "WatchdogSec="),
        ({"WatchdogUSec": "infinity"}, Verdict.WARN, "without watchdog", "WatchdogSec="),
    ],
)
def test_the_unit_is_judged_by_what_systemd_says(
    facts: Mapping[str, str], verdict: Verdict, text: str, next_step: str
) -> None:
    finding = judge_unit({**GOOD, **facts}, by_hand=False)
    assert finding.verdict is verdict
    assert text in finding.text
    assert next_step in finding.next_step


def test_a_unit_that_failed_is_a_failure_with_its_reason() -> None:
    failed = {**GOOD, "ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "ExecMainStatus": "78"}
    with pytest.raises(DeviceError, match="it ended by exit-code, exit status 78"):
        judge_unit(failed, by_hand=False)


def test_a_daemon_that_runs_without_its_unit_was_started_by_hand() -> None:
    assert "started by hand" in judge_unit({"LoadState": "not-found"}, by_hand=True).text


@pytest.mark.skipif(BOOTED.exists(), reason="systemd runs this computer")
async def test_without_systemd_there_is_no_unit_to_look_at() -> None:
    finding, code = await taken("service")
    assert (finding.verdict, code) == (Verdict.NOT_CHECKED, 0)
    finding, _ = await taken("service", running={"state": "ready"})
    assert "started by hand" in finding.text


def test_a_user_outside_of_a_group_is_told_how_to_join() -> None:
    finding = judge_groups("anna", {"audio"}, ["audio", "gpio"])
    assert (finding.verdict, finding.text) == (Verdict.WARN, "anna is not in the group(s) gpio")
    assert finding.next_step.startswith("`sudo usermod -aG gpio anna`")
    assert judge_groups("anna", {"audio", "gpio"}, ["audio", "gpio"]).verdict is Verdict.OK


async def test_the_real_user_is_looked_up() -> None:
    finding, code = await taken("user")
    assert code == 0
    assert "group" in finding.text or "root may do everything" in finding.text
