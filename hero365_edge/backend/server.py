"""The simulated backend: a WebSocket server to run in a test, in the demo or from the command line."""

import asyncio
import hmac
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from hero365_edge.backend import sound
from hero365_edge.backend.call import Call
from hero365_edge.backend.faults import Faults
from hero365_edge.backend.line import Line
from hero365_edge.backend.mind import Mind, mind
from hero365_edge.backend.options import Options
from hero365_edge.backend.records import Answer, Records, Utterance
from hero365_edge.backend.session import Sessions
from hero365_edge.backend.turn import Desk, OnTurn

PATH = "/v1/voice/ws"
LONGEST_MESSAGE = 16 * 2**20
MOST_CALLS = 512

_log = logging.getLogger(__name__)
# The request's path holds the token: websockets tells it at DEBUG, and with the error of a handshake it cannot read.
_log.setLevel(logging.WARNING)
_log.addFilter(lambda record: record.msg != "opening handshake failed")


class SimulatedBackend:
    """`async with SimulatedBackend(Options(...)) as backend:` then dial `backend.url` + `/{session_id}?…`.

    Entering raises OSError when the port is taken and SpeechUnavailable when a speech package is missing.
    """

    def __init__(self, options: Options | None = None, on_turn: OnTurn | None = None) -> None:
        """`on_turn` is called on the event loop when a turn is over, with the answer if one was begun."""
        self._options = options or Options()
        self._on_turn = on_turn or _nobody
        self._records = Records()
        self._sessions = Sessions()
        self._faults = Faults(self._options.fault, self._options.fault_count)
        self._lines: set[Line] = set()
        self._thread = ThreadPoolExecutor(1, "backend")
        self._server: Server
        self._desk: Desk
        self.url = ""

    @property
    def utterances(self) -> list[Utterance]:
        """What was said, typed or sent, duplicates included; the last 100."""
        return self._records.utterances

    @property
    def answers(self) -> list[Answer]:
        """What was answered; the last 100. The welcome is no answer."""
        return self._records.answers

    @property
    def opened_at(self) -> list[float]:
        """When each link was opened, on the monotonic clock; the last 5000."""
        return self._records.opened_at

    @property
    def received(self) -> list[dict[str, Any]]:
        """Every text message that was a JSON object; the last 5000."""
        return self._records.received

    @property
    def binary_received(self) -> int:
        """How many binary messages came."""
        return self._records.binary_received

    @property
    def raw_binary(self) -> list[bytes]:
        """The binary messages themselves; the last 5000, of each the first 4096 bytes."""
        return self._records.raw_binary

    @property
    def violations(self) -> list[str]:
        """Everything the client did that the protocol does not allow; the last 1000."""
        return self._records.violations

    async def wait_for(self, predicate: Callable[[], bool], timeout_s: float) -> None:
        """Return as soon as `predicate()` is true. Raises TimeoutError, telling what happened instead."""
        await self._records.wait_for(predicate, timeout_s)

    async def drop_links(self) -> None:
        """Cut every TCP connection without a goodbye; returns when the backend has noticed."""
        for line in self._lines:
            line.abort()
        await self.wait_for(lambda: not self._lines, 5.0)

    async def __aenter__(self) -> Self:
        """Load what the options need, then listen."""
        options = self._options
        try:
            self._desk = Desk(
                options=options,
                records=self._records,
                faults=Faults(None, None) if options.fault == "refuse" else self._faults,
                mind=await asyncio.get_running_loop().run_in_executor(self._thread, self._warm),
                thread=self._thread,
                on_turn=self._on_turn,
            )
            self._server = await serve(
                self._handle,
                None if options.listener else options.host,
                None if options.listener else options.port,
                sock=options.listener,
                ssl=options.tls,
                process_request=self._admit,
                compression=None,
                max_size=LONGEST_MESSAGE,
                close_timeout=1,
                logger=_log,
            )
        except BaseException:
            self._thread.shutdown()
            raise
        host, port = next(iter(self._server.sockets)).getsockname()[:2]
        scheme = "ws" if options.tls is None else "wss"
        self.url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{PATH}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say goodbye to everybody (1001) and let go of the port."""
        self._server.close()
        await self._server.wait_closed()
        self._thread.shutdown()

    def _warm(self) -> Mind:
        if self._options.answer == "mp3":
            sound.whole("mp3", np.zeros(320, dtype=np.int16))
        return mind(self._options)

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let the client in (None), or say over HTTP why not."""
        parts = urlsplit(request.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        if self._options.fault == "refuse" and self._faults.take():
            return connection.respond(HTTPStatus.UNAUTHORIZED, "refused\n")
        if not _session_id(parts.path):
            return connection.respond(HTTPStatus.BAD_REQUEST, "the path needs a session id\n")
        for name in ("user_id", "business_id"):
            if not query.get(name):
                return connection.respond(HTTPStatus.BAD_REQUEST, f"{name} is missing\n")
        if not self._trusts(query.get("token"), request.headers.get("Authorization")):
            return connection.respond(HTTPStatus.UNAUTHORIZED, "the token is missing or wrong\n")
        if len(self._lines) >= MOST_CALLS:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections\n")
        return None

    def _trusts(self, token: str | None, authorization: str | None) -> bool:
        expected = self._options.token
        if expected is None:
            return True
        given = (token or "", (authorization or "").removeprefix("Bearer "))
        return any(hmac.compare_digest(each.encode(), expected.encode()) for each in given)

    async def _handle(self, connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None  # noqa: S101  for the type checker: the handshake is over
        session_id = _session_id(urlsplit(request.path).path)
        if not _is_uuid4(session_id):
            self._records.violation(f"session id {session_id[:60]!r} is not a UUID4")
        line = Line(connection, session_id, self._options.json_in_binary)
        self._lines.add(line)
        self._records.link()
        try:
            await Call(self._desk, line, self._sessions.get(session_id), session_id).run(connection)
        finally:
            self._lines.discard(line)
            self._records.touch()


def _nobody(utterance: Utterance, answer: Answer | None) -> None:
    """Nobody wants to hear about turns."""


def _session_id(path: str) -> str:
    return unquote(path.rpartition("/")[2])


def _is_uuid4(text: str) -> bool:
    try:
        return uuid.UUID(text).version == 4 and str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
