"""Whether a text is the whole answer: neither the seed's text nor its stream of sound tells of the other.

So it is learned how long behind its text this backend's sound begins. Where it always came with its text or before it,
a text without is complete at once. In `v1` sound is announced, and its end told.
"""

from collections import deque

UNKNOWN_S = 1.0
"""So long sound is waited for where nothing was learned yet: the seed wants the first within 0.6 s of the question."""
MARGIN = 1.5
MARGIN_S = 0.3
"""What came late once may come so much later: a share, and a constant."""
MOST_S = 3.0
"""And no longer than this is waited."""
ANNOUNCED_S = 10.0
"""But for sound that was announced: a link that gives nothing for so long is dead, and found out by then."""
UNRELATED_S = 10.0
"""What sounds so long behind a text is not its sound."""
LEARNED_FROM = 8
"""So many of the newest answers count."""


class TextAlone:
    """The text whose sound has not begun, if there is one. Told the time."""

    def __init__(self) -> None:
        self._behind_s: deque[float] = deque(maxlen=LEARNED_FROM)
        self._awaited = True
        self._text_at: float | None = None
        self._announced_at: float | None = None
        self._over = False

    def forget(self) -> None:
        """Another answer is next, or no more of this one can come."""
        self._awaited = True
        self._text_at = self._announced_at = None
        self._over = False

    def text_came(self, now: float) -> None:
        """A text of the answer; its first counts, unless sound came before."""
        if self._text_at is None and self._awaited:
            self._text_at = now

    def sound_announced(self, now: float) -> None:
        """`v1`: the answer's sound follows."""
        self._announced_at = now
        self._over = False

    def sound_over(self) -> None:
        """`v1`: no more sound follows."""
        self._over = True

    def sound_began(self, now: float) -> None:
        """Sound of the answer; its first tells how long behind the text this backend sends it."""
        behind_s = 0.0 if self._text_at is None else now - self._text_at
        if self._awaited and behind_s <= UNRELATED_S:
            self._behind_s.append(behind_s)
        self._awaited = False
        self._text_at = None

    @property
    def wait_s(self) -> float:
        """So long behind a text its sound may begin, unless it is announced."""
        longest_s = max(self._behind_s, default=None)
        if longest_s is None:
            return UNKNOWN_S
        return min(MARGIN * longest_s + MARGIN_S, MOST_S) if longest_s else 0.0

    @property
    def since(self) -> float | None:
        """When the text counts as the whole answer; None while there is none without sound."""
        if self._text_at is None or self._over:
            return self._text_at
        if self._announced_at is not None:
            return max(self._announced_at, self._text_at) + ANNOUNCED_S
        return self._text_at + self.wait_s
