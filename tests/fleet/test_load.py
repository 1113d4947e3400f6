"""Many devices at one backend that restarts."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_device_is_back_after_a_restart_of_the_backend_and_not_at_once(tmp_path: Path) -> None:
    told = tmp_path / "figures.json"
    command = [sys.executable, str(ROOT / "scripts/fleet_load.py"), "--json", str(told)]
    command += ["--sessions", "24", "--daemons", "1", "--processes", "1", "--down", "1", "--spread", "6"]
    environ = {"PATH": "/usr/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, env=environ)  # noqa: S603  our own
    assert told.exists(), done.stderr
    figures = json.loads(told.read_text())
    assert figures["reconnects"] == figures["sessions"] == 24
    assert figures["most_in_a_second"] <= 12, "4 expected; without a spread it is 24"
    assert (figures["daemons_with_a_session"], figures["violations"]) == (1, [])
