"""A tunnel of twenty seconds in the middle of a sentence: the backend gets all of it, once."""

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from hero365_edge.app import Appliance
from hero365_edge.backend.options import Options
from hero365_edge.backend.server import SimulatedBackend
from hero365_edge.cli.world import NativeCodecs
from hero365_edge.core.lamp import Light
from hero365_edge.core.pcm import RATE_HZ, Pcm
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.link import WebSocketDialer
from hero365_edge.fakes.detector import FakeDetector
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.panel import FakePanel
from hero365_edge.fakes.shelf import FakeShelf
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.fakes.supervisor import FakeSupervisor
from hero365_edge.fakes.tokens import FakeTokens
from hero365_edge.settings import Backend, Control, Settings
from hero365_edge.world import World
from tests.appliance import until
from tests.listening import find
from tests.network.road import missing, road

WHY_NOT = missing()
pytestmark = [pytest.mark.network, pytest.mark.speech, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]

TUNNEL_S = 20.0
BEFORE_S = 3.0
BEHIND_S = 10.0
"""Of speech behind the tunnel: long enough for a new link to be there before it ends."""
LIKENESS = {"seed": 0.99, "v1": 0.8}
"""The seed's PCM arrives as it was; Opus keeps no wave to the last detail."""


async def drive_through(profile: str, said: Pcm) -> SimulatedBackend:
    """Speak it with the button held while the road goes through the tunnel; the backend, after the turn."""
    with road() as way:
        options = Options(
            welcome=False,
            listener=way.listen(),
            profile="v1" if profile == "v1" else "seed",
            answer_pcm=said[:8_000],
        )
        async with SimulatedBackend(options) as backend:
            clock = SystemClock()
            microphone = FakeMicrophone(clock, paced=True)
            world = World(
                clock=clock,
                microphone=microphone,
                speaker=FakeSpeaker(clock, paced=True),
                detector=FakeDetector(),
                codecs=NativeCodecs(),
                panel=FakePanel(clock),
                dialer=WebSocketDialer(),
                supervisor=FakeSupervisor(),
                tokens=FakeTokens(),
                shelf=FakeShelf(),
            )
            url = Backend(url=backend.url, user_id="u", business_id="b", connect_timeout_s=2.0)
            appliance = Appliance(Settings(backend=url, control=Control(socket="")), world)
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(appliance.run(stop))
                await until(lambda: appliance.dialogue.light is Light.READY, 5.0)
                appliance.dialogue.edge_now(pressed=True)
                microphone.hear(said)
                await asyncio.sleep(BEFORE_S)
                way.swallow()
                await asyncio.sleep(TUNNEL_S)
                way.mend()
                await until(lambda: not microphone.to_hear_s, 60.0)
                appliance.dialogue.edge_now(pressed=False)
                await backend.wait_for(lambda: bool(backend.answers), 30.0)
                await until(lambda: appliance.dialogue.light is Light.READY, 10.0)
                stop.set()
        return backend


async def test_a_tunnel_in_the_middle_of_a_sentence_costs_nothing_of_it(speech: Callable[[str], Pcm]) -> None:
    clips = np.concatenate([speech(name) for name in ("0870", "0880", "0890", "0930")])
    said = np.resize(clips, int((BEFORE_S + TUNNEL_S + BEHIND_S) * RATE_HZ))
    profiles = ("seed", "v1")
    backends = await asyncio.gather(*(drive_through(profile, said) for profile in profiles))
    for profile, backend in zip(profiles, backends, strict=True):
        [utterance] = [each for each in backend.utterances if not each.duplicate]
        assert utterance.came == ("realtime" if profile == "v1" else "audio_data"), "in `v1` it goes on"
        found = find(said, utterance.pcm)
        assert found.likeness > LIKENESS[profile]
        assert found.least > 0.6, "the first word and the last too"
        assert len(backend.utterances) == 1, "no second copy"
        assert len(backend.answers) == 1
        assert backend.violations == []
