"""A backend that knows the seed protocol to the letter and nothing else, and notes whatever a client does beyond it.

It shares no code with the product's client nor with its simulated backend: what three separate readings of the
protocol agree on is likely to be the protocol.
"""

import asyncio
import base64
import io
import json
import re
import struct
import wave
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, Self
from urllib.parse import unquote_to_bytes

import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

ANSWER_TEXT = "I can help you schedule a job for tomorrow at 2 PM. What type of job is it?"
FRAME_SECONDS = 0.02
QUIET_SECONDS = 0.6
SILENCE_THRESHOLD_DB = -40.0  # the seed's `silenceThreshold`, of the mean of the absolute samples

# Type to its fields beside `type` and `timestamp`, each with what json.loads makes of it.
CLIENT_MESSAGES: dict[str, dict[str, type]] = {
    "start_session": {},
    "enable_realtime": {},
    "text_input": {"text": str, "want_audio_response": bool},
    "audio_data": {"audio": str, "format": str, "size": int},
    "session_status": {},
    "context_update": {"data": dict},
    "end_session": {},
}
CONTEXT = {"location": dict, "current_task": str, "activity_mode": str}


def _chime() -> NDArray[np.int16]:
    at = np.arange(8000) / 16_000
    return (6000 * np.sin(2 * np.pi * 523.25 * at) * np.exp(-3 * at)).astype(np.int16)


class StrictSeedBackend:
    """`async with StrictSeedBackend() as strict:`, then dial `strict.url` + `/{session_id}?…`.

    `violations` is what the client did against the seed, `extras` what it added to it, `messages` and `frames`
    what it sent, `queries` the decoded query of each connection, `answered` how many answers were sent.
    """

    def __init__(
        self,
        on_extra: Literal["ignore", "error"] = "ignore",
        realtime_available: bool = True,
        answer: Literal["whole", "streamed"] = "whole",
        expect_query: dict[str, str] | None = None,
    ) -> None:
        """`expect_query` is what `user_id`, `business_id` and `token` must decode to, as far as it names them."""
        self.on_extra = on_extra
        self.realtime_available = realtime_available
        self.answer = answer
        self.expect_query = expect_query or {}
        self.answer_pcm = _chime()
        self.url = ""
        self.violations: list[str] = []
        self.extras: list[str] = []
        self.messages: list[dict[str, Any]] = []
        self.frames: list[bytes] = []
        self.queries: list[dict[str, str]] = []
        self.answered = 0
        self._server: Server
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await serve(self._serve, "127.0.0.1", 0, max_size=2**24, close_timeout=1)
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/api/v1/voice/ws"
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def wait_for(self, predicate: Callable[[], bool], timeout_s: float) -> None:
        """Until it is true, or TimeoutError with what was seen."""
        try:
            async with asyncio.timeout(timeout_s):
                while not predicate():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            seen = [message.get("type") for message in self.messages]
            raise TimeoutError(f"got {seen}, {len(self.frames)} frames, violations {self.violations}") from None

    async def _serve(self, socket: ServerConnection) -> None:
        assert socket.request
        session_id = self._check_address(socket.request.path)
        try:
            await _Visit(self, socket, session_id).run()
        except ConnectionClosed:
            pass
        finally:
            self._changed.set()

    def _check_address(self, target: str) -> str:
        path, _, query = target.partition("?")
        session_id = path.rpartition("/")[2]
        hexadecimal = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
        if not re.fullmatch(hexadecimal, session_id, re.IGNORECASE):
            self.violations.append(f"session_id {session_id!r} is not a UUID4")
        values: dict[str, str] = {}
        for pair in query.split("&"):
            name, equals, raw = pair.partition("=")
            if not equals or name in values or not re.fullmatch(r"(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*", raw):
                self.violations.append(f"query: {name!r} is doubled, without a value or not percent-encoded")
                continue
            values[name] = unquote_to_bytes(raw).decode("utf-8", errors="replace")
        if not {"user_id", "business_id"} <= values.keys() <= {"user_id", "business_id", "token"}:
            self.violations.append(f"query: the fields are {sorted(values)}")
        for name, expected in self.expect_query.items():
            if values.get(name) != expected:
                self.violations.append(f"query: {name} does not decode to what was expected")
        self.queries.append(values)
        return session_id

    def note(self, violation: str) -> None:
        self.violations.append(violation)
        self._changed.set()

    def touch(self) -> None:
        self._changed.set()


def is_utc(stamp: object) -> bool:
    """Whether it is an ISO-8601 time in UTC that ends in Z, and exists."""
    if not isinstance(stamp, str) or not re.fullmatch(r"\d{4}(-\d\d){2}T\d\d(:\d\d){2}(\.\d+)?Z", stamp):
        return False
    try:
        datetime.strptime(stamp[:19] + "Z", "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return False
    return True


class _Visit:
    """One connection."""

    def __init__(self, strict: StrictSeedBackend, socket: ServerConnection, session_id: str) -> None:
        self.strict = strict
        self.socket = socket
        self.session_id = session_id
        self.active = False
        self.realtime = False
        self.spoke = False
        self.quiet_s = 0.0

    async def run(self) -> None:
        await self.tell("connection_confirmed", **self.offers(), message="WebSocket connection established")
        async for received in self.socket:
            if isinstance(received, bytes):
                await self.take_frame(received)
            else:
                await self.take_text(received)
            self.strict.touch()

    def offers(self) -> dict[str, bool]:
        return {"realtime_available": self.strict.realtime_available, "buffered_available": True}

    async def tell(self, kind: str, **fields: Any) -> None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        await self.socket.send(json.dumps({"type": kind, "session_id": self.session_id, **fields, "timestamp": stamp}))

    async def take_frame(self, frame: bytes) -> None:
        del self.strict.frames[:-20_000]
        self.strict.frames.append(frame)
        if not self.realtime:
            self.strict.note("binary audio before realtime_enabled")
            return
        if len(frame) != 640:
            self.strict.note(f"a binary frame of {len(frame)} bytes")
            return
        samples = struct.unpack("<320h", frame)
        mean = sum(map(abs, samples)) / len(samples) / 32767
        if mean > 10 ** (SILENCE_THRESHOLD_DB / 20):
            self.spoke, self.quiet_s = True, 0.0
        else:
            self.quiet_s += FRAME_SECONDS
        if self.spoke and self.quiet_s >= QUIET_SECONDS - 1e-6:
            self.spoke, self.quiet_s = False, 0.0
            await self.reply(audio=True)

    async def take_text(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict) or message.get("type") not in CLIENT_MESSAGES:
            kind = message.get("type") if isinstance(message, dict) else None
            self.strict.note(f"unknown message: {text[:80]}")
            await self.tell("error", error=f"Unknown message type: {kind}")
            return
        self.strict.messages.append(message)
        extra = self.check(message)
        kind = message["type"]
        if not self.active and kind != "start_session":
            self.strict.note(f"{kind} before start_session")
        elif extra and self.strict.on_extra == "error":
            await self.tell("error", error=f"Unexpected field in {kind}: {extra[0]}")
        else:
            await self.obey(message)

    def check(self, message: dict[str, Any]) -> list[str]:
        """Note everything that is wrong; the fields that the seed does not have."""
        kind = message["type"]
        fields = {"type": str, "timestamp": str, **CLIENT_MESSAGES[kind]}
        for name, wanted in fields.items():
            if type(message.get(name)) is not wanted:
                self.strict.note(f"{kind}: {name} is not {wanted.__name__}: {message.get(name)!r:.60}")
        if not is_utc(message.get("timestamp")):
            self.strict.note(f"{kind}: timestamp {message.get('timestamp')!r:.40}")
        if kind == "audio_data":
            self.check_audio(message)
        if kind == "context_update" and isinstance(message.get("data"), dict):
            for name, value in message["data"].items():
                if type(value) is not CONTEXT.get(name):
                    self.strict.note(f"context_update: data.{name}")
        extra = [f"{kind}.{name}" for name in message if name not in fields]
        self.strict.extras += extra
        return extra

    def check_audio(self, message: dict[str, Any]) -> None:
        try:
            data = base64.b64decode(message["audio"], validate=True)
            with wave.open(io.BytesIO(data)) as file:
                shape = (file.getframerate(), file.getnchannels(), file.getsampwidth(), message["format"])
                whole = len(file.readframes(file.getnframes())) == file.getnframes() * 2
        except (ValueError, KeyError, TypeError, EOFError, wave.Error) as error:
            self.strict.note(f"audio_data: {error!r}")
            return
        if shape != (16_000, 1, 2, "wav") or not whole or message.get("size") != len(data):
            self.strict.note(f"audio_data: {shape}, size {message.get('size')} of {len(data)}, whole {whole}")

    async def obey(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "start_session":
                if self.active:
                    self.strict.note("start_session twice")
                self.active = True
                await self.tell("session_started", status="active", message="Voice session started", **self.offers())
                await self.tell("agent_response", response="Hello! How can I help you today?", context={})
            case "enable_realtime" if self.strict.realtime_available:
                self.realtime = True
                await self.tell("realtime_enabled", status="enabled")
            case "enable_realtime":
                await self.tell("error", error="Real-time streaming is not available")
            case "text_input":
                await self.reply(audio=message.get("want_audio_response") is True)
            case "audio_data":
                await self.reply(audio=True, size=message.get("size"))
            case "context_update":
                await self.tell("context_updated")
            case "session_status":
                data = {"status": "active", "realtime_enabled": self.realtime, "active_connections": 1}
                await self.tell("session_status", data=data)
            case "end_session":
                self.active = self.realtime = False
                await self.tell("session_ended", status="ended", message="Voice session ended")

    async def reply(self, audio: bool, size: int | None = None) -> None:
        pcm = self.strict.answer_pcm.astype("<i2").tobytes()
        if audio:
            held = len(self.strict.frames) * 640 if size is None else size
            await self.tell("audio_processing", status="processing", audio_size=held, buffer_size=held)
        if audio and self.strict.answer == "whole":
            file = io.BytesIO()
            with wave.open(file, "wb") as writer:
                writer.setparams((1, 2, 16_000, 0, "NONE", ""))
                writer.writeframes(pcm)
            sound = {"audio_response": base64.b64encode(file.getvalue()).decode(), "audio_format": "wav"}
            await self.tell("agent_response", response=ANSWER_TEXT, **sound)
        else:
            await self.tell("agent_response", response=ANSWER_TEXT)
        if audio and self.strict.answer == "streamed":
            due = asyncio.get_running_loop().time()
            for start in range(0, len(pcm), 1280):
                await self.socket.send(pcm[start : start + 1280])
                due += 0.04  # the pace of speech
                await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
        self.strict.answered += 1
        self.strict.touch()
