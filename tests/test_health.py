"""What the supervisor hears: changes, and `alive` only while sound and the event loop move."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from hero365_edge.cards import Cards
from hero365_edge.core import events as ev
from hero365_edge.devices.clock import SystemClock
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.microphone import FakeMicrophone
from hero365_edge.fakes.speaker import FakeSpeaker
from hero365_edge.fakes.supervisor import FakeSupervisor
from hero365_edge.health import CARED_FOR_S, LATE_S, LOOK_EVERY_S, Health
from hero365_edge.ports import Clock
from tests.appliance import words


class Ward:
    """A health, the cards it asks, and a supervisor."""

    def __init__(self, clock: Clock, watchdog_s: float | None = None) -> None:
        self.microphone = FakeMicrophone(clock)
        self.speaker = FakeSpeaker(clock)
        self.supervisor = FakeSupervisor(watchdog_s)
        self.text = "ready"
        told: list[ev.Event] = []
        self.cards = Cards(
            clock,
            self.microphone,
            self.speaker,
            told.append,
            speaker_lost=lambda: None,
            recording=lambda: False,
            playing=lambda: False,
        )
        self.health = Health(clock, self.supervisor, self.cards, lambda: self.text)


@contextlib.asynccontextmanager
async def running(ward: Ward) -> AsyncIterator[Ward]:
    task = asyncio.create_task(ward.health.run())
    await asyncio.sleep(0)
    yield ward
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def test_a_microphone_that_gives_blocks_is_progress() -> None:
    clock = FakeClock()
    ward = Ward(clock)
    ward.microphone.start()
    for _ in range(10):
        clock.advance(CARED_FOR_S - 1)
        ward.microphone.hear(words(320))
        assert ward.health.progress(clock.now())


def test_nothing_moving_and_nobody_looking_is_no_progress() -> None:
    clock = FakeClock()
    ward = Ward(clock)
    ward.microphone.start()
    clock.advance(CARED_FOR_S + 0.1)
    assert not ward.health.progress(clock.now())


def test_a_speaker_that_takes_nothing_of_what_waits_is_no_progress() -> None:
    clock = FakeClock()
    ward = Ward(clock)
    ward.microphone.start()
    ward.speaker.start()
    ward.cards.speaker_trouble = ""
    ward.speaker.write(words(3200))
    clock.advance(CARED_FOR_S + 0.1)
    ward.microphone.hear(words(320))
    assert not ward.health.progress(clock.now())
    ward.speaker.take(320)
    assert ward.health.progress(clock.now())


def test_a_speaker_that_sleeps_or_whose_loss_is_known_is_no_reason_to_restart() -> None:
    clock = FakeClock()
    ward = Ward(clock)
    ward.microphone.start()
    ward.speaker.start()
    clock.advance(1000)
    ward.microphone.hear(words(320))
    assert ward.health.progress(clock.now())
    ward.speaker.write(words(3200))
    clock.advance(CARED_FOR_S + 0.1)
    ward.microphone.hear(words(320))
    ward.cards.speaker_trouble = "it has taken nothing"
    assert ward.health.progress(clock.now())


async def test_a_missing_microphone_that_is_cared_for_is_progress() -> None:
    clock = FakeClock()
    ward = Ward(clock)
    ward.microphone.unplug()
    clock.advance(1000)
    assert not ward.health.progress(clock.now())
    caring = asyncio.create_task(ward.cards.run())
    async with asyncio.timeout(1.0):
        while not ward.health.progress(clock.now()):  # noqa: ASYNC110  it is asked, it does not tell
            await asyncio.sleep(0.005)
    caring.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await caring


async def test_each_change_is_told_once_and_the_watchdog_is_fed_for_progress_alone() -> None:
    progress, nobody_watches, not_due, nothing_moves, late, _ = await asyncio.gather(
        _fed(watchdog_s=1.0),
        _fed(watchdog_s=None),
        _fed(watchdog_s=60.0),
        _fed(watchdog_s=1.0, moves=False),
        _fed(watchdog_s=1.0, late_s=LATE_S),
        _tells_each_change_once(),
    )
    assert progress
    assert not nobody_watches
    assert not not_due
    assert not nothing_moves
    assert not late


async def _fed(watchdog_s: float | None, *, moves: bool = True, late_s: float = 0.0) -> bool:
    """Whether the watchdog is fed at the first look."""
    clock = FakeClock()
    ward = Ward(clock, watchdog_s)
    ward.microphone.start()
    if not moves:
        clock.advance(CARED_FOR_S - LOOK_EVERY_S)
    async with running(ward):
        await asyncio.sleep(0.05)
        clock.advance(LOOK_EVERY_S + late_s)
        if moves:
            ward.microphone.hear(words(320))
        await asyncio.sleep(LOOK_EVERY_S)
        assert ward.supervisor.heard[0] == "STATUS=ready"
        return "WATCHDOG=1" in ward.supervisor.heard


async def _tells_each_change_once() -> None:
    async with running(Ward(SystemClock(), watchdog_s=4 * LOOK_EVERY_S)) as ward:
        ward.microphone.start()
        await asyncio.sleep(LOOK_EVERY_S + 0.15)
        assert ward.supervisor.heard == ["STATUS=ready", "WATCHDOG=1"]
        ward.text = "listening"
        await asyncio.sleep(LOOK_EVERY_S)
        assert ward.supervisor.heard == ["STATUS=ready", "WATCHDOG=1", "STATUS=listening", "WATCHDOG=1"]
