"""Each query of the dashboards, asked of a real store that real daemons filled by way of vmagent."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hero365_edge.fleet.metric_table import METRICS
from hero365_edge.fleet.phrases import Phrases
from hero365_edge.settings import Metrics
from tests.appliance import QUICK, Van
from tests.fleet.grafana import objections
from tests.fleet.test_host import raspberry_pi
from tests.fleet.test_rules import metrics_in
from tests.scraping import free_port
from tests.telemetry import Agent, Store, running
from tests.test_metering import a_turn

FLEET = Path(__file__).parents[2] / "config" / "fleet"
BOARDS = sorted(FLEET.glob("dashboard-*.json"))
VARIABLES = {"$vehicle": "van-1", "$__rate_interval": "1m"}


def panels(board: Path) -> list[dict[str, Any]]:
    """A dashboard's panels."""
    return list(json.loads(board.read_text())["panels"])


def queries(board: Path) -> list[str]:
    """A dashboard's queries, as they stand there."""
    return [target["expr"] for panel in panels(board) for target in panel["targets"]]


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: str(board.stem))
def test_grafana_can_read_it(board: Path) -> None:
    read = json.loads(board.read_text())
    assert read["uid"] == f"hero365-edge-{board.stem.removeprefix('dashboard-')}"
    assert [each["name"] for each in read["templating"]["list"]][:1] == ["datasource"]
    assert len({panel["id"] for panel in read["panels"]}) == len(read["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in read["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, f"{panel['title']} lies over another"
        taken |= cells


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: str(board.stem))
def test_grafanas_own_model_has_nothing_against_it(board: Path) -> None:
    assert objections(board.read_text()) == []


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("type", "statt"),
        ("gridPoss", {}),
        ("gridPos", {"x": "0", "y": 0, "w": 1, "h": 1}),
        ("targets", [{"datasource": {"type": "prometheus"}, "exprr": "up"}]),
        ("fieldConfig", {"defaults": {"units": "s"}, "overrides": []}),
        ("options", {"colorMode": "pink"}),
    ],
)
def test_grafanas_own_model_objects_to_what_is_wrong(field: str, wrong: object) -> None:
    board = json.loads(BOARDS[0].read_text())
    (panel, *_) = (panel for panel in board["panels"] if panel["type"] == "stat")
    panel[field] = wrong
    assert len(objections(json.dumps(board))) == 1


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: str(board.stem))
def test_it_asks_for_metrics_that_there_are(board: Path) -> None:
    for query in queries(board):
        assert metrics_in(query), query
        assert metrics_in(query) <= set(METRICS)


def test_a_device_shows_every_metric_there_is() -> None:
    asked = set().union(*(metrics_in(query) for board in BOARDS for query in queries(board)))
    assert set(METRICS) - asked == set()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """What two vehicles told that had a turn each."""
    store = Store(tmp_path)
    agents, vans = [], []
    for name in ("van-1", "van-2"):
        listen = f"127.0.0.1:{free_port()}"
        settings = msgspec.structs.replace(QUICK, metrics=Metrics(listen=listen))
        van = Van(settings, phrases=Phrases(tmp_path / f"{name}-phrases"))
        metering = van.appliance.metering
        assert metering is not None
        (tmp_path / f"{name}-host").mkdir()
        metering._sys = raspberry_pi(tmp_path / f"{name}-host", throttled=0x10001)
        van.appliance._world.tokens.ends_at = time.time() + 3600  # type: ignore[attr-defined]  # the fake's verb
        vans.append(van)
        agents.append(Agent(tmp_path, name, listen, f"http://{store.address}/api/v1/write", every_s=0.5))
    appliances = [asyncio.create_task(van.appliance.run(van.stop)) for van in vans]
    async with running(store, *agents):
        links = [await van.session() for van in vans]
        for link in links:
            link.rtt_s = 0.07
        await sampled(store, "hero365_edge_turns_total")  # a rate needs a sample from before
        for van, link in zip(vans, links, strict=True):
            await a_turn(van, link)
        await sampled(store, 'hero365_edge_turns_total{outcome="answered"} == 1')
        yield store
    for appliance in appliances:
        appliance.cancel()
    await asyncio.wait(appliances)


async def sampled(store: Store, condition: str) -> None:
    """Until that is true of both vehicles."""
    async with asyncio.timeout(15):
        while len(await store.query(condition)) < 2:  # noqa: ASYNC110  the store has no event for it
            await asyncio.sleep(0.2)


async def test_each_query_of_the_dashboards_has_an_answer(store: Store) -> None:
    empty = []
    for board in BOARDS:
        for query in queries(board):
            asked = query
            for name, value in VARIABLES.items():
                asked = asked.replace(name, value)
            assert "$" not in asked
            if not await store.query(asked):
                empty.append(query)
    assert empty == []
    found = await store.query("count by (vehicle) (hero365_edge_build_info)")
    assert {each["metric"]["vehicle"] for each in found} == {"van-1", "van-2"}
