"""When samples cross the border between a program and its sound cards, seen from outside of that program.

ALSA's `file` plugin copies into a pipe what a program gives a card, or takes from one, in the call in which it does;
another process reads the pipes and looks at the clock. So a sample is found by what it is, and its time by when
the plugin passed it on: nothing of the program's own bookkeeping is in it.

As a program: `python -m tests.crossings PIPE…`; SIGTERM ends it, and beside each pipe then lies a file `.npz`.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import multimode

import numpy as np
from numpy.typing import NDArray

from hero365_edge.core.pcm import RATE_HZ, Pcm
from tests.alsa_rig import AlsaRig

SPEAKER, MICROPHONE = "hero_seen_spk", "hero_seen_mic"
NEWEST_S = 10.0
STOPPED_S, AT_ONCE_S = 0.1, 0.001
_ALSA = """
pcm.{microphone} {{ type asym capture.pcm {{ type file slave.pcm "hero_mic" file "{heard}" format raw }} }}
pcm.{speaker} {{ type asym playback.pcm {{ type file slave.pcm "hero_spk" file "{spoken}" format raw }} }}
"""


@dataclass(frozen=True, slots=True)
class Crossings:
    """What went through one pipe."""

    pcm: Pcm
    at: NDArray[np.float64]
    """When each piece came, on the monotonic clock."""
    ends: NDArray[np.int64]
    """How many samples there were with it."""

    def begins(self, count: int) -> NDArray[np.int64]:
        """Where sound begins behind a quarter of a second, or more, of nothing; the last so many times."""
        loud = np.flatnonzero(self.pcm)
        return loud[np.diff(loud, prepend=-RATE_HZ) > RATE_HZ // 4][-count:]

    def crosses_at(self, rate_hz: int, *, whole: bool) -> float:
        """When sample 0 would have crossed, had each crossed by itself at this rate, by the last seconds.

        A speaker's card asks for a block when it wants its first sample; a microphone's gives a block (`whole`) when
        it has its last.
        """
        edges = self.ends if whole else self._firsts
        newest = (self.at > self.at[-1] - NEWEST_S)[:-1]
        return float(np.median((self.at - (edges + self._kept_back()) / rate_hz)[:-1][newest]))

    @property
    def _firsts(self) -> NDArray[np.int64]:
        return np.concatenate([[0], self.ends[:-1]])

    def _kept_back(self) -> int:
        """How much older what comes with a piece is than what crosses just then.

        The plugin keeps back as many samples as the card's buffer has (pcm_file.c), and gives them when the card is
        stopped, at once: more than a usual piece. Once in a while one comes right before: what most of the stops show.
        """
        usual = np.median(self.ends - self._firsts)
        stops = np.flatnonzero(np.diff(self.at, append=np.inf) > STOPPED_S)
        given = []
        for last in stops:
            first = last
            while first and self.at[first] - self.at[first - 1] < AT_ONCE_S:
                first -= 1
            given.append(int(self.ends[last] - self._firsts[first]))
        return min(multimode([kept for kept in given if kept > 1.5 * usual]))


class Witness:
    """Sees both pipes while the block of `seen` lasts; afterwards tells."""

    def __init__(self, spoken: Path, heard: Path) -> None:
        self._spoken, self._heard = spoken, heard

    def spoken(self) -> Crossings:
        """What the program gave the speaker's card."""
        return _read(self._spoken)

    def heard(self) -> Crossings:
        """What it took from the microphone's."""
        return _read(self._heard)


@contextmanager
def seen(alsa: AlsaRig) -> Iterator[Witness]:
    """Two more names for the rig's cards, SPEAKER and MICROPHONE, and somebody who sees what crosses there."""
    pipes = spoken, heard = alsa.folder / "spoken.pipe", alsa.folder / "heard.pipe"
    for pipe in pipes:
        os.mkfifo(pipe)
    config = alsa.folder / "asound.conf"
    before = config.read_text()
    command = [sys.executable, "-m", "tests.crossings", *map(str, pipes)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE) as witness:  # noqa: S603  our own program
        try:
            assert witness.stdout is not None
            assert witness.stdout.read(1) == b"."
            config.write_text(before + _ALSA.format(microphone=MICROPHONE, speaker=SPEAKER, heard=heard, spoken=spoken))
            yield Witness(spoken, heard)
        finally:
            config.write_text(before)
            witness.terminate()
            witness.wait(10)
            for pipe in pipes:
                pipe.unlink()


def _read(pipe: Path) -> Crossings:
    with np.load(pipe.with_suffix(".npz")) as kept:
        return Crossings(kept["pcm"], kept["at"], kept["ends"])


def main(pipes: Sequence[Path]) -> None:
    """Read until told to end."""
    with suppress(PermissionError):  # so that a busy computer does not make two pieces of one
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    done: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: done.append(True))
    # For writing too: so the pipe has a reader before the program, and no end behind it.
    inlets = {os.open(pipe, os.O_RDWR | os.O_NONBLOCK): pipe for pipe in pipes}
    pieces: dict[int, list[tuple[float, bytes]]] = {inlet: [] for inlet in inlets}
    os.write(1, b".")
    while not done:
        ready, _, _ = select.select(list(inlets), [], [], 0.1)
        now = time.monotonic()
        for inlet in ready:
            pieces[inlet].append((now, os.read(inlet, 1 << 20)))
    for inlet, pipe in inlets.items():
        ends = np.cumsum([len(data) for _, data in pieces[inlet]]) // 2
        pcm = np.frombuffer(b"".join(data for _, data in pieces[inlet]), np.int16)
        np.savez(pipe.with_suffix(".npz"), pcm=pcm, at=np.array([at for at, _ in pieces[inlet]]), ends=ends)


if __name__ == "__main__":
    main([Path(pipe) for pipe in sys.argv[1:]])
