"""Decides that somebody speaks into an answer where the echo's way is known well: by all that a linear filter leaves.

What stands far above the echo's remainder is no echo; what the referee believes in is speech. Both have to hold for a
quarter of a second. It finds in an echo what the canceller leaves too little of (core/interruption.py), and says
nothing until the filter has shown in this answer that it knows the way.
"""

from collections import deque

from hero365_edge.core.pcm import Pcm
from hero365_edge.core.referee import EchoHearing, Referee

ASK_DB = 3.0
"""What an echo leaves stands out so far in one frame of a thousand: else the referee is not asked."""
CLEAR_DB, LIKELY = 5.0, 0.2
"""A frame that stands out so far and is so likely speech is one of a voice's."""
FAR_DB, CONCEIVABLE = 12.0, 0.05
"""One that stands out so far need only be so likely: short words the referee doubts even where there is no echo."""
HINT_DB, HINTS, HINT_WINDOW = 7.0, 2, 3
"""So many frames of so many that stand out so far may be a voice of which the canceller leaves nothing yet: the answer
should be softer for a moment, so that it leaves more. Of answers alone hardly any do."""
SUSPECT_FRAMES = 25
"""So long behind the last such frames a suspicion lasts."""
FRAMES, WINDOW = 10, 16
"""So many such frames of so many interrupt. The referee needs 60 ms of a word to believe in it, so that these are
some 240 ms of speech (PRODUCT section 5). Of answers alone 1 was the most in 24 minutes."""
WITNESS_DB, WITNESSES = -26.0, 3
"""Of the same frames so many have to be no softer than this beside the loudest even behind the canceller, which takes
the echo of a way that has just changed for what it is."""
SUPPORT_DB, SUPPORTS = 2.0, 3
"""Of the same frames so many stand out so far when anybody speaks at all, in noise too; of answers alone that comes in
one window of a thousand. By itself the canceller let five words of 24 minutes pass for a voice."""
AS_EXPECTED_DB, ASTRAY_DB = 2.0, 4.0
"""A frame of an echo that stands out less than the first speaks for the filter, one that does more than the second
against it."""
AGAINST = 2
"""A frame that speaks against the filter takes away so many that speak for it."""
TRUSTED = 40
"""The filter is trusted from so many frames in its favour on, for the rest of the answer. A card that wakes may be some
ms off from where it was, and for a second or two an echo then stands out as a voice would."""


class NearVoice:
    """One answer's."""

    def __init__(self, referee: Referee) -> None:
        self._hearing = EchoHearing(referee, LIKELY)
        self._trust = 0
        self._voice: deque[bool] = deque(maxlen=WINDOW)
        self._witnesses: deque[bool] = deque(maxlen=WINDOW)
        self._hints: deque[bool] = deque(maxlen=HINT_WINDOW)
        self._suspect_frames = 0
        self._supports: deque[bool] = deque(maxlen=WINDOW)

    @property
    def trusts(self) -> bool:
        """Whether the filter has shown that it knows the echo's way."""
        return self._trust >= TRUSTED

    @property
    def suspects(self) -> bool:
        """Whether the answer should be played softer, to hear whether somebody speaks into it."""
        return self._suspect_frames > 0

    @property
    def denies(self) -> bool:
        """Whether it knows that nobody speaks, whatever the canceller leaves."""
        return self.trusts and sum(self._supports) < SUPPORTS

    def distrust(self) -> None:
        """The echo may come another way from here on."""
        self._trust = self._suspect_frames = 0
        self._voice.clear()

    def frame(self, left: Pcm, excess_db: float, beside_db: float, *, echoes: bool) -> bool:
        """Whether the next 320 samples at 16 kHz, as the filter leaves them, complete an interruption.

        `excess_db`: so far they stand above what an echo leaves and what is around (core/excess.py); `beside_db`: the
        level of what the canceller leaves of them beside the loudest that was heard; `echoes`: there is an echo in
        them from which can be told how good the filter is.
        """
        self._hearing.keep(left)
        self._supports.append(excess_db > SUPPORT_DB)
        if not self.trusts:
            self._earn(excess_db, echoes)
            return False
        self._hints.append(excess_db > HINT_DB)
        self._suspect_frames = SUSPECT_FRAMES if sum(self._hints) >= HINTS else max(0, self._suspect_frames - 1)
        self._hearing.ask(stands_out=excess_db > ASK_DB)
        likely = self._hearing.likely > (CONCEIVABLE if excess_db > FAR_DB else LIKELY)
        self._voice.append(excess_db > CLEAR_DB and likely)
        self._witnesses.append(beside_db > WITNESS_DB)
        return sum(self._voice) >= FRAMES and sum(self._witnesses) >= WITNESSES

    def _earn(self, excess_db: float, echoes: bool) -> None:
        if echoes and excess_db < AS_EXPECTED_DB:
            self._trust += 1
        elif echoes and excess_db > ASTRAY_DB:
            self._trust = max(0, self._trust - AGAINST)
