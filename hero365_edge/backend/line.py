"""One WebSocket as the rest of the backend sees it: things to tell the client, and a cord to pull."""

import json
from typing import Any

from websockets.asyncio.server import ServerConnection

from hero365_edge.backend import messages


class Line:
    """Sends. Everything raises `websockets.exceptions.ConnectionClosed` when the client is gone."""

    def __init__(self, socket: ServerConnection, session_id: str, json_in_binary: bool) -> None:
        self._socket = socket
        self._session_id = session_id
        self._json_in_binary = json_in_binary

    async def tell(self, name: str, **fields: Any) -> None:
        """A message of type `name`; `session_id` and `timestamp` are added."""
        message = {"type": name, "session_id": self._session_id, **fields, "timestamp": messages.now()}
        text = json.dumps(message)
        await self._socket.send(text.encode() if self._json_in_binary else text)

    async def tell_status(self, status: str, size_bytes: int, utterance_id: str | None) -> None:
        """An `audio_processing`; the utterance is named only in `v1`, where it has a name."""
        named = {} if utterance_id is None else {"utterance_id": utterance_id}
        await self.tell("audio_processing", status=status, audio_size=size_bytes, buffer_size=size_bytes, **named)

    async def send(self, data: str | bytes) -> None:
        """Anything, as it is."""
        await self._socket.send(data)

    def abort(self) -> None:
        """Cut the TCP connection, as a tunnel does: no goodbye."""
        self._socket.transport.abort()
