"""Softer without a step, and as it was written while nothing is to be softer."""

import numpy as np

from hero365_edge.core.ducking import Ducking

PIECE = np.full(320, 10_000, dtype=np.int16)


def test_what_is_not_to_be_softer_is_not_touched() -> None:
    loudest = np.array([-32768, 32767, 1, 0], dtype=np.int16)
    assert Ducking().apply(loudest) is loudest


def test_it_becomes_softer_and_loud_again_without_a_step() -> None:
    ducking = Ducking()
    ducking.by_db = 20.0
    softer = [ducking.apply(PIECE) for _ in range(2)]
    ducking.by_db = 0.0
    played = np.concatenate([PIECE, *softer, *(ducking.apply(PIECE) for _ in range(2))])
    assert np.abs(np.diff(played.astype(int))).max() < 40
    assert (softer[1] == 1_000).all()
    assert (played[-320:] == 10_000).all()
