"""The jitter buffer: an answer's samples between the network and the sound card, in order and never dropped.

Over a WebSocket nothing is lost or reordered; frames come late in bursts, or far ahead. So an answer starts with
little in hand, and where the link is known to hold frames up, it is spoken a little slower until there is a reserve.
What runs ahead is reserve too. When all was played and more must come, the codec bridges 60 ms, then there is a pause.
Lengths are in samples at 16 kHz where no unit is named.
"""

from collections import deque
from collections.abc import Callable
from enum import StrEnum

import numpy as np

from hero365_edge.core import stretch
from hero365_edge.core.delay import BUCKET_S, DelayModel
from hero365_edge.core.pcm import EMPTY, RATE_HZ, Pcm, duration_s, samples_of, silence
from hero365_edge.core.tally import Tally

STEP = samples_of(10)
"""How often it is decided anew whether to slow down."""
START = samples_of(40)
"""An answer begins, and goes on behind a pause, with so much in hand, and with its second piece."""
START_MORE = samples_of(60)
"""So much unless the server is known not to run ahead: if it does, that takes no longer."""
AGAIN = samples_of(300)
"""Behind an answer's second pause (its first, where BAD_S is expected) it waits for so much, then for twice that…"""
BAD_S = 1.0
BRIDGE = samples_of(60)
"""So much is concealed at the most; a codec's guess is no speech any more after that."""
RESERVE = 2.0
"""Slow down until so many times the lateness to expect is in hand: now and then a piece is later than expected."""
LEAST_RESERVE = samples_of(400)
"""But where any lateness is expected until this much: on some links an outage is rare, and long when it comes."""
MOST_RESERVE = samples_of(1200)
"""And until no more than this; what the rest of a long answer waits for outside is a little more."""
NEARLY_DRY = 1.5
LEAST_DRY = samples_of(200)
"""With less in hand than so many times that lateness, or than so much, slow down more."""
SLOW = 0.12
"""How much slower than spoken, as a rule: PLCMOS 4.70 becomes 4.58."""
SLOWEST = 0.25
"""The same when nearly dry."""
SLOW_IN_SILENCE = 0.6
"""The same between words, where nobody hears it."""


class Playout(StrEnum):
    """What the buffer is doing."""

    IDLE = "idle"
    PRIMING = "priming"
    """Collecting a start's worth before the first sample, or before going on after a pause."""
    PLAYING = "playing"
    BRIDGING = "bridging"
    """All was played, and the codec conceals that more should have come."""
    DRY = "dry"
    """All was played: an underrun if more of the answer comes, else its end."""


class JitterBuffer:
    """Samples at 16 kHz in, the same samples out, when it is time. Told the time."""

    def __init__(self, start_ms: int) -> None:
        """`start_ms`: the longest that the first sample waits for more before it is played (PRODUCT section 6)."""
        self._most = samples_of(start_ms)
        self._chunks: deque[Pcm] = deque()
        self._filling = EMPTY
        self._past = silence(stretch.PAST)
        self._primed_by = 0.0
        self._pauses = 0
        self._ended = False
        self._credit = 0.0
        self._bridged = 0
        self._ran_dry_at: float | None = None
        self._silent_from = 0.0
        self._came_since = 0
        self._missed = 0
        self._level = 1.0
        self._faded = stretch.FADE
        self.conceal: Callable[[int], Pcm] | None = None
        """The codec's concealment of so many samples behind its newest, if this answer's has one."""
        self.model = DelayModel()
        """Kept from answer to answer: the link is the same."""
        self.tally = Tally()
        self.state = Playout.IDLE
        self.buffered = 0
        """Samples of content in hand."""

    @property
    def lost(self) -> int:
        """Samples of content that came and are nowhere: always 0."""
        return self.tally.put - self.tally.given - self.tally.dropped - self.buffered

    def put(self, pcm: Pcm, now: float) -> None:
        """Take the next samples, shape (n,); behind an end they open the next answer, joined without a gap."""
        if len(pcm) == 0:
            return
        if self._ended and self.state in {Playout.BRIDGING, Playout.DRY}:
            self.state = Playout.IDLE
        if self.state is Playout.IDLE:
            self._ran_dry_at = None
        if self.state in {Playout.IDLE, Playout.DRY}:
            self._pauses += self.state is Playout.DRY
            self.state = Playout.PRIMING
            self._primed_by = now + duration_s(max(self._most, self._again))
        if self._ran_dry_at is not None:
            self.tally.late_frames += now > self._ran_dry_at + duration_s(self._came_since)
            self._came_since += len(pcm)
        self._count_missed()
        self._ended = False
        self.model.arrived(duration_s(len(pcm)), now, awaited=self.buffered < MOST_RESERVE)
        self._chunks.append(pcm)
        self.buffered += len(pcm)
        self.tally.put += len(pcm)

    def end(self) -> None:
        """The answer is complete: what is in hand is all there is."""
        self._ended = True
        self._pauses = self._missed = 0
        self.model.ended()

    def missed(self, samples: int) -> None:
        """The card had to play so many samples of silence though this was PLAYING: it asked earlier than expected."""
        self._missed += samples
        if self.buffered:
            self._count_missed()

    @property
    def deadline(self) -> float | None:
        """When to ask `take` again though nothing new has come; None when only `put` or the card can change things."""
        return self._primed_by if self.state is Playout.PRIMING else None

    @property
    def finished(self) -> bool:
        """Whether the answer has ended and all of it was taken."""
        return self._ended and not self.buffered

    def take(self, want: int, ahead: int, now: float, need: int = 1) -> Pcm:
        """The next samples for the card, `want` at most and often fewer; none while priming or dry.

        The card still holds `ahead` samples. It will run dry before it can be asked again if it has less than
        `need`: only for that is something put in that is not content, and then `state` is BRIDGING.
        """
        if want <= 0:
            return EMPTY
        if self.state is Playout.BRIDGING and (self.buffered or self._ended):
            self._go_on(now, ahead)
        if self.state is Playout.PRIMING and self._ready(now):
            self._go_on(now, ahead)
        if self.state is Playout.PLAYING and not self.buffered and not len(self._filling):
            if self._ended:
                self.state = Playout.PLAYING if ahead else Playout.DRY
            elif ahead < need:
                self._run_dry(now, ahead)
        if self.state is Playout.PLAYING:
            return self._remember(self._content(want, ahead))
        if self.state is Playout.BRIDGING and ahead < need:
            return self._remember(self._bridge(want, now, ahead))
        return EMPTY

    def flush(self) -> int:
        """Forget the answer, for the next one; how many samples of content were still in hand."""
        dropped = self.buffered
        self.tally.dropped += dropped
        self._chunks.clear()
        self._filling = EMPTY
        self.buffered = 0
        self._ended = False
        self._pauses = self._missed = 0
        self._faded = stretch.FADE
        self.state = Playout.IDLE
        self.model.ended()
        return dropped

    # -- starting and going on ------------------------------------------------------------------------------------

    @property
    def _again(self) -> int:
        """So many samples are worth a wait behind one pause of many; 0 at the start, or if the server runs ahead."""
        doublings = self._pauses - (1 if self.model.target_s >= BAD_S else 2)
        return min(AGAIN << doublings, MOST_RESERVE) if doublings >= 0 and self.model.ahead is False else 0

    def _ready(self, now: float) -> bool:
        enough = self._again or min(START if self.model.ahead is False else START_MORE, self._most)
        return self._ended or now >= self._primed_by or (self.buffered >= enough and len(self._chunks) > 1)

    def _go_on(self, now: float, ahead: int) -> None:
        """Play; behind an underrun, count what it cost and begin softly."""
        if self._ran_dry_at is not None and self.buffered:
            paused = round((now - self._silent_from) * RATE_HZ) + ahead if self.state is Playout.PRIMING else 0
            self.tally.underruns += 1
            self.tally.concealed += self._bridged
            self.tally.pauses += paused > 0
            self.tally.silent += max(0, paused)
            self._level = 1 - self._bridged / self._bridge_most if self._bridged else 0.0
            self._faded = 0
        self._ran_dry_at = None
        self._filling = EMPTY
        self._credit = 0.0
        self.state = Playout.PLAYING

    def _count_missed(self) -> None:
        """Of use only when more of the answer came: else it was its end."""
        if self._missed and self._ran_dry_at is None:
            self.tally.underruns += 1
            self.tally.pauses += 1
        self.tally.silent += self._missed
        self._missed = 0

    # -- content --------------------------------------------------------------------------------------------------

    def _content(self, want: int, ahead: int) -> Pcm:
        if self._faded < stretch.FADE:
            soft = stretch.faded_in(self._pop(min(want, stretch.FADE - self._faded)), self._level, self._faded)
            self._faded += len(soft)
            return soft
        if not len(self._filling) and (slow := self._slow_down(self.buffered + ahead)):
            want = min(want, STEP)
            if self._credit > 0 and self.buffered >= stretch.COMING:
                self._filling = stretch.insertion(self._past, self._first(stretch.COMING))
                self._credit -= len(self._filling)
                self.tally.stretched += len(self._filling)
            if not len(self._filling):
                self._credit = min(self._credit + want * slow / (1 - slow), float(stretch.LONGEST))
        if len(self._filling):
            piece, self._filling = self._filling[:want], self._filling[want:]
            return piece
        return self._pop(want)

    def _slow_down(self, depth: int) -> float:
        """By how much to speak slower now."""
        late = self.model.target_s * RATE_HZ
        reserve = min(max(RESERVE * late, LEAST_RESERVE), MOST_RESERVE)
        enough = depth >= reserve or self.model.target_s <= BUCKET_S
        if enough or self._ended or self.model.ahead is not False or not self.buffered:
            return 0.0
        if stretch.silent(self._first(STEP)):
            return SLOW_IN_SILENCE
        return SLOWEST if depth < max(NEARLY_DRY * late, LEAST_DRY) else SLOW

    def _first(self, samples: int) -> Pcm:
        """The next `samples` in hand, or fewer, in one piece; they stay in hand."""
        while len(self._chunks) > 1 and len(self._chunks[0]) < samples:
            self._chunks.appendleft(np.concatenate([self._chunks.popleft(), self._chunks.popleft()]))
        return self._chunks[0][:samples]

    def _pop(self, want: int) -> Pcm:
        if not self._chunks:
            return EMPTY
        chunk = self._chunks.popleft()
        if len(chunk) > want:
            self._chunks.appendleft(chunk[want:])
            chunk = chunk[:want]
        self.buffered -= len(chunk)
        self.tally.given += len(chunk)
        return chunk

    # -- when there is none ---------------------------------------------------------------------------------------

    def _run_dry(self, now: float, ahead: int) -> None:
        self.state = Playout.BRIDGING
        self._bridged = 0
        self._came_since = 0
        self._ran_dry_at = now + duration_s(ahead)
        self._silent_from = self._ran_dry_at

    def _bridge(self, want: int, now: float, ahead: int) -> Pcm:
        """The next piece of concealment, fading; then a pause."""
        if not len(self._filling):
            # Behind silence there is nothing to go on with, and most ends that nobody announced are such. A card that
            # fell silent before it could be given an ending needs none any more.
            too_late = self.conceal is None and self._missed > 0
            nothing = not self._bridged and (too_late or stretch.silent(self._past[-STEP:]))
            if nothing or self._bridged >= self._bridge_most:
                self.state = Playout.DRY
                return EMPTY
            self._filling = self._concealment()
        piece, self._filling = self._filling[:want], self._filling[want:]
        self._bridged += len(piece)
        self._silent_from = now + duration_s(ahead + len(piece))
        return piece

    @property
    def _bridge_most(self) -> int:
        return stretch.FADE if self.conceal is None else BRIDGE

    def _concealment(self) -> Pcm:
        """What the codec makes of it; where it makes nothing, just no click."""
        if self.conceal is None:
            return stretch.ending(self._past)
        level = np.linspace(1 - self._bridged / BRIDGE, 1 - (self._bridged + STEP) / BRIDGE, STEP, dtype=np.float32)
        return np.round(self.conceal(STEP) * level).astype(np.int16)

    def _remember(self, pcm: Pcm) -> Pcm:
        if len(pcm) >= stretch.PAST:
            self._past = pcm[-stretch.PAST :]
        elif len(pcm):
            self._past = np.concatenate([self._past, pcm])[-stretch.PAST :]
        return pcm
