"""The unit that starts vmagent: off until it knows a store, fit for systemd, and silent about its credential."""

import asyncio
import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from hero365_edge.config import load
from tests.scraping import free_port
from tests.telemetry import DAEMON, REPOSITORY, UNIT, Agent, agent_command, running

FLEET = REPOSITORY / "config" / "fleet"
CANARY = "CANARY7f3aD0nt"
MOST_EXPOSED = 15
"""Ten times the score, as `systemd-analyze security --threshold=` takes it."""


def said(*command: str) -> str:
    """What a program prints. Raises CalledProcessError when it is not content."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  all of it is written here
    return done.stdout + done.stderr


def told(key: str) -> str:
    """The value of one of the unit's keys."""
    found = re.search(f"^{key}=(.*)$", UNIT.read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def variables() -> list[str]:
    """What the file of the environment offers, commented out."""
    return re.findall(r"^#(\w+)=", (FLEET / "environment").read_text(), re.MULTILINE)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze missing: apt-get install systemd")
def test_it_is_a_unit_that_is_exposed_little() -> None:
    said("systemd-analyze", "verify", "--man=no", str(UNIT))
    said("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(UNIT))


@pytest.mark.parametrize(("environ", "starts"), [({}, False), ({"remoteWrite_url": "https://x/"}, True)])
def test_it_is_off_until_a_store_is_named(environ: dict[str, str], starts: bool) -> None:
    condition = re.fullmatch("/bin/sh -c '(.*)'", told("ExecCondition"))
    assert condition is not None
    shell = ["/bin/sh", "-c", condition[1].replace("$$", "$")]
    assert (subprocess.run(shell, env=environ, check=False).returncode == 0) == starts  # noqa: S603  the unit's own


def test_nothing_is_switched_on_in_the_file_that_is_installed() -> None:
    assert not re.findall(r"^\w", (FLEET / "environment").read_text(), re.MULTILINE)
    assert variables()[0] == "remoteWrite_url"


def test_vmagent_knows_every_flag_that_is_used_or_offered() -> None:
    known = set(re.findall(r"^  -([\w.]+)", said("vmagent", "-help"), re.MULTILINE))
    used = {word.lstrip("-").partition("=")[0] for word in agent_command()[1:]}
    assert used - known == set()
    assert {name.replace("_", ".") for name in variables() if name != "VEHICLE"} - known == set()


def test_what_is_scraped_is_what_the_package_has_the_daemon_serve() -> None:
    scrapes = yaml.safe_load((FLEET / "vmagent.yaml").read_text())
    assert scrapes["scrape_configs"][0]["static_configs"] == [{"targets": [DAEMON]}]
    assert scrapes["global"]["scrape_interval"] == "8s"
    assert load([FLEET / "50-telemetry.yaml"], {}).settings.metrics.listen == DAEMON


def test_the_buffer_on_disk_is_bounded_and_nobody_else_may_ask_vmagent() -> None:
    command = agent_command()
    assert "-remoteWrite.maxDiskUsagePerURL=256MiB" in command
    assert "-httpListenAddr=127.0.0.1:8429" in command
    assert f"-remoteWrite.tmpDataPath=/var/lib/{told('StateDirectory')}" in command


class _Receiver(http.server.BaseHTTPRequestHandler):
    """Takes what is sent, once it has refused the first."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        seen: list[str | None] = self.server.seen  # type: ignore[attr-defined]  # put there below
        seen.append(self.headers["Authorization"])
        self.send_response(204 if len(seen) > 1 else 500)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Keep still."""


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[str | None]]]:
    """Where to send to, and the credentials that came."""
    server = http.server.HTTPServer(("127.0.0.1", 0), _Receiver)
    seen: list[str | None] = []
    server.seen = seen  # type: ignore[attr-defined]  # what the handler may reach
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}/api/v1/write", seen
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("how", ["bearer", "basic", "in the url"])
async def test_the_credential_is_in_no_process_list_and_no_log(
    how: str, tmp_path: Path, receiver: tuple[str, list[str | None]]
) -> None:
    """In the URL it does not belong; but somebody will put it there."""
    place, seen = receiver
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    environ = {
        "bearer": {"remoteWrite_bearerTokenFile": str(secret)},
        "basic": {"remoteWrite_basicAuth_username": "fleet", "remoteWrite_basicAuth_passwordFile": str(secret)},
        "in the url": {},
    }[how]
    url = f"http://{'u:' + CANARY + '@' if how == 'in the url' else ''}{place}"
    agent = Agent(tmp_path, "van", f"127.0.0.1:{free_port()}", url, every_s=0.5, **environ)
    async with running(agent):
        async with asyncio.timeout(20):
            while len(seen) < 2:  # noqa: ASYNC110  what came has no event here
                await asyncio.sleep(0.05)
        arguments = said("ps", "-p", str(agent.process.pid), "-ww", "-o", "args=")
    assert seen[0] is not None
    assert seen[0].split()[0] == ("Bearer" if how == "bearer" else "Basic")
    log = agent.log.read_text()
    assert "re-sending" in log, "it had reason to complain"
    assert "vmagent" in arguments
    assert CANARY not in arguments
    assert CANARY not in log
