"""`hero365-edge run` as a process of its own on ALSA's cards: what systemd, other commands and a thief see of it."""

import asyncio
import json
import signal
import socket
import sys
import time
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.core.address import address
from hero365_edge.core.latency import TARGETS_MS
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm, silence
from hero365_edge.core.secret import Secret
from hero365_edge.devices.link import WebSocketDialer
from hero365_edge.errors import LinkError, LinkRefused
from hero365_edge.fleet.control import request
from tests.alsa.appliance_on_alsa import Machine, listen_on, on_a_fair_machine, speaking, until
from tests.alsa_rig import AlsaRig, Recording
from tests.listening import find, numbered, words_of

pytestmark = pytest.mark.alsa

Speech = Callable[[str], Pcm]

ROOT = Path(__file__).parents[2]
ANSWER = np.concatenate([numbered(RATE_HZ), silence(FRAME_SAMPLES)])
"""Ends in silence, and so needs no soft end."""
DEVICES = {"microphone": "hero_mic", "speaker": "hero_spk", "panel": "works"}
STOP_LIMIT_S = 5.0
CANARY = "canary/0a1b2c+3d4e5f=="


class Daemon:
    """The process, its configuration, and the socket on which systemd would listen."""

    def __init__(self, folder: Path, environ: Mapping[str, str], settings: dict[str, Any]) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.socket = folder / "control.sock"
        self.stderr = folder / "stderr"
        self.settings = settings
        self.notified: list[tuple[float, str]] = []
        """When systemd was told what, on the monotonic clock."""
        self._environ = {**environ, "NOTIFY_SOCKET": str(folder / "notify")}
        self.process: asyncio.subprocess.Process

    def configure(self) -> None:
        self.config.write_text(json.dumps({**self.settings, "control": {"socket": str(self.socket)}}))

    async def start(self) -> None:
        with self.stderr.open("wb") as stderr:
            command = [sys.executable, "-m", "hero365_edge", "run", "--config", str(self.config)]
            self.process = await asyncio.create_subprocess_exec(
                *command, env=self._environ, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stderr=stderr
            )

    def hear(self, systemd: socket.socket) -> None:
        """What came on the notification socket, which is readable."""
        self.notified.append((time.monotonic(), systemd.recv(4096).decode()))

    async def tells(self, text: str, since: int = 0) -> None:
        """Wait until systemd is told this, after the first `since` messages."""
        await until(lambda: any(text in told for _, told in self.notified[since:]), f"systemd is told {text}", 15.0)

    async def command(self, *arguments: str) -> str:
        """What another command prints, of which nothing may fail."""
        code, out, err = await run(*arguments, "--config", str(self.config), environ=self._environ)
        assert code == 0, err
        return out

    async def asked(self, **message: object) -> dict[str, Any]:
        """Its answer over the control socket."""
        return await asyncio.to_thread(request, self.socket, message)

    async def is_in(self, state: str) -> None:
        """Wait for a state, and for the cards, which open beside the connection."""
        async with asyncio.timeout(10):
            while True:
                status = await self.asked(do="status")
                if status["state"] == state and status["devices"] == DEVICES:
                    return
                await asyncio.sleep(0.02)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Signal it; how many seconds it took to exit with 0."""
        began_at = time.monotonic()
        self.process.send_signal(number)
        async with asyncio.timeout(3 * STOP_LIMIT_S):
            assert await self.process.wait() == 0, self.stderr.read_text()
        return time.monotonic() - began_at


async def run(*arguments: str, environ: Mapping[str, str]) -> tuple[int | None, str, str]:
    """`hero365-edge` with these arguments: exit code, standard output, standard error."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hero365_edge", *arguments, env=environ, cwd=ROOT, stdout=pipe, stderr=pipe
    )
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def daemon(
    alsa: AlsaRig, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractAsyncContextManager[Daemon]]:
    """`async with daemon(url, token=…, environ=…, **log)` is one that systemd has been told is ready."""

    @asynccontextmanager
    async def running(
        url: str, token: str = "", environ: Mapping[str, str] | None = None, level: str = "info"
    ) -> AsyncIterator[Daemon]:
        folder = tmp_path_factory.mktemp("d")  # a socket's name is 107 bytes at most
        backend = {"url": url, "user_id": "u", "business_id": "b"}
        if token:
            (folder / "secret").write_text(token)
            backend["token_file"] = str(folder / "secret")
        settings = {
            "backend": backend,
            "audio": {"input": {"device": "hero_mic"}, "output": {"device": "hero_spk", "volume": 1.0}},
            "panel": {"profile": "none"},
            "log": {"level": level},
        }
        daemon = Daemon(folder, {**alsa.environ, **(environ or {})}, settings)
        daemon.configure()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
            systemd.bind(str(folder / "notify"))
            systemd.setblocking(False)
            asyncio.get_running_loop().add_reader(systemd, daemon.hear, systemd)
            await daemon.start()
            try:
                await daemon.tells("READY=1")
                yield daemon
            finally:
                if daemon.process.returncode is None:
                    daemon.process.kill()
                    await daemon.process.wait()
                asyncio.get_running_loop().remove_reader(systemd)

    return running


Running = Callable[..., AbstractAsyncContextManager[Daemon]]


async def test_systemd_is_told_of_readiness_of_the_state_of_life_and_of_the_end(daemon: Running) -> None:
    watchdog_s = 4.0
    environ = {"WATCHDOG_USEC": str(round(watchdog_s * 1e6))}
    options = Options(welcome=False, answer_pcm=ANSWER)
    async with SimulatedBackend(options) as backend, daemon(backend.url, environ=environ) as box:
        await box.tells("STATUS=ready, link active")
        await until(lambda: sum("WATCHDOG=1" in told for _, told in box.notified) >= 4, "the watchdog is fed", 20.0)
        fed = [at for at, told in box.notified if "WATCHDOG=1" in told]
        assert max(np.diff(fed)) < watchdog_s
        await box.stop()
        assert box.notified[-1][1] == "STOPPING=1"


async def test_without_a_backend_it_is_ready_all_the_same_and_says_that_it_is_offline(daemon: Running) -> None:
    async with daemon(nobody_there(), environ={"WATCHDOG_USEC": "4000000"}) as box:
        await box.tells("STATUS=offline")
        await box.tells("WATCHDOG=1")
        await box.stop()


async def test_the_commands_ask_it_question_it_and_press_its_button(
    daemon: Running, alsa: AlsaRig, speech: Speech, figures: Callable[[str], None]
) -> None:
    words = words_of(speech("cards/001"))
    options = Options(welcome=False, answer_pcm=ANSWER, pacing="instant")

    async def scene(machine: Machine) -> None:
        async with SimulatedBackend(options) as backend, daemon(backend.url) as box, machine.watched():
            await box.is_in("ready")
            status = json.loads(await box.command("status", "--json"))
            assert status["link"]["state"] == "active"
            assert status["devices"] == DEVICES
            assert status["last_turn"] is None
            with alsa.recording() as ears:
                await box.command("say", "What is next?")
                await backend.wait_for(lambda: len(backend.answers) == 1, 5.0)
                await box.is_in("ready")
                await listen_on()
                assert is_heard(ANSWER, ears)
            assert backend.utterances[0].text == "What is next?"
            pressing = asyncio.create_task(box.command("press", "--hold", "2"))
            await box.is_in("listening")
            async with speaking(alsa, words, machine):
                pass
            await pressing
            await backend.wait_for(lambda: len(backend.utterances) == 2, 5.0)
            assert find(words, backend.utterances[1].pcm).least > 0.95
            await box.is_in("ready")
            turn = json.loads(await box.command("status", "--json"))["last_turn"]
            assert turn["outcome"] == "answered"
            assert turn["speech_end"] == 0
            assert 0 < turn["first_sample"] < TARGETS_MS["first_sample"]
            assert "(good)" in await box.command("status")
            await box.stop()
            assert backend.violations == []

    await on_a_fair_machine(scene, figures)


async def test_sighup_reads_the_settings_again_and_wrong_ones_change_nothing(daemon: Running, alsa: AlsaRig) -> None:
    options = Options(welcome=False, answer_pcm=ANSWER, pacing="instant")
    async with SimulatedBackend(options) as backend, daemon(backend.url) as box:
        await box.is_in("ready")
        for volume in (0.5, 11):
            box.settings["audio"]["output"]["volume"] = volume
            box.configure()
            told = len(box.notified)
            box.process.send_signal(signal.SIGHUP)
            await box.tells("RELOADING=1\nMONOTONIC_USEC=", told)
            await box.tells("READY=1", told)
            with alsa.recording() as ears:
                await box.asked(do="say", text="What is next?")
                await box.is_in("ready")
                await listen_on()
                assert is_heard(np.round(ANSWER * 0.5).astype(np.int16), ears)
        assert "audio.output.volume is 11; it must be" in box.stderr.read_text()
        await box.stop()


def is_heard(pcm: Pcm, ears: Recording) -> bool:
    """Whether this was heard, each sample in its order, and nothing else; pauses are the machine's."""
    heard = ears.heard()
    return np.array_equal(heard[heard != 0], pcm[pcm != 0])


@pytest.mark.parametrize("state", ["ready", "listening", "speaking"])
async def test_sigterm_ends_the_session_and_the_process_in_time(
    state: str, daemon: Running, figures: Callable[[str], None]
) -> None:
    options = Options(welcome=False, answer_pcm=numbered(4 * RATE_HZ - 1), pacing="instant")
    async with SimulatedBackend(options) as backend, daemon(backend.url) as box:
        await box.is_in("ready")
        pressing = None
        if state == "listening":
            pressing = asyncio.create_task(box.asked(do="press", hold_s=4))
        if state == "speaking":
            await box.asked(do="say", text="What is next?")
        await box.is_in(state)
        took_s = await box.stop()
        assert took_s < STOP_LIMIT_S
        assert [message["type"] for message in backend.received][-1] == "end_session"
        assert backend.violations == []
        assert not box.socket.exists()
        if pressing is not None:
            await asyncio.wait([pressing])
            assert pressing.exception() is not None, "who still pressed is told that it is gone"
    figures(f"SIGTERM while {state}: exit 0 after {took_s:.2f} s")


async def test_a_wrong_setting_exits_78_and_names_file_key_and_what_is_allowed(alsa: AlsaRig, tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("audio: {output: {volume: 11}}\n")
    code, _, err = await run("run", "--config", str(config), environ=alsa.environ)
    assert code == 78
    assert f"{config}: audio.output.volume is 11; it must be a number from 0 to 1" in err


# -- the token ----------------------------------------------------------------------------------------------------


async def refuse_by_closing(link: ServerConnection) -> None:
    """Accepts everybody, and then will not have this token."""
    await link.close(4401, "the token is refused")


def nobody_there() -> str:
    """A URL at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"ws://127.0.0.1:{taken.getsockname()[1]}/v1/voice/ws"


@asynccontextmanager
async def backend_that(answers: str) -> AsyncIterator[str]:
    """The URL of a backend that takes the canary, or refuses it in one of two ways, or is not there."""
    match answers:
        case "takes it":
            async with SimulatedBackend(Options(welcome=False, answer_pcm=ANSWER, token=CANARY)) as backend:
                yield backend.url
        case "says 401":
            async with SimulatedBackend(Options(welcome=False, answer_pcm=ANSWER, token=CANARY[::-1])) as backend:
                yield backend.url
        case "closes with 4401":
            async with serve(refuse_by_closing, "127.0.0.1", 0) as server:
                yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/v1/voice/ws"
        case _:
            yield nobody_there()


def leaks(text: str) -> bool:
    return any(form in text for form in (CANARY, quote(CANARY, safe=""), CANARY[7:], "canary"))


@pytest.mark.parametrize(
    ("answers", "state", "in_log"),
    [
        ("takes it", "ready", "a session is on"),
        ("says 401", "fault", "answered HTTP 401: the token is refused"),
        ("closes with 4401", "fault", "the link was closed with code 4401"),
        ("is not there", "offline", "cannot be reached"),
    ],
)
async def test_the_token_is_nowhere_but_on_the_wire(answers: str, state: str, in_log: str, daemon: Running) -> None:
    async with backend_that(answers) as url, daemon(url, token=CANARY, level="debug") as box:
        await box.is_in(state)
        if answers == "takes it":
            await box.command("say", "What is next?")
            await box.is_in("speaking")
        process = Path(f"/proc/{box.process.pid}")
        seen = {
            "command line": (process / "cmdline").read_text(),
            "environment": (process / "environ").read_text(),
            "status": await box.command("status"),
            "status as JSON": await box.command("status", "--json"),
            "settings": await box.command("config", "show"),
        }
        await box.tells(f"STATUS={state}")
        await box.stop()
        seen["standard error"] = box.stderr.read_text()
        seen["what systemd is told"] = "\n".join(told for _, told in box.notified)
    assert in_log in seen["standard error"]
    assert [where for where, text in seen.items() if leaks(text)] == []
    assert leaks(box.config.with_name("secret").read_text()), "the canary sings where it is"


@pytest.mark.parametrize("answers", ["says 401", "closes with 4401", "is not there"])
async def test_no_exception_holds_the_token(answers: str) -> None:
    async with backend_that(answers) as url:
        there = address(url, "5b1c", "u", "b", Secret(CANARY), "both")
        with pytest.raises(LinkError) as failed:
            await (await WebSocketDialer().dial(there)).receive()
    assert isinstance(failed.value, LinkRefused) is (answers != "is not there")
    told = "".join(traceback.format_exception(failed.value))
    assert not leaks(f"{told} {failed.value!r} {failed.value.args} {there} {there!r}")
