"""`hero365-edge run`: be the appliance, until told to stop."""

import argparse
import asyncio
import faulthandler
import logging
import os
import signal
import sys

from hero365_edge.app import Appliance
from hero365_edge.cli import logging_setup
from hero365_edge.cli.options import add_config, load_config
from hero365_edge.cli.world import real_world
from hero365_edge.devices import heap, realtime
from hero365_edge.devices.terminal import TerminalPanel
from hero365_edge.errors import ConfigError
from hero365_edge.settings import Settings

log = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.0005
"""With Python's 5 ms, a busy thread delays the sound card's callback by up to 50 ms; with this, by 14."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    """Be the appliance until SIGTERM or SIGINT; SIGHUP takes what it can of changed settings."""
    settings = load_config(arguments, as_daemon=True, with_board=True).settings
    logging_setup.set_up(settings.log.level, os.environ)
    # The watchdog kills by SIGABRT: the journal shows where it hung. Descriptor 2 is turned away where a card hangs.
    faulthandler.enable(os.dup(logging_setup.STDERR))
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    heap.give_large_blocks_back()
    asyncio.run(_be_the_appliance(arguments, settings))
    return 0


async def _be_the_appliance(arguments: argparse.Namespace, settings: Settings) -> None:
    world = real_world(settings)
    appliance = Appliance(settings, world)
    heap.keep_what_is_there()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def reload() -> None:
        world.supervisor.reloading()
        try:
            fresh = load_config(arguments, as_daemon=True, with_board=True).settings
        except ConfigError as error:
            log.error("the settings were not read again: %s", error)  # noqa: TRY400  the trace says nothing more
        else:
            logging_setup.set_up(fresh.log.level, os.environ)
            for section in appliance.reload(fresh):
                log.warning("changes in %s take effect at the next start", section)
        world.supervisor.ready()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    loop.add_signal_handler(signal.SIGXCPU, realtime.tame)
    realtime.arm()
    async with asyncio.TaskGroup() as tasks:
        leaving = None
        if isinstance(world.panel, TerminalPanel):
            leaving = tasks.create_task(_leave(world.panel, stop), name="leave by keyboard")
        await appliance.run(stop)
        if leaving is not None:
            leaving.cancel()


async def _leave(panel: TerminalPanel, stop: asyncio.Event) -> None:
    await panel.closed.wait()
    stop.set()
