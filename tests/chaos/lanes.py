"""Several daemons at once, each in a world of its own that misbehaves by one seeded plan."""

import asyncio
import contextlib
from pathlib import Path

from hero365_edge.backend.options import Profile
from tests import alsa_rig, speech
from tests.chaos.faults import plan
from tests.chaos.lane import Lane, lane
from tests.chaos.process import faketime
from tests.chaos.tally import pool
from tests.network import road

LANES: tuple[tuple[Profile, bool], ...] = (("seed", False), ("v1", False), ("seed", True), ("v1", True))
"""The profile of each daemon, and whether it may be killed."""
MANY = 1_000_000
CLIPS = ("0870", "0880", "0890", "0920", "0930")


def missing() -> str:
    """Why there can be no chaos here; empty when there can."""
    return road.missing() or alsa_rig.missing() or speech.missing() or ("" if faketime() else "libfaketime is missing")


async def chaos(seed: int, turns: int, folder: Path) -> list[Lane]:
    """Suffer `turns` turns, each with a fault; the lanes, with all their episodes."""
    words = pool([speech.speech(name) for name in CLIPS + speech.long_prompts()])
    dealt = plan(seed, turns, [mortal for _, mortal in LANES])
    async with contextlib.AsyncExitStack() as stack:
        lanes = []
        for number, (profile, mortal) in enumerate(LANES):
            home = folder / str(number)
            home.mkdir()
            made = lane(home, number, profile, words, number * MANY, mortal=mortal)
            lanes.append(await stack.enter_async_context(made))
        with contextlib.suppress(asyncio.CancelledError):  # Ctrl-C: what there is so far is told
            async with asyncio.TaskGroup() as tasks:
                for each, faults in zip(lanes, dealt, strict=True):
                    tasks.create_task(each.run(faults))
            await asyncio.sleep(1.0)  # a second copy would come late
    return lanes
