"""`hero365-edge provision`: tell this device who it is and give it its token, once."""

import argparse
import os
import sys
from pathlib import Path

from hero365_edge.devices.clock import SystemClock
from hero365_edge.errors import ConfigError
from hero365_edge.fleet.identity import Identity, IdentityStore, state_folder
from hero365_edge.fleet.provisioning import LONGEST_BYTES, boot_file, provision, provision_from_file


def configure(parser: argparse.ArgumentParser) -> None:
    """Where the provisioning file is."""
    add_input(parser, "the provisioning file; without it, hero365-edge.yaml on the boot partition.")


def add_input(parser: argparse.ArgumentParser, what: str) -> None:
    """`FILE`, `-` or `--stdin`."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("file", metavar="FILE", nargs="?", help=f"{what} It is erased once it is used; `-` is --stdin")
    group.add_argument("--stdin", action="store_true", help="read standard input")


def run(arguments: argparse.Namespace) -> int:
    """Store the identity. Raises ConfigError for a file that is wrong, EdgeError for a disk that does not take it."""
    store, now = IdentityStore(state_folder(os.environ)), SystemClock().utc()
    if from_standard_input(arguments):
        identity = provision(store, read_standard_input(), "standard input", now)
    else:
        identity = provision_from_file(store, Path(arguments.file) if arguments.file else boot_file(), now)
    print(in_words(identity))
    print("a running hero365-edge takes the token by itself, the rest when it is restarted")
    return 0


def from_standard_input(arguments: argparse.Namespace) -> bool:
    """Whether it was asked for, in either way."""
    return bool(arguments.stdin) or arguments.file == "-"


def read_standard_input() -> bytes:
    """All of it. Raises ConfigError for too much."""
    content = sys.stdin.buffer.read(LONGEST_BYTES + 1)
    if len(content) > LONGEST_BYTES:
        raise ConfigError(f"standard input: is longer than {LONGEST_BYTES} bytes")
    return content


def in_words(identity: Identity) -> str:
    """One line for the journal, without the token."""
    told = {
        "device": identity.device_id,
        "user": identity.user_id,
        "business": identity.business_id,
        "vehicle": identity.vehicle,
        "token's fingerprint": identity.token_fingerprint,
        "token's command": identity.token_command[:1] and identity.token_command[0],
    }
    return "provisioned: " + ", ".join(f"{name} {value}" for name, value in told.items() if value)
