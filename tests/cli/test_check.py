"""`hero365-edge check`: the report as a whole; what each look finds is in `probes/`."""

import asyncio
import json
import socket
from pathlib import Path

import msgspec
import pytest

from hero365_edge.cli import main
from hero365_edge.cli.check import look
from hero365_edge.cli.probes import PROBES
from hero365_edge.cli.probes.finding import Finding, Probe, Running, Verdict
from hero365_edge.config import load
from hero365_edge.errors import ConfigError, DeviceError, LinkError
from hero365_edge.fleet.control import ControlServer
from hero365_edge.settings import Settings


def failing_with(error: Exception) -> Probe:
    async def fail(_: Settings, _running: Running) -> Finding:
        raise error

    return Probe("it", fail, "do this")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("wrong"), 78),
        (LinkError("wrong"), 69),
        (DeviceError("wrong"), 1),
        (ImportError("wrong"), 1),
    ],
)
async def test_a_probe_that_raises_is_a_failure_with_its_next_step(error: Exception, code: int) -> None:
    assert await look(failing_with(error), Settings(), {}) == (Finding(Verdict.FAIL, "wrong", "do this"), code)


async def test_a_failures_text_is_scrubbed() -> None:
    finding, _ = await look(failing_with(LinkError("wss://h/?token=abcdef")), Settings(), {})
    assert finding.text == "wss://h/?token=***"


async def test_what_a_look_says_is_scrubbed_too_and_what_it_calls_a_failure_is_one() -> None:
    async def find(_: Settings, _running: Running) -> Finding:
        return Finding(Verdict.FAIL, "wss://h/?token=abcdef", "do that")

    assert await look(Probe("it", find), Settings(), {}) == (Finding(Verdict.FAIL, "wss://h/?token=***", "do that"), 1)


async def test_without_a_configuration_what_needs_it_is_not_checked_and_the_rest_is() -> None:
    for probe in PROBES:
        finding, code = await look(probe, None, {}) if probe.needs_settings or probe.name == "opus" else (None, 0)
        assert code == 0
        assert (finding == Finding(Verdict.NOT_CHECKED, "needs the configuration")) is probe.needs_settings


def test_each_look_has_a_name_of_its_own_that_fits_its_column() -> None:
    names = [probe.name for probe in PROBES]
    assert len(set(names)) == len(names)
    assert max(map(len, names)) <= 15


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Nothing here, and the backend at a port that nobody listens on."""
    file = tmp_path / "config.yaml"
    file.write_text(
        "backend: {url: 'ws://127.0.0.1:9/ws'}\naudio: {input: {device: nobody}, output: {device: nobody}}\n"
        f"panel: {{profile: none}}\ncontrol: {{socket: {tmp_path}/control.sock}}\n"
    )
    return file


def test_the_report_has_a_line_for_everything_and_the_gravest_exit_code(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--config", str(config)]) == 1
    printed = capsys.readouterr().out.splitlines()
    names = [line[12:27].strip() for line in printed if not line.startswith(" ")]
    assert names == ["configuration", *(probe.name for probe in PROBES)]
    assert f"ok          configuration   {config}" in printed
    assert "not checked button          panel.profile is none" in printed
    assert any(line.startswith("fail        backend") for line in printed)


def test_a_wrong_configuration_exits_78_and_the_rest_is_still_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("a: 1\nb: 2\n")
    assert main(["check", "--json", "--config", str(file)]) == 78
    report = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert report["configuration"]["verdict"] == "fail"
    assert len(report["configuration"]["text"].splitlines()) == 2
    assert report["microphone"]["verdict"] == "not checked"
    assert report["resampler"]["verdict"] == "ok"


async def test_a_running_daemon_is_asked_first(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def status(_: object) -> dict[str, object]:
        return {"why": {"speaker": "it has taken nothing for 1 s"}}

    server = ControlServer(config.parent / "control.sock", {"status": status})
    await server.start()
    try:
        code = await asyncio.to_thread(main, ["check", "--json", "--config", str(config)])
    finally:
        await server.close()
    report = {each["name"]: each["verdict"] for each in msgspec.json.decode(capsys.readouterr().out)}
    assert code == 1
    assert (report["microphone"], report["speaker"], report["button"]) == ("ok", "fail", "not checked")


def test_when_the_backend_is_all_that_is_wrong_waiting_may_help_and_it_exits_69(config: Path) -> None:
    assert asyncio.run(_gravest_of(config, {"backend"})) == 69


async def _gravest_of(config: Path, names: set[str]) -> int:
    settings = load([config], {}).settings
    return max([(await look(probe, settings, {}))[1] for probe in PROBES if probe.name in names])


def test_a_daemon_that_may_not_be_asked_keeps_its_cards(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is there, but does not answer: as when it hangs, or belongs to a group that one is not in."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
        deaf.bind(str(config.parent / "control.sock"))
        deaf.listen()
        main(["check", "--json", "--config", str(config)])
    report = {each["name"]: each for each in json.loads(capsys.readouterr().out)}
    assert report["microphone"]["verdict"] == "not checked"
    assert "gave no answer" in report["microphone"]["text"]
