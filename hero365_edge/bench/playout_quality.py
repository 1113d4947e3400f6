"""A listening check without ears: speech as it was played, judged by PLCMOS and DNSMOS (`speechmos` holds both models).

PLCMOS was trained on what bridges lost packets, DNSMOS (P.835, overall) on noise and its suppression.
"""

from dataclasses import dataclass

import numpy as np

from hero365_edge.bench.playout_contenders import START_MS, play_through
from hero365_edge.bench.playout_networks import FRAME_S, Times
from hero365_edge.codec_ports import Codecs
from hero365_edge.core import stretch
from hero365_edge.core.jitter import STEP, JitterBuffer
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm, silence


@dataclass(frozen=True, slots=True)
class Opinion:
    """Mean opinion scores, 1 to 5, that speech would get."""

    plcmos: float
    dnsmos: float


def opinion(pcm: Pcm) -> Opinion:
    """Of speech at 16 kHz; raises ImportError without `speechmos` and the librosa that its DNSMOS needs."""
    from speechmos import dnsmos, plcmos  # noqa: PLC0415  only whoever listens needs them

    samples = pcm.astype(np.float32) / 32768
    return Opinion(
        float(plcmos.run(samples, RATE_HZ)["plcmos"]),
        float(dnsmos.run(samples, RATE_HZ)["ovrl_mos"]),
    )


def slowed(pcm: Pcm, slow: float) -> Pcm:
    """All of it slowed down by this share as the jitter buffer does it, silence no more than speech."""
    out = [pcm[: stretch.PAST]]
    credit = 0.0
    for at in range(stretch.PAST, len(pcm), STEP):
        if credit > 0 and at + stretch.COMING <= len(pcm):
            out.append(stretch.insertion(np.concatenate(out[-8:])[-stretch.PAST :], pcm[at:]))
            credit -= len(out[-1])
        out.append(pcm[at : at + STEP])
        credit = min(credit + STEP * slow / (1 - slow), float(stretch.LONGEST))
    return np.concatenate(out)


def packets_of(pcm: Pcm, codecs: Codecs) -> list[bytes]:
    """The speech as Opus, a packet for each whole frame."""
    encoder = codecs.opus_encoder()
    whole = len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES
    return [encoder.encode(frame) for frame in pcm[:whole].reshape(-1, FRAME_SAMPLES)]


def heard(packets: list[bytes], session: list[Times], codecs: Codecs) -> Pcm:
    """The last answer of a session, of these packets, as our buffer plays it with the codec's concealment."""
    buffer = JitterBuffer(START_MS)
    pieces: list[Pcm] = []
    for times in session:
        decoder = codecs.opus_decoder()
        buffer.conceal = decoder.conceal
        pieces = play_through(buffer, times, map(decoder.decode, packets))[1]
    return np.concatenate(pieces)


def plainly_heard(packets: list[bytes], times: Times, start_ms: int, codecs: Codecs) -> Pcm:
    """One answer as a fixed depth plays it: silence where nothing came in time."""
    decoder = codecs.opus_decoder()
    clock = times[round(start_ms / 1000 / FRAME_S) - 1]
    pieces: list[Pcm] = []
    for packet, at in zip(packets, times, strict=False):
        pieces.append(silence(max(0, round((at - clock) * RATE_HZ))))
        pieces.append(decoder.decode(packet))
        clock = max(clock, at) + FRAME_S
    return np.concatenate(pieces)
