"""Somebody speaks into an answer, or nobody does: what the canceller leaves, and what the referee makes of it."""

import numpy as np

from hero365_edge.core.gate import CHUNK_SAMPLES
from hero365_edge.core.interruption import FRAMES, Interruption
from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm, silence

HEARD = np.random.default_rng(1).normal(0, 2_000, FRAME_SAMPLES).astype(np.int16)


class Perfect:
    """Leaves a share of what is heard."""

    def __init__(self) -> None:
        self.left = 0.001

    def cancel(self, heard: Pcm, played: Pcm) -> Pcm:
        assert len(heard) == len(played) == FRAME_SAMPLES
        return np.round(heard * self.left).astype(np.int16)

    def reset(self) -> None:
        """It knows no room."""


class Believer:
    def __init__(self) -> None:
        self.likely = 0.9

    def likelihood(self, chunk: Pcm) -> float:
        assert len(chunk) == CHUNK_SAMPLES
        return self.likely

    def reset(self) -> None:
        """It has no memory."""


def frames_until(canceller: Perfect, referee: Believer) -> int | None:
    interruption = Interruption(canceller, referee)
    told = [interruption.frame(HEARD, silence(FRAME_SAMPLES)) for _ in range(50)]
    return told.index(True) + 1 if True in told else None


def test_a_voice_that_is_left_and_believed_interrupts_after_some_frames() -> None:
    canceller, referee = Perfect(), Believer()
    canceller.left = 0.5
    assert frames_until(canceller, referee) == FRAMES + 1, "the first chunk is whole in the second frame"


def test_what_is_left_of_an_echo_does_not_though_it_sounds_like_speech() -> None:
    assert frames_until(Perfect(), Believer()) is None


def test_nor_does_a_noise_however_loud() -> None:
    canceller, referee = Perfect(), Believer()
    canceller.left, referee.likely = 1.0, 0.1
    assert frames_until(canceller, referee) is None
