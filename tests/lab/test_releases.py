"""A bad release goes out in steps and is taken back, by docs/packaging.md, over HTTP, under a real systemd."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hero365_edge.core.pcm import Pcm
from tests.lab.appliance import (
    LIKE_WHAT_WAS_SAID,
    ROOT,
    SETTLING_S,
    UNIT,
    Appliance,
    beside_a_backend,
    know,
    only_ours,
)
from tests.lab.certificates import BACKEND
from tests.lab.machine import Machine
from tests.lab.pace import now, sleep
from tests.listening import find, words_of
from tests.packaging.shop import keyring, open_shop, repacked

pytestmark = pytest.mark.lab

Speech = Callable[[str], Pcm]
Say = Callable[[str], None]

UPDATE = "/etc/systemd/system/fleet-update.service"
KEPT = "outbox: {max_age_s: 3600}\n"
"""Longer than an emulated machine takes for what happens here, which is minutes."""
PACKED_LIMIT_S = 300.0


def documented(path: str) -> str:
    """The file that docs/packaging.md shows below its name."""
    shown = re.search(rf"`{re.escape(path)}`:\n\n((?:    .*\n)+)", (ROOT / "docs/packaging.md").read_text())
    assert shown is not None
    return re.sub("(?m)^    ", "", shown[1])


def of_this_tree(name: str) -> Path:
    """The package that the lab built and installed."""
    (package,) = ROOT.glob(f"dist/{name}_*_all.deb")
    return package


def says_only_the_link(told: str) -> bool:
    """Nothing else is missing."""
    return "link" in told and "microphone" not in told and "speaker" not in told


def version(machine: Machine) -> str:
    """Which one is installed."""
    return machine.run(f"dpkg-query --show --showformat '${{Version}}' {UNIT}").out


def test_a_bad_release_waits_goes_out_and_is_taken_back_with_all_that_is_held(
    installed: Machine, speech: Speech, say: Say, tmp_path: Path
) -> None:
    words, began_at = words_of(speech("0890")), now()
    good = version(installed)
    bad = repacked(of_this_tree(UNIT), tmp_path / "bad", f"{good}+bad", breaks=True)
    installed.plug_usb()
    installed.put(KEPT, "/etc/hero365-edge/config.d/60-kept.yaml")
    installed.put(documented(UPDATE), UPDATE)
    appliance = Appliance(installed)
    with (
        keyring() as signing,
        open_shop(tmp_path / "shop", signing, host=BACKEND, listener=installed.far_listener()) as shop,
    ):

        def nightly() -> None:
            only_ours(installed)
            installed.run("systemctl start fleet-update", timeout_s=PACKED_LIMIT_S)

        shop.offer([of_this_tree(UNIT)])
        know(installed, shop)
        appliance.start()
        appliance.until(lambda: says_only_the_link(appliance.told()), "it says that nobody answers", 30.0)
        sleep(SETTLING_S)
        appliance.ask(words, hold=True)
        appliance.until(lambda: appliance.told().startswith("holding"), "what was said is held", 20.0)
        running = appliance.pid

        shop.offer([bad], "--phased", "0")
        nightly()
        assert (version(installed), appliance.pid) == (good, running), "offered to nobody"
        assert "deferred due to phasing" in installed.run("apt-get upgrade --simulate").out

        shop.offer([])
        nightly()
        assert version(installed) == f"{good}+bad"
        appliance.until(lambda: int(appliance.show("NRestarts")) >= 2, "it does not come up", 60.0)
        assert installed.run("hero365-edge config validate", check=False).code not in {0, 78}, "this is how ops sees it"

        shop.offer([], "--phased", "0")
        only_ours(installed)
        back = f"apt-get update && apt-get install -y --allow-downgrades hero365-edge={good}"
        installed.run(back, timeout_s=PACKED_LIMIT_S)
        nightly()
        assert version(installed) == good, "and does not take the bad one again the next night"
        appliance.until(lambda: appliance.told().startswith("holding"), "what was said is held still", 40.0)
        assert appliance.show("ActiveState") == "active"
    with beside_a_backend(installed) as appliance:
        heard = appliance.backend.wait_for(lambda it: bool(it.utterances), 60.0).utterances[0]
    up = find(words, heard.pcm)
    say(f"lab: release, bad release at 0 and 100 %, and back: {now() - began_at:.0f} s; what was held arrived: {up}")
    assert up.likeness > LIKE_WHAT_WAS_SAID
