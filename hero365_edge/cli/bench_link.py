"""`hero365-edge bench link`: the backend that is measured, and the phases of the way there."""

import asyncio
import os
import ssl
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from hero365_edge import from_settings
from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.bench.hardware import link
from hero365_edge.bench.hardware.cards import Progress
from hero365_edge.bench.hardware.figures import Result
from hero365_edge.cli.bench_world import Bench
from hero365_edge.cli.probes.backend import proxy_of
from hero365_edge.cli.trust import trust
from hero365_edge.devices.link import WebSocketDialer
from hero365_edge.fleet.secrets import scrub
from hero365_edge.fleet.token import token_source
from hero365_edge.settings import Settings


async def measure_link(bench: Bench, progress: Progress) -> Result:
    """The backend of the settings, or a simulated one on this computer."""
    if not bench.fake:
        return await _measured(bench, bench.settings, progress)
    async with SimulatedBackend(Options(welcome=False)) as backend:
        there = msgspec.structs.replace(bench.settings.backend, url=backend.url, user_id="u", business_id="b")
        return await _measured(bench, msgspec.structs.replace(bench.settings, backend=there), progress)


async def _measured(bench: Bench, settings: Settings, progress: Progress) -> Result:
    trusted = trust(settings)
    tokens = token_source(settings, os.environ, bench.clock)
    context = trusted.context() if settings.backend.url.startswith("wss:") else None
    phases_s = await phases(settings.backend.url, context, settings.backend.connect_timeout_s)
    wanted = from_settings.backend(settings)
    return await link.measure(
        bench.clock, WebSocketDialer(trusted), wanted, tokens, bench.limits, progress, phases_s, scrub
    )


async def phases(url: str, context: ssl.SSLContext | None, limit_s: float) -> Mapping[str, float]:
    """Seconds of the name's look-up, of TCP's handshake and of TLS's; what cannot be had is left out."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (80 if context is None else 443)
    found: dict[str, float] = {}
    if proxy_of(parts.scheme, host):
        return found
    try:
        async with asyncio.timeout(limit_s):
            began_at = time.monotonic()
            addresses = await asyncio.get_running_loop().getaddrinfo(host, port)
            found["name"] = time.monotonic() - began_at
            found["TCP"] = await _opening_s(str(addresses[0][4][0]), port, None, None)
            if context is not None:
                found["TLS"] = await _opening_s(str(addresses[0][4][0]), port, context, host) - found["TCP"]
    except (OSError, TimeoutError):  # the bench itself tells why
        pass
    return found


async def _opening_s(address: str, port: int, context: ssl.SSLContext | None, host: str | None) -> float:
    began_at = time.monotonic()
    _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host)
    took_s = time.monotonic() - began_at
    writer.transport.abort()
    return took_s
