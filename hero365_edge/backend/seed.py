"""The seed profile: the messages a client may send, and its binary uplink of 20 ms frames."""

import asyncio
from collections.abc import Callable

import numpy as np

from hero365_edge.backend import opus
from hero365_edge.backend.endpointing import Endpointer, Heard
from hero365_edge.backend.messages import OPTIONAL, REQUIRED, Fields
from hero365_edge.backend.options import Codec, Pcm
from hero365_edge.backend.records import Utterance
from hero365_edge.backend.uplink import Listener

FRAME_BYTES = 640

UP: dict[str, Fields] = {
    "start_session": {},
    "end_session": {},
    "session_status": {},
    "enable_realtime": {"audio": (dict, OPTIONAL)},  # not the seed's: the one thing a client may add to it
    "text_input": {"text": (str, REQUIRED), "want_audio_response": (bool, REQUIRED)},
    "audio_data": {"audio": (str, REQUIRED), "format": (str, REQUIRED), "size": (int, REQUIRED)},
    "context_update": {"data": (dict, REQUIRED)},
}
CONTEXT: Fields = {
    "location": (dict, OPTIONAL),
    "current_task": (str, OPTIONAL),
    "activity_mode": (str, OPTIONAL),
}
"""What a `context_update`'s data may hold."""


class SeedUplink:
    """Frames of PCM (or, for the backend that takes them, bare Opus packets), ended by 600 ms of quiet."""

    def __init__(self, listener: Listener, session_id: str, codec: Codec) -> None:
        self._listener = listener
        self._session_id = session_id
        self._decode: Callable[[bytes], Pcm] = opus.Decoder().decode if codec == "opus" else self._frame
        self._endpointer = Endpointer()
        self._began_at = 0.0

    async def binary(self, data: bytes) -> None:
        """One frame."""
        now = asyncio.get_running_loop().time()
        if not self._endpointer.size_bytes:
            self._began_at = now
        try:
            pcm = self._decode(data)
        except ValueError as error:
            self._listener.violation(f"binary: {error}")
            return
        match self._endpointer.feed(pcm):
            case Heard.SPEECH:
                await self._listener.began(self._endpointer.size_bytes, None)
            case Heard.END:
                await self._listener.heard(
                    Utterance(
                        session_id=self._session_id,
                        utterance_id=None,
                        came="realtime",
                        pcm=self._endpointer.take(),
                        began_at=self._began_at,
                        ended_at=now,
                    )
                )
            case Heard.NOTHING:
                pass

    def _frame(self, data: bytes) -> Pcm:
        if len(data) != FRAME_BYTES:
            self._listener.violation(f"binary: {len(data)} bytes; a frame of 20 ms has {FRAME_BYTES}")
        return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.int16)
