"""`hero365-edge check`: each probe on the real thing where there is one, and the report as a whole."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import msgspec
import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from hero365_edge.cli import main
from hero365_edge.cli.check import look
from hero365_edge.cli.probes import PROBES, Finding, Probe, Verdict
from hero365_edge.errors import ConfigError, DeviceError, LinkError
from hero365_edge.fleet.control import ControlServer
from hero365_edge.settings import Audio, AudioInput, AudioOutput, Backend, Panel, Settings
from tests.alsa_rig import AlsaRig

Behaviour = Callable[[ServerConnection], Awaitable[None]]


async def taken(name: str, settings: Settings | None = None) -> tuple[Finding, int]:
    """What the probe of this name finds with these settings, and its exit code."""
    (probe,) = (probe for probe in PROBES if probe.name == name)
    return await look(probe, settings or Settings(), held=False)


def failing_with(error: Exception) -> Probe:
    async def fail(_: Settings) -> Finding:
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
    assert await look(failing_with(error), Settings(), held=False) == (Finding(Verdict.FAIL, "wrong", "do this"), code)


async def test_a_failures_text_is_scrubbed() -> None:
    finding, _ = await look(failing_with(LinkError("wss://h/?token=abcdef")), Settings(), held=False)
    assert finding.text == "wss://h/?token=***"


@pytest.mark.parametrize("name", ["opus", "mp3", "speech detector", "resampler", "portaudio", "clock"])
async def test_libraries_and_clock_are_looked_at_even_without_a_configuration(name: str) -> None:
    (probe,) = (probe for probe in PROBES if probe.name == name)
    finding, code = await look(probe, None, held=False)
    assert code == 0
    assert finding.text != "needs the configuration"


@pytest.mark.parametrize("name", ["opus", "mp3", "speech detector", "resampler", "portaudio"])
async def test_the_libraries_of_the_test_environment_are_good(name: str) -> None:
    finding, code = await taken(name)
    assert (finding.verdict, code) == (Verdict.OK, 0)


async def test_without_a_configuration_what_needs_it_is_not_checked() -> None:
    for probe in PROBES:
        if probe.needs_settings:
            assert await look(probe, None, held=False) == (Finding(Verdict.NOT_CHECKED, "needs the configuration"), 0)


async def test_a_device_that_the_running_daemon_holds_is_not_checked() -> None:
    devices = [probe for probe in PROBES if probe.needs_device]
    assert [probe.name for probe in devices] == ["microphone", "speaker", "button"]
    for probe in devices:
        finding, code = await look(probe, Settings(), held=True)
        assert (finding.verdict, code) == (Verdict.NOT_CHECKED, 0)
        assert "the running hero365-edge holds it" in finding.text


@pytest.mark.parametrize("profile", ["none", "keyboard"])
async def test_a_button_that_is_not_wanted_is_not_checked(profile: str) -> None:
    finding, code = await taken("button", Settings(panel=Panel(profile=profile)))
    assert (finding.verdict, finding.text, code) == (Verdict.NOT_CHECKED, f"panel.profile is {profile}", 0)


async def test_who_speaks_is_asked_for() -> None:
    finding, _ = await taken("identity", Settings(backend=Backend(user_id="anna")))
    assert finding.verdict is Verdict.WARN
    assert "backend.business_id not set" in finding.text
    finding, _ = await taken("identity", Settings(backend=Backend(user_id="anna", business_id="b1")))
    assert finding == Finding(Verdict.OK, "user anna, business b1")


async def test_the_token_is_measured_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "token"
    finding, code = await taken("token", Settings(backend=Backend(token_file=str(file))))
    assert (finding.verdict, code) == (Verdict.FAIL, 78)
    file.write_text("canary-of-check")
    finding, code = await taken("token", Settings(backend=Backend(token_file=str(file))))
    assert (finding, code) == (Finding(Verdict.OK, f"15 characters in {file}"), 0)


async def confirm(connection: ServerConnection) -> None:
    await connection.send('{"type": "who_knows"}')
    await connection.send('{"type": "connection_confirmed", "session_id": "s", "realtime_available": true}')
    await connection.wait_closed()


async def complain(connection: ServerConnection) -> None:
    await connection.send('{"type": "error", "session_id": "s", "error": "no such business"}')
    await connection.wait_closed()


async def stay_silent(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def send_away(connection: ServerConnection) -> None:
    await connection.close(4401, "token expired")


def refuse(connection: ServerConnection, request: Request) -> Response:
    return connection.respond(HTTPStatus.UNAUTHORIZED, "")


@asynccontextmanager
async def listening(behaviour: Behaviour, refusing: bool = False) -> AsyncIterator[Settings]:
    """A backend of this behaviour, as settings that name it."""
    async with serve(behaviour, "127.0.0.1", 0, process_request=refuse if refusing else None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
        yield Settings(backend=Backend(url=url, confirm_timeout_s=1.0, connect_timeout_s=1.0))


@pytest.mark.parametrize(
    ("backend", "verdict", "text"),
    [
        (listening(confirm), Verdict.OK, "confirmed, real-time audio"),
        (listening(complain), Verdict.FAIL, "the backend says: no such business"),
        (listening(stay_silent), Verdict.FAIL, "did not say connection_confirmed in time"),
        (listening(send_away), Verdict.FAIL, "closed with code 4401"),
        (listening(confirm, refusing=True), Verdict.FAIL, "the token is refused"),
    ],
    ids=["confirms", "complains", "stays silent", "sends away", "refuses"],
)
async def test_the_backend_is_good_only_when_it_confirms(
    backend: AbstractAsyncContextManager[Settings], verdict: Verdict, text: str
) -> None:
    async with backend as settings:
        finding, code = await taken("backend", settings)
    assert (finding.verdict, code) == (verdict, 0 if verdict is Verdict.OK else 69)
    assert text in finding.text


async def test_a_backend_that_is_not_there_is_a_failure_of_the_network() -> None:
    async with listening(confirm) as settings:
        pass
    finding, code = await taken("backend", settings)
    assert (finding.verdict, code) == (Verdict.FAIL, 69)
    assert "cannot be reached" in finding.text


@pytest.mark.alsa
async def test_a_microphone_is_good_when_it_hears_something_and_not_when_it_hears_zeros(alsa: AlsaRig) -> None:
    settings = Settings(audio=Audio(input=AudioInput(device="hero_fmic", rate_hz=16_000)))
    alsa.feed(np.full(32_000, 3277, dtype=np.int16))
    finding, code = await taken("microphone", settings)
    assert (finding.verdict, code) == (Verdict.OK, 0)
    assert finding.text == "'hero_fmic' at 16000 Hz, 1 channel(s), peak -20 dBFS in 0.5 s"
    alsa.feed(np.zeros(32_000, dtype=np.int16))
    finding, code = await taken("microphone", settings)
    assert (finding.verdict, code) == (Verdict.WARN, 0)
    assert "all zeros" in finding.text


@pytest.mark.alsa
async def test_a_microphone_that_opens_and_gives_nothing_fails(alsa: AlsaRig) -> None:
    alsa.freeze("hero_mic")
    try:
        finding, code = await taken("microphone", Settings(audio=Audio(input=AudioInput(device="hero_mic"))))
    finally:
        alsa.thaw("hero_mic")
    assert (finding.verdict, code) == (Verdict.FAIL, 1)


@pytest.mark.alsa
async def test_a_channel_the_microphone_does_not_have_is_a_wrong_setting(alsa: AlsaRig) -> None:
    alsa.feed(np.ones(32_000, dtype=np.int16))
    wanted = AudioInput(device="hero_fmic", rate_hz=16_000, channel=1)
    finding, code = await taken("microphone", Settings(audio=Audio(input=wanted)))
    assert (finding.verdict, code) == (Verdict.FAIL, 78)
    assert "audio.input.channel is 1" in finding.text


@pytest.mark.alsa
async def test_a_card_that_is_not_there_is_told_with_those_that_are(alsa: AlsaRig) -> None:
    for name, audio in (
        ("microphone", Audio(input=AudioInput(device="hero_nobody"))),
        ("speaker", Audio(output=AudioOutput(device="hero_nobody"))),
    ):
        finding, code = await taken(name, Settings(audio=audio))
        assert (finding.verdict, code) == (Verdict.FAIL, 1)
        assert "hero_nobody" in finding.text
        assert "hero365-edge devices" in finding.next_step


@pytest.mark.alsa
async def test_a_speaker_is_good_when_it_takes_sound(alsa: AlsaRig) -> None:
    finding, code = await taken("speaker", Settings(audio=Audio(output=AudioOutput(device="hero_spk"))))
    assert (finding.verdict, code) == (Verdict.OK, 0)
    assert "takes sound" in finding.text


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
        return {}

    server = ControlServer(config.parent / "control.sock", {"status": status})
    await server.start()
    try:
        code = await asyncio.to_thread(main, ["check", "--json", "--config", str(config)])
    finally:
        await server.close()
    report = {each["name"]: each["verdict"] for each in msgspec.json.decode(capsys.readouterr().out)}
    assert code == 69  # with the cards left alone, the backend is all that is wrong
    assert (report["microphone"], report["speaker"], report["button"]) == ("not checked",) * 3
