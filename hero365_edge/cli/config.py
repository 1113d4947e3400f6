"""`hero365-edge config`: show the merged settings with their origin, validate them, or print their JSON Schema."""

import argparse
import asyncio
import json
import os

from hero365_edge.catalogue import catalogue
from hero365_edge.cli.options import add_config, add_json, load_config, told
from hero365_edge.config import DEFAULT, schema
from hero365_edge.devices.clock import SystemClock
from hero365_edge.fleet.token import token_source


def configure(parser: argparse.ArgumentParser) -> None:
    """`show`, `validate` and `schema`."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="the merged settings, and where each came from; never the token")
    add_config(show)
    add_json(show)
    show.set_defaults(action=_show)
    validate = actions.add_parser("validate", help="read and check everything, the token file too")
    add_config(validate)
    validate.set_defaults(action=_validate)
    actions.add_parser("schema", help="the JSON Schema of a settings file").set_defaults(action=_schema)


def run(arguments: argparse.Namespace) -> int:
    """Do the chosen action. Raises ConfigError for settings that are wrong."""
    arguments.action(arguments)
    return 0


def _show(arguments: argparse.Namespace) -> None:
    loaded = load_config(arguments, with_board=True)
    settings = told(loaded.settings)
    if arguments.json:
        print(json.dumps({"settings": settings, "origin": dict(loaded.origin)}, indent=2))
        return
    width = max(map(len, loaded.origin))
    for key in catalogue():
        value = settings
        for name in key.split("."):
            value = value[name]
        origin = loaded.origin[key]
        comment = "" if origin == DEFAULT else f"  # {origin}"
        print(f"{key:{width}} = {json.dumps(value)}{comment}")
    where = token_source(loaded.settings, os.environ, SystemClock()).where()
    print(f"{'(the token)':{width}} = {'none' if where == 'none' else f'hidden  # {where}'}")


def _validate(arguments: argparse.Namespace) -> None:
    loaded = load_config(arguments, with_board=True)
    token = asyncio.run(token_source(loaded.settings, os.environ, SystemClock()).token())
    sources = sorted(set(loaded.origin.values()) - {DEFAULT}) or ["nothing but defaults"]
    print(f"good: {', '.join(sources)}; {'a token' if token else 'no token'}")


def _schema(_: argparse.Namespace) -> None:
    print(json.dumps(schema(), indent=2))
