"""Counts at the backend by content: which spoken utterance each executed one is, by its wave."""

from collections import Counter, deque

import numpy as np
from numpy.typing import NDArray

from hero365_edge.core.pcm import RATE_HZ, Pcm, samples_of
from tests.listening import find

RECENT = 14
"""So many utterances back a copy is recognised; an older one would be past its age many times over."""
ALIKE = 0.65
"""Speech of others is less like it, also where it says the same word; Opus leaves 0.85 and more."""
IN_ONE_PIECE = 0.95
_PIECE = samples_of(300)
_LOUD = 400.0
_MOST_PIECES = 3


class Tally:
    """Told what is spoken and what was executed."""

    def __init__(self) -> None:
        self.executed: Counter[int] = Counter()
        """How often each utterance, by its number, was executed."""
        self.unknown = 0
        """Executed utterances with sound in them that nobody spoke."""
        self.torn: set[int] = set()
        """Those that the microphone did not hear in one piece, by a copy that came as it was recorded: whoever spoke
        them stuttered. The seed's backend takes a pause of 600 ms for the end, and what follows for another order."""
        self._spoken: deque[tuple[int, NDArray[np.float64]]] = deque(maxlen=RECENT)

    def spoke(self, number: int, pcm: Pcm) -> None:
        """This is about to be spoken."""
        self._spoken.append((number, pcm.astype(np.float64)))

    def execute(self, pcm: Pcm, *, as_recorded: bool = False) -> str:
        """The backend executes what it heard as `pcm`; silence is none of anybody's words. What it is taken for."""
        pieces = _loud_pieces(pcm)
        if not pieces:
            return "silence"
        likeness, number = max(((_like(pieces, spoken), number) for number, spoken in self._spoken), default=(0.0, 0))
        if likeness < ALIKE:
            self.unknown += 1
            return f"unknown, most like {number} ({likeness:.2f})"
        self.executed[number] += 1
        spoken = next(each for known, each in self._spoken if known == number)
        if as_recorded and find(spoken.astype(np.int16), pcm).likeness < IN_ONE_PIECE:
            self.torn.add(number)
        return f"{number} ({likeness:.2f})"


def _loud_pieces(pcm: Pcm) -> list[NDArray[np.float64]]:
    """Pieces of 300 ms, half of each in the next, the loudest few; none when all is quiet."""
    wave = pcm.astype(np.float64)
    made = [wave[at : at + _PIECE] for at in range(0, len(wave) - _PIECE + 1, _PIECE // 2)]
    loud = [piece for piece in made if np.square(piece).mean() > _LOUD**2]
    return sorted(loud, key=lambda piece: -float(np.square(piece).sum()))[:_MOST_PIECES]


def _like(pieces: list[NDArray[np.float64]], whole: NDArray[np.float64]) -> float:
    """How like they are to parts of the whole on the average."""
    return sum(_likeness(piece, whole) for piece in pieces) / len(pieces)


def _likeness(piece: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    """How like the piece is to the part of the whole that it is most like: 1 is the same wave."""
    around = np.concatenate([np.zeros(len(piece)), whole, np.zeros(len(piece))])
    size = 1 << (len(around) + len(piece)).bit_length()
    products = np.fft.irfft(np.fft.rfft(around, size) * np.conj(np.fft.rfft(piece, size)), size)
    power = np.concatenate([[0.0], np.cumsum(np.square(around))])
    here = power[len(piece) :] - power[: -len(piece)]
    return float((products[: len(here)] / np.sqrt(np.maximum(here, 0.05 * here.max()) * np.square(piece).sum())).max())


def pool(clips: list[Pcm]) -> list[Pcm]:
    """Utterances of 0.85 s cut from longer speech, loud for the most part, no two of which have a part in common."""
    length = int(0.85 * RATE_HZ)
    made = [clip[at : at + length] for clip in clips for at in range(0, len(clip) - length, length)]
    return [each for each in made if len(_loud_pieces(each)) >= _MOST_PIECES]
