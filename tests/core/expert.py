"""A referee of speech for tests: as sure as it is told to be."""

from hero365_edge.core.pcm import Pcm
from hero365_edge.core.referee import CHUNK_SAMPLES


class Expert:
    """Port Referee. Remembers what it heard, and how often it was made to forget."""

    def __init__(self, likely: float = 0.0) -> None:
        self.likely = likely
        self.heard: list[Pcm] = []
        self.resets = 0

    @property
    def asked(self) -> int:
        """How many chunks it has heard."""
        return len(self.heard)

    def likelihood(self, chunk: Pcm) -> float:
        assert chunk.shape == (CHUNK_SAMPLES,)
        self.heard.append(chunk)
        return self.likely

    def reset(self) -> None:
        self.resets += 1
