"""The packages as a fleet has them: ours of this tree, ours of what Debian lacks, all else from Debian's archive."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.arm64.emulated import SPEECH, Pi, Results
from tests.packaging.trixie import REPOSITORY, on_host

_TESTING = f"python3-pytest python3-pytest-asyncio python3-hypothesis python3-soundfile {SPEECH}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What apt installed, what the program says of itself, and what came of the tests."""

    versions: str
    """Of our packages, a line each."""
    loaded: str
    check: Mapping[str, str]
    """What `hero365-edge check` looked at, and its verdict."""
    results: Results


def take(folder: Path, tell: Callable[[str], None]) -> Outcome:
    """Build our packages, install them, let the program check itself, run the tests."""
    pi = Pi("debian", "apt", folder, tell)
    packages = pi.show("packages")
    with pi.step("building our packages"):
        for command in (("scripts/build-deb", "--out", packages), ("packaging/build", "webrtcvad", "arm64")):
            built = on_host(*command)
            assert built.returncode == 0, built.stderr
        shutil.copy(REPOSITORY / built.stdout.strip(), packages)
    with pi.step("apt install"):
        pi.do(f"apt-get install -y /shown/packages/*.deb {_TESTING}")
    versions = pi.do("dpkg-query -W hero365-edge python3-webrtcvad")
    with pi.step("loading every library"):
        loaded = pi.load("/usr/bin/python3")
    with pi.step("hero365-edge check"):
        # It ends with an error, for there is neither card nor backend.
        findings = json.loads(pi.do("cd /; hero365-edge check --json || true"))
    check = {finding["name"]: finding["verdict"] for finding in findings}
    return Outcome(versions, loaded, check, pi.try_sound("/usr/bin/python3"))
