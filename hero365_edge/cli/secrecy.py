"""Learns what must not be printed, before something that others wrote is."""

import argparse
import contextlib
import os

from hero365_edge.catalogue import catalogue
from hero365_edge.cli.options import load_config
from hero365_edge.config import variable_of
from hero365_edge.devices.clock import SystemClock
from hero365_edge.errors import EdgeError
from hero365_edge.fleet.secrets import keep_secret
from hero365_edge.fleet.token import TokenFile, token_source
from hero365_edge.settings import Settings

_TELLING = ("TOKEN", "SECRET", "PASSWORD")


def know_the_secrets(arguments: argparse.Namespace) -> None:
    """Have every secret that can be found masked by `scrub`: the tokens in files, and what was put into variables.

    A token that a command would fetch is not fetched for this; like one that was replaced, it is known by its form.
    """
    everybodys = Settings()
    try:
        own = load_config(arguments).settings
    except EdgeError:
        own = everybodys
    for settings in (own, everybodys):  # the configured token, and the provisioned one behind it
        source = token_source(settings, os.environ, SystemClock())
        if isinstance(source, TokenFile):
            with contextlib.suppress(EdgeError):  # it may belong to root: then it is known by its form at least
                source.read()
    settings_of_ours = {variable_of(key) for key in catalogue()}  # none of them is a secret: token_file, token_source
    for name, value in os.environ.items():
        if any(word in name.upper() for word in _TELLING) and name not in settings_of_ours:
            keep_secret(value)
