"""The fleet's rules in Debian's vmalert, over a real VictoriaMetrics: each alert fires and resolves.

First each over stored series, those of promtool's cases, so that an alert that takes three days takes no time: vmalert
goes through them at the rules' own intervals and writes down what fires. Then live, from a van to whoever is called.
"""

import asyncio
import functools
import http.server
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from hero365_edge.settings import Metrics
from tests.appliance import QUICK, Van
from tests.appliance import running as driving
from tests.fleet.rule_cases import Case, cases
from tests.fleet.test_rules import RULES, rules
from tests.scraping import free_port
from tests.telemetry import Agent, Program, Store, running

CASES = {case.alert: case for case in cases()}
AGO_S = 20 * 86400.0
"""The cases begin so long ago; a store keeps a month."""
KNOWN_S = 90_000.0
"""So long each vehicle was on before, longer than rules look back for an increase. VictoriaMetrics takes the first
value that it ever sees of a counter for an increase from 0, which Prometheus does not: a vehicle that is new to it may
tell of what was before."""
AT_ONCE = 4
"""So many stores and vmalerts run beside one another."""
OF_VMALERT = {"__name__", "alertname", "alertstate", "alertgroup"}

Fired = dict[str, set[int]]
"""When it fired, in seconds since the beginning, by its labels as JSON."""


@pytest.fixture(scope="module")
def fired(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Fired]:
    """What fired when, by the alert."""

    async def replayed_all() -> dict[str, Fired]:
        places = asyncio.Semaphore(AT_ONCE)

        async def one(case: Case) -> Fired:
            async with places:
                return await replayed(case, tmp_path_factory.mktemp(case.alert))

        return dict(zip(CASES, await asyncio.gather(*map(one, CASES.values())), strict=True))

    return asyncio.run(replayed_all())


def test_each_alert_has_its_case() -> None:
    assert set(CASES) == set(rules("alert"))


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_fires_and_resolves_when_the_cases_say_so(alert: str, fired: dict[str, Fired]) -> None:
    for look in CASES[alert].expected:
        now = [labels for labels, times in fired[alert].items() if look.at_s in times]
        assert sorted(now) == sorted(map(as_key, look.alerts)), f"{look.at_s / 60:g} min after the beginning"


async def replayed(case: Case, folder: Path) -> Fired:
    """Have a store hold the case's series, and vmalert go through them; what it says fired."""
    store = Store(folder)
    began = int((time.time() - AGO_S) // 3600 * 3600)
    async with running(store):
        await filled(store, case, began)
        recorded, alerting = rule_files(case.alert, folder)
        for file in (recorded, alerting):  # what is recorded must be there when the alert asks for it
            if yaml.safe_load(file.read_text())["groups"]:
                await replay(store, file, began, began + case.lasts_s)
                await store.get("/internal/force_flush")
        selector = f'ALERTS{{alertname="{case.alert}",alertstate="firing"}}'
        told = [json.loads(line) for line in (await store.get("/api/v1/export", {"match[]": selector})).splitlines()]
    return {
        as_key({name: value for name, value in each["metric"].items() if name not in OF_VMALERT}): {
            round(at / 1000) - began for at in each["timestamps"]
        }
        for each in told
    }


async def filled(store: Store, case: Case, began: int) -> None:
    """Put the case's series into the store. What they tell of a time is of the case's own, which begins at 0."""
    lines: list[str] = []
    before = range(int(KNOWN_S / case.every_s), 0, -1)
    for series, values in case.series.items():
        shift = began if series.partition("{")[0].endswith("_timestamp_seconds") else 0
        lines += [
            f"{series} {value + shift:.6f} {1000 * (began + round(index * case.every_s))}"
            for index, value in [*((-step, values[0]) for step in before), *enumerate(values)]
            if value is not None
        ]
    url = f"http://{store.address}/api/v1/import/prometheus"
    request = urllib.request.Request(url, "\n".join(lines).encode())
    await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=20).close())  # noqa: S310  our store's
    await store.get("/internal/force_flush")


def rule_files(alert: str, folder: Path) -> tuple[Path, Path]:
    """Of the rules that are shipped, the recording ones, and this alert; as they are."""
    shipped = yaml.safe_load(RULES.read_text())["groups"]
    files = folder / "recording.yaml", folder / "alerting.yaml"
    for file, wanted in zip(files, ("record", alert), strict=True):
        groups = []
        for group in shipped:
            kept = [rule for rule in group["rules"] if wanted in rule or rule.get("alert") == wanted]
            if wanted == "record":
                kept = [rule for rule in kept if rule["record"] in rules("alert")[alert]["expr"]]
            if kept:
                groups.append({**group, "rules": kept})
        file.write_text(yaml.safe_dump({"groups": groups}))
    return files


async def replay(store: Store, file: Path, since: float, until: float) -> None:
    """Let vmalert go through a stretch of the past."""
    span = [datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for at in (since, until)]
    url = f"http://{store.address}"
    # All in one request, for what `for` waits for does not last from one to the next.
    flags = ["-replay.rulesDelay=0s", "-replay.disableProgressBar", "-replay.maxDatapointsPerQuery=25000"]
    flags.append("-datasource.queryStep=0s")  # at the rules' own intervals
    span = [f"-replay.timeFrom={span[0]}", f"-replay.timeTo={span[1]}"]
    command = ["vmalert", f"-rule={file}", f"-datasource.url={url}", f"-remoteWrite.url={url}", *span, *flags]
    vmalert = Program([*command, "-httpListenAddr=127.0.0.1:0"], {}, file.with_suffix(".log"))
    await vmalert.start()
    async with asyncio.timeout(60):
        await vmalert.process.wait()
    assert vmalert.process.returncode == 0, vmalert.log.read_text()


def as_key(labels: dict[str, str]) -> str:
    """Labels as something that can be sorted."""
    return json.dumps(labels, sort_keys=True)


# -- live ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What vmalert told whom it calls."""

    labels: dict[str, str]
    annotations: dict[str, str]
    over: bool


class Pager(http.server.BaseHTTPRequestHandler):
    """Takes alerts as Prometheus's Alertmanager does, and notes them in `told`."""

    def __init__(self, told: list[Told], *connection: Any) -> None:
        self._told = told
        super().__init__(*connection)

    def do_POST(self) -> None:
        alerts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        now = datetime.now(UTC)
        for alert in alerts:
            over = datetime.fromisoformat(alert["endsAt"]) <= now
            self._told.append(Told(alert["labels"], alert["annotations"], over))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library calls the parameter so
        """Keep still."""


@pytest.fixture
def pager() -> Iterator[tuple[str, list[Told]]]:
    """Its address, and what it was told."""
    told: list[Told] = []
    server = http.server.HTTPServer(("127.0.0.1", 0), functools.partial(Pager, told))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", told
    server.shutdown()
    server.server_close()


def hurried(folder: Path) -> Path:
    """The shipped rules, looked at each second, and waiting for nothing longer than that."""
    shipped: dict[str, Any] = yaml.safe_load(RULES.read_text())
    for group in shipped["groups"]:
        group["interval"] = "1s"
        for rule in group["rules"]:
            if "for" in rule:
                rule["for"] = "1s"
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump(shipped))
    return file


async def test_who_is_called_hears_of_a_microphone_that_is_gone_and_that_it_is_back(
    tmp_path: Path, pager: tuple[str, list[Told]]
) -> None:
    address, told = pager
    listen = f"127.0.0.1:{free_port()}"
    van = Van(msgspec.structs.replace(QUICK, metrics=Metrics(listen=listen)))
    store = Store(tmp_path)
    url = f"http://{store.address}"
    agent = Agent(tmp_path, "van-1", listen, f"{url}/api/v1/write", every_s=0.5)
    places = [f"-datasource.url={url}", f"-remoteWrite.url={url}", f"-notifier.url={address}"]
    flags = ["-datasource.queryStep=5s", "-httpListenAddr=127.0.0.1:0"]
    vmalert = Program(["vmalert", f"-rule={hurried(tmp_path)}", *places, *flags], {}, tmp_path / "vmalert.log")
    async with driving(van), running(store, agent, vmalert):
        await van.session()
        await microphone_is(store, up=1)
        assert told == []
        van.microphone.unplug()
        await microphone_is(store, up=0)
        firing = await heard(told, over=False)
        van.microphone.plug()
        await microphone_is(store, up=1)
        resolved = await heard(told, over=True)
    for each in (firing, resolved):
        assert each.labels.items() >= {"alertname": "MicrophoneDeaf", "severity": "page", "vehicle": "van-1"}.items()
        assert each.annotations["summary"] == "van-1: its microphone hears nothing, or is missing"
        assert each.annotations["action"] == rules("alert")["MicrophoneDeaf"]["annotations"]["action"]
    assert {each.labels["alertname"] for each in told} == {"MicrophoneDeaf"}


async def test_vmagent_tells_of_a_daemon_that_does_not_answer_as_the_alert_for_it_asks(tmp_path: Path) -> None:
    store = Store(tmp_path)
    agent = Agent(tmp_path, "van-1", f"127.0.0.1:{free_port()}", f"http://{store.address}/api/v1/write", every_s=0.5)
    async with running(store, agent), asyncio.timeout(15):
        found: list[dict[str, Any]] = []
        while not found:
            await asyncio.sleep(0.2)  # a store tells nobody that it has a new sample
            found = await store.query(rules("alert")["DaemonDown"]["expr"])
    assert [each["metric"] for each in found] == [{"vehicle": "van-1"}]


async def microphone_is(store: Store, up: int) -> None:
    """Wait until the store has it so."""
    async with asyncio.timeout(15):
        # A look each 0.2 s: a store tells nobody that it has a new sample.
        while not await store.query(f'hero365_edge_device_up{{device="microphone"}} == {up}'):  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def heard(told: list[Told], *, over: bool) -> Told:
    """The first that is over, or that is not; waits for it."""
    async with asyncio.timeout(20):
        # A look each 0.1 s: the pager notes it in a thread of its own, which has no event of this loop.
        while not (found := [each for each in told if each.over == over]):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    return found[0]
