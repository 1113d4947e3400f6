"""A plain WebSocket client that speaks the seed by hand; it shares nothing with the product's own."""

import asyncio
import base64
import io
import json
import uuid
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect

Samples = NDArray[np.int16]
OFFER = {
    "profile": "v1",
    "uplink": ["opus", "pcm16"],
    "downlink": ["opus", "pcm16"],
    "sample_rate": 16000,
    "frame_ms": 20,
}


def tone(seconds: float, hz: float = 440.0, level: int = 8000) -> Samples:
    """A sine that begins and ends at zero level."""
    at = np.arange(round(seconds * 16_000))
    return (level * np.sin(2 * np.pi * hz * at / 16_000)).astype(np.int16)


def voice(seconds: float, seed: int = 1) -> Samples:
    """Noise as loud as speech; never twice the same with another seed."""
    return np.random.default_rng(seed).integers(-6000, 6000, round(seconds * 16_000)).astype(np.int16)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * 16_000), dtype=np.int16)


def wav(pcm: Samples, rate: int = 16_000, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(pcm.tobytes())
    return file.getvalue()


def wav_fields(pcm: Samples) -> dict[str, Any]:
    data = wav(pcm)
    return {"audio": base64.b64encode(data).decode(), "format": "wav", "size": len(data)}


class Caller:
    """One connection. What comes in is kept in order: `messages` and `binary`."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.messages: list[dict[str, Any]] = []
        self.binary: list[bytes] = []
        self.garbled: list[str] = []
        self.order: list[str] = []

    async def tell(self, name: str, **fields: Any) -> None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        await self.socket.send(json.dumps({"type": name, **fields, "timestamp": stamp}))

    async def speak(self, pcm: Samples) -> None:
        """As frames of 20 ms, all at once."""
        for start in range(0, len(pcm), 320):
            await self.socket.send(pcm[start : start + 320].tobytes())

    async def hear(self, name: str, timeout_s: float = 5.0, **fields: Any) -> dict[str, Any]:
        """The next message of this type and these fields; everything before it is kept too."""
        async with asyncio.timeout(timeout_s):
            while True:
                message = await self.next()
                if message and message.get("type") == name and fields.items() <= message.items():
                    return message

    async def next(self) -> dict[str, Any] | None:
        data = await self.socket.recv()
        if isinstance(data, bytes):
            self.binary.append(data)
            self.order.append("binary")
            return None
        try:
            message = json.loads(data)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self.garbled.append(data)
            return None
        self.messages.append(message)
        self.order.append(str(message.get("type")))
        return message

    async def linger(self, seconds: float) -> None:
        """Read whatever comes for a while."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self.next()
        except TimeoutError:
            pass

    async def start(self, audio: dict[str, Any] | None = None, realtime: bool = True) -> dict[str, Any]:
        """Through the seed's flow; returns `realtime_enabled` (or the welcome)."""
        await self.hear("connection_confirmed")
        await self.tell("start_session")
        await self.hear("session_started")
        welcome = await self.hear("agent_response")
        if not realtime:
            return welcome
        await self.tell("enable_realtime", **({"audio": audio} if audio else {}))
        return await self.hear("realtime_enabled")


@asynccontextmanager
async def call(
    url: str, session_id: str | None = None, query: str = "user_id=u1&business_id=b1", **options: Any
) -> AsyncIterator[Caller]:
    """Dial the backend. Who hangs up with an answer half read need not wait for the goodbye."""
    options = {"compression": None, "max_size": 2**24, "close_timeout": 0.5, **options}
    async with connect(f"{url}/{session_id or uuid.uuid4()}?{query}", **options) as socket:
        yield Caller(socket)
