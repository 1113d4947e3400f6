"""The way down: link, decoder, jitter buffer, speaker. The session opens and closes it; sound passes it by."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable

from hero365_edge.codec_ports import Codecs
from hero365_edge.core import events as ev
from hero365_edge.core.pcm import RATE_HZ, Pcm
from hero365_edge.core.replay import LastAnswer
from hero365_edge.core.sniff import AudioKind
from hero365_edge.decoding import MAX_BACKLOG_BYTES, Answer
from hero365_edge.errors import DeviceError
from hero365_edge.player import POLL_S, Gate, Playback, Player
from hero365_edge.ports import Clock, Speaker

log = logging.getLogger(__name__)

DECODED_AHEAD_S = 1.5
"""So much is decoded ahead, more than the jitter buffer's largest reserve; the rest of an answer waits encoded."""
STEPS_AT_ONCE = 8
"""So many slices are decoded before the event loop has its turn."""
MAX_ANSWERS = 32
"""So many answers may wait to be played, one behind the other, as a backend sends that speaks sentence by sentence."""
RESUME_S = 10.0
"""A stream that was silent for longer than this is not the same one when it goes on."""
SLEEP_AFTER_S = 0.5
"""So long after the last sound the card may sleep: it costs nothing then."""
SETTLED_S = 0.15
"""A card's times are right so long after it was woken; until then they can be 50 ms early."""


class Downlink:
    """Plays answers, one after the other, and tells the session what was heard when."""

    def __init__(
        self, clock: Clock, speaker: Speaker, codecs: Codecs, playback: Playback, tell: Callable[[ev.Event], None]
    ) -> None:
        self._clock = clock
        self._speaker = speaker
        self._codecs = codecs
        self._playback = playback
        self._tell = tell
        self._player = Player(speaker, codecs, playback.start_ms)
        self.set_volume(playback.volume)
        self._gate = Gate.OPEN
        self._held = self._v1 = False
        self._answers: deque[Answer] = deque()
        self._stream: Answer | None = None
        self._lost: Answer | None = None
        self._last_byte_at = self._alive_told_at = 0.0
        self._first_told = False
        self._sleep_at: float | None = None
        self._replay: Answer | None = None
        self._standing_in = False
        self.last_answer = LastAnswer()
        self._woken = asyncio.Event()
        self.rejected = 0
        """Pieces of sound that were skipped because they could not be understood."""

    def expect_lateness(self, spread_s: float) -> None:
        """What round trips tell of the link before any answer was heard over it; afterwards answers tell more."""
        self._player.expect_lateness(spread_s)

    def set_volume(self, volume: float) -> None:
        """Linear, 0 to 1; at 1 samples pass untouched."""
        self._player.volume = volume

    @property
    def figures(self) -> dict[str, int]:
        """What playing cost since the program began; see `Player.figures`."""
        return self._player.figures

    @property
    def playing(self) -> bool:
        """Whether something is being heard, or waits to be."""
        return bool(self._answers) or not self._player.silent

    # -- orders of the session ------------------------------------------------------------------------------------

    def link_up(self, v1: bool) -> None:
        """A new link; in `v1` its sound is RTP."""
        self.complete()
        self._v1 = v1

    def silence(self) -> int:
        """Stop at once and drop what comes until `admit`. Returns how many ms of the answer were heard."""
        heard_ms = self._player.heard_ms(self._clock.now())
        self._gate = Gate.CLOSED
        self._hush()
        self._stream = None
        return heard_ms

    def admit(self, play: bool) -> None:
        """Take the sound of answers; `play` it, or hold it."""
        self._gate = Gate.OPEN if play else Gate.HOLDING
        self._woken.set()

    def expect(self, ssrc: int) -> None:
        """`v1`: a response under this SSRC follows; the one before it is complete."""
        self.complete()
        if self._gate is not Gate.CLOSED:
            self._stream = Answer.of_rtp(self._codecs, self._reject, ssrc)

    def complete(self) -> None:
        """The streamed answer is complete."""
        if self._stream is not None:
            self._stream.end()
            self._stream = None
            self._woken.set()

    def play(self, audio: bytes, audio_format: str) -> None:
        """Play a whole answer, behind what is already being played."""
        waiting_bytes = sum(answer.backlog_bytes for answer in self._answers)
        if self._gate is Gate.CLOSED:
            return
        if len(self._answers) >= MAX_ANSWERS or waiting_bytes + len(audio) > MAX_BACKLOG_BYTES:
            self._reject(f"{len(self._answers)} answers of {waiting_bytes} bytes wait to be played already")
        else:
            self._begin(Answer.of_file(self._codecs, self._reject, audio, audio_format), streamed=False)

    def stand_in(self, audio: bytes, audio_format: str) -> None:
        """Play a whole answer in place of the agent's sound: should that come after all, it is heard instead."""
        self.play(audio, audio_format)
        self._standing_in = bool(self._answers)

    def replay(self) -> None:
        """Play the last answer again, if there is one."""
        pcm = self.last_answer.pcm()
        if len(pcm):
            self._replay = Answer(self._codecs, self._reject, AudioKind.PCM16)
            self._replay.feed(pcm.tobytes())
            self._replay.end()
            self._begin(self._replay, streamed=False)

    def chime(self, pcm: Pcm) -> None:
        """Play an earcon, unless an answer is there: speech is never delayed."""
        if not self._answers and not self._player.buffered:
            self._player.chime(pcm)
            self._woken.set()

    def hold(self, held: bool) -> None:
        """While the cards are opened anew nothing is handed to the speaker, which would drop it."""
        self._held = held
        self._woken.set()

    def card_lost(self) -> None:
        """The speaker is gone: nothing of this answer will be heard any more."""
        self._lost = self._stream
        if self._answers or self._player.buffered or self._player.first_heard_at() is not None:
            self._tell_first(self._player.first_heard_at())
            self._playback_ended(self._clock.now())
        else:
            self._player.reset()

    # -- from the link --------------------------------------------------------------------------------------------

    def sound(self, data: bytes) -> None:
        """A binary message of sound."""
        unheard = self._stream is not None and self._stream is self._lost
        if self._gate is Gate.CLOSED or not data or unheard or (self._v1 and self._stream is None):
            return
        now = self._clock.now()
        if self._stream is not None and self._stream.paused and now >= self._last_byte_at + RESUME_S:
            self.complete()
        if self._stream is None:
            self._stream = Answer(self._codecs, self._reject, self._playback.kind)
        self._last_byte_at = now
        self._stream.feed(data)
        if self._stream not in self._answers:
            self._begin(self._stream, streamed=True)
        self._woken.set()

    # -- playing --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the card fed, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_card(), name="speaker progress")
            while True:
                deadline = self._pump()
                with contextlib.suppress(TimeoutError):
                    wait_s = None if deadline is None else max(0.0, deadline - self._clock.now())
                    async with asyncio.timeout(wait_s):
                        await self._woken.wait()
                self._woken.clear()
                await asyncio.sleep(0)  # also when it is always woken, others have their turn

    async def _follow_card(self) -> None:
        while True:
            await self._speaker.progress()
            self._woken.set()

    def _pump(self) -> float | None:
        now = self._clock.now()
        try:
            self._decode(now)
            if self._gate is not Gate.HOLDING and not self._held:
                self._player.feed(now)
        except DeviceError as error:
            log.warning("the speaker does not take what is to be heard: %s", error)
            self.card_lost()
        self._report(now)
        return self._deadline(now)

    def _begin(self, answer: Answer, streamed: bool) -> None:
        if self._standing_in:
            self._hush()
        if not self._answers and not self._player.buffered and answer is not self._replay:
            self.last_answer.begin()
        if not self._answers and self._player.silent and not self._held:
            with contextlib.suppress(DeviceError):  # a missing speaker is found when there is something to play
                self._player.begin(self._clock.now())
        self._answers.append(answer)
        self._tell(ev.AnswerBegan(streamed, self._clock.now()))
        self._woken.set()

    def _decode(self, now: float) -> None:
        for _ in range(STEPS_AT_ONCE):
            plenty = self._player.buffered >= DECODED_AHEAD_S * RATE_HZ
            if plenty or not self._answers or not self._answers[0].pending:
                return
            answer = self._answers[0]
            pcm = answer.step()
            self._player.bridge_with(answer.conceal)
            self._player.put(pcm, now)
            if answer is not self._replay:
                self.last_answer.add(pcm)
            if answer.done or (answer.paused and not answer.pending):
                self._answers.popleft()
                self._player.end()
        self._woken.set()

    def _report(self, now: float) -> None:
        heard_at = self._player.first_heard_at()
        if heard_at is not None and now >= heard_at + SETTLED_S:
            self._tell_first(heard_at)
        if self._first_told and now >= self._alive_told_at + 1.0 and self._speaker.queued_samples:
            self._alive_told_at = now
            self._tell(ev.StillSpeaking(now))
        if (over_at := self._stream_over_at()) is not None and now >= over_at:
            self._pause_stream()
        may_end = not self._answers and self._gate is not Gate.HOLDING
        if may_end and (all_heard_at := self._player.all_heard_at(now)) is not None:
            self._tell_first(heard_at)
            self._playback_ended(all_heard_at)

    def _tell_first(self, heard_at: float | None) -> None:
        if heard_at is not None and not self._first_told:
            self._first_told = True
            self._tell(ev.FirstSampleHeard(heard_at))

    def _pause_stream(self) -> None:
        if self._stream is not None and self._stream.sounded:
            self._stream.pause()
            self._woken.set()
        else:
            self.complete()  # what gave no sound by now is of no kind: let the next bytes tell theirs

    def _playback_ended(self, at: float) -> None:
        self._forget()
        self._tell(ev.PlaybackEnded(at))

    def _stream_over_at(self) -> float | None:
        """When a stream that has no end marker counts as over, having run dry."""
        if self._stream is None or self._stream.paused or self._v1 or not self._player.silent:
            return None
        return self._last_byte_at + self._playback.response_gap_ms / 1000

    def _deadline(self, now: float) -> float | None:
        priming_until = self._player.deadline if self._gate is Gate.OPEN and not self._held else None
        start_at = now + POLL_S if self._player.buffered and self._player.starting(now) else None
        times = (priming_until, start_at, self._stream_over_at(), self._sleep_when_quiet(now))
        return min((at for at in times if at is not None), default=None)

    def _sleep_when_quiet(self, now: float) -> float | None:
        """When the card may sleep; None while it plays or sleeps."""
        if self._answers or not self._player.silent:
            self._sleep_at = now + SLEEP_AFTER_S
            return None
        if self._sleep_at is not None and now >= self._sleep_at:
            self._sleep_at = None
            self._speaker.sleep()
        return self._sleep_at

    def _hush(self) -> None:
        self._speaker.flush()  # also when all was handed over: the card still holds the last tens of milliseconds
        self._forget()

    def _forget(self) -> None:
        self._standing_in = False
        self._answers.clear()
        self._player.reset()
        self._first_told = False

    def _reject(self, why: str) -> None:
        self.rejected += 1
        log.log(logging.WARNING if self.rejected == 1 else logging.DEBUG, "sound of an answer was skipped: %s", why)
