"""Human speech into a microphone, an answer out of a speaker: every profile and kind of sound, over real ALSA."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from hero365_edge.backend import rtp, sound
from hero365_edge.backend.options import Kind, Options
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.cli.world import NativeCodecs
from hero365_edge.core.latency import STAGES, TARGETS_MS
from hero365_edge.core.pcm import Pcm
from hero365_edge.decoding import Answer
from hero365_edge.settings import Backend
from tests.alsa.appliance_on_alsa import MONO_16, STEREO_48, Cards, Machine, at_rate, at_work, on_a_fair_machine
from tests.alsa_rig import AlsaRig
from tests.listening import find, words_of

pytestmark = pytest.mark.alsa

Speech = Callable[[str], Pcm]


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


def streamed(kind: Kind, pacing: str, **more: Any) -> dict[str, Any]:
    return {"answer": kind, "pacing": pacing, **more}


CASES = [
    Case("pcm streamed", streamed("pcm", "1.5x"), "goforward"),
    Case("opus streamed", streamed("opus", "bursts", text_first=False), "cards/003", hold=True),
    Case("mp3 streamed", streamed("mp3", "instant", chunk_ms=20), "something", hold=True),
    Case("wav streamed", streamed("wav", "1.5x", chunk_ms=100), "all-circuits-busy-now", hold=True),
    Case("mp3 whole", {"answer": "mp3", "delivery": "whole"}, "cards/001", hold=True),
    Case("wav whole", {"answer": "wav", "delivery": "whole"}, "cards/003"),
    Case("opus whole", {"answer": "opus", "delivery": "whole"}, "cards/004", hold=True),
    Case("buffered", {"delivery": "whole", "realtime_available": False}, "goforward", hold=True),
    Case(
        "opus up", streamed("pcm", "bursts", seed_uplink="opus"), "hello-world", settings={"seed_uplink": "opus"}
    ),
    Case("v1 opus", {"profile": "v1", "pacing": "1.5x"}, "confbridge-muted"),
    Case("v1 pcm16", {"profile": "v1", "uplink": "pcm16", "downlink": "pcm16", "pacing": "instant"}, "cards/003", True),
    Case("48 kHz stereo", streamed("pcm", "1.5x"), "something", cards=STEREO_48),
    Case("48 kHz stereo v1", {"profile": "v1", "pacing": "bursts"}, "hello-world", hold=True, cards=STEREO_48),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_a_turn_carries_every_word_up_and_every_sample_down(
    case: Case, alsa: AlsaRig, speech: Speech, figures: Callable[[str], None]
) -> None:
    words, answer = words_of(speech(case.words)), speech("please-try-again")
    options = Options(answer_pcm=answer, **case.options)

    async def scene(machine: Machine) -> str:
        async with SimulatedBackend(options) as backend:
            settings = Backend(url=backend.url, user_id="u", business_id="b", **case.settings)
            async with at_work(alsa, settings, machine, case.cards) as technician:
                assert backend.binary_received == 0, "nothing goes up while nobody listens"
                turn = await technician.ask(words, hold=case.hold)
                await technician.hears_nothing_more()
                heard = technician.heard()
            assert backend.violations == []
            assert turn.outcome == "answered"
            utterance, = backend.utterances
            assert utterance.came == ("realtime" if options.realtime_available else "audio_data")
            up = find(words, utterance.pcm)
            assert up.least > (0.8 if opus_up(options) else 0.95), up
            down = heard_whole(heard, expected(options, answer), case.cards)
            like = find(at_rate(answer, case.cards.rate_hz), heard, case.cards.rate_hz)
            assert like.likeness > (0.8 if opus_down(options) else 0.99), like
            stages = turn.since_speech_end_ms()
            times = [at for name in STAGES if (at := stages[name]) is not None]
            assert len(times) == len(STAGES), stages
            assert stages["first_sample"] is not None
            if case.hold:
                assert stages["first_sample"] < TARGETS_MS["first_sample"]
            return (
                f"{case.name:17} up {up.likeness:.4f} (first word {up.first_word:.4f}, last {up.last_word:.4f})  "
                f"down {like.likeness:.4f}, {down}  {'hold' if case.hold else 'tap '} "
                f"{', '.join(f'{name} {stages[name]}' for name in STAGES)} ms {machine}"
            )

    figures(await on_a_fair_machine(scene))


def opus_up(options: Options) -> bool:
    return (options.uplink if options.profile == "v1" else options.seed_uplink) == "opus"


def opus_down(options: Options) -> bool:
    return (options.downlink if options.profile == "v1" else options.answer) == "opus"


def expected(options: Options, answer: Pcm) -> Pcm:
    """What the backend's bytes decode to when they come in one piece."""
    codecs, rejected = NativeCodecs(), list[str]()
    if options.profile == "v1":
        decoding = Answer.of_rtp(codecs, rejected.append, ssrc=1)
        for packet in rtp.packetize(answer, options.downlink, ssrc=1):
            decoding.feed(packet.data)
        decoding.end()
    elif options.answer == "pcm":
        return answer
    else:
        decoding = Answer.of_file(codecs, rejected.append, sound.whole(options.answer, answer), options.answer)
    pieces = []
    while not decoding.done:
        pieces.append(decoding.step())
    assert rejected == []
    return np.concatenate(pieces)


def heard_whole(heard: Pcm, pcm: Pcm, cards: Cards) -> str:
    """Every sample of `pcm` was heard, in order, none lost, none put in, and nothing else; in what sense "every"."""
    pcm = at_rate(pcm, cards.rate_hz)
    at = find(pcm, heard, cards.rate_hz).at
    piece = heard[at : at + len(pcm)]
    assert not heard[:at].any()
    assert not heard[at + len(pcm) :].any()
    assert piece.shape == pcm.shape
    error = int(np.abs(piece.astype(int) - pcm).max())
    # Another rate is rounded once more, and streamed: a sample may differ in its last bits, but is in its place.
    assert error <= (0 if cards is MONO_16 else 2)
    return "each sample" if not error else f"each sample +-{error}"
