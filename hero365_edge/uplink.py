"""The way up: microphone, detector, endpointer, encoder, link. The session opens and closes it; frames pass it by."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import numpy as np

from hero365_edge.codec_ports import Codecs, Detector
from hero365_edge.core import events as ev
from hero365_edge.core.endpointer import Endpointer
from hero365_edge.core.framing import Outgoing
from hero365_edge.core.handshake import Agreement
from hero365_edge.core.level import AutomaticLevel
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm, duration_s
from hero365_edge.echo_ports import Ear
from hero365_edge.errors import LinkError
from hero365_edge.ports import Clock
from hero365_edge.recording import Recording, Utterance, clipped_s, mono
from hero365_edge.sending import Sender
from hero365_edge.shelf_ports import Shelf

log = logging.getLogger(__name__)

LAST_BLOCK_S = 0.25
"""The block that holds the moment of a release comes at most so much later; after that the card is stuck."""
CONTEXT_S = 1.0
"""So much of what came before the press tells what is around; of it only the pre-roll belongs to the utterance."""


@dataclass(frozen=True, slots=True)
class Capture:
    """The settings of the way up."""

    preroll_ms: int
    hangover_ms: int
    no_speech_timeout_s: float
    max_utterance_s: float
    tail_silence_ms: int
    channel: int | None
    """The microphone's channel to take, from 0; None for the average of all."""
    max_gain_db: float = 0.0
    """So much a quiet voice is raised at the most."""


class Uplink:
    """Records utterances, sends them live or whole, and keeps them until told to forget."""

    def __init__(
        self,
        clock: Clock,
        microphone: Ear,
        detector: Detector,
        codecs: Codecs,
        capture: Capture,
        send: Callable[[Outgoing], Awaitable[None]],
        tell: Callable[[ev.Event], None],
        shelf: Shelf,
    ) -> None:
        """`send` hands one message to the link, waiting while it is full; it raises LinkError without one."""
        self._clock = clock
        self._microphone = microphone
        self._detector = detector
        self._codecs = codecs
        self._capture = capture
        self.level = AutomaticLevel(capture.max_gain_db)
        self._sender = Sender(codecs, capture.tail_silence_ms, send)
        self._tell = tell
        self._shelf = shelf
        self._recording: Recording | None = None
        self._recording_began = asyncio.Event()
        self.began_s = 0.0
        """How long after its press the newest recording that a press began had its first samples."""
        self._kept: dict[str, Utterance] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._one_at_a_time = asyncio.Lock()

    @property
    def recording(self) -> bool:
        """Whether the microphone is being listened to."""
        return self._recording is not None

    @property
    def open(self) -> bool:
        """Whether an utterance is being recorded, or on its way to the link."""
        return self._recording is not None or bool(self._sending)

    # -- orders of the session ------------------------------------------------------------------------------------

    def record(self, utterance_id: str, since: float, *, pressed: bool = True) -> None:
        """Begin an utterance, with the pre-roll before `since`, when the button was `pressed` or a voice began."""
        if self._recording is not None:
            self._finish(self._recording)  # it has its end, and only waited for the block with that moment
        capture = self._capture
        utterance = Utterance(utterance_id)
        self._kept[utterance_id] = utterance
        self._recording = Recording(
            utterance,
            Endpointer(
                capture.hangover_ms, capture.no_speech_timeout_s, capture.max_utterance_s, self._detector.late_ms
            ),
            pressed_at=since,
            pressed=pressed,
            begins_at=since - capture.preroll_ms / 1000,
        )
        self._detector.reset()
        self._microphone.listen(since - CONTEXT_S)
        self._recording_began.set()

    def settle(self, agreement: Agreement | None, held: bool) -> None:
        """The gesture is settled: send the frames as they come when there is an agreement to send by."""
        if self._recording is None:
            return
        self._recording.endpointer.held = held
        self._recording.endpointer.adaptive = agreement is not None and agreement.profile != "v1"
        utterance = self._recording.utterance
        if agreement is not None and utterance.utterance_id not in self._sending:
            self._start_sending(utterance, lambda: self._sender.live(utterance, agreement))

    def announce(self, ended: bool) -> None:
        """Say, behind what is recorded so far, that it may have ended there, or that it had not."""
        if self._recording is not None:
            self._recording.utterance.mark(ended)

    def commit(self, until: float) -> None:
        """The utterance ends with the block in which the moment `until` lies."""
        recording = self._recording
        if recording is not None:
            recording.until = until
            if recording.utterance.frames and recording.recorded_until >= until:
                self._complete(recording)

    def discard(self) -> None:
        """Throw the recording away; what went up of it already is ended as every utterance is."""
        recording, self._recording = self._recording, None
        if recording is not None:
            self._microphone.hush()
            recording.utterance.close()
            self.forget(recording.utterance.utterance_id)

    def stop_sending(self) -> None:
        """The link is gone."""
        for utterance_id, task in self._sending.items():
            task.cancel()
            if (utterance := self._kept.get(utterance_id)) is not None:
                utterance.marks.clear()  # the next link hears of the end when it is one
        self._sending.clear()

    def send_kept(self, utterance_id: str, agreement: Agreement | None, in_frames: bool = False) -> None:
        """Send a kept utterance in one piece, or frame by frame. Without an agreement there is no link to send on."""
        utterance = self._kept.get(utterance_id)
        if utterance is not None and agreement is not None:
            send = self._sender.live if in_frames else self._sender.whole
            self._start_sending(utterance, lambda: send(utterance, agreement))

    def forget(self, utterance_id: str) -> None:
        """The utterance is not needed any more."""
        self._kept.pop(utterance_id, None)
        self._shelf.remove(utterance_id)

    def restore(self) -> list[ev.Restored]:
        """Take up what an earlier process left; a recording that it could not end counts if there is speech in it."""
        restored = []
        for left in self._shelf.leftovers():
            frames = list(left.pcm[: len(left.pcm) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES))
            if not left.whole and not self._speech_in(frames):
                self._shelf.remove(left.utterance_id)
                continue
            self._kept[left.utterance_id] = Utterance(left.utterance_id, frames, complete=True)
            length_s = duration_s(len(left.pcm))
            restored.append(ev.Restored(left.utterance_id, left.spoken_at, length_s, self._clock.now()))
        return restored

    def _speech_in(self, frames: list[Pcm]) -> bool:
        self._detector.reset()
        return any(self._detector.is_speech(frame) for frame in frames)

    # -- recording ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Record and send whatever the session orders, for ever."""
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                if self._recording is None:
                    await self._recording_began.wait()
                self._recording_began.clear()
                await self._take_block()

    async def _take_block(self) -> None:
        """Wait for a block and give it to the recording of that moment. A card that stopped is for its keeper."""
        try:
            async with asyncio.timeout(LAST_BLOCK_S):
                block = await self._microphone.read()
        except TimeoutError:
            block = None
        recording = self._recording
        if recording is None:
            return
        if block is not None and (recording.until is None or block.captured_at < recording.until):
            if recording.resampler is None:
                recording.resampler = self._codecs.resampler(self._microphone.rate_hz, RATE_HZ)
                recording.first_captured_at = block.captured_at
                if recording.pressed:
                    self.began_s = self._clock.now() - recording.pressed_at
            rate_hz = self._microphone.rate_hz
            if block.captured_at + duration_s(len(block.pcm), rate_hz) > recording.begins_at:
                self.level.meter.clipped_s += clipped_s(block, self._capture.channel, rate_hz)
            self._take(recording, recording.resampler.process(mono(block.pcm, self._capture.channel)))
        if recording.until is None or recording.utterance.complete:
            return
        if block is None or block.captured_at + len(block.pcm) / self._microphone.rate_hz >= recording.until:
            self._finish(recording)

    def _take(self, recording: Recording, pcm: Pcm) -> None:
        pcm = np.concatenate([recording.rest, pcm])
        whole = len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES
        recording.rest = pcm[whole:]
        for start in range(0, whole, FRAME_SAMPLES):
            if recording.utterance.complete:
                return
            self._take_frame(recording, pcm[start : start + FRAME_SAMPLES])

    def _take_frame(self, recording: Recording, frame: Pcm) -> None:
        utterance, endpointer = recording.utterance, recording.endpointer
        if not utterance.frames and recording.time_of(0) <= recording.begins_at:
            recording.looked_at += 1
            self._detector.prepare(frame)
            return
        voiced = self._detector.is_speech(frame)
        frame = self.level.frame(frame, voiced)
        utterance.frames.append(frame)
        utterance.grown.set()
        self._shelf.add(utterance.utterance_id, frame, recording.recorded_until)
        if recording.recorded_until <= recording.pressed_at:
            endpointer.before(voiced)
            return
        before = endpointer.speaking, endpointer.seems_over, endpointer.may_end
        ending = endpointer.frame(voiced, self._detector.doubtful)
        if recording.until is not None or self._recording is not recording:
            return
        now = self._clock.now()
        for event in self._changes(recording, before, now):
            self._tell(event)
            if self._recording is not recording or recording.until is not None:
                return
        if ending is not None:
            self._tell(ev.Endpointed(utterance.utterance_id, ending, recording.speech_end, now))

    def _changes(self, recording: Recording, before: tuple[bool, bool, bool], now: float) -> Iterator[ev.Event]:
        endpointer, utterance_id = recording.endpointer, recording.utterance.utterance_id
        was_speaking, seemed_over, might_end = before
        if endpointer.speaking and not was_speaking:
            yield ev.SpeechBegan(now)
        elif was_speaking and not endpointer.speaking:
            yield ev.SpeechPaused(now)
        if endpointer.seems_over and not seemed_over:
            yield ev.SeemsOver(utterance_id, recording.speech_end, now)
        elif seemed_over and not endpointer.seems_over:
            yield ev.WentOn(utterance_id, now)
        if endpointer.may_end and not might_end:
            yield ev.MayEnd(utterance_id, now)

    def _finish(self, recording: Recording) -> None:
        """Take what is held back too, the last frame filled up with silence, and complete the recording."""
        if recording.resampler is not None:
            self._take(recording, recording.resampler.finish())
        if len(recording.rest):
            last = np.pad(recording.rest, (0, FRAME_SAMPLES - len(recording.rest)))
            last = self.level.frame(last, voiced=False)
            recording.utterance.frames.append(last)
            self._shelf.add(recording.utterance.utterance_id, last, recording.recorded_until)
        self._complete(recording)

    def _complete(self, recording: Recording) -> None:
        self._recording = None
        self._microphone.hush()
        utterance = recording.utterance
        utterance.close()
        self._shelf.complete(utterance.utterance_id)
        self._tell(ev.Recorded(utterance.utterance_id, recording.speech_end, self._clock.now()))

    # -- sending --------------------------------------------------------------------------------------------------

    def _start_sending(self, utterance: Utterance, send: Callable[[], Awaitable[None]]) -> None:
        if self._tasks is not None:
            task = self._tasks.create_task(self._send_in_turn(utterance, send), name="send utterance")
            self._sending[utterance.utterance_id] = task

    async def _send_in_turn(self, utterance: Utterance, send: Callable[[], Awaitable[None]]) -> None:
        try:
            async with self._one_at_a_time:
                await send()
        except LinkError as error:
            log.debug("an utterance did not go up: %s", error)
        else:
            self._tell(ev.Committed(utterance.utterance_id, self._clock.now()))
        finally:
            self._sending.pop(utterance.utterance_id, None)
