"""`v1` is real RTP: other people's implementations understand what our socket carries."""

import asyncio
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from aiortc.rtp import RtpPacket
from msgspec.structs import replace

from hero365_edge.app import Appliance
from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.cli.world import NativeCodecs
from hero365_edge.core import rtp
from hero365_edge.core.lamp import Light
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, Pcm, silence
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.detector import WebrtcDetector
from hero365_edge.devices.link import WebSocketDialer
from hero365_edge.devices.nopanel import NoPanel
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.shelf import FakeShelf
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.fakes.supervisor import FakeSupervisor
from hero365_edge.fakes.tokens import FakeTokens
from hero365_edge.settings import Backend, Control, Settings
from hero365_edge.world import World

PIPELINE = (
    "filesrc location={packets} ! application/x-rtp-stream,media=audio,clock-rate=48000,encoding-name=OPUS,payload=111 "
    "! rtpstreamdepay ! rtpopusdepay ! opusdec plc=false ! audioconvert ! audioresample "
    "! audio/x-raw,format=S16LE,rate=16000,channels=1 ! filesink location={sound}"
)


async def packets_of_a_turn(spoken: Pcm) -> list[bytes]:
    """The binary messages that one push-to-talk utterance puts on a real WebSocket in `v1`."""
    options = Options(profile="v1", answer_pcm=silence(1600), answer_text="yes")
    async with SimulatedBackend(options) as backend:
        clock = SystemClock()
        microphone = FakeMicrophone(clock, paced=True)
        world = World(
            clock=clock,
            microphone=microphone,
            speaker=FakeSpeaker(clock, paced=True),
            detector=WebrtcDetector(),
            codecs=NativeCodecs(),
            panel=NoPanel(),
            dialer=WebSocketDialer(),
            supervisor=FakeSupervisor(),
            tokens=FakeTokens(),
            shelf=FakeShelf(),
        )
        settings = replace(
            Settings(), backend=Backend(url=backend.url, user_id="u", business_id="b"), control=Control(socket="")
        )
        appliance = Appliance(settings, world)
        stop = asyncio.Event()
        async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            tasks.create_task(appliance.run(stop))
            while appliance.dialogue.light is not Light.READY:  # noqa: ASYNC110  the lamp has no event
                await asyncio.sleep(0.02)
            appliance.dialogue.edge_now(pressed=True)
            microphone.hear(spoken)
            await asyncio.sleep(len(spoken) / RATE_HZ + 0.1)
            appliance.dialogue.edge_now(pressed=False)
            await backend.wait_for(lambda: bool(backend.utterances), 10)
            stop.set()
        assert backend.violations == []
        return list(backend.raw_binary)


@pytest.fixture(scope="module")
def spoken(speech: Callable[[str], Pcm]) -> Pcm:
    return speech("0890")  # without the hum of other clips: Opus for speech cuts below 80 Hz, and that is no loss


@pytest.fixture(scope="module")
def packets(spoken: Pcm) -> list[bytes]:
    return asyncio.run(packets_of_a_turn(spoken))


def test_each_packet_parses_with_aiortc(packets: list[bytes]) -> None:
    parsed = [RtpPacket.parse(packet) for packet in packets]
    assert {packet.version for packet in parsed} == {2}
    assert {packet.payload_type for packet in parsed} == {rtp.OPUS}
    assert len({packet.ssrc for packet in parsed}) == 1
    assert not any(packet.csrc or packet.padding_size for packet in parsed)
    first = parsed[0]
    assert [(packet.sequence_number - first.sequence_number) % 65536 for packet in parsed] == list(range(len(parsed)))
    assert first.marker == 1
    steps = np.diff([(packet.timestamp - first.timestamp) % 2**32 for packet in parsed])
    assert all(step % 960 == 0 for step in steps)
    after_silence = [packet.marker for packet, step in zip(parsed[1:], steps, strict=True) if step > 960]
    assert all(after_silence)
    assert sum(packet.marker for packet in parsed) == 1 + len(after_silence)


def test_gstreamer_plays_an_utterance_taken_from_the_socket(packets: list[bytes], spoken: Pcm, tmp_path: Path) -> None:
    if shutil.which("gst-launch-1.0") is None:
        pytest.fail("gst-launch-1.0 is missing; scripts/test installs it")
    stream, sound = tmp_path / "packets", tmp_path / "sound"
    stream.write_bytes(b"".join(struct.pack("!H", len(packet)) + packet for packet in packets))
    pipeline = PIPELINE.format(packets=stream, sound=sound).split()
    subprocess.run(["gst-launch-1.0", "-q", *pipeline], check=True, timeout=60)  # noqa: S603, S607  Debian's own
    played = with_its_silence(np.frombuffer(sound.read_bytes(), np.int16), packets)
    likeness = np.correlate(played.astype(float), spoken.astype(float), "full").max()
    likeness /= np.linalg.norm(played) * np.linalg.norm(spoken) + 1
    assert likeness > 0.8


def with_its_silence(played: Pcm, packets: list[bytes]) -> Pcm:
    """A file has no time stamps: put the silence that was not sent (DTX) back where the packets say it was."""
    stamps = [rtp.unpack(packet).timestamp for packet in packets]
    whole = silence(((stamps[-1] - stamps[0]) % 2**32) // 3 + FRAME_SAMPLES)
    for number, stamp in enumerate(stamps):
        frame = played[number * FRAME_SAMPLES : (number + 1) * FRAME_SAMPLES]
        begin = ((stamp - stamps[0]) % 2**32) // 3
        whole[begin : begin + len(frame)] = frame
    return whole
