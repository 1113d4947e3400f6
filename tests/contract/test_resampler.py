"""What every rate converter does."""

from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.codec_ports import Resampler
from hero365_edge.core.pcm import Pcm
from hero365_edge.devices.resampler import SoxrResampler
from hero365_edge.fakes.resampler import FakeResampler
from tests.devices.sounds import chirp, likeness

MAKERS: list[Callable[[int, int], Resampler]] = [FakeResampler, SoxrResampler]
PAIRS = [(48_000, 16_000), (44_100, 16_000), (24_000, 16_000), (8_000, 16_000), (16_000, 48_000), (16_000, 44_100)]

pytestmark = pytest.mark.parametrize("make", MAKERS, ids=["fake", "soxr"])


def converted(resampler: Resampler, pcm: Pcm, step: int) -> Pcm:
    pieces = [resampler.process(pcm[start : start + step]) for start in range(0, len(pcm), step)]
    return np.concatenate([*pieces, resampler.finish()])


@pytest.mark.parametrize("samples", [1, 2, 77, 320, 9_999])
@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_the_length_is_the_exact_ratio(
    make: Callable[[int, int], Resampler], from_hz: int, to_hz: int, samples: int
) -> None:
    pcm = converted(make(from_hz, to_hz), np.ones(samples, np.int16), 320)

    assert abs(len(pcm) - samples * to_hz / from_hz) <= 1
    assert pcm.dtype == np.int16
    assert pcm.ndim == 1


@pytest.mark.parametrize(("from_hz", "to_hz"), PAIRS)
def test_every_sound_stays_in_its_place(make: Callable[[int, int], Resampler], from_hz: int, to_hz: int) -> None:
    correlation, lag = likeness(chirp(to_hz), converted(make(from_hz, to_hz), chirp(from_hz), from_hz // 50))

    assert correlation > 0.99
    assert abs(lag) <= max(1, to_hz // from_hz - 1)


def test_cutting_does_not_change_what_comes_out(make: Callable[[int, int], Resampler]) -> None:
    pcm = chirp(44_100)

    whole = converted(make(44_100, 16_000), pcm, len(pcm))
    for step in (1_000, 441, 37):
        np.testing.assert_array_equal(converted(make(44_100, 16_000), pcm, step), whole)


def test_equal_rates_pass_untouched_and_at_once(make: Callable[[int, int], Resampler]) -> None:
    resampler = make(16_000, 16_000)

    np.testing.assert_array_equal(resampler.process(chirp(16_000)), chirp(16_000))
    assert len(resampler.finish()) == 0


def test_after_the_end_begins_a_new_stream(make: Callable[[int, int], Resampler]) -> None:
    resampler = make(44_100, 16_000)
    first = converted(resampler, chirp(44_100, 0.987), 960)

    np.testing.assert_array_equal(converted(resampler, chirp(44_100, 0.987), 960), first)


def test_finishing_what_never_began_gives_nothing_and_may_be_repeated(make: Callable[[int, int], Resampler]) -> None:
    resampler = make(48_000, 16_000)

    assert [len(resampler.finish()) for _ in range(3)] == [0, 0, 0]
    assert len(converted(resampler, chirp(48_000), 960)) == 16_000


@pytest.mark.parametrize(("from_hz", "to_hz"), [(0, 16_000), (16_000, -1)])
def test_a_rate_that_is_none_is_refused(make: Callable[[int, int], Resampler], from_hz: int, to_hz: int) -> None:
    with pytest.raises(ValueError, match=f"from {from_hz} to {to_hz}"):
        make(from_hz, to_hz)
