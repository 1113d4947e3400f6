"""Keeps the sound card fed: jitter buffer, the card's rate, volume and earcons, up to the speaker's queue."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from hero365_edge.codec_ports import Codecs, Resampler
from hero365_edge.core.jitter import JitterBuffer, Playout
from hero365_edge.core.pcm import EMPTY, RATE_HZ, Pcm, duration_s, samples_of
from hero365_edge.core.sniff import AudioKind
from hero365_edge.core.tally import Tally
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Speaker

AHEAD_MS = 120
"""So much is handed to the card's queue ahead; a flush drops it all the same."""
CHIME_AHEAD_MS = 60
"""An answer waits for as much of an earcon at the most."""
START_LIMIT_S = 0.1
"""A card that was woken takes its first samples within this, or is in trouble that its keeper will see."""
POLL_S = 0.005
URGENT_S = 0.006
"""So long before the card asks again it is decided that nothing more came in time: as late as the event loop can be
trusted, for what comes until then need not be bridged.
"""


class Gate(Enum):
    """What becomes of an answer's sound."""

    CLOSED = "dropped"
    HOLDING = "taken, not played"
    OPEN = "played"


@dataclass(frozen=True, slots=True)
class Playback:
    """The settings of the way down."""

    start_ms: int
    response_gap_ms: int
    """A stream without an end marker that was dry for so long seems to be over."""
    volume: float
    kind: AudioKind | None
    """`backend.downlink`; None when the first bytes tell."""


class Player:
    """One stream of samples at 16 kHz to the speaker; told the time. Raises DeviceError when the card is gone."""

    def __init__(self, speaker: Speaker, codecs: Codecs, start_ms: int) -> None:
        self._speaker = speaker
        self._codecs = codecs
        self._jitter = JitterBuffer(start_ms)
        self._converter: Resampler | None = None
        self._converter_hz = 0
        self.volume = 1.0
        """Linear, 0 to 1; at 1 the samples pass untouched."""
        self._chime: Pcm = EMPTY
        self._first: int | None = None
        self._end = 0
        self._padding: deque[tuple[int, int]] = deque()
        """Where in what was written no content came, and how much of it there was up to there, at 16 kHz."""
        self._sent = 0
        self._silent = 0
        self._taken_at_wake = -1
        self._start_by = 0.0

    @property
    def buffered(self) -> int:
        """Samples at 16 kHz that wait to be handed to the card's queue."""
        return self._jitter.buffered

    @property
    def deadline(self) -> float | None:
        """When `feed` has something to do though nothing new came."""
        if self._jitter.state in {Playout.PLAYING, Playout.BRIDGING} and not self._jitter.finished:
            enough = self._jitter.buffered or self._speaker.queued_samples >= self._speaker.period_samples
            return None if enough else self._urgent_at
        return self._jitter.deadline

    def starting(self, now: float) -> bool:
        """Whether the card, just woken, still has to take its first samples.

        A card that starts fills its whole buffer at once, some 80 ms: with silence, unless as much of the answer is
        there. What is written a little at a time must come behind that, or it begins with a hole.
        """
        if self._first is not None or now >= self._start_by or self._jitter.buffered >= samples_of(AHEAD_MS):
            return False
        return self._taken == self._taken_at_wake

    @property
    def tally(self) -> Tally:
        """What playing cost since the program began."""
        return self._jitter.tally

    def expect_lateness(self, spread_s: float) -> None:
        """How far the link's round trips differ; it counts until the first answer was heard."""
        self._jitter.model.seed(spread_s)

    @property
    def figures(self) -> dict[str, int]:
        """What playing cost since the program began, in counts and ms; `lost_ms` is 0 or there is a mistake."""
        tally = self._jitter.tally
        counts = {"late_frames": tally.late_frames, "underruns": tally.underruns, "pauses": tally.pauses}
        samples = {
            "content_ms": tally.put,
            "played_ms": tally.given,
            "silence_ms": tally.silent,
            "concealed_ms": tally.concealed,
            "stretched_ms": tally.stretched,
        }
        samples["lost_ms"] = self._jitter.lost
        return counts | {name: round(duration_s(count) * 1000) for name, count in samples.items()}

    @property
    def silent(self) -> bool:
        """Whether nothing is left to be heard, an earcon included."""
        return not (self._jitter.buffered or self._speaker.queued_samples or len(self._chime))

    def begin(self, now: float) -> None:
        """An answer is coming: let the card run."""
        self._taken_at_wake = self._taken
        self._start_by = now + START_LIMIT_S
        self._speaker.wake()

    def put(self, pcm: Pcm, now: float) -> None:
        """The next samples of the answer. What is left of an earcon gives way."""
        self._chime = EMPTY
        self._jitter.put(pcm, now)

    def bridge_with(self, conceal: Callable[[int], Pcm] | None) -> None:
        """What bridges a pause of this answer: its codec's concealment, if it has one."""
        self._jitter.conceal = conceal

    def end(self) -> None:
        """The answer is complete."""
        self._jitter.end()

    def chime(self, pcm: Pcm) -> None:
        """Play an earcon; the caller knows that no answer is under way."""
        self._chime = np.concatenate([self._chime, pcm])

    def feed(self, now: float) -> None:
        """Hand to the card's queue what is due."""
        self._note_silence()
        if self._first is None and not self._jitter.buffered and not len(self._chime):
            return
        if self.starting(now):
            return
        self._feed_content(now)
        if not self._jitter.buffered:
            self._feed_bridge(now)
        if self._first is None and len(self._chime) and (room := self._room(CHIME_AHEAD_MS)) > 0:
            self._feed_chime(room)

    def _note_silence(self) -> None:
        """Silence in the middle of an answer that the jitter buffer knows nothing of: the card asked too early."""
        silent = self._speaker.silent_samples - self._silent
        self._silent += silent
        going_on = self._jitter.state in {Playout.PLAYING, Playout.BRIDGING} and not self._jitter.finished
        if silent and going_on and self._first is not None:
            self._jitter.missed(self._at_16_khz(silent))

    def _feed_content(self, now: float) -> None:
        room = self._room(AHEAD_MS)
        ahead = self._at_16_khz(self._speaker.queued_samples)
        due = [EMPTY]
        content = self._jitter.buffered
        while room > 0 and len(pcm := self._jitter.take(room, ahead, now, need=0)):
            due.append(self._to_card().process(pcm))
            self._pad(sum(map(len, due)), len(pcm) - (content - self._jitter.buffered))
            content = self._jitter.buffered
            room -= len(pcm)
            ahead += len(pcm)  # the converter may hold some of it back; the card will have it all the same
        if self._jitter.finished and self._converter is not None:
            due.append(self._converter.finish())
        # In one piece: the first write may wake the card, which takes a whole period at once.
        self._write(np.concatenate(due))

    def _feed_bridge(self, now: float) -> None:
        """When the card is about to run dry: what the rate converter holds back, then what may stand for content."""
        lacking = self._speaker.queued_samples < self._speaker.period_samples
        waiting = self._jitter.state in {Playout.PLAYING, Playout.BRIDGING} and not self._jitter.finished
        if not waiting or not lacking or now < self._urgent_at:
            return
        if self._converter is not None:
            self._write(self._converter.finish())
        while self._speaker.queued_samples < self._speaker.period_samples:
            ahead = self._at_16_khz(self._speaker.queued_samples)
            pcm = self._jitter.take(samples_of(AHEAD_MS), ahead, now, need=ahead + 1)
            if not len(pcm):
                self._send(self._to_card().finish())
                return
            self._pad(0, len(pcm))
            self._send(self._to_card().process(pcm))

    def first_heard_at(self) -> float | None:
        """When the answer's first sample left the card; None before."""
        return None if self._first is None else self._speaker.heard_at(self._first)

    def all_heard_at(self, now: float) -> float | None:
        """When the complete answer's last sample left the card; None before. An empty answer is heard at once."""
        if not self._jitter.finished:
            return None
        if self._first is None:
            return now
        if self._speaker.handed_over < self._end and self._speaker.queued_samples:
            return None  # an empty queue behind an end that was not reached: the card is gone, and the rest with it
        return self._speaker.heard_at(self._end - 1) or now

    def heard_ms(self, now: float) -> int:
        """How much of the answer was heard: what the card has taken, less what is inside it and what is no content."""
        if self._first is None:
            return 0
        taken = self._speaker.handed_over
        last_heard_at = self._speaker.heard_at(taken - 1)
        inside_s = 0.0 if last_heard_at is None else max(0.0, last_heard_at - now)
        heard = taken - self._first - round(inside_s * self._speaker.rate_hz)
        padding = max((padding for begin, padding in self._padding if begin < heard), default=0)
        return max(0, round(duration_s(heard, self._speaker.rate_hz) * 1000 - padding * 1000 / RATE_HZ))

    def reset(self) -> None:
        """Forget the answer; what the card's queue holds is the caller's to flush."""
        self._jitter.flush()
        self._converter = None
        self._chime = EMPTY
        self._first = None
        self._padding.clear()
        self._sent = 0

    @property
    def _urgent_at(self) -> float:
        """When it has to be decided that nothing more came in time for the card's next question."""
        period_s = duration_s(self._speaker.period_samples, max(self._speaker.rate_hz, 1))
        return self._speaker.last_callback_at + max(0.0, period_s - URGENT_S)

    @property
    def _taken(self) -> int:
        """Grows with each callback of the card."""
        return self._speaker.handed_over + self._speaker.silent_samples

    def _to_card(self) -> Resampler:
        """The converter to the card's rate, which another card after a replug may have changed."""
        if self._converter is None or self._converter_hz != self._speaker.rate_hz:
            self._converter_hz = self._speaker.rate_hz
            self._converter = self._codecs.resampler(RATE_HZ, self._converter_hz)
        return self._converter

    def _room(self, ahead_ms: int) -> int:
        if not self._speaker.is_open:
            raise DeviceError("no speaker is open")
        free = samples_of(ahead_ms, self._speaker.rate_hz) - self._speaker.queued_samples
        return -(-free * RATE_HZ // self._speaker.rate_hz)

    def _at_16_khz(self, samples: int) -> int:
        return samples * RATE_HZ // self._speaker.rate_hz

    def _pad(self, behind: int, samples: int) -> None:
        """So many of the card's samples behind what was written come some, at 16 kHz, that are no content."""
        if samples:
            padding = self._padding[-1][1] if self._padding else 0
            self._padding.append((self._sent + behind, padding + samples))
        while len(self._padding) > 1 and self._padding[1][0] < self._sent - 2 * self._speaker.rate_hz:
            self._padding.popleft()

    def _feed_chime(self, room: int) -> None:
        chunk, self._chime = self._chime[:room], self._chime[room:]
        pcm = self._to_card().process(chunk)
        if not len(self._chime):
            pcm = np.concatenate([pcm, self._to_card().finish()])
        self._speaker.write(self._at_volume(pcm))

    def _write(self, pcm: Pcm) -> None:
        """Content of the answer, to the card."""
        if not len(pcm):
            return
        index = self._send(pcm)
        if self._first is None:
            self._first = index
        self._end = index + len(pcm)

    def _send(self, pcm: Pcm) -> int:
        self._sent += len(pcm)
        return self._speaker.write(self._at_volume(pcm))

    def _at_volume(self, pcm: Pcm) -> Pcm:
        return pcm if self.volume == 1.0 else np.round(pcm * self.volume).astype(np.int16)
