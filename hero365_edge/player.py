"""Keeps the sound card fed: jitter buffer, the card's rate, volume and earcons, up to the speaker's queue."""

from dataclasses import dataclass

import numpy as np

from hero365_edge.codec_ports import Codecs, Resampler
from hero365_edge.core.jitter import JitterBuffer
from hero365_edge.core.pcm import EMPTY, RATE_HZ, Pcm, samples_of
from hero365_edge.core.sniff import AudioKind
from hero365_edge.errors import DeviceError
from hero365_edge.ports import Speaker

AHEAD_MS = 120
"""So much is handed to the card's queue ahead; a flush drops it all the same."""
CHIME_AHEAD_MS = 60
"""An answer waits for as much of an earcon at the most."""
START_LIMIT_S = 0.1
"""A card that was woken takes its first samples within this, or is in trouble that its keeper will see."""
POLL_S = 0.005


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
        self._taken_at_wake = -1
        self._start_by = 0.0

    @property
    def buffered(self) -> int:
        """Samples at 16 kHz that wait to be handed to the card's queue."""
        return self._jitter.buffered

    @property
    def deadline(self) -> float | None:
        """When `feed` has something to do though nothing new came."""
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
    def underruns(self) -> int:
        """How often the card ran dry in the middle of an answer."""
        return self._jitter.underruns

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

    def end(self) -> None:
        """The answer is complete."""
        self._jitter.end()

    def chime(self, pcm: Pcm) -> None:
        """Play an earcon; the caller knows that no answer is under way."""
        self._chime = np.concatenate([self._chime, pcm])

    def feed(self, now: float) -> None:
        """Hand to the card's queue what is due."""
        speaker = self._speaker
        if self._first is None and not self._jitter.buffered and not len(self._chime):
            return
        if self.starting(now):
            return
        room = self._room(AHEAD_MS)
        due = [EMPTY]
        ahead = speaker.queued_samples
        while room > 0 and len(pcm := self._jitter.take(room, ahead, now)):
            due.append(self._to_card().process(pcm))
            room -= len(pcm)
            ahead += len(due[-1]) or 1  # the converter may hold all of it back; the card will have it all the same
        nearly_dry = speaker.queued_samples + sum(map(len, due)) <= speaker.period_samples
        if not self._jitter.buffered and self._converter is not None and (self._jitter.finished or nearly_dry):
            # The rate converter's last milliseconds belong before a pause, not behind it.
            due.append(self._converter.finish())
        # In one piece: the first write may wake the card, which takes a whole period at once.
        self._write(np.concatenate(due))
        if self._first is None and len(self._chime) and (room := self._room(CHIME_AHEAD_MS)) > 0:
            self._feed_chime(room)

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
        """How much of the answer was heard: what the card has taken, less what is still inside it."""
        if self._first is None:
            return 0
        taken = self._speaker.handed_over
        last_heard_at = self._speaker.heard_at(taken - 1)
        inside_s = 0.0 if last_heard_at is None else max(0.0, last_heard_at - now)
        return max(0, round((taken - self._first) * 1000 / self._speaker.rate_hz - inside_s * 1000))

    def reset(self) -> None:
        """Forget the answer; what the card's queue holds is the caller's to flush."""
        self._jitter.flush()
        self._converter = None
        self._chime = EMPTY
        self._first = None

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
        if not self._speaker.rate_hz:
            raise DeviceError("no speaker was ever open")
        free = samples_of(ahead_ms, self._speaker.rate_hz) - self._speaker.queued_samples
        return -(-free * RATE_HZ // self._speaker.rate_hz)

    def _feed_chime(self, room: int) -> None:
        chunk, self._chime = self._chime[:room], self._chime[room:]
        pcm = self._to_card().process(chunk)
        if not len(self._chime):
            pcm = np.concatenate([pcm, self._to_card().finish()])
        self._speaker.write(self._at_volume(pcm))

    def _write(self, pcm: Pcm) -> None:
        if not len(pcm):
            return
        index = self._speaker.write(self._at_volume(pcm))
        if self._first is None:
            self._first = index
        self._end = index + len(pcm)

    def _at_volume(self, pcm: Pcm) -> Pcm:
        return pcm if self.volume == 1.0 else np.round(pcm * self.volume).astype(np.int16)
