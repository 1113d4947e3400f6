"""A Raspberry Pi's file system (Debian trixie, arm64) on this machine, and our tests run in it."""

import os
import shutil
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.packaging.trixie import REPOSITORY, Trixie, on_host

SPEECH = "pocketsphinx-testdata asterisk-core-sounds-en-g722"

_TESTS = (Path(__file__).parent / "tests.txt").read_text().split()
_MAKE_ROOT = ". scripts/set-up.sh; . scripts/trixie-root.sh; . scripts/emulation.sh; need_packages mmdebstrap; "
_LIBRARIES = (
    *("numpy", "msgspec", "yaml", "websockets.speedups", "pyaudio", "soxr", "webrtcvad"),
    *("opuslib.api", "gpiozero", "systemd.journal"),
)
_CERTIFICATES = Path("/etc/ssl/certs")
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "hero365-edge"
# CI=true: what is not installed fails the tests that need it, see tests/conftest.py.
# Not the fakes: there is no compiled code in them.
_PYTEST = """
cd /trial
CI=true HYPOTHESIS_PROFILE=emulated {python} -m pytest -p tests.arm64.few_examples -p no:cacheprovider -q \
    -k 'not fake' --junit-xml=/trial/results.xml {tests}
"""


@dataclass(frozen=True, slots=True)
class Results:
    """What pytest wrote of a run."""

    passed: frozenset[str]
    """`tests.core.test_pcm::test_silence`, one for each case."""
    others: frozenset[str]
    """Failed, broken or skipped, each with the reason."""

    def cases(self) -> Counter[str]:
        """How many cases of each test passed."""
        return Counter(name.partition("[")[0] for name in self.passed)

    def silent_files(self) -> set[str]:
        """The files of tests.txt of which nothing passed."""
        return set(_TESTS) - {name.partition("::")[0].replace(".", "/") + ".py" for name in self.passed}


class Pi:
    """One file system, under a layer that is thrown away. `tell` prints a line past pytest."""

    def __init__(self, name: str, packages: str, folder: Path, tell: Callable[[str], None]) -> None:
        """`packages` are in it from the start, and are kept with it for the next time."""
        self._name = name
        self._tell = tell
        self._shown = folder / "shown"
        self._shown.mkdir(parents=True)
        # A copy: what is installed there may write them anew, without what this computer trusts besides.
        self._certificates = folder / "certificates"
        shutil.copytree(_CERTIFICATES, self._certificates, ignore_dangling_symlinks=True)
        with self.step("a clean trixie"):
            command = f"{_MAKE_ROOT} emulate arm64; make_root {name} arm64 {packages}"
            made = on_host("bash", "-euo", "pipefail", "-c", command, "arm64")
            assert made.returncode == 0, made.stderr
        self._machine = Trixie((Path(made.stdout.strip()),), folder / "layer")

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Tell how long it took."""
        since = time.monotonic()
        yield
        self._tell(f"arm64 {self._name}: {time.monotonic() - since:4.0f} s  {what}")

    def do(self, script: str) -> str:
        """Let a shell there do this, as root; gives what it printed. /shown is `show`'s folder; pip can be used."""
        pip_cache = _CACHE / "pip-arm64"
        pip_cache.mkdir(parents=True, exist_ok=True)
        binds = {self._shown: "/shown", self._certificates: "/etc/ssl/certs", pip_cache: "/pip-cache"}
        # Nothing is compiled ahead for modules that are never imported: emulated, that takes longer than all the rest.
        ready = (
            f"export PIP_CERT={_CERTIFICATES}/ca-certificates.crt PIP_CACHE_DIR=/pip-cache\n"
            "export PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1\n"
        )
        return self._machine.do(ready + script, binds=binds)

    def show(self, name: str) -> Path:
        """Where to put what it is to see as /shown/`name`; what it writes there is seen here."""
        return self._shown / name

    def load(self, python: str, *more: str) -> str:
        """Import every library that has compiled code, or finds some; the machine and Python that it worked on."""
        names = [*_LIBRARIES, *more]
        script = f"import ctypes, platform, {', '.join(names)}; ctypes.CDLL('libmpg123.so.0')"
        return self.do(f'cd /; {python} -c "{script}; print(platform.machine(), platform.python_version())"').strip()

    def try_sound(self, python: str) -> Results:
        """Run the tests of tests.txt with this Python, upon the hero365_edge that is installed for it."""
        trial = self._shown / "trial"
        copy_of_tree(trial, ("tests/", "pyproject.toml"))
        with self.step("the tests"):
            done = self._machine.run(_PYTEST.format(python=python, tests=" ".join(_TESTS)), binds={trial: "/trial"})
        # 1: some failed, and the report says which. All else is no run at all.
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return _read(trial / "results.xml")


def copy_of_tree(to: Path, beginnings: tuple[str, ...]) -> None:
    """Copy of this repository, committed or not, the files whose names begin like this."""
    for name in on_host("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout.split("\0"):
        if name.startswith(beginnings) and (REPOSITORY / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, to / name)


def _read(report: Path) -> Results:
    passed, others = set(), set()
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314  written by our own pytest
        name = f"{case.get('classname')}::{case.get('name')}"
        troubles = [
            f"{name}: {trouble.tag}, {trouble.get('message')}" for trouble in case if trouble.tag != "properties"
        ]
        others.update(troubles)
        if not troubles:
            passed.add(name)
    return Results(frozenset(passed), frozenset(others))
