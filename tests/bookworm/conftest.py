"""What the tests of the pip road share: what we give to PyPI, the packages it needs, and bookworm to install it in.

Debian 12 is too old for our own package (python3-websockets 10.4), so pip is the road there. As root, and with a
network; skipped unless HERO365_DEBIAN=1 asks for it. Then not being able to is a failure.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.packaging.trixie import REPOSITORY, Trixie, on_host

PACKAGES = (
    *("python3-venv", "python3-dev", "gcc", "libc6-dev", "pkg-config"),
    *("portaudio19-dev", "libasound2-dev", "libsystemd-dev", "libopus0", "libmpg123-0"),
)
"""What docs/pip.md has one install before pip."""
THE_SYSTEM = ("systemd", "systemd-sysv", "dbus")
COMPILED = ("pyaudio", "opuslib", "systemd-python")
"""For these there are no wheels: pip builds them on the device."""
_PYTHON = "3.11"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of packages, which is all that pip gets to see."""

    folder: Path
    wheel: Path
    sdist: Path


@pytest.fixture(scope="session")
def _asked_for() -> None:
    if os.environ.get("HERO365_DEBIAN") != "1":
        pytest.skip("installs Debian packages, as root; HERO365_DEBIAN=1 asks for it")
    if os.geteuid() != 0:
        pytest.fail("HERO365_DEBIAN=1 needs root, to mount the machine that the packages are installed in")


@pytest.fixture(scope="session")
def built(_asked_for: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Wheel and source distribution of what is in this folder, committed or not; the wheel is built from the other."""
    source, shelf = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    git = ("git", "-c", f"safe.directory={REPOSITORY}")
    listed = _run(*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, listed):
        if os.path.lexists(REPOSITORY / name):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, source / name, follow_symlinks=False)
    _run(sys.executable, "-m", "build", "--outdir", str(shelf), str(source))
    return next(shelf.glob("*.whl")), next(shelf.glob("*.tar.gz"))


@pytest.fixture(scope="session")
def root(_asked_for: None) -> tuple[Path, ...]:
    """Bookworm with those packages, made once and kept."""
    order = '. scripts/set-up.sh; . scripts/trixie-root.sh; suite=bookworm; make_root pip "$@"'
    machine = _run("dpkg", "--print-architecture").strip()
    made = on_host("bash", "-euo", "pipefail", "-c", order, "root", machine, *PACKAGES, *THE_SYSTEM)
    assert made.returncode == 0, made.stderr
    return (Path(made.stdout.strip()),)


@pytest.fixture(scope="session")
def shelf(built: tuple[Path, Path], root: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Our wheel and all it needs. The machine has no certificates of its own, so this computer's pip fetches them."""
    wheel, sdist = built
    folder = tmp_path_factory.mktemp("shelf")
    shutil.copy(wheel, folder)
    machine = platform.machine()
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in range(5, 37)]
    platforms += [f"--platform={name}_{machine}" for name in ("linux", "manylinux1", "manylinux2010", "manylinux2014")]
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder)]
    ready = [*fetch, "--only-binary=:all:", f"--python-version={_PYTHON}", *platforms, f"--find-links={folder}"]
    _run(*fetch, "--no-deps", "--no-binary=:all:", *COMPILED)
    _run(*ready, "setuptools", "wheel")
    # Built there once, for this computer's pip to find all others that they and we need; they are not kept.
    house = "--no-index --find-links /shelf"
    Trixie(root, tmp_path_factory.mktemp("builder")).do(
        f"python3 -m venv /venv; /venv/bin/pip install {house} wheel;"
        f"/venv/bin/pip wheel {house} --no-deps --wheel-dir /shelf {' '.join(COMPILED)}",
        binds={folder: "/shelf"},
    )
    _run(*ready, f"{folder / wheel.name}[pi]")
    for name in COMPILED:
        next(folder.glob(f"{name.replace('-', '_')}-*.whl")).unlink()
    return Shelf(folder, wheel, sdist)


@pytest.fixture(scope="session")
def installed(root: tuple[Path, ...], shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Trixie:
    """Bookworm after a virtual environment, pip and install-service (docs/pip.md). It must not change any more."""
    device = Trixie(root, tmp_path_factory.mktemp("installed"))
    device.do(
        "python3 -m venv /opt/hero365-edge;"
        "/opt/hero365-edge/bin/pip install --no-index --find-links /shelf 'hero365-edge[pi]';"
        "/opt/hero365-edge/bin/hero365-edge install-service",
        binds={shelf.folder: "/shelf"},
    )
    return device


@pytest.fixture
def device(installed: Trixie, tmp_path: Path) -> Trixie:
    """That bookworm, for one test alone."""
    return installed.copy(tmp_path / "device")


class Container:
    """That bookworm, booted."""

    def __init__(self, layer: Path) -> None:
        self._layer = layer

    def run(self, command: str) -> "subprocess.CompletedProcess[str]":
        """Let the shell there, as root, do this."""
        return on_host("tests/bookworm/boot.sh", "run", self._layer, command)

    def do(self, command: str) -> str:
        """As `run`, and what it printed; that it goes well is taken for granted."""
        done = self.run(command)
        assert done.returncode == 0, f"{command}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def show(self, name: str) -> str:
        """A property of the service, as systemd tells it."""
        return self.do(f"systemctl show hero365-edge --value --property={name}").strip()


@pytest.fixture(scope="module")
def booted(installed: Trixie, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """It runs from here to the end of the module."""
    layer = tmp_path_factory.mktemp("booted")
    roots = ":".join(map(str, (installed.layer / "changed", *installed.roots)))
    up = on_host("tests/bookworm/boot.sh", "up", roots, layer)
    assert up.returncode == 0, up.stderr
    yield Container(layer)
    down = on_host("tests/bookworm/boot.sh", "down", layer)
    assert down.returncode == 0, down.stderr


def _run(*command: str) -> str:
    done = on_host(*command)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
