"""The simulated fleet, small and short: real sessions, real vmagents, a real store that goes away twice."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from tests.telemetry import agent_interval_s

ROOT = Path(__file__).parents[2]
LIMIT_S = 120.0


async def started(folder: Path, *options: str) -> asyncio.subprocess.Process:
    """The script; its temporary files are in `folder`."""
    command = [sys.executable, str(ROOT / "scripts" / "fleet_sim.py"), *options]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}
    return await asyncio.create_subprocess_exec(*command, env=environ, stdout=asyncio.subprocess.PIPE)


def programs_in(folder: Path) -> list[str]:
    """The programs that run with a file of this folder on their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_text().split("\0")
        except OSError:
            continue  # it has ended
        if any(str(folder) in word for word in words) and "fleet_sim.py" not in words[1]:
            found.append(words[0])
    return found


def files_in(folder: Path) -> list[Path]:
    """What lies there."""
    return list(folder.iterdir())


async def test_three_devices_report_through_two_outages_and_the_need_is_told(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    short = ("--devices", "3", "--every-s", "0.5", "--seconds", "3", "--outage-s", "1", "--on-hours", "0.2")
    script = await started(tmp_path, *short, "--json", str(figures))
    async with asyncio.timeout(LIMIT_S):
        text = (await script.communicate())[0].decode()
    assert script.returncode == 0
    told = json.loads(figures.read_text())
    sessions, day, needs = told["sessions"], told["day"], told["needs"]
    assert sessions["turns"] > 0
    assert sessions["series"] == day["series"] > 3 * 200
    stopped, killed = sessions["outages"]
    assert (stopped["how"], stopped["lost"]) == ("SIGTERM", 0)
    assert killed["how"] == "SIGKILL"
    assert 0 <= killed["lost"] < killed["sent"]  # what came within the last seconds was not on disk yet
    assert day["pushed"] == day["series"] * 720 / agent_interval_s()
    assert day["outages"][0]["lost"] == 0
    assert 0 <= day["outages"][1]["lost"] <= day["pushed"]
    assert 0 < day["data_bytes"] < 16 * day["pushed"]
    assert told["measured"]["live_cpu_s"] >= 0
    assert day["index_bytes"] > 0
    vans = needs["vans, on 3 h a day"]
    assert vans["1000000"]["samples a day"] == 1_000_000 * day["series"] / 3 * 10_800 / agent_interval_s()
    assert "1,000,000 devices x" in text
    assert programs_in(tmp_path) == []


async def test_a_fleet_that_is_ended_early_leaves_nothing_running(tmp_path: Path) -> None:
    script = await started(tmp_path, "--devices", "1", "--seconds", "60")
    async with asyncio.timeout(LIMIT_S):
        while len(programs_in(tmp_path)) < 2:  # noqa: ASYNC110  /proc tells no events
            await asyncio.sleep(0.1)
        script.send_signal(signal.SIGTERM)
        await script.wait()
    assert programs_in(tmp_path) == []
    assert files_in(tmp_path) == []
