import numpy as np

from hero365_edge.core.pcm import FRAME_SAMPLES, silence
from hero365_edge.fakes.canceller import FakeCanceller
from hero365_edge.fakes.referee import FakeReferee


def test_an_echo_from_there_is_gone_and_one_from_a_sample_beside_is_not() -> None:
    played = np.random.default_rng(1).integers(-9_000, 9_000, 4 * FRAME_SAMPLES).astype(np.int16)
    for wrong, silent in ((0, True), (1, False), (-1, False)):
        canceller = FakeCanceller(100, 0.5)
        echo = np.round(np.concatenate([silence(100 + wrong), played])[: len(played)] * 0.5).astype(np.int16)
        left = [
            canceller.cancel(echo[at : at + FRAME_SAMPLES], played[at : at + FRAME_SAMPLES])
            for at in range(0, len(played), FRAME_SAMPLES)
        ]
        assert (not np.concatenate(left).any()) is silent


def test_what_is_loud_is_likely_speech() -> None:
    chunk = np.full(512, 400, np.int16)
    assert FakeReferee().likelihood(chunk) > 0.9
    assert FakeReferee(threshold_rms=500).likelihood(chunk) < 0.1
