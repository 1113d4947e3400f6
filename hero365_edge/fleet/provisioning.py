"""From a small YAML file to a device that knows who it is: read strictly, stored in one step, then erased."""

import difflib
import hashlib
import os
import re
import stat
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from hero365_edge.catalogue import catalogue
from hero365_edge.core.secret import NO_SECRET, Secret
from hero365_edge.crosscheck import contradictions
from hero365_edge.errors import ConfigError, EdgeError
from hero365_edge.fleet import durable
from hero365_edge.fleet.identity import Identity, IdentityStore
from hero365_edge.fleet.token import token_of
from hero365_edge.settings import Backend, Settings
from hero365_edge.strict_yaml import YamlError, parse

BOOT_FILES = (Path("/boot/firmware/hero365-edge.yaml"), Path("/boot/hero365-edge.yaml"))
"""On the partition that any computer can write: since Raspberry Pi OS bookworm, and before."""

LONGEST_BYTES = 65_536
LONGEST_LABEL = 64
KEYS = ("url", "user_id", "business_id", "vehicle", "token", "token_command")

_COULD_BE_A_TOKEN = re.compile(r"[^\s/]{17,}")


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What a provisioning file says."""

    user_id: str
    business_id: str
    url: str
    vehicle: str
    token: Secret
    token_command: tuple[str, ...]


def read(content: bytes, origin: str) -> Provisioning:
    """The file's content, judged. Raises ConfigError with a line for everything that is wrong, and never a value that
    could be the token.
    """
    try:
        document = parse(content)
    except YamlError as error:
        raise ConfigError(f"{origin}: {_masked(str(error))}") from None
    if not isinstance(document, dict):
        raise ConfigError(f"{origin}: must hold `name: value` lines; the names are {', '.join(KEYS)}")
    problems = [*_unknown(document), *_missing(document), *_wrong(document)]
    token = NO_SECRET
    if "token" in document:
        try:
            token = _token(document["token"])
        except ConfigError as error:
            problems.append(str(error))
    if problems:
        raise ConfigError("\n".join(f"{origin}: {problem}" for problem in problems))
    return Provisioning(
        user_id=document["user_id"],
        business_id=document["business_id"],
        url=document.get("url", ""),
        vehicle=document.get("vehicle", ""),
        token=token,
        token_command=tuple(document.get("token_command", ())),
    )


def provision(store: IdentityStore, content: bytes, origin: str, now: datetime) -> Identity:
    """Make the device what `content` says; it keeps its device id. Raises ConfigError, EdgeError."""
    wanted = read(content, origin)
    with store.changing():
        identity = Identity(
            device_id=_device_id(store),
            user_id=wanted.user_id,
            business_id=wanted.business_id,
            url=wanted.url,
            vehicle=wanted.vehicle,
            token_command=wanted.token_command,
            provisioned_at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
            source_digest=hashlib.sha256(content).hexdigest(),
        )
        return store.save(identity, wanted.token)


def provision_from_file(store: IdentityStore, path: Path, now: datetime) -> Identity:
    """The same from a file, which is erased as soon as the identity is stored.

    A file that was used already (a power cut came before it was erased, or its disk was read-only) is only erased:
    the token may have been rotated since. Raises ConfigError, EdgeError.
    """
    content = read_file(path)
    identity = _stored_from(store, content)
    if identity is None:
        identity = provision(store, content, str(path), now)
    use_up(path)
    return identity


def rotate(store: IdentityStore, content: bytes, origin: str) -> Identity:
    """Put a new token in the old one's place. Raises ConfigError, EdgeError."""
    token = token_of(content, origin)
    with store.changing():
        identity = store.load()
        if identity is None:
            raise ConfigError(f"{store.path}: there is none; `hero365-edge provision` comes first")
        if identity.token_command:
            raise ConfigError(f"{store.path}: the token comes from token_command; provision this device again instead")
        return store.save(identity, token)


def read_file(path: Path) -> bytes:
    """What is in a file that is meant for one use. Raises ConfigError for anything but a small regular file."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path}: is not a regular file; give it on standard input instead (`-`)")
        with path.open("rb") as file:
            content = file.read(LONGEST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > LONGEST_BYTES:
        raise ConfigError(f"{path}: is longer than {LONGEST_BYTES} bytes")
    return content


def use_up(path: Path) -> None:
    """Erase a file whose content is stored now. Raises EdgeError."""
    try:
        durable.erase(path)
    except OSError as error:
        raise EdgeError(
            f"{path}: its content is stored, but it cannot be erased ({error.strerror}); "
            "it holds a secret: make its disk writable and delete it"
        ) from error


def boot_file(candidates: Sequence[Path] = BOOT_FILES) -> Path:
    """The one on the boot partition. Raises ConfigError when there is none."""
    for path in candidates:
        if os.path.lexists(path):
            return path
    raise ConfigError(f"there is neither {' nor '.join(map(str, candidates))}; name a file, or `-` for standard input")


def _device_id(store: IdentityStore) -> str:
    """The one it has, else a new one. Raises ConfigError for an identity that cannot be read."""
    try:
        before = store.load()
    except ConfigError as error:
        if isinstance(error.__cause__, OSError):
            raise
        before = None  # damaged: this is how it is mended
    return before.device_id if before else str(uuid.uuid4())


def _stored_from(store: IdentityStore, content: bytes) -> Identity | None:
    """The identity that came from just this content, or whose file was being erased when the power was cut."""
    try:
        identity = store.load()
    except ConfigError:
        return None
    if identity and (hashlib.sha256(content).hexdigest() == identity.source_digest or b"\0" in content):
        return identity
    return None


def _unknown(document: Mapping[Any, Any]) -> Iterator[str]:
    for key in document:
        if key not in KEYS:
            near = difflib.get_close_matches(str(key), KEYS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(KEYS)}"
            yield f"{_masked(str(key))} is not known here; {hint}"


def _missing(document: Mapping[Any, Any]) -> Iterator[str]:
    for key in ("user_id", "business_id"):
        if key not in document:
            yield f"{key} is missing"
        elif document[key] == "":
            yield f"{key} must not be empty"
    if ("token" in document) == ("token_command" in document):
        which = "both token and" if "token" in document else "neither token nor"
        yield f"it holds {which} token_command; exactly one of them is needed"


def _wrong(document: Mapping[Any, Any]) -> Iterator[str]:
    """Whatever is wrong but the token itself."""
    judged: dict[str, Any] = {}
    for key in ("url", "user_id", "business_id", "token_command"):
        if key in document:
            setting = catalogue()[f"backend.{key}"]
            try:
                judged[key] = msgspec.convert(document[key], setting.annotation)
            except msgspec.ValidationError:
                yield f"{key} must be {setting.allowed}{', in quotes' if setting.allowed == 'text' else ''}"
    if judged.get("token_command") == ():
        yield "token_command must not be empty"
    for found in contradictions(Settings(backend=Backend(**judged))):
        yield f"{found.key.removeprefix('backend.')} {_masked(found.why)}"
    vehicle = document.get("vehicle", "")
    if not (isinstance(vehicle, str) and len(vehicle) <= LONGEST_LABEL and vehicle.isprintable()):
        yield f"vehicle must be text of at most {LONGEST_LABEL} characters on one line"


def _token(value: object) -> Secret:
    if not isinstance(value, str):
        raise ConfigError("token must be text, in quotes")
    try:
        return token_of(value.encode(errors="replace"), "token")
    except ConfigError as error:
        raise ConfigError(str(error).replace("token: ", "token ", 1)) from None


def _masked(text: str) -> str:
    """`text` without what is long enough to be a token that stands in the wrong place."""
    return _COULD_BE_A_TOKEN.sub("***", text)
