"""What many tests need: sound cards in software, and real speech."""

import gc
import os
import signal
from collections.abc import Callable, Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from hero365_edge.core.pcm import Pcm
from tests import alsa_rig
from tests import speech as recorded

# A shell has what it puts in the background ignore Ctrl-C, and so would every program that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A shared computer stalls now and then: how long an example takes proves nothing.
settings.register_profile("default", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("nightly", settings.get_profile("default"), max_examples=1000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def alsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[alsa_rig.AlsaRig]:
    """The ALSA rig, in this process's environment too. ALSA reads it anew whenever PortAudio is initialised."""
    _require(alsa_rig.missing())
    folder = tmp_path_factory.mktemp("alsa")
    with alsa_rig.running(folder) as rig, pytest.MonkeyPatch.context() as environment:
        for name in rig.environ.keys() - os.environ.keys() | {"ALSA_CONFIG_PATH"}:
            environment.setenv(name, rig.environ[name])
        yield rig


@pytest.fixture(scope="session")
def speech() -> Callable[[str], Pcm]:
    """`speech("0870")` is real speech, 16 kHz mono; `tests/speech.py` has the names."""
    _require(recorded.missing())
    return recorded.speech


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long waits for the night."""
    for item in filter(_waits_for_the_night, items):
        item.add_marker(pytest.mark.skip(reason="takes long: ./scripts/test --nightly, with --lab in the lab"))


def pytest_collection_finish() -> None:
    """The dialer collects garbage before each dial: not among all that pytest holds, which takes 0.1 s a time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What scripts/test sets up for these tests is there in CI: one that is skipped there is broken."""
    report = yield
    needed = [name for name in ("alsa", "speech", "network") if item.get_closest_marker(name)]
    if report.skipped and needed and not _waits_for_the_night(item) and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped, though CI has what {', '.join(needed)} needs: {report.longrepr}"
    return report


def _waits_for_the_night(item: pytest.Item) -> bool:
    return item.get_closest_marker("nightly") is not None and os.environ.get("HYPOTHESIS_PROFILE") != "nightly"


def _require(missing: str | None) -> None:
    """Skip where something is not installed, except in CI, where scripts/test should have installed it."""
    if missing is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)
