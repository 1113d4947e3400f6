"""A clean Debian trixie to try packages in: `scripts/trixie-root.sh`, from Python."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

_AS_SCRIPTS_DO = '. scripts/set-up.sh; . scripts/trixie-root.sh; "$@"'


@dataclass(frozen=True, slots=True)
class Trixie:
    """A root file system under a layer that takes every change. Nothing runs in it between two calls of `run`."""

    roots: tuple[Path, ...]
    """What lies under the layer, uppermost first."""
    layer: Path

    def run(self, script: str, *, binds: Mapping[Path, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Let the shell there, as root, do this. Standard input is empty: whoever asks a question gets no answer."""
        shown = [word for here, there in (binds or {}).items() for word in ("--bind", str(here), there)]
        return _bash("in_root", ":".join(map(str, self.roots)), str(self.layer), *shown, "sh", "-euc", script)

    def do(self, script: str, *, binds: Mapping[Path, str] | None = None) -> str:
        """As `run`, and what it printed; that it goes well is taken for granted."""
        done = self.run(script, binds=binds)
        assert done.returncode == 0, f"{script}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def copy(self, layer: Path) -> "Trixie":
        """Another one, which begins as this one is now. This one must not change any more."""
        return Trixie((self.layer / "changed", *self.roots), layer)

    def write(self, path: str, text: str) -> None:
        """Write a file there, and the folders above it."""
        target = self.layer / "changed" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def plain(layer: Path) -> Trixie:
    """What `debootstrap` gives: apt, and nothing that we need. Made on the first use, and kept."""
    made = _bash("make_root", "plain", architecture(), "apt")
    assert made.returncode == 0, made.stderr
    return Trixie((Path(made.stdout.strip()),), layer)


def architecture() -> str:
    """Debian's name for what this machine is."""
    return on_host("dpkg", "--print-architecture").stdout.strip()


def on_host(*words: str | Path, environ: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """A program of this machine, or a script of the repository by its path there. Standard input is empty."""
    return subprocess.run(  # noqa: S603  the tests' own commands
        [str(word) for word in words],
        cwd=REPOSITORY,
        env=environ,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def _bash(*words: str) -> "subprocess.CompletedProcess[str]":
    return on_host("bash", "-euo", "pipefail", "-c", _AS_SCRIPTS_DO, "trixie", *words)
