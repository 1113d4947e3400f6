"""What the answers of a simulated backend are when they come in one piece: Opus and MP3 change every sample."""

import numpy as np

from hero365_edge.backend import rtp, sound
from hero365_edge.backend.options import Options
from hero365_edge.cli.world import NativeCodecs
from hero365_edge.core.pcm import Pcm
from hero365_edge.decoding import Answer


def opus_down(options: Options) -> bool:
    return (options.downlink if options.profile == "v1" else options.answer) == "opus"


def expected(options: Options, answer: Pcm) -> Pcm:
    """What the backend's bytes decode to when they come in one piece, 16 kHz."""
    codecs = NativeCodecs()
    rejected: list[str] = []
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
