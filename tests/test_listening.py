"""That the ears of the tests over ALSA can tell a whole sound from a spoilt one."""

from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.core.pcm import RATE_HZ, Pcm, silence
from tests.listening import find, follow, numbered, sounding, words_of


@pytest.fixture
def said() -> Pcm:
    """A second of something with a shape of its own."""
    return (np.random.default_rng(7).normal(0, 3000, RATE_HZ)).astype(np.int16)


def test_a_sound_is_found_where_it_is_however_loud(said: Pcm) -> None:
    found = find(said, np.concatenate([silence(777), said // 4, silence(99)]))
    assert found.at == 777
    assert found.least > 0.999


def test_a_sound_that_lost_its_beginning_or_its_end_is_not_whole(said: Pcm) -> None:
    late, early = find(said, said[1600:]), find(said, said[:-1600])
    assert late.at == -1600
    assert late.first_word < 0.85
    assert late.last_word > 0.999
    assert early.last_word < 0.85
    assert early.first_word > 0.999


def test_a_sound_that_lost_a_frame_in_the_middle_is_another(said: Pcm) -> None:
    found = find(said, np.concatenate([said[:8000], said[8320:]]))
    assert found.likeness < 0.8
    assert found.least < 0.1


def test_silence_is_like_nothing(said: Pcm) -> None:
    assert find(said, silence(2 * RATE_HZ)).likeness == 0.0


def test_the_words_of_a_clip_are_without_the_quiet_around_them(said: Pcm) -> None:
    assert np.array_equal(words_of(np.concatenate([silence(3200), said, silence(3200)])), said)


def test_what_sounds_is_from_the_first_sample_to_the_last() -> None:
    assert sounding(np.array([0, 0, 5, 0, 7, 0], np.int16)) == slice(2, 5)
    assert sounding(silence(9)) == slice(0, 0)


def test_numbered_samples_are_all_different_and_none_is_silence() -> None:
    pcm = numbered(4 * RATE_HZ)
    assert len(np.unique(pcm)) == len(pcm)
    assert pcm.all()
    assert pcm[:3].tolist() == [1, 2, 3]


def test_a_sound_is_followed_through_pauses_and_put_in_pieces(speech: Callable[[str], Pcm]) -> None:
    clip = words_of(speech("0890"))
    period = clip[20_000:20_080]
    parts = silence(700), clip[:20_000], period, clip[20_000:40_000], silence(8000), clip[40_000:]
    heard = np.concatenate(parts)
    assert find(clip, heard).likeness < 0.8
    followed = follow(clip, heard)
    assert followed.likeness > 0.95
    assert followed.put_in_ms == pytest.approx(505, abs=2)


def test_a_sound_with_a_part_missing_doubled_or_out_of_order_is_not_followed(speech: Callable[[str], Pcm]) -> None:
    clip = words_of(speech("0890"))
    a, b, c = clip[:25_000], clip[25_000:50_000], clip[50_000:]
    for broken in ((a, c), (b, a, c), (a, silence(len(b)), c)):
        assert follow(clip, np.concatenate(broken)).likeness < 0.9
    assert follow(clip, words_of(speech("0870"))).likeness < 0.6
