"""Who this device is, as provisioned: `identity.json` and beside it a file of its own for the token.

`identity.json` names the token's file, so that renaming it into its place is the one moment in which both change: a
power cut leaves the old identity with the old token or the new one with the new, never one with the other's.
"""

import contextlib
import os
import pwd
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from hero365_edge.core.secret import Secret
from hero365_edge.errors import ConfigError, EdgeError
from hero365_edge.fleet import durable


class DamagedError(ConfigError):
    """The identity's file is not whole."""


STATE = Path("/var/lib/hero365-edge")
CACHE = Path("/var/cache/hero365-edge")
USER = "hero365-edge"
"""Whom the unit runs the daemon as: it must be able to read what root provisions."""


class Identity(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What provisioning stored. The token is not in it."""

    device_id: str
    """A UUID made when the device was first provisioned; kept until it is wiped."""
    user_id: str
    business_id: str
    url: str = ""
    """Empty: the default of `backend.url`."""
    vehicle: str = ""
    token_file: str = ""
    """The name of the token's file in the same folder; empty when there is a `token_command`."""
    token_fingerprint: str = ""
    token_command: tuple[str, ...] = ()
    provisioned_at: str
    """UTC, RFC 3339."""
    source_digest: str = ""
    """SHA-256 of the file it came from, which is used only once even where it could not be deleted."""

    def settings(self) -> dict[str, object]:
        """The part of it that is settings, as a settings file would say it."""
        told = {
            "url": self.url,
            "user_id": self.user_id,
            "business_id": self.business_id,
            "token_command": list(self.token_command),
        }
        return {"backend": {name: value for name, value in told.items() if value}}


class IdentityStore:
    """The folder that holds the identity. Writers wait for each other; readers need not."""

    def __init__(self, folder: Path = STATE) -> None:
        self.folder = folder
        self.path = folder / "identity.json"
        self._damaged = folder / "identity.json.damaged"

    def load(self) -> Identity | None:
        """The identity, or None when the device has none.

        Raises ConfigError for one that may not be read (with PermissionError as its cause), and DamagedError for one
        that is not whole.
        """
        try:
            content = self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            who = f"; only root and {USER} may" if isinstance(error, PermissionError) else ""
            raise ConfigError(f"{self.path}: cannot be read ({error.strerror}){who}") from error
        try:
            return msgspec.json.decode(content, type=Identity)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DamagedError(f"{self.path}: is damaged ({error}); provision this device again") from error

    def set_aside(self) -> None:
        """Keep a damaged identity under another name, for whoever wants to know why, so that none is in its place."""
        with contextlib.suppress(OSError):  # a disk that takes nothing: it is found damaged again at the next start
            self.path.rename(self._damaged)

    def token_path(self) -> Path | None:
        """Where the provisioned token is; None without an identity, or with one that has none. Raises ConfigError."""
        identity = self.load()
        return self.folder / identity.token_file if identity and identity.token_file else None

    def save(self, identity: Identity, token: Secret) -> Identity:
        """Replace identity and token in one step; an empty `token` stores none. Returns what is stored.

        Only within `changing`. Raises OSError when the disk does not take it; the old ones then stay.
        """
        owner = daemon_owner()
        name = fingerprint = ""
        if token:
            name, fingerprint = f"token-{secrets.token_hex(4)}", token.fingerprint
            durable.write_durably(self.folder / name, f"{token.reveal()}\n".encode(), 0o600, owner)
        stored = msgspec.structs.replace(identity, token_file=name, token_fingerprint=fingerprint)
        content = msgspec.json.format(msgspec.json.encode(stored), indent=2) + b"\n"
        durable.write_durably(self.path, content, 0o600, owner)
        self._forget_tokens(but=name)
        return stored

    def wipe(self) -> bool:
        """Overwrite and delete who this device is, and all else in its state; whether there was an identity.

        Raises EdgeError.
        """
        if not self.folder.is_dir():
            return False
        with self.changing():
            gone = self.path.with_name(f".{self.path.name}.wiped.new")
            with contextlib.suppress(FileNotFoundError):
                self.path.rename(gone)  # in one step there is no identity any more; what follows may be interrupted
                durable.sync_folder(self.folder)
            found = gone.exists() or any(self.folder.glob("token-*"))
            self._forget_tokens(but="")
            for path in sorted(self.folder.iterdir()):  # the session, what was damaged
                if path.is_file() and not path.is_symlink():
                    durable.erase(path)
        return found

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """One writer at a time, in a folder that is there. Raises EdgeError for what the disk says meanwhile."""
        try:
            durable.make_folder(self.folder, 0o700, daemon_owner())
            with durable.locked(self.folder):
                yield
        except OSError as error:
            hint = f"; be root or {USER}" if isinstance(error, PermissionError) else ""
            raise EdgeError(f"{self.folder}: cannot be written ({error.strerror}){hint}") from error

    def _forget_tokens(self, but: str) -> None:
        """Erase every token that is no longer in use, those of interrupted writes too."""
        durable.sweep(self.path)
        for path in sorted({*self.folder.glob("token-*"), *self.folder.glob(".token-*")}):
            if path.name != but:
                durable.erase(path)


def state_folder(environ: Mapping[str, str]) -> Path:
    """Where the device's state is: the unit's `StateDirectory=` (systemd.exec(5)), else the same by its name."""
    return Path(environ.get("STATE_DIRECTORY", "").split(":")[0] or STATE)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where the device keeps what it could get again: the unit's `CacheDirectory=`, else the same by its name."""
    return Path(environ.get("CACHE_DIRECTORY", "").split(":")[0] or CACHE)


def daemon_owner() -> durable.Owner | None:
    """The daemon's user and group, when root asks and there is such a user; else None: who asks stays who it is."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(USER)
    except KeyError:
        return None
    return found.pw_uid, found.pw_gid
