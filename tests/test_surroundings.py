"""The agent is told of the work and the place at the start of each session, and of what changes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
import pytest

from hero365_edge import surroundings
from hero365_edge.core import messages as m
from hero365_edge.core.context import Fix
from hero365_edge.errors import EdgeError
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.link import FakeLink
from hero365_edge.fakes.location import FakeLocation
from hero365_edge.orders import LONGEST_CONTEXT, handlers
from hero365_edge.surroundings import Surroundings
from tests.appliance import Van, heard, running, until

HERE = Fix(52.5, 13.4, at=1000.0)
THERE = Fix(52.6, 13.4, at=1020.0)


class Agent:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.location = FakeLocation()
        self.told: list[m.AnyMessage] = []
        self.surroundings = Surroundings(self.clock, self.location, self.told.append)


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    agent = Agent()
    task = asyncio.create_task(agent.surroundings.run())
    yield agent
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_what_changes_while_there_is_no_session_is_told_when_there_is_one(agent: Agent) -> None:
    agent.surroundings.set("working", None)
    agent.location.be_at(HERE)
    await asyncio.sleep(0.01)
    assert agent.told == []
    agent.surroundings.session_on()
    place = {"latitude": 52.5, "longitude": 13.4}
    assert agent.told == [m.ContextUpdate(data={"location": place, "activity_mode": "working"})]
    agent.surroundings.session_off()
    agent.surroundings.set("driving", "job 7")
    agent.surroundings.session_on()
    data = {"location": place, "activity_mode": "driving", "current_task": "job 7"}
    assert agent.told[1:] == [m.ContextUpdate(data=data)]


async def test_a_vehicle_that_moves_is_followed(agent: Agent) -> None:
    agent.surroundings.session_on()
    agent.location.be_at(HERE)
    await until(lambda: len(agent.told) == 1)
    agent.clock.advance(20.0)
    agent.location.be_at(THERE)
    await until(lambda: len(agent.told) == 2)


async def test_a_receiver_that_is_gone_is_told_in_the_status_and_asked_again(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surroundings, "AGAIN_S", 0.01)
    agent.location.unplug()
    await until(lambda: bool(agent.surroundings.trouble))
    agent.location.be_at(HERE)
    await until(lambda: not agent.surroundings.trouble)


def contexts(link: FakeLink) -> list[dict[str, object]]:
    return [message.data for message in heard(link) if isinstance(message, m.ContextUpdate)]


async def test_each_new_session_of_the_appliance_is_told_and_so_is_each_change() -> None:
    async with running(Van()) as van:
        context = handlers(van.appliance)["context"]
        first = await van.session()
        assert contexts(first) == []
        assert await context({"activity_mode": "working"}) == {"activity_mode": "working"}
        await until(lambda: contexts(first) == [{"activity_mode": "working"}])
        await context({"current_task": "creating_estimate"})
        await until(lambda: len(contexts(first)) == 2)
        first.drop()
        second = await van.session()
        told = {"activity_mode": "working", "current_task": "creating_estimate"}
        await until(lambda: contexts(second) == [told])
        assert van.appliance.status()["context"] == told


@pytest.mark.parametrize("wrong", [7, ["working"], "x" * (LONGEST_CONTEXT + 1)])
async def test_a_context_that_is_no_short_text_is_refused(wrong: object) -> None:
    async with running(Van()) as van:
        with pytest.raises(EdgeError, match="activity_mode is no text of at most 200 characters"):
            await handlers(van.appliance)["context"]({"activity_mode": wrong})
        assert van.appliance.surroundings.facts() == {}


async def test_a_place_goes_up_as_the_seeds_message(agent: Agent) -> None:
    agent.surroundings.session_on()
    agent.location.be_at(HERE)
    await until(lambda: len(agent.told) == 1)
    text = m.encode(agent.told[0], agent.clock.utc())
    assert msgspec.json.decode(text) == {
        "type": "context_update",
        "data": {"location": {"latitude": 52.5, "longitude": 13.4}},
        "timestamp": msgspec.json.decode(text)["timestamp"],
    }
