"""GStreamer's rtpjitterbuffer as a contender, in wall-clock time: RTP over loopback through `gst-launch-1.0`.

It knows no time but its own, so an answer of 8 s takes 8 s; only a session's first answers are played, all at once.
"""

import select
import shutil
import socket
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate

from hero365_edge.bench.playout_contenders import Contender, Outcome, as_it_comes
from hero365_edge.bench.playout_networks import FRAME_S, Times
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ

ANSWERS = 2
LATENCIES_MS = (60, 200)
STARTS_S = 1.0
"""A pipeline listens by then."""
ENDS_S = 1.0
"""So long behind the last arrival nothing more comes out."""

_CAPS = f"application/x-rtp,media=audio,clock-rate={RATE_HZ},encoding-name=L16,payload=96,channels=1"
_HOST = "127.0.0.1"


def available() -> bool:
    """Whether GStreamer with its rtpjitterbuffer is installed."""
    inspect = shutil.which("gst-inspect-1.0")
    if inspect is None or shutil.which("gst-launch-1.0") is None:
        return False
    return subprocess.run([inspect, "--exists", "rtpjitterbuffer"], check=False).returncode == 0  # noqa: S603  a fixed command


def rtpjitterbuffer(latency_ms: int) -> Contender:
    """With its defaults but for the latency. `available` first."""

    def play(session: list[Times]) -> list[Outcome]:
        with ThreadPoolExecutor(ANSWERS) as threads:
            return list(threads.map(lambda times: _play(times, latency_ms), session[:ANSWERS]))

    return play


def _play(times: Times, latency_ms: int) -> Outcome:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there, _listening() as back:
        port = _free_port()
        command = ["gst-launch-1.0", "-q", "udpsrc", f"address={_HOST}", f"port={port}", f"caps={_CAPS}", "!"]
        command += ["rtpjitterbuffer", f"latency={latency_ms}", "!"]
        command += ["udpsink", f"host={_HOST}", f"port={back.getsockname()[1]}", "sync=false"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as pipeline:  # noqa: S603  a fixed command
            try:
                time.sleep(STARTS_S)  # it does not say when it listens, and what comes before that is lost
                came_out = _exchange(times, there, port, back)
            finally:
                pipeline.terminate()
    if not came_out:
        return Outcome(0.0, 0, 0.0, 0.0, 1000 * len(times) * FRAME_S, 0.0)
    out = list(accumulate((came_out[number] for number in sorted(came_out)), max))
    return as_it_comes(out, 0.0, 1000 * (len(times) - len(out)) * FRAME_S)


def _exchange(times: Times, there: socket.socket, port: int, back: socket.socket) -> dict[int, float]:
    """Send each frame when it arrives; when each came out, in s after the first arrival, by its number."""
    began_at = time.monotonic()
    came_out: dict[int, float] = {}
    sent = 0
    while (now := time.monotonic() - began_at) < times[-1] - times[0] + ENDS_S:
        while sent < len(times) and times[sent] - times[0] <= now:
            header = struct.pack("!BBHII", 0x80, 96, sent, sent * FRAME_SAMPLES, 1)
            there.sendto(header + bytes(2), (_HOST, port))
            sent += 1
        due_s = times[sent] - times[0] - now if sent < len(times) else ENDS_S / 10
        if select.select([back], [], [], max(0.0, due_s))[0]:
            (number,) = struct.unpack_from("!H", back.recv(2048), 2)
            came_out.setdefault(number, time.monotonic() - began_at)
    return came_out


def _listening() -> socket.socket:
    back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    back.bind((_HOST, 0))
    return back


def _free_port() -> int:
    with _listening() as free:
        return int(free.getsockname()[1])
