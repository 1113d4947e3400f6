"""One connection: takes the client's messages in the order the protocol allows, and keeps one answer going."""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterable, Awaitable, Callable

import numpy as np
from websockets.exceptions import ConnectionClosed

from hero365_edge.backend import messages, seed, sound, v1
from hero365_edge.backend.faults import GARBAGE_BINARY
from hero365_edge.backend.line import Line
from hero365_edge.backend.messages import Message
from hero365_edge.backend.options import Codec, Pcm
from hero365_edge.backend.records import Came, Utterance
from hero365_edge.backend.script import WELCOME
from hero365_edge.backend.session import Session
from hero365_edge.backend.turn import Desk, Turn
from hero365_edge.backend.uplink import Uplink


class Call:
    """A client on a line, from `connection_confirmed` until it hangs up."""

    def __init__(self, desk: Desk, line: Line, session: Session, session_id: str) -> None:
        self._desk = desk
        self._line = line
        self._session = session
        self._session_id = session_id
        self._active = False
        self._realtime: Uplink | None = None
        self._v1: v1.V1Uplink | None = None
        self._downlink: Codec | None = None
        self._tasks: asyncio.TaskGroup
        self._turn: tuple[Turn, asyncio.Task[None]] | None = None
        self._handlers: dict[str, Callable[[Message], Awaitable[None]]] = {
            "start_session": self._start_session,
            "end_session": self._end_session,
            "session_status": self._session_status,
            "enable_realtime": self._enable_realtime,
            "text_input": self._text_input,
            "audio_data": self._audio_data,
            "context_update": self._context_update,
            "utterance_started": self._utterance,
            "utterance_ended": self._utterance,
            "utterance_resumed": self._utterance,
            "response_cancelled": self._response_cancelled,
        }

    async def run(self, incoming: AsyncIterable[str | bytes]) -> None:
        """Take messages until there are no more."""
        self._session.connections += 1
        try:
            async with asyncio.TaskGroup() as self._tasks:
                await self._take(incoming)
        finally:
            self._session.connections -= 1

    # What an uplink tells (uplink.Listener)

    def violation(self, text: str) -> None:
        """The client broke the protocol."""
        self._desk.records.violation(text)

    async def began(self, size_bytes: int, utterance_id: str | None) -> None:
        """Speech begins: the old answer stops, and the first sign of the new one goes out."""
        await self.interrupt()
        await self._garbage()
        if self._desk.faults.coming != "silent":
            await self._line.tell_status("buffered", size_bytes, utterance_id)

    async def heard(self, utterance: Utterance) -> None:
        """An utterance is over."""
        self._session.remember(utterance)
        if utterance not in self._desk.records.utterances:  # a resumed one is over for the second time
            self._desk.records.heard(utterance)
        await self._begin(utterance)

    async def went_on(self, utterance: Utterance) -> None:
        """What was answered was half an utterance: whole, it is no duplicate of that."""
        self._session.forget(utterance)
        await self.interrupt()

    async def interrupt(self) -> None:
        """Stop answering, if an answer is under way, and say so."""
        turn = await self._stop()
        if turn:
            utterance = turn.utterance
            if turn.answer:
                turn.answer.cancelled = True
            await self._line.tell_status("cancelled", utterance.pcm.nbytes, utterance.utterance_id)

    # What comes in

    async def _take(self, incoming: AsyncIterable[str | bytes]) -> None:
        try:
            await self._line.tell(
                "connection_confirmed",
                **self._available(),
                message="WebSocket connection established",
            )
            async for message in incoming:
                await (self._binary(message) if isinstance(message, bytes) else self._text(message))
        except ConnectionClosed:
            pass  # an ordinary way to hang up, in a vehicle
        finally:
            await self._stop()

    async def _binary(self, data: bytes) -> None:
        self._desk.records.binary(data)
        if self._realtime is None:
            self.violation("binary audio before realtime_enabled")
        else:
            await self._realtime.binary(data)

    async def _text(self, text: str) -> None:
        try:
            message = messages.read(text)
        except ValueError as error:
            self.violation(str(error))
            await self._line.tell("error", error=str(error))
            return
        self._desk.records.message(message, len(text))
        name = message.get("type")
        known = v1.UP if self._v1 else seed.UP
        if not isinstance(name, str) or name not in known:
            why = "before v1 was negotiated" if name in v1.ONLY else "of no known type"
            self.violation(f"a message {name!r} {why}")
            await self._line.tell("error", error=f"Unknown message type: {name}")
            return
        wrong = messages.wrong_with(message, known[name])
        for told in wrong:
            self.violation(told)
        if not messages.is_usable(message, known[name]):
            await self._line.tell("error", error="; ".join(wrong))
            return
        if not self._active and name != "start_session":
            self.violation(f"{name} before start_session")
            await self._line.tell("error", error="Session not started")
            return
        await self._handlers[name](message)

    async def _start_session(self, _: Message) -> None:
        if self._active:
            self.violation("start_session in a session that was started")
        self._active = True
        await self._line.tell(
            "session_started",
            status="active",
            message="Voice session started successfully",
            **self._available(),
        )
        if self._desk.options.welcome:
            await self._line.tell("agent_response", response=WELCOME, context={})

    async def _end_session(self, _: Message) -> None:
        await self._stop()
        self._active = False
        self._realtime = self._v1 = self._downlink = None
        await self._line.tell("session_ended", status="ended", message="Voice session ended successfully")

    async def _session_status(self, _: Message) -> None:
        data = {
            "status": "active",
            "realtime_enabled": self._realtime is not None,
            "connected_at": self._session.connected_at,
            "active_connections": self._session.connections,
        }
        await self._line.tell("session_status", data=data)

    async def _enable_realtime(self, message: Message) -> None:
        options = self._desk.options
        if not options.realtime_available:
            await self._line.tell("error", error="Real-time streaming is not available")
            return
        fields: dict[str, object] = {}
        if options.profile == "v1" and "audio" in message:
            try:
                chosen = v1.choose(message["audio"], options)
            except ValueError as error:
                self.violation(str(error))
                await self._line.tell("error", error=str(error))
                return
            self._v1 = v1.V1Uplink(self, self._session_id, chosen.uplink)
            self._realtime, self._downlink = self._v1, chosen.downlink
            fields = {"audio": chosen.told()}
        else:
            self._realtime = seed.SeedUplink(self, self._session_id, options.seed_uplink)
        await self._line.tell("realtime_enabled", status="enabled", **fields)

    async def _text_input(self, message: Message) -> None:
        utterance = self._utterance_of("text", np.zeros(0, dtype=np.int16))
        utterance.text = message["text"]
        self._desk.records.heard(utterance)
        await self._begin(utterance, message["want_audio_response"])

    async def _audio_data(self, message: Message) -> None:
        try:
            wav = base64.b64decode(message["audio"], validate=True)
            pcm = sound.pcm_of(wav)
        except (binascii.Error, ValueError) as error:
            self.violation(f"audio_data: {error}")
            await self._line.tell("error", error=f"audio_data: {error}")
            return
        for field, true in (("format", "wav"), ("size", len(wav))):
            if message[field] != true:
                self.violation(f"audio_data: {field} is {message[field]!r}; the audio's is {true!r}")
        utterance = self._utterance_of("audio_data", pcm, message.get("utterance_id"))
        utterance.duplicate = self._session.knows(utterance)
        if utterance.duplicate:
            self._desk.records.heard(utterance)
            await self._line.tell_status("skipped_duplicate", len(wav), utterance.utterance_id)
            return
        await self.interrupt()
        await self._garbage()
        await self.heard(utterance)

    async def _context_update(self, message: Message) -> None:
        for wrong in messages.wrong_fields("context_update.data", message["data"], seed.CONTEXT):
            self.violation(wrong)
        await self._line.tell("context_updated", status="updated")

    async def _utterance(self, message: Message) -> None:
        if self._v1:
            await self._v1.message(message)

    async def _response_cancelled(self, message: Message) -> None:
        response_id = message["response_id"]
        if message["played_ms"] < 0:
            self.violation(f"response_cancelled: played_ms {message['played_ms']} is less than 0")
        answers = [answer for answer in self._desk.records.answers if answer.response_id == response_id]
        if not answers:
            self.violation(f"response_cancelled: {response_id!r} is no response")
        elif self._turn and self._turn[0].answer is answers[0]:
            await self.interrupt()

    # Answering

    async def _begin(self, utterance: Utterance, want_audio: bool = True) -> None:
        await self.interrupt()
        turn = Turn(self._desk, self._line, self._session, utterance, self._downlink)
        self._turn = (turn, self._tasks.create_task(turn.run(want_audio)))
        await asyncio.sleep(0)  # a task that is cancelled before its first step never ran, and would tell nobody

    async def _stop(self) -> Turn | None:
        """Silence the turn under way; which one that was."""
        if self._turn is None:
            return None
        (turn, task), self._turn = self._turn, None
        was_running = not task.done()
        task.cancel()
        await asyncio.wait([task])
        return turn if was_running else None

    async def _garbage(self) -> None:
        # In the seed profile bytes behind the first sign of a turn are its answer: only here they are owed to nobody.
        if self._desk.faults.coming == "garbage":
            for junk in GARBAGE_BINARY:
                await self._line.send(junk)

    def _available(self) -> dict[str, bool]:
        return {"realtime_available": self._desk.options.realtime_available, "buffered_available": True}

    def _utterance_of(self, came: Came, pcm: Pcm, utterance_id: str | None = None) -> Utterance:
        now = asyncio.get_running_loop().time()
        return Utterance(
            session_id=self._session_id,
            utterance_id=utterance_id,
            came=came,
            pcm=pcm,
            began_at=now,
            ended_at=now,
        )
