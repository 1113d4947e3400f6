"""Takes one of the looks of `hero365-edge check`, as the report does."""

from hero365_edge.cli.check import look
from hero365_edge.cli.probes import PROBES
from hero365_edge.cli.probes.finding import Finding, Probe, Running
from hero365_edge.settings import Settings


def probe(name: str) -> Probe:
    """The probe of this name."""
    (found,) = (probe for probe in PROBES if probe.name == name)
    return found


async def taken(name: str, settings: Settings | None = None, running: Running | None = None) -> tuple[Finding, int]:
    """What the probe of this name finds with these settings, and its exit code."""
    return await look(probe(name), settings or Settings(), running or {})
