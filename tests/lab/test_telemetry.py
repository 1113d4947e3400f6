"""The package that sends metrics, under a real systemd: off until it knows a store; then a real one gets samples."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fleet.test_outage import ALL, MAY_LOSE_S, lost_s
from tests.fleet.test_telemetry_unit import MOST_EXPOSED
from tests.lab.appliance import ROOT, UNIT, know
from tests.lab.certificates import BACKEND
from tests.lab.machine import Machine
from tests.lab.pace import now, sleep
from tests.lab.relay import relayed
from tests.packaging.shop import keyring, open_shop
from tests.telemetry import Store, agent_interval_s, running

pytestmark = pytest.mark.lab

Say = Callable[[str], None]

TELEMETRY = "hero365-edge-telemetry"
ENVIRONMENT = f"/etc/{TELEMETRY}/environment"
SERIES = "hero365_edge_build_info"
STARTS_S = 5.0
"""On an emulated processor, from a kill until vmagent has scraped again."""
OUTAGE_S = 45.0
SENT_AGAIN_S = 90.0
"""vmagent doubles its pause between two tries up to a minute, and so does TCP."""
BOOTED_S = 120.0


def show(machine: Machine, unit: str, prop: str) -> str:
    """A property of a unit."""
    return machine.run(f"systemctl show --value -p {prop} {unit}").out.strip()


def install(machine: Machine, folder: Path) -> None:
    """As ops does it, with Debian's store and vmagent from the same repository."""
    (package,) = ROOT.glob(f"dist/{TELEMETRY}_*_all.deb")
    with keyring() as signing, open_shop(folder, signing, host=BACKEND, listener=machine.far_listener()) as shop:
        shop.offer([package, *machine.debian_packages()])
        know(machine, shop)
        machine.run(f"apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y {TELEMETRY}", timeout_s=300.0)


@asynccontextmanager
async def sending(machine: Machine, folder: Path) -> AsyncIterator[Store]:
    """A store at the far end, which the device is told of."""
    store, listener = Store(folder), machine.far_listener()
    url = f"http://{BACKEND}:{listener.getsockname()[1]}/api/v1/write"
    async with running(store):
        with relayed(listener, store.address):
            machine.put(f"remoteWrite_url={url}\nVEHICLE=van-lab\n", ENVIRONMENT)
            machine.run(f"systemctl restart {TELEMETRY}; systemctl start {UNIT}")
            yield store


async def sampled(store: Store, after: float, limit_s: float) -> list[float]:
    """When the device was sampled, in seconds since 1970 by its clock, once there is one from after that time."""
    began_at = now()
    while True:
        times = (await store.times(SERIES)).get("van-lab", [0.0])
        if times[-1] > after:
            return times
        assert now() < began_at + limit_s, f"{len(times)} samples, the last {after - times[-1]:.1f} s before"
        sleep(1.0)


def clock(machine: Machine) -> float:
    """The device's."""
    return float(machine.run("date +%s.%N").out)


async def test_it_is_off_until_a_store_is_named_and_then_sends(installed: Machine, say: Say, tmp_path: Path) -> None:
    install(installed, tmp_path / "shop")
    assert installed.run(f"systemctl is-enabled {TELEMETRY}").out == "enabled\n"
    assert (show(installed, TELEMETRY, "ActiveState"), show(installed, TELEMETRY, "Result")) == (
        "inactive",
        "exec-condition",
    )
    assert show(installed, "victoria-metrics", "ActiveState") == "inactive", "a device runs no store"
    assert installed.run("systemctl --failed --no-legend").out == ""
    (tmp_path / "store").mkdir()
    async with sending(installed, tmp_path / "store") as store:
        began_at = now()
        times = await sampled(store, after=clock(installed) - 60.0, limit_s=60.0)
        took_s = now() - began_at
        assert times
        got = {each["metric"]["__name__"] for each in await all_series(store)}
        exposed = installed.run(f"systemd-analyze security --no-pager --threshold={MOST_EXPOSED} {TELEMETRY} | tail -1")
        memory = int(show(installed, TELEMETRY, "MemoryPeak")) / 2**20
        who = installed.run(f"ps -o user= -p $(systemctl show --value -p MainPID {TELEMETRY})").out.strip()
        restarts = show(installed, TELEMETRY, "NRestarts")
        warned = installed.journal(TELEMETRY, "--priority=warning")
    figures = f"first samples after {took_s:.0f} s, {len(got)} names, {memory:.0f} MiB, as {who}; {exposed.out.strip()}"
    say(f"lab: telemetry: {figures}")
    assert len({name for name in got if name.startswith("hero365_edge_")}) > 50
    assert restarts == "0", warned
    assert who not in {"root", ""}


async def all_series(store: Store) -> list[dict[str, dict[str, str]]]:
    """What the store has of the device."""
    lines = (await store.get("/api/v1/export", {"match[]": '{vehicle="van-lab"}'})).splitlines()
    return [json.loads(line) for line in lines]


async def most_lost_s(store: Store, every_s: float, since: float, until: float) -> float:
    """Of the series that lost most between two times, of those that there were before."""
    lost = []
    for line in (await store.get("/api/v1/export", {"match[]": ALL})).splitlines():
        times = sorted(at / 1000 for at in json.loads(line)["timestamps"])
        if times[0] <= since:
            lost.append(lost_s([*(at for at in times if at < until), until], every_s, since))
    assert len(lost) > 50
    return max(lost)


@pytest.mark.nightly
async def test_what_was_scraped_without_a_network_outlives_a_kill_and_a_power_cut(
    installed: Machine, say: Say, tmp_path: Path
) -> None:
    install(installed, tmp_path / "shop")
    (tmp_path / "store").mkdir()
    every_s = agent_interval_s()
    async with sending(installed, tmp_path / "store") as store:
        began = (await sampled(store, after=0.0, limit_s=60.0))[-1]
        installed.network(down=True)
        sleep(OUTAGE_S / 2)
        installed.run(f"kill -KILL $(systemctl show --value -p MainPID {TELEMETRY})")
        sleep(OUTAGE_S / 2)
        installed.network()
        until = (await sampled(store, after=clock(installed), limit_s=SENT_AGAIN_S))[-1]
        killed_s = await most_lost_s(store, every_s, began, until)

        installed.network(down=True)
        began = clock(installed)
        sleep(OUTAGE_S)
        cut = clock(installed)
        installed.cut_power()
        installed.power_on()  # the network is there again
        await sampled(store, after=clock(installed), limit_s=BOOTED_S)
        cut_s = await most_lost_s(store, every_s, began, cut)
    say(f"lab: telemetry: of an outage with a kill {killed_s:.1f} s are lost, of one with a power cut {cut_s:.1f} s")
    assert killed_s < MAY_LOSE_S + STARTS_S
    assert cut_s < MAY_LOSE_S + every_s
