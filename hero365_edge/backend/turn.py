"""One utterance's way to its answer: think, speak at the chosen pace, fail as ordered."""

import asyncio
import base64
import secrets
import uuid
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from websockets.exceptions import ConnectionClosed

from hero365_edge.backend import rtp, sound
from hero365_edge.backend.faults import GARBAGE_RTP, GARBAGE_TEXTS, Faults
from hero365_edge.backend.line import Line
from hero365_edge.backend.mind import Mind, Reply
from hero365_edge.backend.options import Codec, Fault, Kind, Options
from hero365_edge.backend.pacing import Chunk, due_s
from hero365_edge.backend.records import Answer, Records, Utterance
from hero365_edge.backend.session import Session

T = TypeVar("T")
OnTurn: TypeAlias = Callable[[Utterance, Answer | None], None]
FAILED = "The voice agent failed to answer"


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """What all turns of a backend share."""

    options: Options
    records: Records
    faults: Faults
    mind: Mind
    thread: Executor
    """One thread: for hearing, speaking and encoding, so that the event loop stays on time."""
    on_turn: OnTurn
    """Called when a turn is over, with its answer if one was begun."""


class Turn:
    """Answers one utterance on one line."""

    def __init__(self, desk: Desk, line: Line, session: Session, utterance: Utterance, codec: Codec | None) -> None:
        """`codec` is what streamed answers are RTP of, in `v1`; None in the seed profile."""
        self._desk = desk
        self._line = line
        self._session = session
        self._codec: Codec | None = codec
        self._ssrc = secrets.randbelow(0x1_0000_0000)
        self.utterance = utterance
        self.answer: Answer | None = None

    async def run(self, want_audio: bool = True) -> None:
        """The whole turn. Cancelling it silences the answer before the next chunk."""
        fault = self._desk.faults.take()
        try:
            if fault != "silent":
                await self._run(fault, want_audio)
        except ConnectionClosed:
            pass  # the answer's record says that it is not complete
        finally:
            self._desk.on_turn(self.utterance, self.answer)
            self._desk.records.touch()

    async def _run(self, fault: Fault | None, want_audio: bool) -> None:
        utterance, options = self.utterance, self._desk.options
        if utterance.came != "text":
            await self._line.tell_status("processing", utterance.pcm.nbytes, utterance.utterance_id)
        if fault == "garbage":
            for text in GARBAGE_TEXTS:
                await self._line.send(text)
        reply = await self._aside(lambda: self._desk.mind.answer(utterance, self._session.talk, want_audio))
        utterance.text = reply.understood
        kind, chunks = await self._aside(lambda: self._spoken(reply, want_audio))
        # All of the answer is ready now, so that its first byte leaves when the thinking ends.
        await _sleep_until(utterance.ended_at + options.think_ms / 1000)
        if fault == "error":
            await self._line.tell("error", error=FAILED)
            return
        streamed = want_audio and options.delivery == "streamed"
        self.answer = answer = Answer(
            utterance=utterance,
            text=reply.text,
            kind=kind,
            delivery="streamed" if streamed else "whole",
            pcm=reply.pcm,
            began_at=asyncio.get_running_loop().time(),
        )
        self._desk.records.answering(answer)
        send = self._stream if streamed else self._send_whole
        try:
            answer.complete = await send(answer, chunks, fault)
        finally:
            answer.ended_at = asyncio.get_running_loop().time()

    def _spoken(self, reply: Reply, want_audio: bool) -> tuple[str, list[Chunk]]:
        """What kind of sound the answer is, and the messages that carry it; a whole file is one."""
        options = self._desk.options
        if not want_audio:
            return "text", []
        if options.delivery == "whole":
            kind: Kind = "wav" if options.answer == "pcm" else options.answer  # `audio_format` knows no bare PCM
            return kind, [Chunk(sound.whole(kind, reply.pcm), 0.0)]
        if self._codec:
            return f"rtp-{self._codec}", rtp.packetize(reply.pcm, self._codec, self._ssrc)
        return options.answer, sound.stream(options.answer, reply.pcm, options.chunk_ms)

    async def _send_whole(self, answer: Answer, chunks: list[Chunk], fault: Fault | None) -> bool:
        data = b"".join(chunk.data for chunk in chunks)
        audio = {"audio_response": base64.b64encode(data).decode(), "audio_format": answer.kind} if data else {}
        if not await self._survives(fault):
            return False
        await self._line.tell("agent_response", response=answer.text, **audio)
        answer.chunks_sent, answer.bytes_sent = int(bool(data)), len(data)
        return True

    async def _stream(self, answer: Answer, chunks: list[Chunk], fault: Fault | None) -> bool:
        text_first = self._desk.options.text_first
        if text_first:
            await self._line.tell("agent_response", response=answer.text)
        if self._codec:
            answer.response_id = str(uuid.uuid4())
            await self._line.tell(
                "response_started",
                response_id=answer.response_id,
                utterance_id=self.utterance.utterance_id,
                ssrc=self._ssrc,
            )
        if not await self._send_chunks(answer, chunks, fault):
            return False
        if self._codec:
            await self._line.tell("response_ended", response_id=answer.response_id)
        if not text_first:
            await self._line.tell("agent_response", response=answer.text)
        return True

    async def _send_chunks(self, answer: Answer, chunks: list[Chunk], fault: Fault | None) -> bool:
        pacing, total_s = self._desk.options.pacing, len(answer.pcm) / sound.RATE_HZ
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for index, chunk in enumerate(chunks):
            if index == len(chunks) // 2:
                before = loop.time()
                if not await self._survives(fault):
                    return False
                begin += loop.time() - before
            if fault == "garbage" and self._codec:
                await self._line.send(GARBAGE_RTP[index % len(GARBAGE_RTP)])
            await _sleep_until(begin + due_s(pacing, chunk.at_s, total_s))
            await self._line.send(chunk.data)
            answer.chunks_sent += 1
            answer.bytes_sent += len(chunk.data)
        return True

    async def _aside(self, work: Callable[[], T]) -> T:
        """Do something slow on the backend's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._desk.thread, work)

    async def _survives(self, fault: Fault | None) -> bool:
        """What happens in the middle of an answer; False when the line is cut."""
        if fault == "stall":
            await asyncio.sleep(self._desk.options.stall_s)
        if fault == "drop":
            self._line.abort()
        return fault != "drop"


async def _sleep_until(moment: float) -> None:
    # Also when it is past: between two chunks the loop must get to hear that the client interrupts.
    await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))
