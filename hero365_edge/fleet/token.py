"""Where the token comes from: a file of its own, a systemd credential, or a command; never a setting."""

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path

from hero365_edge.core.secret import NO_SECRET, Secret
from hero365_edge.errors import ConfigError
from hero365_edge.fleet.identity import IdentityStore, state_folder
from hero365_edge.fleet.lifetime import Lifetime, lifetime_of
from hero365_edge.fleet.secrets import keep_secret
from hero365_edge.fleet.tokencommand import TokenCommand
from hero365_edge.ports import Clock
from hero365_edge.settings import Settings

CREDENTIAL = "hero365-edge.token"
"""What the unit's `LoadCredential=` calls it (systemd.exec(5)). Read-only, and loaded when the unit starts."""

LONGEST_BYTES = 16_384


class TokenFile:
    """A token that somebody else puts into a file; it is read anew each time.

    Without `backend.token_file` it is systemd's credential if there is one, else the provisioned token; which of them
    is looked up each time too, so that a device can be provisioned while the daemon runs.
    """

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self._source = settings.backend.token_source
        self._configured = settings.backend.token_file
        self._credentials = environ.get("CREDENTIALS_DIRECTORY", "")
        self._store = IdentityStore(state_folder(environ))
        self._looked_at: object = None
        self._life = Lifetime()

    def path(self) -> Path | None:
        """Where it is now; None when there is none at all, which the seed allows. Raises ConfigError."""
        if self._source == "credential":
            if not self._credentials:
                raise ConfigError("backend.token_source is credential; only a service with LoadCredential= has one")
            return Path(self._credentials, CREDENTIAL)
        if self._configured:
            return Path(self._configured)
        credential = Path(self._credentials, CREDENTIAL)
        if self._source == "auto" and self._credentials and _is_there(credential):
            return credential
        provisioned = self._store.token_path()
        if provisioned is None and self._source == "file":
            raise ConfigError("backend.token_source is file; there is neither backend.token_file nor a provisioned one")
        return provisioned

    def where(self) -> str:
        """For people. Raises ConfigError."""
        return str(self.path() or "none")

    async def token(self) -> Secret:
        """The token as it is now, kept out of the log from here on; an empty one when there is none at all.

        Raises ConfigError with the file's path, never its content: missing, unreadable, empty, or not one word.
        """
        return await asyncio.to_thread(self.read)

    def read(self) -> Secret:
        """The same, for who may wait for the disk."""
        before = None
        while (path := self.path()) is not None:
            try:
                with path.open("rb") as file:
                    return token_of(file.read(LONGEST_BYTES + 64), f"token file {path}")
            except FileNotFoundError as error:
                if path == before:
                    raise ConfigError(f"token file {path}: cannot be read ({error.strerror})") from error
                before = path  # perhaps it was rotated between the two looks
            except OSError as error:
                raise ConfigError(f"token file {path}: cannot be read ({error.strerror})") from error
        return NO_SECRET

    async def refresh(self) -> None:
        """It is read anew each time."""

    def stamp(self) -> object:
        """Changes when the file does, when it is another one, or when there is one at last; never None."""
        with contextlib.suppress(ConfigError, OSError):
            path = self.path()
            if path is not None:
                status = path.stat()
                return str(path), status.st_ino, status.st_size, status.st_mtime_ns
        return "no file"

    @property
    def renews(self) -> bool:
        """Whoever writes the file does."""
        return False

    def expires_at(self) -> float | None:
        """As the token in the file says; the file is read again only when it changed."""
        if (stamp := self.stamp()) != self._looked_at:
            self._looked_at, self._life = stamp, Lifetime()
            with contextlib.suppress(ConfigError):  # the next dial says it
                self._life = lifetime_of(self.read())
        return self._life.expires_at

    def refused(self) -> None:
        """Nothing to be done about it here: `stamp` tells when there is another one."""


def token_source(settings: Settings, environ: Mapping[str, str], clock: Clock) -> TokenFile | TokenCommand:
    """The source that `backend.token_source` names; `auto`: a configured file, else a command, else what there is."""
    backend = settings.backend
    commanding = ("auto", "command") if backend.token_command and not backend.token_file else ("command",)
    if backend.token_source in commanding:
        return TokenCommand(backend.token_command, clock, token_of)
    return TokenFile(settings, environ)


def token_of(content: bytes, origin: str) -> Secret:
    """The one word in `content`, known to the scrubber from here on.

    Raises ConfigError that says what is wrong with it and never shows it.
    """
    word = content.strip()
    if not word:
        raise ConfigError(f"{origin}: is empty")
    if len(word) > LONGEST_BYTES:
        raise ConfigError(f"{origin}: is longer than {LONGEST_BYTES} bytes")
    if any(not 0x21 <= byte <= 0x7E for byte in word):
        raise ConfigError(f"{origin}: must hold the token only, without spaces, lines or control characters")
    text = word.decode("ascii")
    keep_secret(text)
    return Secret(text)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass  # it may be there but is out of reach: reading it tells why
    return True
