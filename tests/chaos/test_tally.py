"""Recognises utterances by their content: whole, in part, through Opus, and not where there are none."""

import numpy as np
import pytest

from hero365_edge.cli.world import NativeCodecs
from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm
from tests import speech
from tests.chaos.tally import Tally, pool

WORDS = speech.missing()
pytestmark = [pytest.mark.speech, pytest.mark.skipif(bool(WORDS), reason=str(WORDS))]


def spoken() -> tuple[Tally, list[Pcm]]:
    said = pool([speech.speech(name) for name in ("0870", "0880")])[:8]
    tally = Tally()
    for number, pcm in enumerate(said):
        tally.spoke(number, pcm)
    return tally, said


def through_opus(pcm: Pcm) -> Pcm:
    encode, decode = NativeCodecs().opus_encoder().encode, NativeCodecs().opus_decoder().decode
    frames = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return np.concatenate([decode(encode(frame)) for frame in frames])


def test_each_utterance_is_told_from_the_others_whole_in_part_and_through_opus() -> None:
    tally, said = spoken()
    quiet = np.zeros(4000, np.int16)
    for pcm in said:
        tally.execute(np.concatenate([quiet, pcm, quiet]))
        tally.execute(pcm[: len(pcm) * 2 // 3])
        tally.execute(through_opus(pcm))
    assert tally.executed == dict.fromkeys(range(len(said)), 3)
    assert tally.unknown == 0


def test_words_that_were_not_heard_in_one_piece_are_known_to_be_torn() -> None:
    tally, said = spoken()
    tally.execute(np.concatenate([said[0], np.zeros(4000, np.int16)]), as_recorded=True)
    half = len(said[1]) // 2
    tally.execute(np.concatenate([said[1][:half], np.zeros(12_000, np.int16), said[1][half:]]), as_recorded=True)
    assert tally.torn == {1}


def test_words_of_others_are_nobodys_and_silence_is_nothing() -> None:
    tally, _ = spoken()
    for pcm in pool([speech.speech("0920")])[:4]:
        tally.execute(pcm)
    assert tally.unknown == 4
    tally.execute(np.zeros(16_000, np.int16))
    assert tally.unknown == 4
    assert not tally.executed
