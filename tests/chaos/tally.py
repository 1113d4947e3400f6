"""Counts at the backend by content: which spoken utterance each executed one is, by its wave."""

from collections import Counter, deque

import numpy as np
from numpy.typing import NDArray

from hero365_edge.core.pcm import RATE_HZ, Pcm, samples_of

RECENT = 14
"""So many utterances back a copy is recognised; an older one would be past its age many times over."""
ALIKE = 0.6
"""Speech of others is less like it, also where it says the same word; Opus leaves 0.8 and more."""
_PIECE = samples_of(300)
_LOUD = 400.0


class Tally:
    """Told what is spoken and what was executed."""

    def __init__(self) -> None:
        self.executed: Counter[int] = Counter()
        """How often each utterance, by its number, was executed."""
        self.unknown = 0
        """Executed utterances with sound in them that nobody spoke."""
        self._spoken: deque[tuple[int, NDArray[np.float64]]] = deque(maxlen=RECENT)

    def spoke(self, number: int, pcm: Pcm) -> None:
        """This is about to be spoken."""
        self._spoken.append((number, pcm.astype(np.float64)))

    def execute(self, pcm: Pcm) -> None:
        """The backend executes what it heard as `pcm`; silence is none of anybody's words."""
        piece = _loudest(pcm)
        if piece is None:
            return
        likeness, number = max(((_likeness(piece, spoken), number) for number, spoken in self._spoken), default=(0, 0))
        if likeness < ALIKE:
            self.unknown += 1
        else:
            self.executed[number] += 1


def _loudest(pcm: Pcm) -> NDArray[np.float64] | None:
    """The loudest 300 ms; None when even these are quiet."""
    wave = pcm.astype(np.float64)
    if len(wave) < _PIECE:
        return None
    power = np.concatenate([[0.0], np.cumsum(np.square(wave))])
    sums = power[_PIECE:] - power[:-_PIECE]
    at = int(np.argmax(sums))
    return wave[at : at + _PIECE] if sums[at] > _LOUD**2 * _PIECE else None


def _likeness(piece: NDArray[np.float64], whole: NDArray[np.float64]) -> float:
    """How like the piece is to the part of the whole that it is most like: 1 is the same wave."""
    around = np.concatenate([np.zeros(len(piece)), whole, np.zeros(len(piece))])
    size = 1 << (len(around) + len(piece)).bit_length()
    products = np.fft.irfft(np.fft.rfft(around, size) * np.conj(np.fft.rfft(piece, size)), size)
    power = np.concatenate([[0.0], np.cumsum(np.square(around))])
    here = power[len(piece) :] - power[: -len(piece)]
    return float((products[: len(here)] / np.sqrt(np.maximum(here, 0.05 * here.max()) * np.square(piece).sum())).max())


def pool(clips: list[Pcm]) -> list[Pcm]:
    """Utterances of 0.6 to 1 s cut from longer speech, no two of which have a part in common."""
    made: list[Pcm] = []
    length = int(0.85 * RATE_HZ)
    for clip in clips:
        made += [clip[at : at + length] for at in range(0, len(clip) - length, length)]
    return [each for each in made if (loud := _loudest(each)) is not None and _voiced_share(each, loud) > 0.5]


def _voiced_share(pcm: Pcm, loud: NDArray[np.float64]) -> float:
    blocks = pcm[: len(pcm) // 320 * 320].reshape(-1, 320).astype(np.float64)
    level = np.sqrt(np.square(blocks).mean(axis=1))
    return float((level > 0.1 * np.sqrt(np.square(loud).mean())).mean())
