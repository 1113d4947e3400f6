"""`hero365-edge context`: tell the agent what is being done, and on what; or print what it knows."""

import argparse
import json

from hero365_edge.cli.options import add_config, add_json
from hero365_edge.cli.volume import order


def configure(parser: argparse.ArgumentParser) -> None:
    """What can be told."""
    add_config(parser)
    add_json(parser)
    parser.add_argument("--mode", metavar="MODE", help='what the technician does, such as "working"; "" for nothing')
    parser.add_argument("--task", metavar="TASK", help='on what, such as "creating_estimate"; "" for nothing')


def run(arguments: argparse.Namespace) -> int:
    """Tell it, and print all that the agent is told. Raises EdgeError when no daemon answers."""
    told = {"activity_mode": arguments.mode, "current_task": arguments.task}
    context = order(arguments, "context", **{name: value for name, value in told.items() if value is not None})
    if arguments.json:
        print(json.dumps(context))
    else:
        for name, value in context.items():
            print(f"{name}: {json.dumps(value) if isinstance(value, dict) else value}")
    return 0
