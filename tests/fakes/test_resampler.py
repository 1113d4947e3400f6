import numpy as np

from hero365_edge.fakes.resampler import FakeResampler


def test_between_two_samples_it_draws_a_straight_line() -> None:
    resampler = FakeResampler(8_000, 16_000)

    given = [resampler.process(np.array([0, 100], np.int16)), resampler.process(np.array([200], np.int16))]

    assert np.concatenate([*given, resampler.finish()]).tolist() == [0, 50, 100, 150, 200, 200]


def test_it_holds_back_one_sample_at_most() -> None:
    resampler = FakeResampler(16_000, 48_000)

    assert len(resampler.process(np.zeros(320, np.int16))) == 958


def test_coming_down_it_takes_every_third() -> None:
    resampler = FakeResampler(48_000, 16_000)

    assert resampler.process(np.arange(9, dtype=np.int16)).tolist() == [0, 3, 6]
    assert resampler.process(np.arange(9, 12, dtype=np.int16)).tolist() == [9]
