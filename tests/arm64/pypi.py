"""The libraries that pyproject.toml names, in a virtual environment, as the README has it for a Raspberry Pi."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.arm64.emulated import SPEECH, Pi, Results, copy_of_tree

# The README's, and what the tests hear.
_PACKAGES = (
    "gcc libc6-dev python3-dev python3-venv portaudio19-dev libasound2-dev libopus0 libmpg123-0t64 libsystemd-dev"
    f" pkg-config swig {SPEECH}"
)
# PYPI=1: lgpio builds the library that it binds too. Otherwise it wants Raspberry Pi OS's liblgpio-dev.
_INSTALL = """
python3 -m venv /hero365
PYPI=1 /hero365/bin/pip install --report /shown/report.json '/shown/source[pi]' {testing}
""".format(testing="pytest pytest-asyncio hypothesis soundfile")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What pip took, and what came of the tests."""

    wheels: dict[str, str]
    """Name, and the wheel's file."""
    built: dict[str, str]
    """Name, and the source that there is instead of a wheel."""
    loaded: str
    results: Results


def take(folder: Path, tell: Callable[[str], None]) -> Outcome:
    """Install, load everything, run the tests."""
    pi = Pi("pypi", _PACKAGES, folder, tell)
    copy_of_tree(pi.show("source"), ("hero365_edge/", "pyproject.toml", "README.md"))
    with pi.step("pip install"):
        pi.do(_INSTALL)
    report = json.loads(pi.show("report.json").read_text())["install"]
    files = {item["metadata"]["name"].lower(): item["download_info"]["url"].rpartition("/")[2] for item in report}
    wheels = {name: file for name, file in files.items() if file.endswith(".whl")}
    built = {name: file for name, file in files.items() if file.endswith((".gz", ".zip"))}
    tell(f"arm64 pypi: built here, for want of a wheel: {', '.join(sorted(built.values()))}")
    with pi.step("loading every library"):
        loaded = pi.load("/hero365/bin/python", "lgpio")
    return Outcome(wheels, built, loaded, pi.try_sound("/hero365/bin/python"))
