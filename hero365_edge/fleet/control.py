"""The control socket: how the other commands talk to the running daemon.

A Unix stream socket; one JSON object a line in each direction. A request names what to `do`; an answer has `ok`, and
`error` when that is false. Whoever may open the socket (its owner and group) may do all of it.
"""

import asyncio
import socket
import stat
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from hero365_edge.errors import ConfigError, EdgeError

Handler: TypeAlias = Callable[[Mapping[str, object]], Awaitable[Mapping[str, object]]]
"""Given the request, does it and returns what to add to `{"ok": true}`. An EdgeError becomes the answer's `error`."""

REQUEST_BYTES = 64 * 1024
"""A longer request is refused and the connection closed: its end cannot be found."""

_ANSWER_BYTES = 1024 * 1024
_MODE = 0o660
_PROBE_S = 1.0


class ControlServer:
    """Listens at `path` and gives each request to the handler of its `do`."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = handlers
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. A socket file that nobody answers is replaced.

        Raises ConfigError when the path cannot be used, EdgeError when another daemon answers there.
        """
        listener = _listener(self._path)
        self._server = await asyncio.start_unix_server(self._connected, sock=listener, limit=REQUEST_BYTES)

    async def close(self) -> None:
        """Stop listening, hang up on everybody and take the socket file away."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a coroutine runs in a task
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            with suppress(ConnectionError):  # who hangs up in the middle wants no answer
                await self._serve(reader, writer)
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readuntil()
            except asyncio.IncompleteReadError as end:
                if not end.partial:
                    return
                line = end.partial
            except asyncio.LimitOverrunError:
                writer.write(_line({"ok": False, "error": f"a request is one line of at most {REQUEST_BYTES} bytes"}))
                await writer.drain()
                return
            writer.write(_line(await self._answer(line)))
            await writer.drain()

    async def _answer(self, line: bytes) -> Mapping[str, object]:
        try:
            request = msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError as error:
            return {"ok": False, "error": f"not a JSON object: {error}"}
        handler = self._handlers.get(request["do"]) if isinstance(request.get("do"), str) else None
        if handler is None:
            return {"ok": False, "error": f"`do` must be one of: {', '.join(sorted(self._handlers))}"}
        try:
            return {"ok": True, **await handler(request)}
        except EdgeError as error:
            return {"ok": False, "error": str(error)}


def request(path: Path, message: Mapping[str, object], timeout_s: float = 5.0) -> dict[str, Any]:
    """Ask the daemon at `path`; its answer. Raises EdgeError when there is none, or its `error`."""
    line = _line(message)
    if len(line) > REQUEST_BYTES:
        raise EdgeError(f"the request is {len(line)} bytes long; at most {REQUEST_BYTES} are allowed")
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(timeout_s)
            asking.connect(str(path))
            asking.sendall(line)
            with asking.makefile("rb") as lines:
                answer = msgspec.json.decode(lines.readline(_ANSWER_BYTES), type=dict[str, Any])
    except PermissionError as error:
        raise EdgeError(f"not allowed to open {path}: use sudo, or join the group hero365-edge") from error
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise EdgeError(
            f"hero365-edge is not running (no answer at {path}); start it with: systemctl start hero365-edge"
        ) from error
    except TimeoutError as error:
        raise EdgeError(f"hero365-edge gave no answer at {path} within {timeout_s:g} s") from error
    except OSError as error:
        raise EdgeError(f"hero365-edge cannot be asked at {path} ({error.strerror})") from error
    except msgspec.DecodeError as error:
        raise EdgeError(f"what answers at {path} is not hero365-edge, or it stopped meanwhile") from error
    if not answer.pop("ok", False):
        raise EdgeError(str(answer.get("error", "refused, without a reason")))
    return answer


def _line(message: Mapping[str, object]) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def _listener(path: Path) -> socket.socket:
    """A bound socket with its mode set before anybody can connect, in a folder that is made when it is missing."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_way(path)
        listener.bind(str(path))
        path.chmod(_MODE)
    except OSError as error:
        listener.close()
        raise ConfigError(f"control.socket: {path} cannot be made ({error.strerror})") from error
    except EdgeError:
        listener.close()
        raise
    return listener


def _make_way(path: Path) -> None:
    """Remove the socket of a daemon that was killed; never a file of another kind, nor one that is answered."""
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise ConfigError(f"control.socket: {path} exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise EdgeError(f"another hero365-edge answers at {path}; stop it first")
