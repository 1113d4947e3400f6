"""What the control socket may order, and what it is told when it may not."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from hero365_edge.core.handshake import Agreement
from hero365_edge.core.lamp import Light
from hero365_edge.errors import EdgeError
from hero365_edge.fleet.control import Handler
from hero365_edge.orders import LONGEST_PRESS_S, TAP_S, handlers
from tests.appliance import Van

Orders = Mapping[str, Handler]


@pytest.fixture
async def van() -> AsyncIterator[Van]:
    van = Van()
    van.microphone.start()
    yield van
    van.appliance.cards.close()


@pytest.fixture
def orders(van: Van) -> Orders:
    return handlers(van.appliance)


async def test_status_is_the_appliances_own(van: Van, orders: Orders) -> None:
    assert await orders["status"]({"do": "status"}) == van.appliance.status()


@pytest.mark.parametrize(("message", "length_s"), [({}, TAP_S), ({"hold_s": 0.2}, 0.2)])
async def test_a_press_is_down_for_a_tap_or_as_long_as_it_is_asked_to(
    van: Van, orders: Orders, message: Mapping[str, object], length_s: float
) -> None:
    began_at = van.clock.now()
    pressing = asyncio.create_task(_answered(orders["press"], message))
    await asyncio.sleep(0.01)
    assert van.light is Light.LISTENING
    assert await pressing == {}
    assert van.clock.now() - began_at == pytest.approx(length_s, abs=0.08)
    assert van.appliance.dialogue._gestures._pressed_at is None


async def _answered(handler: Handler, message: Mapping[str, object]) -> Mapping[str, object]:
    return await handler(message)


@pytest.mark.parametrize(
    "hold_s",
    [-1, 0, 0.0, LONGEST_PRESS_S + 1, float("nan"), float("inf"), "1", "", [], {}, True, False],
    ids=repr,
)
async def test_a_press_of_no_sensible_length_is_refused_and_the_button_stays_up(
    van: Van, orders: Orders, hold_s: object
) -> None:
    with pytest.raises(EdgeError, match=f"hold_s is .*0 to {LONGEST_PRESS_S:g}"):
        await orders["press"]({"hold_s": hold_s})
    assert van.light is Light.STARTING


async def test_whoever_hangs_up_while_pressing_lets_the_button_go(van: Van, orders: Orders) -> None:
    pressing = asyncio.create_task(_answered(orders["press"], {"hold_s": 60}))
    await asyncio.sleep(0.01)
    pressing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pressing
    assert van.appliance.dialogue._gestures._pressed_at is None


@pytest.mark.parametrize("text", [None, 7, "", "   ", ["hello"]])
async def test_saying_needs_a_text(orders: Orders, text: object) -> None:
    with pytest.raises(EdgeError, match="needs a text"):
        await orders["say"]({"text": text})


async def test_what_cannot_be_said_now_is_refused_with_the_reason(van: Van, orders: Orders) -> None:
    with pytest.raises(EdgeError, match="starting, link offline"):
        await orders["say"]({"text": "what is next?"})
    van.appliance.dialogue.link_up(Agreement())
    assert await orders["say"]({"text": "what is next?"}) == {}
    with pytest.raises(EdgeError, match="processing"):
        await orders["say"]({"text": "and then?"})
