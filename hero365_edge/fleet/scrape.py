"""Serves a registry to whoever scrapes it.

In the event loop, one metric at a time: what prometheus_client's own server does in a thread takes Python's lock from
the sound card's callback just as long, and would read the daemon's parts while they change. The HTTP is websockets',
which the daemon has in memory anyway.
"""

import asyncio
import logging
from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric as Family
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

log = logging.getLogger(__name__)

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
"""What every scraper reads, and what is written for our names; later releases of the library call it 1.0.0."""
AGAIN_S = 30.0
"""So often a port is tried that somebody else has."""
REQUEST_S = 5.0
"""Who has not asked by then is hung up on."""


class ScrapeServer:
    """Answers `GET /metrics` at `listen`, ADDRESS:PORT."""

    def __init__(self, listen: str, registry: CollectorRegistry) -> None:
        self._listen = listen
        self._registry = registry

    async def run(self) -> None:
        """Serve, for ever; without the port the daemon lives on, and it is tried again."""
        told = False
        place = urlsplit(f"//{self._listen}")
        quiet = logging.getLogger(f"{__name__}.http")  # to websockets each scrape is a handshake that failed
        quiet.setLevel(logging.CRITICAL)
        while True:
            try:
                async with serve(
                    _converse,
                    place.hostname,
                    place.port,
                    process_request=self._answer,
                    open_timeout=REQUEST_S,
                    compression=None,
                    logger=quiet,
                ):
                    log.info("metrics are served at http://%s/metrics", self._listen)
                    await asyncio.get_running_loop().create_future()
            except OSError as error:
                level = logging.DEBUG if told else logging.WARNING
                log.log(level, "metrics.listen: %s cannot be listened on (%s)", self._listen, error.strerror or error)
                told = True
            await asyncio.sleep(AGAIN_S)

    async def _answer(self, connection: ServerConnection, request: Request) -> Response:
        if request.path.partition("?")[0] != "/metrics":
            return connection.respond(HTTPStatus.NOT_FOUND, "here is only /metrics\n")
        parts = []
        for family in self._registry.collect():
            parts.append(generate_latest(_Alone(family)))
            await asyncio.sleep(0)
        answer = connection.respond(HTTPStatus.OK, b"".join(parts).decode())
        del answer.headers["Content-Type"]
        answer.headers["Content-Type"] = TEXT_FORMAT
        return answer


class _Alone(CollectorRegistry):
    """A registry of one metric that was collected already."""

    def __init__(self, family: Family) -> None:
        super().__init__()
        self._family = family

    def collect(self) -> Iterator[Family]:
        """The metric."""
        yield self._family


async def _converse(_connection: ServerConnection) -> None:
    """Nobody comes so far: each request is answered before it could become a WebSocket."""
