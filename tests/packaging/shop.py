"""An apt repository of our packages, made by `scripts/make-apt-repo` with a key of its own and served over HTTP."""

import functools
import http.server
import os
import re
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.packaging.trixie import Trixie, on_host

KEY_FILE = "/usr/share/keyrings/hero365-edge.asc"
ENTRY_FILE = "/etc/apt/sources.list.d/hero365-edge.sources"
STRICT_FILE, STRICT = "/etc/apt/apt.conf.d/strict", 'APT::Update::Error-Mode "any";\n'
"""Else apt-get update is content with the indexes that it has when it does not get the new ones, and exits with 0: a
device that was told nothing new would be taken for one that does not want it."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """A gpg home with one signing key."""

    home: Path
    key: str

    def make(self) -> None:
        """Make the key."""
        self.gpg("--passphrase", "", "--quick-generate-key", self.key, "ed25519", "sign")

    def public(self) -> str:
        """The public key, as a device gets it."""
        return self.gpg("--export", "--armor", self.key)

    def clearsign(self, path: Path, to: Path) -> None:
        """What somebody with this key would sign."""
        self.gpg("--yes", "--local-user", self.key, "--clearsign", "--output", str(to), str(path))

    def gpg(self, *words: str) -> str:
        """Let gpg do this with it; what it printed."""
        done = on_host("gpg", "--homedir", self.home, "--batch", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout


@dataclass(frozen=True, slots=True)
class Shop:
    """The repository, its key and its address."""

    folder: Path
    keyring: Keyring
    url: str

    def offer(self, packages: Sequence[Path], *options: str) -> None:
        """Add packages, as ops would."""
        done = self.try_to_offer(packages, *options)
        assert done.returncode == 0, done.stderr

    def try_to_offer(self, packages: Sequence[Path], *options: str) -> "subprocess.CompletedProcess[str]":
        """The same, and how it went."""
        environ = dict(os.environ, GNUPGHOME=str(self.keyring.home))
        key = ("--key", self.keyring.key)
        return on_host("scripts/make-apt-repo", self.folder, *key, *options, *packages, environ=environ)

    def introduce_to(self, device: Trixie) -> None:
        """The device's entry for it, as docs/packaging.md says."""
        for path, text in {**self.introduction(), STRICT_FILE: STRICT}.items():
            device.write(path, text)

    def introduction(self) -> dict[str, str]:
        """The files by which a device knows and trusts it."""
        entry = f"Types: deb\nURIs: {self.url}\nSuites: ./\nSigned-By: {KEY_FILE}\n"
        return {KEY_FILE: self.keyring.public(), ENTRY_FILE: entry}


@contextmanager
def keyring() -> Iterator[Keyring]:
    """A new key, in a folder whose name is short enough for the agent's socket."""
    with tempfile.TemporaryDirectory(prefix="gpg") as name:
        made = Keyring(Path(name), "trial@hero365.example")
        made.make()
        try:
            yield made
        finally:
            on_host("gpgconf", "--homedir", name, "--kill", "all")


@contextmanager
def open_shop(
    folder: Path, signing: Keyring, *, host: str = "127.0.0.1", listener: socket.socket | None = None
) -> Iterator[Shop]:
    """A repository that is served while this lasts; empty until something is offered.

    Devices reach it at `host`, where `listener` listens if it is not here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        if listener is not None:
            server.socket.close()
            server.socket = listener
        port = server.socket.getsockname()[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield Shop(folder, signing, f"http://{host}:{port}/")
        finally:
            server.shutdown()
            thread.join()


def repacked(package: Path, folder: Path, version: str, *, breaks: bool = False) -> Path:
    """The package of the daemon under another version, its program broken or as it is."""
    folder.mkdir()
    tree, packed = folder / "tree", folder / f"hero365-edge_{version}_all.deb"
    assert on_host("dpkg-deb", "--raw-extract", package, tree).returncode == 0
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
    if breaks:
        with (tree / "usr/lib/python3/dist-packages/hero365_edge/settings.py").open("a") as module:
            module.write('raise RuntimeError("a bad release")\n')
    assert on_host("dpkg-deb", "--root-owner-group", "--build", tree, packed).returncode == 0
    return packed


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        """Say nothing."""
