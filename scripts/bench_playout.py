"""How streamed answers play: our jitter buffer, plain ones, peers and the best possible, on the same arrivals.

TTFA is the wait that is added behind the first frame's arrival. `x best` is silence and concealment beside the optimum
that knows all arrivals and may slow down by 20 %. A pause is each time the content stopped, concealed or not.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hero365_edge.bench import (
    playout,
    playout_cost,
    playout_gstreamer,
    playout_networks,
    playout_picture,
    playout_quality,
)
from hero365_edge.bench.playout_contenders import Contender
from hero365_edge.bench.playout_networks import Network
from hero365_edge.bench.playout_quality import Opinion
from hero365_edge.cli.world import NativeCodecs
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm
from tests import speech

CLIP = "demo-instruct"
"""73 s of a studio voice; an answer is its first 8 s behind the greeting."""
FROM_S = 3.0
LISTENED_TO = 4
"""Of so many answers on a network the last is judged: by then its lateness is known."""


def main() -> int:
    """Measure, print the table, write JSON and a picture when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=Path, metavar="DIR", help="take the recorded traces of this folder instead")
    parser.add_argument("--utterances", type=int, default=20, help="answers of 8 s on each network (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the generated networks (%(default)s)")
    parser.add_argument("--pacing", action="append", choices=list(playout_networks.PACINGS), help="only this one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every row there too")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the means there too (PNG, SVG or PDF)")
    parser.add_argument("--cost", action="store_true", help="measure instead what playing costs, part by part")
    parser.add_argument(
        "--gstreamer", action="store_true", help="with GStreamer's rtpjitterbuffer, in wall-clock time: some minutes"
    )
    parser.add_argument("--listen", action="store_true", help="judge instead how it sounds (PLCMOS, DNSMOS): minutes")
    arguments = parser.parse_args()
    if missing := speech.missing():
        parser.error(missing)
    try:
        networks = (
            playout_networks.recorded(arguments.traces)
            if arguments.traces
            else playout_networks.generated(arguments.seed)
        )
    except (OSError, ValueError) as error:
        parser.error(str(error))
    pacings = arguments.pacing or list(playout_networks.PACINGS)
    if arguments.cost or arguments.listen:
        packets = playout_quality.packets_of(answer(), NativeCodecs())
        if arguments.cost:
            print(playout_cost.table(playout_cost.shares(packets, NativeCodecs())))
        if arguments.listen:
            for name, score in opinions(packets, networks, pacings, arguments.seed):
                print(f"{name:60} PLCMOS {score.plcmos:.2f}  DNSMOS {score.dnsmos:.2f}", flush=True)
        return 0
    more = gstreamer(parser) if arguments.gstreamer else {}
    rows = list(playout.measure(networks, arguments.utterances, arguments.seed, answer(), pacings, more))
    print(playout.table(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    if arguments.picture:
        playout_picture.draw(rows, arguments.picture)
    return 0


def gstreamer(parser: argparse.ArgumentParser) -> dict[str, Contender]:
    """GStreamer's jitter buffer with each latency."""
    if not playout_gstreamer.available():
        parser.error("--gstreamer needs gst-launch-1.0 and its rtpjitterbuffer: gstreamer1.0-{tools,plugins-good}")
    return {f"gstreamer-{ms}": playout_gstreamer.rtpjitterbuffer(ms) for ms in playout_gstreamer.LATENCIES_MS}


def opinions(
    packets: list[bytes], networks: Mapping[str, Network], pacings: list[str], seed: int
) -> Iterator[tuple[str, Opinion]]:
    """What was listened to and its scores: the speech itself, slowed down, and as each network lets it be played."""
    codecs = NativeCodecs()
    yield "untouched", playout_quality.opinion(answer())
    for slow in (0.12, 0.25):
        yield f"slowed down by {slow:.0%} throughout", playout_quality.opinion(playout_quality.slowed(answer(), slow))
    for pacing in pacings:
        for name, session in playout.sessions(networks, pacing, LISTENED_TO, seed).items():
            ours = playout_quality.heard(packets, session, codecs)
            plain = playout_quality.plainly_heard(packets, session[-1], 200, codecs)
            yield f"{pacing}, {name}: ours", playout_quality.opinion(ours)
            yield f"{pacing}, {name}: fixed 200 ms", playout_quality.opinion(plain)


def answer() -> Pcm:
    """Real speech, as long as an answer."""
    begin = round(FROM_S * RATE_HZ)
    samples = round(playout_networks.UTTERANCE_S * RATE_HZ)
    pcm: Pcm = speech.speech(CLIP)[begin : begin + samples]
    return np.ascontiguousarray(pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES])


if __name__ == "__main__":
    sys.exit(main())
