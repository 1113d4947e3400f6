"""Two Raspberry Pis by user emulation: one whose libraries pip took from PyPI, one that has Debian's and our packages.

They take minutes and need root, so they are skipped unless HERO365_ARM64=1 asks for them (`./scripts/test --arm64`);
not being able to is a failure then. Both are made at once, for most of it is one thread each.
"""

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.arm64 import debian, pypi


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, and say how to ask."""
    if os.environ.get("HERO365_ARM64") == "1":
        return
    for item in items:
        if item.get_closest_marker("arm64"):
            item.add_marker(pytest.mark.skip(reason="emulation was not asked for: ./scripts/test --arm64"))


@pytest.fixture(scope="session")
def tell(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Prints past pytest's capture: it takes minutes, and somebody may be watching."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert capture is not None

    one_at_a_time = threading.Lock()

    def tell(line: str) -> None:
        with one_at_a_time, capture.global_and_fixture_disabled():
            print(f"\n{line}", end="", flush=True)  # noqa: T201  the purpose of it

    return tell


@pytest.fixture(scope="session")
def _both(
    tell: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple["Future[pypi.Outcome]", "Future[debian.Outcome]"]]:
    if os.geteuid() != 0:
        pytest.fail("HERO365_ARM64=1 needs root, to mount the file systems that things are tried in")
    since = time.monotonic()
    with ThreadPoolExecutor(2) as threads:
        yield (
            threads.submit(pypi.take, tmp_path_factory.mktemp("pypi"), tell),
            threads.submit(debian.take, tmp_path_factory.mktemp("debian"), tell),
        )
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy_s = used.ru_utime + used.ru_stime
    took_s = time.monotonic() - since
    tell(
        f"arm64: {took_s:4.0f} s in all; {busy_s:.0f} s of processor time, so {busy_s / 2:.0f} s on two that are idle\n"
    )


@pytest.fixture(scope="session")
def from_pypi(_both: "tuple[Future[pypi.Outcome], Future[debian.Outcome]]") -> pypi.Outcome:
    """What came of the Pi with pip's libraries."""
    return _both[0].result()


@pytest.fixture(scope="session")
def from_debian(_both: "tuple[Future[pypi.Outcome], Future[debian.Outcome]]") -> debian.Outcome:
    """What came of the Pi with Debian packages."""
    return _both[1].result()
