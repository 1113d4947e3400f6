"""What one second of an answer costs to play, part by part, as a share of one core."""

import time
from collections.abc import Callable

from hero365_edge.bench.playout_contenders import START_MS, TICK, TICK_S
from hero365_edge.bench.playout_networks import FRAME_S
from hero365_edge.codec_ports import Codecs
from hero365_edge.core.jitter import JitterBuffer
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm

ROUNDS = 5
"""The fastest counts: what else the machine does is no cost of ours."""
_CARD_HZ = 48_000
_EXPECTED_S = 1.0
"""So late an outage that all of the answer is slowed down: the most that stretching can cost."""


def shares(packets: list[bytes], codecs: Codecs) -> dict[str, float]:
    """Percent of one core for each part of playing these packets of Opus, 20 ms each."""
    decoder = codecs.opus_decoder()
    frames = [decoder.decode(packet) for packet in packets]
    lasts_s = len(packets) * FRAME_S

    def decode() -> None:
        fresh = codecs.opus_decoder()
        for packet in packets:
            fresh.decode(packet)

    def resample() -> None:
        converter = codecs.resampler(RATE_HZ, _CARD_HZ)
        for frame in frames:
            converter.process(frame)
        converter.finish()

    def share(run: Callable[[], None]) -> float:
        return 100 * min(_cpu_s(run) for _ in range(ROUNDS)) / lasts_s

    parts = {
        "libopus decoding": share(decode),
        "jitter buffer": share(lambda: _play(frames, late_s=0.0)),
        "jitter buffer, stretching": share(lambda: _play(frames, late_s=_EXPECTED_S)),
        "resampling to 48 kHz": share(resample),
    }
    parts["all together, stretching"] = sum(parts.values()) - parts["jitter buffer"]
    return parts


def _play(frames: list[Pcm], late_s: float) -> None:
    buffer = JitterBuffer(START_MS)
    if late_s:
        buffer.model.seed(late_s)
    for tick in range(len(frames) * FRAME_SAMPLES // TICK):
        number, half = divmod(tick, FRAME_SAMPLES // TICK)
        if not half:
            buffer.put(frames[number], number * FRAME_S)
        given = 0
        while given < TICK and len(pcm := buffer.take(TICK - given, given, tick * TICK_S, TICK)):
            given += len(pcm)


def _cpu_s(run: Callable[[], None]) -> float:
    before = time.process_time()
    run()
    return time.process_time() - before


def table(parts: dict[str, float]) -> str:
    """For people."""
    return "\n".join(f"{name:28} {percent:6.3f} % of a core" for name, percent in parts.items())

