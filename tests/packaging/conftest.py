"""What the tests of the packages share: the packages, a repository of them, and machines that have them.

All of it needs root, and a minute or two; so it is skipped unless HERO365_DEBIAN=1 asks for it. Then not being able to
is a failure.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.packaging.shop import Keyring, Shop, keyring, open_shop
from tests.packaging.trixie import REPOSITORY, Trixie, architecture, on_host, plain

DIST = REPOSITORY / "dist"
"""Where packaging/build puts what it builds."""
OLD, NEW = "1.0", "1.1"
"""Two versions of the same tree. Both are above any version that is really built."""


@pytest.fixture(scope="session")
def _asked_for() -> None:
    if os.environ.get("HERO365_DEBIAN") != "1":
        pytest.skip("installs Debian packages, as root; HERO365_DEBIAN=1 asks for it")
    if os.geteuid() != 0:
        pytest.fail("HERO365_DEBIAN=1 needs root, to mount the machine that the packages are installed in")


@pytest.fixture(scope="session")
def build(_asked_for: None) -> Callable[[str, Path], Path]:
    """`build(version, folder)` builds this tree as that version, into the folder, and gives the daemon's package."""

    def built(version: str, folder: Path) -> Path:
        done = on_host("scripts/build-deb", "--version", version, "--out", folder)
        assert done.returncode == 0, done.stderr
        return next(path for path in map(Path, done.stdout.split()) if path.name.startswith("hero365-edge_"))

    return built


@pytest.fixture(scope="session")
def old(build: Callable[[str, Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, as version 1.0."""
    return build(OLD, tmp_path_factory.mktemp("old"))


@pytest.fixture(scope="session")
def new(build: Callable[[str, Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, as version 1.1."""
    return build(NEW, tmp_path_factory.mktemp("new"))


@pytest.fixture(scope="session")
def extensions(_asked_for: None) -> list[Path]:
    """Our builds of what Debian lacks, of every architecture that is there; ours is made when it is not."""
    if not list(DIST.glob(f"python3-webrtcvad_*_{architecture()}.deb")):
        done = on_host("packaging/build", "webrtcvad", architecture())
        assert done.returncode == 0, done.stderr
    return sorted(DIST.glob("python3-*.deb"))


@pytest.fixture(scope="session")
def signing(_asked_for: None) -> Iterator[Keyring]:
    """The key of ops."""
    with keyring() as made:
        yield made


@pytest.fixture
def shop(tmp_path: Path, signing: Keyring, old: Path, extensions: list[Path]) -> Iterator[Shop]:
    """A repository with version 1.0, for one test alone."""
    with open_shop(tmp_path / "shop", signing) as opened:
        opened.offer([old, *extensions])
        yield opened


@pytest.fixture(scope="session")
def _installed(
    tmp_path_factory: pytest.TempPathFactory, signing: Keyring, old: Path, extensions: list[Path]
) -> Iterator[tuple[Trixie, Trixie]]:
    folder = tmp_path_factory.mktemp("installed")
    with open_shop(folder / "shop", signing) as opened, _kept_while(folder):
        opened.offer([old, *extensions])
        before = plain(folder / "before")
        opened.introduce_to(before)
        # Everything but the package itself, so that what the package leaves behind can be told from the rest.
        before.do(f"apt-get update; apt-get satisfy -y '{_field(old, 'Depends')}'")
        after = before.copy(folder / "after")
        after.do("apt-get install -y hero365-edge")
        yield before, after


@pytest.fixture
def fresh(tmp_path: Path, _asked_for: None) -> Iterator[Trixie]:
    """A machine that has nothing, for one test alone."""
    with _kept_while(tmp_path / "fresh") as layer:
        yield plain(layer)


@pytest.fixture
def bare(tmp_path: Path, _installed: tuple[Trixie, Trixie]) -> Iterator[Trixie]:
    """A machine with all that the package depends on, and without it."""
    with _kept_while(tmp_path / "bare") as layer:
        yield _installed[0].copy(layer)


@pytest.fixture
def device(tmp_path: Path, _installed: tuple[Trixie, Trixie]) -> Iterator[Trixie]:
    """A machine with version 1.0 installed from a repository, for one test alone."""
    with _kept_while(tmp_path / "device") as layer:
        yield _installed[1].copy(layer)


@contextmanager
def _kept_while(layer: Path) -> Iterator[Path]:
    """A machine takes a few hundred megabytes, of which pytest would keep those of the last three runs."""
    try:
        yield layer
    finally:
        shutil.rmtree(layer, ignore_errors=True)


def _field(package: Path, name: str) -> str:
    return on_host("dpkg-deb", "--field", package, name).stdout.strip()
