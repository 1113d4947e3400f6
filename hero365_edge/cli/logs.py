"""`hero365-edge logs`: what the appliance wrote into systemd's journal, without secrets."""

import argparse
import logging
import subprocess
import sys
from collections.abc import Iterator, Sequence

from hero365_edge.cli.options import add_config
from hero365_edge.cli.secrecy import know_the_secrets
from hero365_edge.errors import EdgeError
from hero365_edge.fleet.secrets import scrub

log = logging.getLogger(__name__)

UNIT = "hero365-edge.service"
LINES = 200
NO_ENTRIES = "-- No entries --\n"


def configure(parser: argparse.ArgumentParser) -> None:
    """How much of it."""
    add_config(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on, and print what is new as it comes")
    parser.add_argument(
        "--since", metavar="TIME", help="from then on: as in '10:30', 'yesterday', '2 hours ago' (see journalctl(1))"
    )
    parser.add_argument("-n", "--lines", metavar="N", type=_count, help=f"the last N lines (without --since: {LINES})")


def run(arguments: argparse.Namespace) -> int:
    """Print it. Raises EdgeError where there is no journal, or when it may not be read."""
    know_the_secrets(arguments)
    count = arguments.lines or (None if arguments.since else LINES)
    printed = False
    for line in lines(query(follow=arguments.follow, since=arguments.since, count=count)):
        print(line, flush=True)
        printed = True
    if not printed:
        print("hero365-edge: the journal has nothing of it; `hero365-edge check` looks at the service", file=sys.stderr)
    return 0


def query(*, follow: bool = False, since: str | None = None, count: int | None = None) -> list[str]:
    """The journalctl command for the entries of the unit."""
    command = ["journalctl", f"--unit={UNIT}", "--no-pager", "--output=short-iso"]
    command += ["--follow"] if follow else []
    command += [f"--since={since}"] if since else []
    return command + ([f"--lines={count}"] if count else [])


def lines(command: Sequence[str]) -> Iterator[str]:
    """What it prints, line by line as it comes, scrubbed. Raises EdgeError when it cannot be run, or fails."""
    try:
        reading = subprocess.Popen(  # noqa: S603  our own words; a time is one argument, whatever is in it
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="backslashreplace"
        )
    except OSError as error:
        raise EdgeError(
            f"there is no journal to read: {command[0]} cannot be run ({error.strerror}); "
            "a hero365-edge that was started by hand writes to its own terminal"
        ) from error
    with reading:
        try:
            assert reading.stdout is not None  # noqa: S101  for the type alone: a pipe was asked for above
            assert reading.stderr is not None  # noqa: S101  likewise
            for line in reading.stdout:
                if line != NO_ENTRIES:
                    yield scrub(line.rstrip("\n"))
            said = scrub(reading.stderr.read().strip())
            if reading.wait():
                raise EdgeError(f"the journal cannot be read: {said or f'exit status {reading.returncode}'}")
            if said:  # that one may not see all of it, for one
                log.warning("%s", said)
        finally:
            reading.terminate()  # whoever follows has had enough


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of lines, 1 or more")
    return int(text)
