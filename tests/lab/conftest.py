"""The lab's fixtures. They need HERO365_LAB=1 in the environment (`./scripts/test --lab`), for they take minutes."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.lab import appliance, image
from tests.lab.cache import alone, cache, held, sweep
from tests.lab.machine import Machine
from tests.lab.namespace import Namespace
from tests.lab.qemu import Qemu

CLEAN, INSTALLED = "clean", "installed"
_MACHINE = pytest.StashKey[Machine]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what cannot run, and say why; asked for and not possible is a failure in CI."""
    asked = os.environ.get("HERO365_LAB") == "1"
    why = image.obstacle() if asked else "the lab was not asked for: ./scripts/test --lab"
    if why is None or (asked and os.environ.get("CI") == "true"):
        return
    for item in items:
        if item.get_closest_marker("lab"):
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Prints past pytest's capture: building takes minutes, and somebody may be watching."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{line}", end="", flush=True)  # noqa: T201  the purpose of it

    return say


@pytest.fixture(scope="session")
def lab(say: Callable[[str], None], pytestconfig: pytest.Config) -> Iterator[Machine]:
    """The machine of this test run, switched on, with the snapshot `clean` of when it had just booted."""
    if why := image.obstacle():
        pytest.fail(why)
    built = image.build(say)
    sweep(cache().glob("run-*"))
    with (
        held(built.folder),
        tempfile.TemporaryDirectory(prefix="run-", dir=cache()) as name,
        held(Path(name)) as folder,
    ):
        namespace = Namespace()
        qemu = Qemu(built, namespace, folder)
        try:
            pytestconfig.stash[_MACHINE] = machine = _booted(qemu, namespace, folder, built.folder, say)
            yield machine
        finally:
            qemu.kill()
            namespace.close()


@pytest.fixture
def machine(lab: Machine) -> Iterator[Machine]:
    """The machine as it was when it had just booted: no stick, fair weather, nothing installed."""
    lab.restore(CLEAN)
    yield lab
    lab.unplug_usb()


@pytest.fixture(scope="session")
def _appliance_snapshot(lab: Machine, say: Callable[[str], None]) -> str:
    began_at = time.monotonic()
    lab.restore(CLEAN)
    appliance.install(lab, appliance.packages())
    lab.snapshot(INSTALLED)
    say(f"lab: the appliance built and installed in {time.monotonic() - began_at:.0f} s")
    return INSTALLED


@pytest.fixture
def installed(lab: Machine, _appliance_snapshot: str) -> Iterator[Machine]:
    """The machine with our Debian packages installed, the service stopped: no stick, fair weather."""
    lab.restore(_appliance_snapshot)
    yield lab
    lab.unplug_usb()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails tells what the machine's kernel said last."""
    report = yield
    if report.failed and (machine := item.config.stash.get(_MACHINE, None)):
        report.sections.append(("the machine's console", machine.console()))
    return report


def _booted(qemu: Qemu, namespace: Namespace, folder: Path, image_folder: Path, say: Callable[[str], None]) -> Machine:
    """From the image's snapshot if there is one; else boot, and make one for next time."""
    machine = Machine(qemu, namespace, image_folder, folder)
    version = subprocess.check_output(["qemu-system-x86_64", "--version"], text=True, timeout=20)  # noqa: S607  by its name
    made_of = [version, *(word.replace(str(folder), "") for word in qemu.command)]
    ready = image_folder / f"ready-{hashlib.sha256(' '.join(made_of).encode()).hexdigest()[:16]}.qcow2"
    with alone(image_folder):
        if ready.exists():
            qemu.new_disk(ready)
            machine.restore(CLEAN)
            return machine
        began_at = time.monotonic()
        qemu.new_disk()
        machine.power_on()
        state = machine.run("systemctl is-system-running --wait; systemctl --failed", timeout_s=240, check=False)
        if not state.out.startswith("running"):
            raise image.LabBroken(f"the machine is not well after booting:\n{state.out}\n{machine.console()}")
        machine.run("udevadm settle", timeout_s=120)
        machine.snapshot(CLEAN)
        qemu.monitor("stop")  # the copy must not change under us
        shutil.copyfile(folder / "disk.qcow2", ready)
        qemu.monitor("cont")
        say(f"lab: booted and kept in {time.monotonic() - began_at:.0f} s")
    return machine
