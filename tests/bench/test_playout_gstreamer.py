"""GStreamer's jitter buffer: what goes in comes out, its latency later."""

import pytest

from hero365_edge.bench import playout_gstreamer
from hero365_edge.bench.playout_networks import FRAME_S


@pytest.mark.skipif(not playout_gstreamer.available(), reason="GStreamer with its rtpjitterbuffer is not installed")
def test_frames_that_come_in_time_come_out_whole_behind_the_latency() -> None:
    times = [100 + number * FRAME_S for number in range(40)]
    (outcome,) = playout_gstreamer.rtpjitterbuffer(200)([times])
    assert outcome.lost_ms == 0
    assert outcome.ttfa_ms == pytest.approx(200, abs=60)
