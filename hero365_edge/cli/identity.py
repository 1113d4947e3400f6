"""`hero365-edge identity`: show who this device is, give it a new token, or make it forget everything."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hero365_edge.cli.options import add_config, add_json, load_config
from hero365_edge.cli.provision import add_input, from_standard_input, read_standard_input
from hero365_edge.config import Loaded
from hero365_edge.core.secret import Secret
from hero365_edge.devices.clock import SystemClock
from hero365_edge.errors import ConfigError
from hero365_edge.fleet.identity import IdentityStore, cache_folder, state_folder
from hero365_edge.fleet.lifetime import lifetime_of
from hero365_edge.fleet.provisioning import read_file, rotate, use_up
from hero365_edge.fleet.token import TokenFile, token_source

WIDTH = len("provisioned")


def configure(parser: argparse.ArgumentParser) -> None:
    """`show`, `rotate` and `wipe`."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="who this device is; of the token a fingerprint and its end")
    add_config(show)
    add_json(show)
    show.set_defaults(action=_show)
    turn = actions.add_parser("rotate", help="a new token in the old one's place")
    add_input(turn, "a file with the token and nothing else.")
    add_config(turn)
    turn.set_defaults(action=_rotate, refuse=turn.error)
    wipe = actions.add_parser("wipe", help="overwrite and delete everything it knows")
    wipe.add_argument("--yes", action="store_true", help="do it")
    wipe.set_defaults(action=_wipe, refuse=wipe.error)


def run(arguments: argparse.Namespace) -> int:
    """Do the chosen action. Raises ConfigError, EdgeError."""
    arguments.action(arguments)
    return 0


def _show(arguments: argparse.Namespace) -> None:
    facts = _facts(load_config(arguments), IdentityStore(state_folder(os.environ)))
    print(json.dumps(facts, indent=2) if arguments.json else "\n".join(_in_words(facts)))


def _facts(loaded: Loaded, store: IdentityStore) -> dict[str, Any]:
    """Everything that may be known. A setting wins over what was provisioned, so each has its origin."""
    identity = store.load()
    backend = loaded.settings.backend
    named = ("user_id", "business_id", "url")
    return {
        "device_id": identity.device_id if identity else None,
        "vehicle": (identity.vehicle or None) if identity else None,
        **{name: getattr(backend, name) or None for name in named},
        "origin": {name: loaded.origin[f"backend.{name}"] for name in named},
        "token": _token_facts(loaded),
        "provisioned_at": identity.provisioned_at if identity else None,
    }


def _token_facts(loaded: Loaded) -> dict[str, Any]:
    """Where it comes from and, if it is in a file, what it is like. A command is not run to find out."""
    source = token_source(loaded.settings, os.environ, SystemClock())
    facts: dict[str, Any] = {"source": source.where()}
    if not isinstance(source, TokenFile):
        return facts
    try:
        token = source.read()
    except ConfigError as error:
        return {**facts, "problem": str(error)}
    return {**facts, **_told_of(token)} if token else facts


def _told_of(token: Secret) -> dict[str, Any]:
    life, now = lifetime_of(token), SystemClock().utc()
    return {
        "fingerprint": token.fingerprint,
        "issued": life.issued.isoformat() if life.issued else None,
        "expires": life.expires.isoformat() if life.expires else None,
        "state": life.in_words(now),
    }


def _in_words(facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"{'device':{WIDTH}} {facts['device_id'] or 'not provisioned'}"
    if facts["vehicle"]:
        yield f"{'vehicle':{WIDTH}} {facts['vehicle']}"
    for name, label in (("user_id", "user"), ("business_id", "business"), ("url", "url")):
        yield f"{label:{WIDTH}} {facts[name] or 'not set'}  # {facts['origin'][name]}"
    token = facts["token"]
    if "fingerprint" in token:
        yield f"{'token':{WIDTH}} {token['fingerprint']} (fingerprint), {token['state']}  # {token['source']}"
    else:
        yield f"{'token':{WIDTH}} {token.get('problem', 'not read')}  # {token['source']}"
    if facts["provisioned_at"]:
        yield f"{'provisioned':{WIDTH}} {facts['provisioned_at']}"


def _rotate(arguments: argparse.Namespace) -> None:
    store = IdentityStore(state_folder(os.environ))
    if from_standard_input(arguments):
        rotate(store, read_standard_input(), "standard input")
    elif arguments.file is None:
        arguments.refuse("name the file with the new token, or `-` for standard input")
    else:
        path = Path(arguments.file)
        rotate(store, read_file(path), str(path))
        use_up(path)
    stored, used = str(store.token_path()), token_source(load_config(arguments).settings, os.environ, SystemClock())
    print(f"rotated: {stored}")
    if used.where() != stored:
        print(f"it is not used: the settings take the token from {used.where()}", file=sys.stderr)


def _wipe(arguments: argparse.Namespace) -> None:
    if not arguments.yes:
        arguments.refuse("this device will not know any more who it is; say --yes to do it")
    found = IdentityStore(state_folder(os.environ)).wipe()
    for answers in cache_folder(os.environ).glob("*"):  # what the agent said to whoever had this device
        shutil.rmtree(answers)
    print("wiped" if found else "there was nothing to wipe")
    print("a running hero365-edge keeps what it has in memory until it is restarted", file=sys.stderr)
