"""Debian's vmagent as the shipped unit starts it, and Debian's VictoriaMetrics, both on loopback."""

import asyncio
import contextlib
import json
import os
import shlex
import signal
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.scraping import free_port

REPOSITORY = Path(__file__).parents[1]
UNIT = REPOSITORY / "systemd" / "hero365-edge-telemetry.service"
MEND = REPOSITORY / "config" / "fleet" / "mend-queue"
SCRAPES = REPOSITORY / "config" / "fleet" / "vmagent.yaml"
DAEMON = "127.0.0.1:9365"


def agent_command() -> list[str]:
    """What the unit starts."""
    unit = UNIT.read_text().replace("\\\n", "")
    return shlex.split(next(line.partition("=")[2] for line in unit.splitlines() if line.startswith("ExecStart=")))


def agent_interval_s() -> float:
    """From scrape to scrape, as it is shipped."""
    return float(yaml.safe_load(SCRAPES.read_text())["global"]["scrape_interval"].removesuffix("s"))


class Program:
    """A program of Debian's that can be killed and started again where it left off."""

    def __init__(self, command: list[str], environ: Mapping[str, str], log: Path) -> None:
        self.command = command
        self.environ = dict(environ)
        self.log = log
        self.process: asyncio.subprocess.Process

    async def start(self) -> None:
        """Start it; it writes its log behind what is there."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"], **self.environ}
            )

    @property
    def cpu_s(self) -> float:
        """What it has used so far, in seconds of a core, as the kernel counts it."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait for that."""
        if self.process.returncode is None:
            self.process.send_signal(how)
        await self.process.wait()


class Store(Program):
    """VictoriaMetrics."""

    def __init__(self, folder: Path, *flags: str) -> None:
        """`flags` besides those of a small store."""
        self.address = f"127.0.0.1:{free_port()}"
        command = ["victoria-metrics", f"-storageDataPath={folder / 'data'}", f"-httpListenAddr={self.address}"]
        # Its queries leave the newest 30 s out by default, for what may come late; here nobody waits so long.
        command += ["-search.latencyOffset=0s", "-loggerLevel=ERROR", *(flags or ["-memory.allowedBytes=64MiB"])]
        super().__init__(command, {}, folder / "store.log")

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        await super().start()
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(OSError):
                    await self.get("/health")
                    return
                await asyncio.sleep(0.05)

    async def get(self, path: str, query: Mapping[str, str] | None = None, limit_s: float = 10.0) -> bytes:
        """What it answers to a request. Raises OSError when it does not."""

        def fetch() -> bytes:
            url = f"http://{self.address}{path}?{urllib.parse.urlencode(query or {})}"
            with urllib.request.urlopen(url, timeout=limit_s) as answer:
                return bytes(answer.read())

        return await asyncio.to_thread(fetch)

    async def query(self, expression: str, at: float | None = None, limit_s: float = 10.0) -> list[dict[str, Any]]:
        """What it answers to a query: `metric` (the labels) and `value` of each series, at a time, or just now."""
        await self.get("/internal/force_flush", limit_s=limit_s)
        moment = f"{time.time() if at is None else at:.3f}"
        told = await self.get("/api/v1/query", {"query": expression, "time": moment, "nocache": "1"}, limit_s)
        return list(json.loads(told)["data"]["result"])

    async def times(self, selector: str) -> dict[str, list[float]]:
        """When each series was sampled, in seconds since 1970, by the vehicle."""
        await self.get("/internal/force_flush")
        told = await self.get("/api/v1/export", {"match[]": selector})
        series = [json.loads(line) for line in told.splitlines()]
        return {each["metric"]["vehicle"]: sorted(at / 1000 for at in each["timestamps"]) for each in series}


class Agent(Program):
    """vmagent, with the unit's flags but for its places, and a scrape more often where a test has no time."""

    def __init__(self, folder: Path, vehicle: str, daemon: str, url: str, every_s: float = 1.0, **more: str) -> None:
        """`more` goes to its environment, as the unit's EnvironmentFile would."""
        scrapes = SCRAPES.read_text()
        assert yaml.safe_load(scrapes)["scrape_configs"][0]["static_configs"][0]["targets"] == [DAEMON]
        self.vehicle = vehicle
        self.buffer = folder / vehicle
        self.address = f"127.0.0.1:{free_port()}"
        config = folder / f"{vehicle}.yaml"
        as_shipped, here = (f"interval: {interval_s:g}s" for interval_s in (agent_interval_s(), every_s))
        config.write_text(scrapes.replace(DAEMON, daemon).replace(as_shipped, here))
        places = {
            "promscrape.config": config,
            "remoteWrite.tmpDataPath": self.buffer,
            "httpListenAddr": self.address,
        }
        command = [
            f"-{name}={places[name]}" if (name := word.lstrip("-").partition("=")[0]) in places else word
            for word in agent_command()
        ]
        super().__init__(command, {"VEHICLE": vehicle, "remoteWrite_url": url, **more}, folder / f"{vehicle}.log")

    async def start(self) -> None:
        """As the unit does: what a crash left is mended first."""
        mending = await asyncio.create_subprocess_exec("sh", MEND, self.buffer)
        assert await mending.wait() == 0
        await super().start()


@contextlib.asynccontextmanager
async def running(*programs: Program) -> AsyncIterator[None]:
    """They run until left; whichever is still there then is killed."""
    try:
        for program in programs:
            await program.start()
        yield
    finally:
        for program in programs:
            if hasattr(program, "process"):
                await program.stop(signal.SIGKILL)
