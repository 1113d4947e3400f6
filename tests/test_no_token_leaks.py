"""No token in any output: a canary goes through a daemon of its own, whatever the backend and the system do to it.

The daemon has no sound cards here, so that it answers typed questions only; it logs all it can.
"""

import asyncio
import base64
import contextlib
import json
import logging
import os
import ssl
import sys
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from signal import SIGABRT, SIGHUP, SIGTERM
from typing import Any, Self
from urllib.parse import quote, quote_plus, unquote

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.server import ServerConnection, serve

from hero365_edge.backend.options import Fault, Options
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.core.secret import Secret
from tests.authority import Authority
from tests.scraping import fetched, free_port, series

CORE = "CANARY7f3aD0nt"
PLAIN = f"{CORE}.header.payload-_signature{CORE}"
HOSTILE = f"{CORE}'\"\\&%=+,;<>/?#:@{CORE}"
"""Every character that a log, a URL, a header or a shell treats in its own way, and the core on both sides of them."""
NEXT = f"{CORE}.the-next-one{CORE}"
"""What the token file holds after a change."""


def leaks(text: str | bytes) -> list[str]:
    """The lines of `text` that hold any part of a token, in any clothing."""
    data = text if isinstance(text, bytes) else text.encode()
    clothes = [CORE, base64.b64encode(CORE.encode()).decode()[:-2], CORE.encode().hex(), CORE[::-1]]
    return [repr(line) for line in data.splitlines() if any(form.encode() in line for form in clothes)]


class Daemon:
    """`hero365-edge run` as a process, and every place it could put a token."""

    def __init__(self, folder: Path, url: str, token: str, program: tuple[str, ...] = ("-m", "hero365_edge")) -> None:
        self._program = program
        self.folder = folder
        self.secret = folder / "secret"
        self.secret.mkdir(parents=True)
        self.state = folder / "state"
        self.state.mkdir(parents=True)
        self.runtime = folder / "runtime"
        self.runtime.mkdir()
        self.token_file = self.secret / "token"
        self.token_file.write_text(token)
        self._listen = f"127.0.0.1:{free_port()}"
        self.config = folder / "config.yaml"
        self.configure(url=url)
        self.log = folder / "log"
        self.outputs: dict[str, str] = {}
        self._process: asyncio.subprocess.Process

    def configure(self, url: str, **more: Any) -> None:
        settings = {
            "backend": {
                "url": url,
                "user_id": "u",
                "business_id": "b",
                "token_file": str(self.token_file),
                "reconnect_spread_s": 0,
            },
            "audio": {"input": {"device": "no such card"}, "output": {"device": "no such card"}},
            "panel": {"profile": "none"},
            "control": {"socket": str(self.runtime / "control.sock")},
            "metrics": {"listen": self._listen},
            "log": {"level": "debug", "transcripts": True},
            **more,
        }
        self.config.write_text(json.dumps(settings))

    @property
    def environ(self) -> dict[str, str]:
        """Nothing of this process's own but where its programs are."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
        kept["STATE_DIRECTORY"] = str(self.state)
        return {**kept, "HOME": str(self.runtime), "TMPDIR": str(self.runtime), "XDG_RUNTIME_DIR": str(self.runtime)}

    async def __aenter__(self) -> Self:
        command = [sys.executable, "-X", "dev", *self._program, "run", "--config", str(self.config)]
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=log, env=self.environ, cwd=self.runtime
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def said(self, text: str, times: int = 1) -> None:
        """Wait for it in the log."""
        async with asyncio.timeout(10):
            while self.log.read_text(errors="replace").count(text) < times:  # noqa: ASYNC110  a file has no event
                await asyncio.sleep(0.02)

    async def ask(self, *arguments: str) -> str:
        """What a command prints while the daemon runs; it is looked through at the end."""
        command = [sys.executable, "-m", "hero365_edge", *arguments, "--config", str(self.config)]
        pipe = asyncio.subprocess.PIPE
        asking = await asyncio.create_subprocess_exec(
            *command, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env=self.environ, cwd=self.runtime
        )
        printed, _ = await asking.communicate()
        self.outputs[" ".join(arguments)] = printed.decode()
        return printed.decode()

    async def do(self, *arguments: str, typed: str = "", code: int = 0) -> str:
        """What a command prints that has no settings of its own and is told something on standard input."""
        pipe = asyncio.subprocess.PIPE
        doing = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "dev", "-m", "hero365_edge", *arguments),
            stdin=pipe,
            stdout=pipe,
            stderr=asyncio.subprocess.STDOUT,
            env=self.environ,
            cwd=self.runtime,
        )
        printed, _ = await doing.communicate(typed.encode())
        self.outputs[f"{' '.join(arguments)} #{len(self.outputs)}"] = printed.decode()
        assert doing.returncode == code, printed.decode()
        return printed.decode()

    async def scrape(self) -> str:
        """What its metrics say; it is looked through at the end."""
        self.outputs[f"metrics #{len(self.outputs)}"] = text = await fetched(self._listen)
        return text

    def unpack(self, archive: Path) -> None:
        """Look into a bundle too, not only at it."""
        with tarfile.open(archive) as packed:
            for member in packed.getmembers():
                if content := packed.extractfile(member):
                    self.outputs[f"{archive.name}: {member.name}"] = content.read().decode(errors="replace") or "empty"

    def look_inside(self) -> None:
        """What the kernel tells every user of the process."""
        for name in ("cmdline", "environ", "comm", "status"):
            seen = Path(f"/proc/{self._process.pid}/{name}").read_bytes()
            self.outputs[f"/proc/PID/{name}"] = seen.replace(b"\0", b"\n").decode(errors="replace")

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def end(self, number: int = SIGTERM) -> int:
        """Its exit code."""
        self.signal(number)
        return await self.ended()

    async def ended(self) -> int:
        """Its exit code, when it ends."""
        async with asyncio.timeout(8):
            return await self._process.wait()

    def assert_tight(self) -> None:
        """No output and no file holds anything of a token, but the file that is made for it."""
        places = {**self.outputs, "standard output and error": self.log.read_text(errors="replace")}
        for path in self.folder.rglob("*"):
            is_its_own = self.secret in path.parents or (path.parent == self.state and path.name.startswith("token-"))
            if path.is_file() and not is_its_own:
                places[str(path)] = path.read_bytes().decode(errors="replace")
        assert {place: found for place, text in places.items() if (found := leaks(text))} == {}
        assert all(text for place, text in places.items() if not place.startswith("say")), "nothing to look at"


def backend(token: str, fault: Fault | None = None) -> SimulatedBackend:
    chime = (6000 * np.sin(np.arange(3200) / 5)).astype(np.int16)
    return SimulatedBackend(Options(token=token, answer_pcm=chime, fault=fault))


@pytest.mark.parametrize("token", [PLAIN, HOSTILE], ids=["plain", "hostile"])
async def test_a_whole_day(token: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with backend(token) as agent, Daemon(tmp_path, agent.url, token) as daemon:
        await daemon.said("a session is on")
        daemon.look_inside()
        await daemon.ask("say", "What's next?")
        await agent.wait_for(lambda: len(agent.answers) == 1, 5)
        for command in (("status", "--json"), ("status",), ("config", "show", "--json"), ("config", "show")):
            await daemon.ask(*command)
        await asyncio.gather(daemon.ask("config", "validate"), daemon.ask("check", "--json"), daemon.ask("check"))
        assert json.loads(daemon.outputs["status --json"])["link"]["state"] == "active"
        assert {"name": "backend", "verdict": "ok"}.items() <= json.loads(daemon.outputs["check --json"])[-1].items()

        daemon.configure(agent.url, nonsense={"token": token})
        daemon.signal(SIGHUP)
        await daemon.said("the settings were not read again")
        daemon.configure(agent.url, session={"idle_timeout_s": 800})
        daemon.signal(SIGHUP)
        await daemon.said("changes in session")

        assert series(await daemon.scrape())["hero365_edge_link_state state=active"] == 1
        daemon.token_file.write_text(NEXT)
        await agent.drop_links()
        await daemon.said("the token is refused")
        assert series(await daemon.scrape())["hero365_edge_reconnects_total cause=refused"] == 1
        await daemon.ask("status", "--json")
        await asyncio.gather(daemon.ask("check", "--json"), daemon.ask("status"))
        assert json.loads(daemon.outputs["status --json"])["state"] == "fault"
        assert await daemon.end() == 0
    daemon.assert_tight()
    assert leaks(caplog.text) == []


@pytest.mark.parametrize(("fault", "shows"), [("garbage", "was skipped"), ("refuse", "the token is refused")])
async def test_a_backend_with_a_fault(fault: Fault, shows: str, tmp_path: Path) -> None:
    async with backend(PLAIN, fault) as agent, Daemon(tmp_path, agent.url, PLAIN) as daemon:
        if fault != "refuse":
            await daemon.said("a session is on")
            await daemon.ask("say", "What's next?")
        await daemon.said(shows)
        await asyncio.gather(daemon.ask("status", "--json"), daemon.scrape())
        assert await daemon.end() == 0
    daemon.assert_tight()


# -- a backend that knows the token and throws it back in every way it can -----------------------------------------


def token_of(connection: ServerConnection) -> str:
    assert connection.request is not None
    return unquote(connection.request.path.rpartition("&token=")[2])


async def closes(code: int, connection: ServerConnection) -> None:
    await connection.close(code, token_of(connection)[:120])


async def refuses_the_session(connection: ServerConnection) -> None:
    assert connection.request is not None
    await tell(connection, "error", error=f"no session for {connection.request.path} {token_of(connection)}")


async def throws_back(connection: ServerConnection) -> None:
    """A session in which every message holds the token."""
    token = token_of(connection)
    await tell(connection, "connection_confirmed", session_id=token, message=token, realtime_available=True)
    await tell(connection, "session_started", session_id=token, status=token, message=token, realtime_available=True)
    await tell(connection, "realtime_enabled", status=token, audio={"profile": token})
    await tell(connection, "error", error=f"{token} {quote(token)} {quote_plus(token)} Bearer {token} token={token}")
    await tell(connection, "agent_response", response=token, audio_response=token, audio_format=token)
    await tell(connection, "audio_processing", status=token)
    await tell(connection, token, token=token)
    await tell(connection, "agent_response", response={token: token})
    await connection.send(json.dumps({"type": "error", token: 1})[:-1])
    await connection.send(b"RIFF" + token.encode() * 10)
    await tell(connection, "agent_response", response=f"Your token is {token}.")
    await connection.wait_closed()


async def tell(connection: ServerConnection, kind: str, **fields: object) -> None:
    await connection.send(json.dumps({"type": kind, **fields}))


WS: dict[str, Callable[[ServerConnection], Awaitable[None]]] = {
    "closes with 4401": partial(closes, 4401),
    "closes with 1008": partial(closes, 1008),
    "closes with 1011": partial(closes, 1011),
    "refuses the session": refuses_the_session,
    "throws back": throws_back,
}
HTTP: dict[str, str] = {
    "forbids": "HTTP/1.1 403 {request}\r\nContent-Length: 10000\r\n\r\n{request}",
    "fails": "HTTP/1.1 500 {request}\r\nX: {request}\r\n\r\n{request}",
    "delays": "HTTP/1.1 429 {request}\r\nRetry-After: {request}\r\n\r\n",
    "redirects": "HTTP/1.1 302 Found\r\nLocation: {trap}{path}\r\nContent-Length: 0\r\n\r\n",
    "echoes": "{request}\r\n\r\n",
}


@contextlib.asynccontextmanager
async def parrot(name: str) -> AsyncIterator[str]:
    """Does what `name` says to whoever dials its URL. Where it redirects to, no token may arrive."""
    followed: list[str] = []

    async def trap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        followed.append((await reader.read(10_000)).decode("latin-1"))
        writer.close()

    async def http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        told = {"request": request.replace("\r\n", " "), "path": request.split(" ")[1], "trap": trap_url}
        writer.write(HTTP[name].format(**told).encode("latin-1"))
        writer.close()

    async with await asyncio.start_server(trap, "127.0.0.1", 0) as trapping:
        trap_url = f"ws://127.0.0.1:{trapping.sockets[0].getsockname()[1]}"
        if name in HTTP:
            async with await asyncio.start_server(http, "127.0.0.1", 0) as server:
                yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        else:
            async with serve(WS[name], "127.0.0.1", 0) as talking:
                yield f"ws://127.0.0.1:{next(iter(talking.sockets)).getsockname()[1]}/v1"
    assert leaks("\n".join(followed)) == []


@pytest.mark.parametrize("name", [*WS, *HTTP])
async def test_a_backend_that_throws_the_token_back(name: str, tmp_path: Path) -> None:
    token = HOSTILE
    async with parrot(name) as url, Daemon(tmp_path, url, token) as daemon:
        await daemon.said("the agent says" if name == "throws back" else "no link to the backend")
        await asyncio.gather(daemon.ask("status", "--json"), daemon.ask("check", "--json"), daemon.scrape())
        assert await daemon.end() == 0
    daemon.assert_tight()


@contextlib.asynccontextmanager
async def nowhere(name: str, folder: Path) -> AsyncIterator[str]:
    """A URL at which there is no backend, for some reason."""
    context = None
    if name == "a certificate of nobody":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self_signed(folder))

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 this is no TLS\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        if name == "nobody listens":
            server.close()
            yield f"ws://127.0.0.1:{port}/v1"
        elif name == "no such host":
            yield "wss://voice.invalid/v1"
        else:
            yield f"wss://127.0.0.1:{port}/v1"


def self_signed(folder: Path) -> Path:
    """A certificate and its key in one file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    unsigned = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "self-signed.pem"
    path.write_bytes(secret + unsigned.sign(key, hashes.SHA256()).public_bytes(pem))
    return path


@pytest.mark.parametrize("name", ["nobody listens", "no such host", "no TLS there", "a certificate of nobody"])
async def test_a_backend_that_cannot_be_reached(name: str, tmp_path: Path) -> None:
    async with nowhere(name, tmp_path) as url, Daemon(tmp_path / "d", url, HOSTILE) as daemon:
        await daemon.said("no link to the backend")
        await asyncio.gather(daemon.ask("status", "--json"), daemon.ask("check", "--json"))
        assert await daemon.end() == 0
    daemon.assert_tight()


# -- provisioned, by a command, over TLS ---------------------------------------------------------------------------


@pytest.mark.parametrize("token", [PLAIN, HOSTILE], ids=["plain", "hostile"])
async def test_a_life_from_provisioning_to_wiping(token: str, tmp_path: Path) -> None:
    async with backend(token) as agent:
        daemon = Daemon(tmp_path, agent.url, token)
        daemon.token_file.unlink()
        daemon.configure(agent.url, backend={"url": agent.url, "reconnect_spread_s": 0})
        said = {"user_id": "u", "business_id": "b", "token": token}
        await daemon.do("provision", "-", typed=f"tokn: x\n{json.dumps(said)}", code=78)
        await daemon.do("provision", "-", typed=json.dumps({**said, "token": [token], token: token}), code=78)
        boot = tmp_path / "hero365-edge.yaml"
        boot.write_text(json.dumps(said))
        printed = await daemon.do("provision", str(boot))
        assert Secret(token).fingerprint in printed
        assert not boot.exists()

        async with daemon:
            await daemon.said("a session is on")
            daemon.look_inside()
            await asyncio.gather(daemon.ask("identity", "show", "--json"), daemon.ask("identity", "show"))
            await asyncio.gather(daemon.ask("config", "show"), daemon.ask("status", "--json"))
            await daemon.ask("bundle", "--out", str(tmp_path / "bundle.tar.gz"))
            daemon.unpack(tmp_path / "bundle.tar.gz")
            await daemon.do("identity", "rotate", "-", typed=f"{token} {token}", code=78)
            await daemon.do("identity", "rotate", "--stdin", typed=f"{NEXT}\n")
            await agent.drop_links()
            await daemon.said("the token is refused")
            await daemon.do("identity", "rotate", "-", typed=token)
            await daemon.said("a session is on", times=2)  # at once, and not a minute later
            await daemon.do("identity", "wipe", "--yes")
            assert await daemon.end() == 0
    assert list(daemon.state.glob("token-*")) == []
    daemon.assert_tight()


async def test_a_token_by_a_command(tmp_path: Path) -> None:
    """The command itself looks at what it was given: no token by an argument or a variable."""
    async with backend(PLAIN) as agent:
        daemon = Daemon(tmp_path, agent.url, PLAIN)
        command = daemon.secret / "give-token"
        command.write_text(
            f"#!/bin/sh\ncat /proc/self/environ /proc/self/cmdline > {tmp_path}/given\n"
            f"echo 'it is {PLAIN}' >&2\ncat {daemon.token_file}\n"
        )
        command.chmod(0o700)
        who = {"user_id": "u", "business_id": "b", "token_command": [str(command), "argument"]}
        daemon.configure(agent.url, backend={"url": agent.url, **who})
        async with daemon:
            await daemon.said("a session is on")
            daemon.look_inside()
            await asyncio.gather(daemon.ask("status", "--json"), daemon.ask("check", "--json"))
            await asyncio.gather(daemon.ask("identity", "show"), daemon.ask("config", "show"))
            command.write_text(f"#!/bin/sh\necho '{NEXT} and more'\n")
            await asyncio.gather(daemon.ask("check"), daemon.ask("config", "validate"))
            command.write_text(f"#!/bin/sh\necho '{NEXT}'; exit 3\n")
            await daemon.ask("check")
            command.write_text(f"#!/bin/sh\necho '{NEXT}'\n")
            await daemon.ask("check", "--json")
            assert await daemon.end() == 0
        assert "the token is refused" in daemon.outputs["check --json"]
        assert (tmp_path / "given").read_bytes()
    daemon.assert_tight()


async def test_a_backend_with_a_key_that_is_not_pinned(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    arrived: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.read(10_000))
        writer.close()

    async with await asyncio.start_server(take, "127.0.0.1", 0, ssl=authority.sign().served()) as server:
        url = f"wss://localhost:{server.sockets[0].getsockname()[1]}/v1"
        daemon = Daemon(tmp_path / "d", url, HOSTILE)
        daemon.configure(url, tls={"ca_file": str(authority.root.file), "pins": ["A" * 43 + "=", "B" * 43 + "="]})
        async with daemon:
            await daemon.said("no pinned key in the chain")
            await asyncio.gather(daemon.ask("status", "--json"), daemon.ask("check", "--json"))
            assert await daemon.end() == 0
    daemon.assert_tight()
    assert leaks(b"\n".join(arrived)) == []


# -- when the program itself breaks --------------------------------------------------------------------------------

BREAKING = """
import asyncio, logging, sys, threading, warnings
from hero365_edge.cli import main
from hero365_edge.devices.link import WebSocketDialer

class Ashes:
    def __init__(self, text):
        self.text = text
    def __del__(self):
        raise RuntimeError(self.text)

def fail(text):
    raise RuntimeError(text)

async def fail_later(text):
    fail(text)

async def dial(self, address):
    told = f"{address.url} {address.headers}"
    logging.getLogger("any").debug("a number: %d", told)
    logging.getLogger("any").debug("the address: %r", (address, told))
    warnings.warn(told)
    thread = threading.Thread(target=fail, args=(told,))
    thread.start()
    thread.join()
    asyncio.get_running_loop().call_soon(fail, told)
    forgotten = asyncio.ensure_future(fail_later(told))
    await asyncio.sleep(0.1)
    del forgotten
    Ashes(told)
    fail(told)

WebSocketDialer.dial = dial
sys.exit(main(sys.argv[1:]))
"""


async def test_a_crash(tmp_path: Path) -> None:
    """Every way out that an exception has, each with the token in its text; the last one ends the daemon."""
    async with Daemon(tmp_path, "ws://127.0.0.1:9/v1", HOSTILE, program=("-c", BREAKING)) as daemon:
        assert await daemon.ended() == 1
    log = daemon.log.read_text()
    for way in ("thread", "UserWarning", "never retrieved", "Exception in callback", "Ashes", "unexpected failure"):
        assert way in log
    daemon.assert_tight()


async def test_the_watchdogs_last_words(tmp_path: Path) -> None:
    async with backend(PLAIN) as agent, Daemon(tmp_path, agent.url, PLAIN) as daemon:
        await daemon.said("a session is on")
        assert await daemon.end(SIGABRT) == -SIGABRT
        assert "Current thread" in daemon.log.read_text()
    daemon.assert_tight()
