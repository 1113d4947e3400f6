"""A phrase cache in memory: without a bound, and gone with the process."""

import asyncio

from hero365_edge.core.pcm import RATE_HZ, Pcm
from hero365_edge.speech_ports import LONGEST_PHRASE_S, Whose


class FakePhraseBook:
    """The PhraseBook port in memory; the verbs of the world are `stall` and `go_on`. Nothing is ever thrown away."""

    def __init__(self) -> None:
        self.trouble = ""
        self._kept: dict[str, tuple[Pcm, Whose]] = {}
        self._hits = self._misses = 0
        self._writing = asyncio.Event()
        self._writing.set()

    def stall(self) -> None:
        """The card takes its time: what is to be kept waits until `go_on`."""
        self._writing.clear()

    def go_on(self) -> None:
        """The card works again."""
        self._writing.set()

    @property
    def figures(self) -> dict[str, int]:
        """As the port has it; a phrase takes what its samples take."""
        taken = sum(pcm.nbytes for pcm, _ in self._kept.values())
        return {"phrases": len(self._kept), "bytes": taken, "hits": self._hits, "misses": self._misses}

    def find(self, text: str) -> Pcm | None:
        """The sound of this text, if it is known."""
        pcm, _ = self._kept.get(_key(text), (None, None))
        self._hits += pcm is not None
        self._misses += pcm is None
        return pcm

    def whose(self, text: str) -> Whose | None:
        """Who says this text."""
        _, whose = self._kept.get(_key(text), (None, None))
        return whose

    async def keep(self, text: str, pcm: Pcm, whose: Whose = Whose.AGENT) -> None:
        """Remember it, as soon as the card works."""
        await self._writing.wait()
        known = self.whose(text)
        better = known is None or (known is Whose.LOCAL and whose is Whose.AGENT)
        if better and text.strip() and 0 < len(pcm) <= LONGEST_PHRASE_S * RATE_HZ:
            self._kept[_key(text)] = (pcm.copy(), whose)


def _key(text: str) -> str:
    return " ".join(text.split())
