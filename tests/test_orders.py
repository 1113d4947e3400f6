"""What the control socket may order, and what it is told when it may not."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
import pytest

from hero365_edge.core import messages as m
from hero365_edge.core.gestures import Stuck
from hero365_edge.core.handshake import Agreement
from hero365_edge.core.lamp import Light
from hero365_edge.errors import EdgeError, LinkError, LinkRefused
from hero365_edge.fakes.voice import FakeVoice
from hero365_edge.fleet.control import Handler
from hero365_edge.fleet.phrases import Phrases
from hero365_edge.orders import LONGEST_PRESS_S, TAP_S, handlers
from hero365_edge.settings import Speech
from tests.appliance import QUICK, HangingDialer, Van, heard, running, until, words

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


async def test_the_volume_is_what_the_speaker_is_given(van: Van, orders: Orders) -> None:
    player = van.appliance.downlink._player
    assert await orders["volume"]({}) == {"percent": 100, "muted": False}
    assert await orders["volume"]({"percent": 30}) == {"percent": 30, "muted": False}
    assert player.volume == 0.3
    assert van.appliance.status()["volume"] == {"percent": 30, "muted": False}


async def test_muting_silences_and_unmuting_is_as_loud_as_before(van: Van, orders: Orders) -> None:
    player = van.appliance.downlink._player
    await orders["volume"]({"percent": 30})
    assert await orders["mute"]({}) == {"percent": 30, "muted": True}
    assert player.volume == 0.0
    assert await orders["unmute"]({}) == {"percent": 30, "muted": False}
    assert player.volume == 0.3
    await orders["mute"]({})
    assert await orders["volume"]({"percent": 0}) == {"percent": 0, "muted": False}


@pytest.mark.parametrize("percent", [-1, 101, 0.5, "50", None, True, float("nan"), [], 10**99], ids=repr)
async def test_a_volume_that_is_no_percentage_is_refused_and_changes_nothing(
    van: Van, orders: Orders, percent: object
) -> None:
    with pytest.raises(EdgeError, match="a whole number from 0 to 100"):
        await orders["volume"]({"percent": percent})
    assert van.appliance.downlink._player.volume == 1.0


async def test_reading_the_settings_again_keeps_what_was_muted_unless_they_say_another_volume(
    van: Van, orders: Orders
) -> None:
    await orders["mute"]({})
    van.appliance.reload(QUICK)
    assert van.appliance.downlink._player.volume == 0.0
    output = msgspec.structs.replace(QUICK.audio.output, volume=0.5)
    van.appliance.reload(msgspec.structs.replace(QUICK, audio=msgspec.structs.replace(QUICK.audio, output=output)))
    assert van.appliance.downlink._player.volume == 0.5


async def test_ending_the_session_says_how_much_was_given_up_with_it() -> None:
    dialer = HangingDialer()
    dialer.free.set()
    async with running(Van(dialer=dialer)) as van:
        orders = handlers(van.appliance)
        link = await van.session()
        dialer.free.clear()
        assert await orders["session_end"]({}) == {"given_up": 0}
        await until(lambda: any(isinstance(message, m.EndSession) for message in heard(link)))
        await van.hold_and_say(words(6400))
        await van.shows(Light.HOLDING)
        assert await orders["session_end"]({}) == {"given_up": 1}
        await van.shows(Light.READY)


async def test_after_the_session_was_ended_a_typed_question_is_refused_instead_of_lost() -> None:
    async with running(Van()) as van:
        orders = handlers(van.appliance)
        await van.session()
        await orders["session_end"]({})
        await van.shows(Light.READY)
        with pytest.raises(EdgeError, match="ready, link "):
            await orders["say"]({"text": "what is next?"})


# -- what status says is wrong -------------------------------------------------------------------------------------


def why(van: Van) -> dict[str, str]:
    return van.appliance._why()


async def test_what_is_wrong_is_told_by_the_part_that_is_to_blame() -> None:
    van = Van()
    van.dialer.refuse(LinkError("no road, token=abc"))
    async with running(van):
        await until(lambda: why(van) == {"link": "no road, token=***"})
        van.microphone.unplug()
        await until(lambda: "microphone" in why(van), limit_s=4.0)
        await van.session()
        assert list(why(van)) == ["microphone"]


async def test_a_refused_token_is_the_tokens_fault_and_not_the_links() -> None:
    van = Van()
    van.dialer.refuse(LinkRefused("answered HTTP 401: the token is refused"))
    async with running(van):
        await van.shows(Light.FAULT)
        assert why(van) == {"token": "answered HTTP 401: the token is refused"}
        van.appliance.connection.dial_now()
        await van.session()
        assert why(van) == {}


async def test_without_a_session_that_was_ended_on_purpose_nothing_is_wrong(van: Van, orders: Orders) -> None:
    van.dialer.refuse(LinkError("no road"), times=100_000)
    async with running(van):
        await until(lambda: why(van) == {"link": "no road"})
        await orders["session_end"]({})
        await van.shows(Light.READY)
        assert why(van) == {}


async def test_a_button_that_does_not_come_up_is_told() -> None:
    async with running(Van()) as van:
        await van.session()
        van.appliance.dialogue.happen(Stuck(van.clock.now()))
        assert why(van) == {"button": "it has not come up for 60 s"}


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


async def test_the_usual_phrases_are_listed_warmed_and_taken_from_new_settings(tmp_path: Path) -> None:
    van = Van(phrases=Phrases(tmp_path), voice=FakeVoice())
    orders = handlers(van.appliance)
    assert set(usual(await orders["phrases"]({})).values()) == {None}
    warmed = await orders["phrases_warm"]({})
    assert warmed["said"] == warmed["phrases"] == len(QUICK.speech.phrases)
    assert usual(warmed) == dict.fromkeys(QUICK.speech.phrases, "local")
    other = msgspec.structs.replace(QUICK, speech=Speech(phrases=("Done.",)))
    assert van.appliance.reload(other) == []
    assert usual(await orders["phrases"]({})) == {"Done.": None}


def usual(facts: Mapping[str, object]) -> dict[str, object]:
    told = facts["usual"]
    assert isinstance(told, dict)
    return told


async def test_warming_without_a_cache_is_refused_with_the_reason(orders: Orders) -> None:
    with pytest.raises(EdgeError, match="no cache folder"):
        await orders["phrases_warm"]({})
