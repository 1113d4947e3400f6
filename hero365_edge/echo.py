"""A microphone without the speaker's echo: cleans what is heard while something is played; hears who speaks into it.

It stands between the microphone and whoever records. While nothing is played and nobody records it costs nothing.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

import numpy as np

from hero365_edge.codec_ports import Codecs
from hero365_edge.core import events as ev
from hero365_edge.core.barge_in import BargeIn
from hero365_edge.core.ducking import DUCKED_DB, FADED_S
from hero365_edge.core.echo_delay import EARLIEST_S, LATEST_S, PLAYED_SAMPLES, WINDOW_SAMPLES, EchoDelay
from hero365_edge.core.pcm import EMPTY, FRAME_SAMPLES, RATE_HZ, Pcm, duration_s, silence
from hero365_edge.core.reference import Reference
from hero365_edge.echo_ports import Echo
from hero365_edge.ports import UNREAD_LIMIT_S, Block, Clock, Microphone
from hero365_edge.recording import clipped_s, mono

log = logging.getLogger(__name__)

RING_S = 2.0
"""So much of what was heard is kept clean while something is played; the pre-roll of an utterance is taken from it."""
TAIL_S = 1.0
"""So long behind the last that was played there may be an echo of it."""
WAIT_S = 0.2
"""What is heard waits so long at most for what was played with it: a card that wakes does not know its times yet."""
BEGAN_S = 0.4
"""Who is found to be speaking began so long ago at most, as a rule; what is before belongs to the pre-roll."""
NEAREST_S, FARTHEST_S = 0.004, 0.15
"""An echo that comes so much behind its reference is what the canceller is made for; from elsewhere it is moved to"""
AIM_S = 0.03
LEARNING_FRAMES = 150
"""3 s of sound: so long the canceller needs to learn the room, in which an echo may pass for a voice."""
UNREAD_FRAMES = round(UNREAD_LIMIT_S * RATE_HZ / FRAME_SAMPLES)


class CleanEar:
    """The port Ear, at 16 kHz and in frames of 20 ms. Untouched while nothing is played."""

    rate_hz = RATE_HZ

    def __init__(
        self,
        clock: Clock,
        microphone: Microphone,
        codecs: Codecs,
        channel: int | None,
        echo: Echo,
        tell: Callable[[ev.Event], None],
    ) -> None:
        self._clock = clock
        self._microphone = microphone
        self._codecs = codecs
        self._channel = channel
        self._echo = echo
        self._tell = tell
        self._called = asyncio.Event()
        self._awake = False
        self._awake_until = 0.0
        self._heard: _Way | None = None
        self._played: _Way | None = None
        self._stretch = -1
        self._waiting: deque[tuple[Pcm, float, float]] = deque()
        self._rest: Pcm = EMPTY
        self._clipped_s = 0.0
        self._reference = Reference()
        self._cancelling = False
        self._learned = 0
        self._before: Pcm = silence(FRAME_SAMPLES)
        self._window: list[Pcm] = []
        self._window_at = 0.0
        self._delay = EchoDelay()
        self._barge_in = None if echo.referee is None else BargeIn(echo.referee)
        self._ducks = False
        self._softer_from: float | None = None
        self._answering_since: float | None = None
        self._since = 0.0
        self._ring: deque[Block] = deque(maxlen=round(RING_S * RATE_HZ / FRAME_SAMPLES))
        self._unread: deque[Block] | None = None
        self._arrived = asyncio.Event()
        self.delay_s: float | None = None
        """So much later than the cards' times say an answer is heard; None before it was found."""
        self.interruptions = 0
        """How often somebody spoke into an answer."""
        self.suspicions = 0
        """How often an answer was played softer to hear whether somebody does."""
        echo.loudspeaker.played()  # from here on it keeps what it plays

    @property
    def figures(self) -> dict[str, float | None]:
        """How late the echo is beside what the cards say; how often somebody spoke, or might have, into an answer."""
        delay_ms = None if self.delay_s is None else round(1000 * self.delay_s, 1)
        return {"echo_delay_ms": delay_ms, "interruptions": self.interruptions, "suspicions": self.suspicions}

    def listen(self, since: float) -> None:
        """Deliver to `read` every frame whose last sample was captured at `since` or later, oldest first."""
        self._since = since
        self._wake(since)
        self._unread = deque((frame for frame in self._ring if _ends_at(frame) >= since), maxlen=UNREAD_FRAMES)

    def hush(self) -> None:
        """Stop delivering; what was not read yet is dropped."""
        self._unread = None

    async def read(self) -> Block:
        """The next frame of this `listen`, waiting for it."""
        while not self._unread:
            self._arrived.clear()
            await self._arrived.wait()
        return self._unread.popleft()

    def attend(self, playing: bool, answering: bool) -> None:
        """Whenever anything happened: whether something is heard or waits to be, and is an answer to speak into."""
        now = self._clock.now()
        if not answering:
            self._answering_since = None
            self._duck(False)
        elif self._answering_since is None:
            self._answering_since = now
            if self._barge_in is not None:
                self._barge_in.begin()
        if playing:
            self._awake_until = now + TAIL_S
            self._wake(now - TAIL_S)

    async def run(self) -> None:
        """Hear what there is to hear, for ever."""
        while True:
            await self._called.wait()
            self._called.clear()
            while self._wanted():
                self._take(await self._microphone.read())
            self._microphone.hush()
            self._awake = False

    def _wake(self, since: float) -> None:
        if self._awake:
            return
        self._awake, self._cancelling = True, False
        self._waiting.clear()
        self._ring.clear()
        self._rest = EMPTY
        self._clipped_s = 0.0
        self._heard = None
        self._window.clear()
        self._microphone.listen(since)
        self._called.set()

    def _wanted(self) -> bool:
        answering = self._answering_since is not None
        return answering or self._unread is not None or self._clock.now() < self._awake_until

    def _take(self, block: Block) -> None:
        if self._heard is None or self._heard.rate_hz != self._microphone.rate_hz:
            self._heard = _Way(self._codecs, self._microphone.rate_hz)
        pcm, at = self._heard.bring(mono(block.pcm, self._channel), block.captured_at)
        self._clipped_s += clipped_s(block, self._channel, self._microphone.rate_hz)
        at -= duration_s(len(self._rest))
        pcm = np.concatenate([self._rest, pcm])
        whole = len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES
        self._rest = pcm[whole:]
        for begin in range(0, whole, FRAME_SAMPLES):
            self._waiting.append((pcm[begin : begin + FRAME_SAMPLES], at + duration_s(begin), self._clipped_s))
            self._clipped_s = 0.0
        self._note_played()
        while self._waiting and self._is_due(self._waiting[0][1]):
            self._clean(*self._waiting.popleft())

    def _note_played(self) -> None:
        rate_hz = self._echo.loudspeaker.rate_hz
        for piece in self._echo.loudspeaker.played():
            if self._played is None or piece.stretch != self._stretch:
                self._stretch = piece.stretch
                self._played = _Way(self._codecs, rate_hz)
                if self._barge_in is not None:
                    self._barge_in.jumped()
            if self._ducks and self._softer_from is None and piece.softer_db:
                self._softer_from = piece.leaves_at + duration_s(len(piece.pcm), rate_hz)
            if len(piece.pcm):
                pcm, leaves_at = self._played.bring(piece.pcm, piece.leaves_at)
                if len(pcm):
                    self._reference.played(piece.stretch, pcm, leaves_at)
            else:
                self._reference.played(piece.stretch, EMPTY, piece.leaves_at)

    def _is_due(self, at: float) -> bool:
        return self._reference.covers(at) or self._clock.now() - at - duration_s(FRAME_SAMPLES) > WAIT_S

    def _clean(self, frame: Pcm, at: float, clipped: float) -> None:
        played = self._reference.frame(at)
        canceller = self._echo.canceller
        if played.any():
            self._awake_until = self._clock.now() + TAIL_S
            if not self._cancelling:
                canceller.cancel(self._before, silence(FRAME_SAMPLES))  # else it would begin with what it held back
            self._cancelling = True
            self._learned += 1
        self._before = frame
        if not self._cancelling:
            self._deliver(frame, at, clipped)
            return
        left = canceller.cancel(frame, played)
        self._deliver(left, at - duration_s(canceller.late_samples), clipped)
        self._measure(frame, at)
        if self._barge_in is not None:
            self._listen_for_interruption(self._barge_in, frame, played, left, at)

    def _deliver(self, frame: Pcm, at: float, clipped: float) -> None:
        block = Block(frame.reshape(-1, 1), at, clipped)
        self._ring.append(block)
        if self._unread is not None and _ends_at(block) >= self._since:
            self._unread.append(block)
            self._arrived.set()

    def _measure(self, frame: Pcm, at: float) -> None:
        """Look, once in a second or so, how late the echo comes; behind it so much must have been played too."""
        if not self._window:
            self._window_at = at
        self._window.append(frame)
        if len(self._window) * FRAME_SAMPLES < WINDOW_SAMPLES - EARLIEST_S * RATE_HZ:
            return
        heard = np.concatenate(self._window)[:WINDOW_SAMPLES]
        self._window.clear()
        delay_s = self._delay.window(heard, self._reference.sound(self._window_at - LATEST_S, PLAYED_SAMPLES))
        if delay_s is None:
            return
        self.delay_s = delay_s
        if not NEAREST_S <= delay_s + self._reference.lead_s <= FARTHEST_S:
            log.info("an answer is heard %.0f ms later than its card says", 1000 * delay_s)
            self._reference.lead_by(AIM_S - delay_s)
            self._echo.canceller.reset()  # what it learned belongs to another delay
            self._learned = 0
            if self._barge_in is not None:
                self._barge_in.reset()

    def _listen_for_interruption(self, barge_in: BargeIn, heard: Pcm, played: Pcm, left: Pcm, at: float) -> None:
        answering = self._answering_since is not None and at >= self._answering_since
        answering = answering and self._learned >= LEARNING_FRAMES
        found = barge_in.frame(heard, played, left, answering=answering, softer=self._is_softer(at))
        if not answering:
            return
        self._duck(barge_in.suspects and not found)
        if found:
            barge_in.begin()
            self.interruptions += 1
            self._tell(ev.SpokenInto(at - BEGAN_S, self._clock.now()))

    def _duck(self, ducks: bool) -> None:
        """Play the answer softer, or as it is again."""
        if ducks == self._ducks:
            return
        self._ducks, self._softer_from = ducks, None
        self.suspicions += ducks
        self._echo.loudspeaker.duck(DUCKED_DB if ducks else 0.0)

    def _is_softer(self, at: float) -> bool:
        """Whether of what is heard from `at` on all echo is of samples that were played softer."""
        if self._softer_from is None or self.delay_s is None:
            return False
        return at >= self._softer_from + max(self.delay_s, 0.0) + FADED_S


class _Way:
    """One card's samples on their way to 16 kHz, and when they passed the card, as its newest time tells."""

    def __init__(self, codecs: Codecs, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._resampler = codecs.resampler(rate_hz, RATE_HZ)
        self._taken = self._given = 0

    def bring(self, pcm: Pcm, at: float) -> tuple[Pcm, float]:
        """What the next samples completed, and when the first of that passed; the first of `pcm` passed at `at`."""
        begin_at = at - self._taken / self.rate_hz + duration_s(self._given)
        brought = self._resampler.process(pcm)
        self._taken += len(pcm)
        self._given += len(brought)
        return brought, begin_at


def _ends_at(frame: Block) -> float:
    return frame.captured_at + duration_s(len(frame.pcm) - 1)
