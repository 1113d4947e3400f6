"""What is listened to is what was played."""

from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.bench import playout_cost, playout_quality
from hero365_edge.bench.playout_networks import FRAME_S
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm
from hero365_edge.fakes.codec import FakeCodecs

FRAMES = 100
EVEN = [1.0 + number * FRAME_S for number in range(FRAMES)]


def vowel() -> Pcm:
    at = np.arange(FRAMES * FRAME_SAMPLES)
    return np.round((3000 + at / 50) * np.sin(2 * np.pi * at / 120)).astype(np.int16)


@pytest.mark.parametrize("slow", [0.12, 0.25])
def test_speech_that_is_slowed_down_lasts_longer_by_as_much(slow: float) -> None:
    assert len(vowel()) / len(playout_quality.slowed(vowel(), slow)) == pytest.approx(1 - slow, abs=0.01)


def test_on_even_arrivals_ours_and_a_fixed_depth_play_the_same() -> None:
    packets = playout_quality.packets_of(vowel(), FakeCodecs())
    ours = playout_quality.heard(packets, [EVEN], FakeCodecs())
    plain = playout_quality.plainly_heard(packets, EVEN, 60, FakeCodecs())
    assert np.array_equal(ours[-len(vowel()) :], vowel())
    assert np.array_equal(plain, vowel())


def test_a_fixed_depth_is_silent_where_nothing_came_in_time() -> None:
    late = [at if at < 2.0 else max(at, 2.5) for at in EVEN]
    plain = playout_quality.plainly_heard(playout_quality.packets_of(vowel(), FakeCodecs()), late, 60, FakeCodecs())
    assert len(plain) - len(vowel()) == pytest.approx(RATE_HZ * 0.46, abs=2)


@pytest.mark.filterwarnings("ignore")  # what speechmos and what it needs are warned of is theirs
def test_untouched_speech_is_judged_better_than_speech_with_holes_by_both(speech: Callable[[str], Pcm]) -> None:
    pytest.importorskip("speechmos")
    pcm = speech("0930").copy()
    untouched = playout_quality.opinion(pcm)
    for hole in range(4000, len(pcm) - 1000, 4000):
        pcm[hole : hole + 800] = 0
    broken = playout_quality.opinion(pcm)
    assert untouched.plcmos > broken.plcmos + 0.3
    assert untouched.dnsmos > broken.dnsmos + 0.3


def test_each_part_of_playing_has_its_price_and_the_sum_leaves_the_cheaper_buffer_out() -> None:
    parts = playout_cost.shares(playout_quality.packets_of(vowel(), FakeCodecs()), FakeCodecs())
    assert min(parts.values()) > 0
    *single, total = parts.values()
    assert total == pytest.approx(sum(single) - parts["jitter buffer"])
