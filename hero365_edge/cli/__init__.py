"""The command line: one module per command, imported only when that command is chosen.

A module has `configure(parser)`, which adds its arguments, and `run(arguments)`, which returns the exit code.
"""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Collection, Sequence

from hero365_edge import __version__
from hero365_edge.cli import logging_setup
from hero365_edge.errors import ConfigError, EdgeError, LinkError
from hero365_edge.fleet.secrets import scrub

OK, FAILED, UNREACHABLE, MISCONFIGURED, INTERRUPTED = 0, 1, 69, 78, 130
"""Exit codes; 2 (usage) is argparse's own. 69 and 78 are those of sysexits.h."""

COMMANDS = {
    "run": ("hero365_edge.cli.run", "be the appliance, until told to stop"),
    "demo": ("hero365_edge.cli.demo", "try the whole appliance on this computer, with nothing configured"),
    "check": ("hero365_edge.cli.check", "look at everything it needs, and say what to do"),
    "devices": ("hero365_edge.cli.devices", "list sound cards with what they open, and GPIO chips"),
    "bench": ("hero365_edge.cli.bench", "measure this board against its profile, and give a verdict"),
    "config": ("hero365_edge.cli.config", "show, validate or describe the settings"),
    "status": ("hero365_edge.cli.status", "what the running appliance is doing"),
    "say": ("hero365_edge.cli.say", "send a text as if it had been spoken"),
    "press": ("hero365_edge.cli.press", "press the button"),
    "context": ("hero365_edge.cli.context", "tell the agent what is being done, or print what it is told"),
    "volume": ("hero365_edge.cli.volume", "how loud the speaker is, or make it so"),
    "mute": ("hero365_edge.cli.mute", "silence the speaker; the microphone is not touched"),
    "unmute": ("hero365_edge.cli.unmute", "let the speaker be heard again, as loud as before"),
    "phrases": ("hero365_edge.cli.phrases", "answers that are heard at once though they come without sound"),
    "session": ("hero365_edge.cli.session", "end the session with the voice agent"),
    "logs": ("hero365_edge.cli.logs", "what the appliance wrote into the journal, without secrets"),
    "bundle": ("hero365_edge.cli.bundle", "pack a support archive: no secret, no sound"),
    "provision": ("hero365_edge.cli.provision", "tell this device who it is, once"),
    "identity": ("hero365_edge.cli.identity", "show who this device is, rotate its token, or wipe it all"),
    "install-service": ("hero365_edge.cli.install_service", "make the program of this virtual environment a service"),
    "backend": ("hero365_edge.cli.backend", "the simulated backend by itself"),
}
"""Name: (module, summary). The summaries stand here so that `--help` need not import the modules."""

_EXITS = ((ConfigError, MISCONFIGURED), (LinkError, UNREACHABLE), (EdgeError, FAILED))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` (default: the process's own) and return the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    logging_setup.set_up("warning", os.environ)
    try:
        arguments = parser(argv[:1]).parse_args(argv)
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


def parser(chosen: Collection[str]) -> argparse.ArgumentParser:
    """The command line, with the arguments of the `chosen` commands; the others are known by name alone."""
    whole = argparse.ArgumentParser(
        prog="hero365-edge",
        description="Press a button, speak, hear the Hero365 voice agent answer.",
        epilog="Exit codes: 0 good, 1 failed, 2 usage, 69 backend unreachable, 78 configuration.",
    )
    whole.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{name}: {summary}.")
        if name in chosen:
            loaded = importlib.import_module(module)
            loaded.configure(command)
            command.set_defaults(run=loaded.run)
    return whole


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
