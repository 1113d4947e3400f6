"""What the supervisor hears: changes, and `alive` while there is progress; what is missing is no reason to restart."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn

import numpy as np
import pytest

from hero365_edge.cards import STUCK_S
from hero365_edge.core.address import Address
from hero365_edge.devices.clock import SystemClock
from hero365_edge.errors import LinkError
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.link import FakeDialer, FakeLink
from hero365_edge.fakes.supervisor import FakeSupervisor
from hero365_edge.health import HUNGRY_S, LATE_S, LOOK_EVERY_S, OVERDUE_S, Check, Health, overdue
from hero365_edge.settings import Backend, Control, Settings
from tests.appliance import HangingDialer
from tests.appliance_on_fakes import Agent, LoopClock, Scene, in_virtual_time, noise, say_whole, scene

WATCHDOG_S = 15.0
SETTINGS = Settings(backend=Backend(url="wss://h/ws", user_id="u", business_id="b"), control=Control(socket=""))
FOUND_WITHIN_S = STUCK_S + 3.0
"""One second until it counts as lost, a try to open it anew, and the time a healthy card may take."""


class Kennel(FakeSupervisor):
    """Notes when it was fed."""

    def __init__(self, watchdog_s: float | None = WATCHDOG_S) -> None:
        super().__init__(watchdog_s)
        self.fed_at: list[float] = []
        self.over = asyncio.Event()
        """Lets go of what hangs for ever, or the appliance could not end."""

    def alive(self) -> None:
        super().alive()
        self.fed_at.append(asyncio.get_running_loop().time())

    @property
    def status_told(self) -> str:
        return next(said for said in reversed(self.heard) if said.startswith("STATUS="))


# -- the whole appliance, in virtual time ------------------------------------------------------------------------------


def watched(happens: Callable[[Scene], Awaitable[None] | None], for_s: float) -> tuple[float, list[float], str]:
    """Let it run for 20 s, let something happen, wait; when that was, when the watchdog was fed since, the status."""

    async def run() -> tuple[float, list[float], str]:
        async with scene(SETTINGS, answer=answer_at_length) as here:
            kennel = here.appliance.health._supervisor = Kennel()
            await asyncio.sleep(20)
            assert_is_fed(kennel.fed_at, 0.0)
            waiting = happens(here)
            if waiting is not None:
                await waiting
            at = here.clock.now()
            await asyncio.sleep(for_s)
            status = kennel.status_told
            kennel.over.set()
            return at, [fed_at for fed_at in kennel.fed_at if fed_at > at], status

    return in_virtual_time(run())


def assert_is_fed(fed_at: list[float], until: float) -> None:
    """Never less often than four times in what the watchdog waits, up to then."""
    gaps = np.diff(fed_at)
    assert gaps.max() <= WATCHDOG_S / 4
    assert not until or fed_at[-1] > until - WATCHDOG_S / 4


async def deaf(here: Scene) -> NoReturn:
    """Wait for ever, and do not hear that it is to stop, as a library that eats cancellations."""
    kennel = here.appliance.health._supervisor
    assert isinstance(kennel, Kennel)
    while not kennel.over.is_set():
        with contextlib.suppress(asyncio.CancelledError):
            await kennel.over.wait()
    raise LinkError("given up")


class DeafDialer(FakeDialer):
    """Dials for ever."""

    def __init__(self, here: Scene) -> None:
        super().__init__()
        self._here = here

    async def dial(self, address: Address) -> FakeLink:
        return await deaf(self._here)


class NoRoad(FakeDialer):
    """There is no network."""

    async def dial(self, address: Address) -> FakeLink:
        self.addresses.append(address)
        raise LinkError("no network")


def lose_the_network(here: Scene) -> None:
    here.appliance.connection._dialer = NoRoad()
    here.road.opened[-1].drop()


def lose_every_packet(here: Scene) -> None:
    """Each dial waits for an answer until its time is up."""
    here.appliance.connection._dialer = HangingDialer()
    here.road.opened[-1].drop()


def end_the_session(here: Scene) -> None:
    here.appliance.connection.end_session()


def unplug_the_microphone(here: Scene) -> None:
    here.microphone.unplug()


def unplug_the_panel(here: Scene) -> None:
    here.panel.unplug()


async def unplug_the_speaker(here: Scene) -> None:
    await ask(here)
    here.speaker.unplug()


async def ask(here: Scene) -> None:
    """A turn, up to where the answer is heard."""
    here.microphone.hear(noise(1.0, seed=1))
    await here.panel.hold(1.2)
    await asyncio.sleep(2.0)
    assert here.speaker.queued_samples


def answer_at_length(agent: Agent, utterance_id: str) -> None:
    say_whole(agent, utterance_id, noise(30.0, seed=2))


@pytest.mark.parametrize(
    "happens",
    [
        *(lose_the_network, lose_every_packet, end_the_session),
        *(unplug_the_microphone, unplug_the_panel, unplug_the_speaker, ask),
    ],
)
def test_what_is_missing_or_at_work_is_no_reason_to_restart(
    happens: Callable[[Scene], Awaitable[None] | None],
) -> None:
    at, fed_at, status = watched(happens, 200.0)
    assert_is_fed(fed_at, at + 200.0)
    assert "no progress" not in status


def hang_the_microphone(here: Scene) -> None:
    here.microphone.hang()


async def hang_the_speaker(here: Scene) -> None:
    await ask(here)
    here.speaker.hang()


def hang_the_dialer(here: Scene) -> None:
    here.appliance.connection._dialer = DeafDialer(here)
    here.road.opened[-1].drop()


async def hang_the_link(here: Scene) -> None:
    here.road.opened[-1].receive = lambda: deaf(here)  # type: ignore[method-assign]  # from the next message on
    here.agent.tell("session_status", status="active")
    await asyncio.sleep(0.1)
    here.appliance.connection.redial("it does not do its work")


def kill_the_buttons_thread(here: Scene) -> None:
    here.panel.go_deaf()


@pytest.mark.parametrize(
    ("happens", "within_s", "why"),
    [
        (hang_the_microphone, FOUND_WITHIN_S, "the microphone hangs: it has not stopped for "),
        (hang_the_speaker, FOUND_WITHIN_S, "the speaker hangs: it has not stopped for "),
        (hang_the_dialer, SETTINGS.backend.connect_timeout_s + 2.0 + OVERDUE_S, "the connection should have moved on "),
        (hang_the_link, OVERDUE_S + 2.0, "the connection should have moved on "),
        (kill_the_buttons_thread, LOOK_EVERY_S, "the button's thread has died"),
    ],
)
def test_what_hangs_lets_the_watchdog_go_hungry_and_the_status_says_why(
    happens: Callable[[Scene], Awaitable[None] | None], within_s: float, why: str
) -> None:
    at, fed_at, status = watched(happens, 60.0)
    assert not [fed for fed in fed_at if fed > at + within_s]
    assert status.startswith(f"STATUS=no progress: {why}")


# -- the health alone --------------------------------------------------------------------------------------------------


def content(_: float) -> str:
    return ""


def hanging(_: float) -> str:
    return "it hangs"


def told_in(seconds: float, watchdog_s: float | None, *checks: Check) -> list[str]:
    """What the supervisor hears in so long."""

    async def run() -> list[str]:
        supervisor = FakeSupervisor(watchdog_s)
        task = asyncio.create_task(
            Health(
                LoopClock(), supervisor, lambda: "ready", {str(number): each for number, each in enumerate(checks)}
            ).run()
        )
        await asyncio.sleep(seconds + 0.001)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return supervisor.heard

    return in_virtual_time(run())


def test_it_is_fed_each_second_or_four_times_in_what_it_waits() -> None:
    assert told_in(10, 15.0, content).count("WATCHDOG=1") == 10
    assert told_in(10, 1.0, content).count("WATCHDOG=1") == 40
    assert "WATCHDOG=1" not in told_in(10, None, content)


def test_one_part_without_progress_is_enough() -> None:
    assert told_in(5, 15.0, content, hanging, content) == ["STATUS=no progress: it hangs"]


def test_what_hangs_for_longer_is_ended_at_once_instead_of_when_the_watchdogs_own_time_is_up() -> None:
    heard = told_in(HUNGRY_S, 15.0, hanging)
    assert "WATCHDOG=trigger" not in heard, "it may go on yet"
    assert told_in(HUNGRY_S + LOOK_EVERY_S, 15.0, hanging) == [*heard, "WATCHDOG=trigger"]
    assert "WATCHDOG=trigger" not in told_in(60.0, None, hanging), "nobody watches"


def test_progress_after_all_is_told_and_fed_again(caplog: pytest.LogCaptureFixture) -> None:
    answers = iter(["", "it hangs", "it hangs", "", ""])
    with caplog.at_level("INFO"):
        heard = told_in(5, 15.0, lambda _: next(answers))
    assert heard == [
        *("WATCHDOG=1", "STATUS=ready", "STATUS=no progress: it hangs"),
        *("WATCHDOG=1", "STATUS=ready", "WATCHDOG=1"),
    ]
    assert [record.message for record in caplog.records] == [
        "no progress, so the watchdog is not fed: it hangs",
        "there is progress again",
    ]


def test_each_time_it_begins_to_go_hungry_is_counted_by_who_is_to_blame() -> None:
    answers = iter(["", "it hangs", "it hangs", "", "it hangs", ""])

    async def run() -> dict[str, int]:
        checks: dict[str, Check] = {"cards": content, "button": lambda _: next(answers)}
        health = Health(LoopClock(), FakeSupervisor(15.0), lambda: "ready", checks)
        task = asyncio.create_task(health.run())
        await asyncio.sleep(6.001)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return dict(health.withheld)

    assert in_virtual_time(run()) == {"button": 2}


def test_a_change_is_told_once() -> None:
    assert told_in(5, None, content) == ["STATUS=ready"]


async def test_an_event_loop_that_was_blocked_is_no_progress_until_it_is_on_time_again() -> None:
    supervisor = FakeSupervisor(watchdog_s=1.0)
    health = Health(SystemClock(), supervisor, lambda: "ready", {"button": content})
    task = asyncio.create_task(health.run())
    await asyncio.sleep(0.3)
    time.sleep(LATE_S + 0.3)  # noqa: ASYNC251  blocking the event loop is what this is about
    fed = supervisor.heard.count("WATCHDOG=1")
    await asyncio.sleep(0.05)
    assert supervisor.heard.count("WATCHDOG=1") == fed
    assert supervisor.heard[-1] == "STATUS=no progress: the event loop was 5 s late"
    await asyncio.sleep(0.6)
    assert supervisor.heard.count("WATCHDOG=1") > fed
    assert health.withheld == {"event_loop": 1}
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def test_a_task_is_overdue_only_some_time_after_it_said_it_would_have_moved_on() -> None:
    clock = FakeClock()
    due_at = clock.now() + 10
    check = overdue("the connection", lambda: due_at)
    assert not check(due_at)
    assert not check(due_at + OVERDUE_S)
    assert check(due_at + OVERDUE_S + 1) == "the connection should have moved on 6 s ago"
    assert not overdue("the connection", lambda: float("inf"))(1e9)
