"""Where the token is, and reading it: a file of its own, never a setting."""

from collections.abc import Mapping
from pathlib import Path

from hero365_edge.errors import ConfigError
from hero365_edge.fleet.secrets import keep_secret
from hero365_edge.settings import Settings

CREDENTIAL = "hero365-edge.token"
"""What the unit's `LoadCredential=` calls it (systemd.exec(5))."""

PROVISIONED = Path("/var/lib/hero365-edge/token")

_LONGEST_BYTES = 16_384


def token_file(settings: Settings, environ: Mapping[str, str], provisioned: Path = PROVISIONED) -> Path | None:
    """The file the token comes from: the one configured, else systemd's credential, else the provisioned one.

    None when nothing is configured and neither of the others exists: the seed's token is optional.
    """
    if settings.backend.token_file:
        return Path(settings.backend.token_file)
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    candidates = [Path(credentials) / CREDENTIAL] if credentials else []
    for path in (*candidates, provisioned):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            pass  # it may be there but is out of reach: reading it tells why
        return path
    return None


def read_token(settings: Settings, environ: Mapping[str, str], provisioned: Path = PROVISIONED) -> str:
    """The token as it is now, kept out of the log from here on; empty when there is none at all.

    Raises ConfigError with the file's path, never its content: missing, unreadable, empty, or not one word of ASCII.
    """
    path = token_file(settings, environ, provisioned)
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_BYTES + 1).strip()
    except OSError as error:
        raise ConfigError(f"token file {path}: cannot be read ({error.strerror})") from error
    if not content:
        raise ConfigError(f"token file {path}: is empty")
    if len(content) > _LONGEST_BYTES:
        raise ConfigError(f"token file {path}: is longer than {_LONGEST_BYTES} bytes")
    if any(not 0x21 <= byte <= 0x7E for byte in content):
        raise ConfigError(f"token file {path}: must hold the token only, without spaces, lines or control characters")
    token = content.decode("ascii")
    keep_secret(token)
    return token
