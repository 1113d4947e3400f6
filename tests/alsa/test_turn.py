"""Human speech into a microphone, an answer out of a speaker: every profile and kind of sound, over real ALSA."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.core.latency import STAGES, TARGETS_MS
from hero365_edge.core.pcm import FRAME_SAMPLES, Pcm, silence
from tests.alsa.appliance_on_alsa import (
    MONO_16,
    STEREO_48,
    Cards,
    Machine,
    at_rate,
    at_work,
    listen_on,
    on_a_fair_machine,
)
from tests.alsa_rig import AlsaRig
from tests.expected import expected, opus_down
from tests.listening import find, sounding, words_of

pytestmark = pytest.mark.alsa

Speech = Callable[[str], Pcm]

LIKE_PCM = 0.95
LIKE_OPUS = 0.8
"""Of the first and the last word too, for which voiced ones are chosen: Opus keeps no wave of an s."""
LIKE_THE_ANSWER = 0.99
FIRST_SAMPLE_MS = 30
"""So far the turn's record may be from what was heard, for the device's period and the recorder's chunks."""


@dataclass(frozen=True)
class Case:
    """One way to have a conversation."""

    name: str
    options: dict[str, Any]
    """Of the simulated backend."""
    words: str
    hold: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the appliance, section backend."""
    cards: Cards = MONO_16


V1_PCM16 = {"profile": "v1", "uplink": "pcm16", "downlink": "pcm16"}
CASES = [
    Case("pcm streamed", {"pacing": "1.5x"}, "goforward"),
    Case("pcm at the pace of speech", {"pacing": "realtime"}, "cards/001", hold=True),
    Case("opus streamed", {"answer": "opus", "pacing": "bursts", "text_first": False}, "cards/003", hold=True),
    Case("mp3 streamed", {"answer": "mp3", "pacing": "instant", "chunk_ms": 20}, "something", hold=True),
    Case("wav streamed", {"answer": "wav", "pacing": "1.5x", "chunk_ms": 100}, "all-circuits-busy-now", hold=True),
    Case("mp3 whole", {"answer": "mp3", "delivery": "whole"}, "cards/001", hold=True),
    Case("wav whole", {"answer": "wav", "delivery": "whole"}, "cards/003"),
    Case("opus whole", {"answer": "opus", "delivery": "whole"}, "cards/004", hold=True),
    Case("buffered", {"realtime_available": False, "delivery": "whole"}, "goforward", hold=True),
    Case("opus up", {"seed_uplink": "opus", "pacing": "bursts"}, "hello-world", settings={"seed_uplink": "opus"}),
    Case("v1 opus", {"profile": "v1", "pacing": "1.5x"}, "confbridge-muted"),
    Case("v1 pcm16", {**V1_PCM16, "pacing": "instant"}, "cards/003", hold=True),
    Case("48 kHz stereo", {"pacing": "1.5x"}, "something", cards=STEREO_48),
    Case("48 kHz stereo v1", {"profile": "v1", "pacing": "bursts"}, "hello-world", hold=True, cards=STEREO_48),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_a_turn_carries_every_word_up_and_every_sample_down(
    case: Case, alsa: AlsaRig, speech: Speech, figures: Callable[[str], None]
) -> None:
    words = words_of(speech(case.words))
    answer = np.concatenate([speech("please-try-again"), silence(FRAME_SAMPLES)])  # which needs no soft end
    options = Options(welcome=False, answer_pcm=answer, **case.options)

    async def scene(machine: Machine) -> str:
        async with SimulatedBackend(options) as backend:
            async with at_work(alsa, backend.url, machine, case.cards, **case.settings) as technician:
                assert backend.binary_received == 0, "nothing goes up while nobody listens"
                turn = await technician.ask(words, hold=case.hold)
                await listen_on()
                heard = technician.heard()
                heard_at = technician.heard_at(sounding(heard).start)
                machine.compare(technician.given(), heard)
            assert backend.violations == []
            assert turn.outcome == "answered"
            (utterance,) = backend.utterances
        assert utterance.came == ("realtime" if options.realtime_available else "audio_data")
        up = find(words, utterance.pcm)
        assert up.least > (LIKE_OPUS if opus_up(options) else LIKE_PCM)
        if case.cards is MONO_16 and not opus_up(options):
            assert np.array_equal(utterance.pcm[up.at : up.at + len(words)], words)
        down = find(at_rate(answer, case.cards.rate_hz), heard, case.cards.rate_hz)
        assert down.likeness > (LIKE_OPUS if opus_down(options) else LIKE_THE_ANSWER)
        exactness = heard_whole(heard, at_rate(expected(options, answer), case.cards.rate_hz), case)
        stages = turn.since_speech_end_ms()
        assert None not in stages.values()
        if case.hold:
            assert (stages["first_sample"] or 0) < TARGETS_MS["first_sample"]
        assert turn.first_sample is not None
        late_ms = 1000 * (heard_at - turn.first_sample)
        assert abs(late_ms) < FIRST_SAMPLE_MS
        return (
            f"{case.name:25} up {up.likeness:.4f} (first word {up.first_word:.4f}, last {up.last_word:.4f})  "
            f"down {down.likeness:.4f}, {exactness}  {'hold' if case.hold else 'tap'}, ms since speech_end: "
            f"{', '.join(f'{name} {stages[name]}' for name in STAGES)} (heard {late_ms:+.0f} ms)"
        )

    figures(await on_a_fair_machine(scene, figures))


def opus_up(options: Options) -> bool:
    return (options.uplink if options.profile == "v1" else options.seed_uplink) == "opus"


def heard_whole(heard: Pcm, pcm: Pcm, case: Case) -> str:
    """Every sample of `pcm` was heard, in order, none lost, none put in, and nothing else. What that means here."""
    if case.options.get("pacing") == "realtime":
        # Nothing runs ahead that could bridge a pause of the machine; but a pause is all that may be put in.
        assert np.array_equal(heard[heard != 0], pcm[pcm != 0])
        return "each sample, in order"
    at = find(pcm, heard, case.cards.rate_hz).at
    piece = heard[at : at + len(pcm)]
    assert not heard[:at].any()
    assert not heard[at + len(pcm) :].any()
    assert piece.shape == pcm.shape
    assert np.array_equal(piece, pcm)
    return "each sample"
