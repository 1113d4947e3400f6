"""The command line: one module per command, imported only when that command is chosen.

A module has `configure(parser)`, which adds its arguments, and `run(arguments)`, which returns the exit code.
"""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from hero365_edge import __version__
from hero365_edge.cli import logs
from hero365_edge.errors import ConfigError, EdgeError, LinkError
from hero365_edge.fleet.secrets import scrub

OK, FAILED, UNREACHABLE, MISCONFIGURED, INTERRUPTED = 0, 1, 69, 78, 130
"""Exit codes; 2 (usage) is argparse's own. 69 and 78 are those of sysexits.h."""

COMMANDS = {
    "run": ("hero365_edge.cli.run", "be the appliance, until told to stop"),
    "demo": ("hero365_edge.cli.demo", "try the whole appliance on this computer, with nothing configured"),
    "check": ("hero365_edge.cli.check", "look at everything it needs, and say what to do"),
    "devices": ("hero365_edge.cli.devices", "list sound cards with what they open, and GPIO chips"),
    "config": ("hero365_edge.cli.config", "show, validate or describe the settings"),
    "status": ("hero365_edge.cli.status", "what the running appliance is doing"),
    "say": ("hero365_edge.cli.say", "send a text as if it had been spoken"),
    "press": ("hero365_edge.cli.press", "press the button"),
    "backend": ("hero365_edge.cli.backend", "the simulated backend by itself"),
}
"""Name: (module, summary). The summaries stand here so that `--help` need not import the modules."""

_EXITS = ((ConfigError, MISCONFIGURED), (LinkError, UNREACHABLE), (EdgeError, FAILED))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` (default: the process's own) and return the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    logs.set_up("warning", os.environ)
    try:
        arguments = _parser(chosen=argv[0] if argv else "").parse_args(argv)
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output (`| head`) has enough; keep the interpreter from flushing into it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001  the only one: the top of the command line (house rule 7)
        return _report(error)
    return code


def _parser(chosen: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hero365-edge",
        description="Press a button, speak, hear the Hero365 voice agent answer.",
        epilog="Exit codes: 0 good, 1 failed, 2 usage, 69 backend unreachable, 78 configuration.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{name}: {summary}.")
        if name == chosen:
            loaded = importlib.import_module(module)
            loaded.configure(command)
            command.set_defaults(run=loaded.run)
    return parser


def _report(error: Exception) -> int:
    """Tell a person what went wrong; the exit code. A task group's only error is told as itself."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    for kind, code in _EXITS:
        if isinstance(error, kind):
            for line in scrub(str(error)).splitlines():
                print(f"hero365-edge: {line}", file=sys.stderr)
            return code
    logging.getLogger(__name__).critical("unexpected failure; please report it", exc_info=error)
    return FAILED
