"""What the speaker plays, laid beside what the microphone hears at the same time: the echo canceller's reference."""

from dataclasses import dataclass, field

import numpy as np

from hero365_edge.core.pcm import EMPTY, FRAME_SAMPLES, RATE_HZ, Pcm, duration_s, samples_of, silence

LEAD_MS = 10.0
"""The reference is given so much early: a card's times are right within a few ms, and an echo that came before its
reference could not be taken out."""
KEPT_S = 3.0
"""So much is kept, the microphone's ring and more."""
SETTLED_S = 0.25
"""A card's times are right so long after it was woken, counted in what it was given; until then up to 50 ms early."""
JUMP_SAMPLES = samples_of(20)
"""Frames follow one another sample by sample: the cards' times wobble. Further off than this, they are believed."""


@dataclass(slots=True)
class _Stretch:
    """What was given to a card without a hole."""

    number: int
    began_at: float = 0.0
    """When its first sample left, or will leave."""
    first: int = 0
    """The number of the first sample of `pcm`; what was before is forgotten."""
    pcm: Pcm = field(default_factory=lambda: EMPTY)
    over: bool = False
    following: int | None = None
    """The number of the sample that follows on the last frame."""

    @property
    def length(self) -> int:
        """How many samples it has had so far."""
        return self.first + len(self.pcm)

    @property
    def ends_at(self) -> float:
        return self.began_at + duration_s(self.length)


class Reference:
    """Told in pieces what is played, asked frame by frame for what belongs to what is heard."""

    def __init__(self) -> None:
        self._stretches: list[_Stretch] = []
        self.lead_s = LEAD_MS / 1000
        """So much earlier than its echo, as far as the cards' times tell, each frame is given."""

    def played(self, number: int, pcm: Pcm, leaves_at: float) -> None:
        """The next samples, at 16 kHz, of a stretch; `leaves_at`: when the first of them leaves the card.

        None at all: the card was stopped at that time, and what should have left it later never did.
        """
        if not self._stretches or self._stretches[-1].number != number:
            self._begin(number)
        stretch = self._stretches[-1]
        if stretch.over:
            return
        if len(pcm):
            stretch.began_at = leaves_at - duration_s(stretch.length)
            whole = np.concatenate([stretch.pcm, pcm])
            kept = whole[-samples_of(1000 * KEPT_S) :]
            stretch.first += len(whole) - len(kept)
            stretch.pcm = kept
        else:
            stretch.over = True
            heard = round((leaves_at - stretch.began_at) * RATE_HZ) - stretch.first
            stretch.pcm = stretch.pcm[: max(0, heard)]

    def covers(self, at: float) -> bool:
        """Whether all is known that belongs to the frame captured from `at` on, and when it left."""
        if not self._stretches or self._stretches[-1].over:
            return True
        newest = self._stretches[-1]
        settled = newest.length >= samples_of(1000 * SETTLED_S)
        return settled and newest.ends_at >= at + self.lead_s + duration_s(FRAME_SAMPLES)

    def lead_by(self, lead_s: float) -> None:
        """Give frames so much earlier than the cards' times say, from the next one on."""
        self.lead_s = lead_s
        for stretch in self._stretches:
            stretch.following = None

    def frame(self, at: float) -> Pcm:
        """The 320 samples that belong to the frame captured from `at` on; frames are asked for in order."""
        frame = silence(FRAME_SAMPLES)
        for stretch in self._stretches:
            begin = self._number(stretch, at + self.lead_s)
            if stretch.following is not None and abs(begin - stretch.following) <= JUMP_SAMPLES:
                begin = stretch.following
            stretch.following = begin + FRAME_SAMPLES
            _lay(stretch, begin, frame)
        return frame

    def sound(self, at: float, samples: int) -> Pcm:
        """What left the card from `at` on, by its times alone."""
        sound = silence(samples)
        for stretch in self._stretches:
            _lay(stretch, self._number(stretch, at), sound)
        return sound

    def _begin(self, number: int) -> None:
        if self._stretches:
            self._stretches[-1].over = True
            newest_at = self._stretches[-1].ends_at
            self._stretches = [each for each in self._stretches if each.ends_at > newest_at - KEPT_S]
        self._stretches.append(_Stretch(number))

    @staticmethod
    def _number(stretch: _Stretch, at: float) -> int:
        """Which of its samples left at that time."""
        return round((at - stretch.began_at) * RATE_HZ)


def _lay(stretch: _Stretch, begin: int, sound: Pcm) -> None:
    """Write the stretch's samples from number `begin` on over those of `sound`, where it has them."""
    first, last = max(begin, stretch.first), min(begin + len(sound), stretch.length)
    if first < last:
        sound[first - begin : last - begin] = stretch.pcm[first - stretch.first : last - stretch.first]
