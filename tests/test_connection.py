"""The link's life over a fake one: dial, shake hands, listen, back off, dial again."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest

from hero365_edge.call import GOODBYE_S, POSTED
from hero365_edge.connection import LOOK_S, STALE_DIAL_S, Backend, Connection
from hero365_edge.core import messages as m
from hero365_edge.core.address import Address
from hero365_edge.core.backoff import SPREAD_S, Backoff
from hero365_edge.core.handshake import Agreement, Limits, LinkState
from hero365_edge.core.health import RECONNECT_EVERY_S
from hero365_edge.devices.clock import SystemClock
from hero365_edge.errors import ConfigError, LinkError, LinkRefused, LinkTooBig
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.link import FakeDialer, FakeLink
from hero365_edge.fakes.tokens import FakeTokens
from hero365_edge.ports import Clock
from tests.appliance import HangingDialer, confirm, heard, open_session, say, start, until
from tests.appliance_on_fakes import LoopClock, in_virtual_time

TOKEN = "s3cr3t-t0ken"  # noqa: S105  nobody's
PATIENT = Limits(confirm_s=5.0, start_s=5.0, realtime_s=5.0)
SHORT_S = 0.05
SHORT = Limits(SHORT_S, SHORT_S, SHORT_S)


class Diary:
    """What the connection told, in order."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.hung_up: list[bool] = []
        self.at_rest = True

    def link_up(self, agreement: Agreement) -> None:
        self.told.append(agreement)

    def link_down(self, refused: bool, tell: bool, too_big: bool, hung_up: bool) -> None:
        self.hung_up.append(hung_up)
        self.told.append({"refused": refused, "tell": tell} | ({"too_big": True} if too_big else {}))

    def idle(self) -> bool:
        return self.at_rest

    def message(self, message: m.AnyMessage) -> None:
        self.told.append(message)

    def sound(self, data: bytes) -> None:
        self.told.append(data)

    @property
    def ups(self) -> list[Agreement]:
        return [told for told in self.told if isinstance(told, Agreement)]

    @property
    def downs(self) -> list[dict[str, bool]]:
        return [told for told in self.told if isinstance(told, dict)]


class Line:
    """A connection that runs; redials at once unless it is told to back off as in life."""

    def __init__(
        self,
        dialer: FakeDialer | None = None,
        profile: str = "auto",
        limits: Limits = PATIENT,
        connect_timeout_s: float = 5.0,
        *,
        backs_off: bool = False,
        reconnect_spread_s: float = SPREAD_S,
        clock: Clock | None = None,
    ) -> None:
        self.clock = clock or SystemClock()
        self.dialer = dialer or FakeDialer()
        self.diary = Diary()
        self.tokens = FakeTokens(TOKEN)
        names = ("wss://h/ws", "u", "b", "both", profile, "pcm16")
        backend = Backend(*names, connect_timeout_s, limits, reconnect_spread_s)
        self.connection = Connection(self.clock, self.dialer, backend, self.tokens, self.diary)
        if not backs_off:
            self.connection._backoff = Backoff(lambda: 0.0)

    async def up(self, profile: str = "seed") -> FakeLink:
        """The next link, with a session on it."""
        ups = len(self.diary.ups)
        link = await self.dialer.dialled()
        await open_session(link, profile)
        await until(lambda: len(self.diary.ups) > ups)
        return link

    @property
    def session_ids(self) -> list[str]:
        """Of each dial that was answered."""
        return [address.url.partition("?")[0].rpartition("/")[2] for address in self.dialer.addresses]


@contextlib.asynccontextmanager
async def running(line: Line) -> AsyncIterator[Line]:
    task = asyncio.create_task(line.connection.run())
    await asyncio.sleep(0)
    yield line
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert [left for left in asyncio.all_tasks() if left is not asyncio.current_task()] == []
    assert all(link.closed for link in line.dialer.links)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with running(Line()) as line:
        yield line


def types(link: FakeLink) -> list[type]:
    return [type(message) for message in heard(link)]


async def nothing(_link: FakeLink) -> None:
    """Not even an opened door."""


# -- opening -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "agreement"),
    [
        ("seed", Agreement("seed", realtime=True, uplink="pcm16")),
        ("v1", Agreement("v1", realtime=True, uplink="opus")),
        ("buffered", Agreement("seed", realtime=False)),
    ],
)
async def test_it_dials_at_start_and_agrees_on_a_profile(line: Line, profile: str, agreement: Agreement) -> None:
    link = await line.up(profile)
    assert line.diary.ups == [agreement]
    assert line.connection.agreement == agreement
    assert line.connection.state is LinkState.ACTIVE
    assert types(link) == [m.StartSession, m.EnableRealtime][: 1 if profile == "buffered" else 2]
    assert all(getattr(message, "timestamp", "").endswith("Z") for message in heard(link))
    assert line.connection.rtt_s == link.rtt_s


async def test_the_states_of_the_link_are_told_apart(line: Line) -> None:
    states = [line.connection.state]
    link = await line.dialer.dialled()
    for step in (nothing, confirm, start):
        await step(link)
        states.append(line.connection.state)
    assert states == [LinkState.CONNECTING, LinkState.CONNECTING, LinkState.CONFIRMED, LinkState.ACTIVE]
    assert line.connection.agreement is None, "but what may go up is not agreed yet"
    assert line.connection.rtt_s is None


async def test_a_backend_that_refuses_the_offer_is_asked_in_the_seeds_own_words(line: Line) -> None:
    link = await line.dialer.dialled()
    await confirm(link)
    await start(link)
    say(link, "error", error="unknown field audio")
    await until(lambda: types(link).count(m.EnableRealtime) == 2)
    offer, bare = (message for message in heard(link) if isinstance(message, m.EnableRealtime))
    assert isinstance(offer.audio, m.AudioOffer)
    assert not isinstance(bare.audio, m.AudioOffer)
    say(link, "realtime_enabled", session_id="s", status="enabled")
    await until(lambda: line.diary.ups == [Agreement("seed", realtime=True, uplink="pcm16")])


async def test_where_the_seed_profile_is_set_nothing_is_offered() -> None:
    async with running(Line(profile="seed")) as line:
        link = await line.up()
        [asked] = [message for message in heard(link) if isinstance(message, m.EnableRealtime)]
        assert not isinstance(asked.audio, m.AudioOffer)


async def test_what_is_said_during_the_opening_is_heard_too(line: Line) -> None:
    link = await line.dialer.dialled()
    await confirm(link)
    await start(link)
    say(link, "agent_response", session_id="s", response="Welcome!")
    link.say(b"\x01\x02")
    say(link, "realtime_enabled", session_id="s", status="enabled")
    await until(lambda: bool(line.diary.ups))
    kinds = [type(told) for told in line.diary.told]
    assert kinds == [m.ConnectionConfirmed, m.SessionStarted, m.AgentResponse, bytes, m.RealtimeEnabled, Agreement]


@pytest.mark.parametrize("reached", [0, 1])
async def test_each_step_of_the_opening_has_its_time_limit(reached: int) -> None:
    async with running(Line(limits=SHORT)) as line:
        first = await line.dialer.dialled()
        for step in (confirm,)[:reached]:
            await step(first)
        await until(lambda: len(line.dialer.links) > 1)
        assert first.closed
        assert line.diary.downs[0] == {"refused": False, "tell": False}
        assert line.diary.ups == []


async def test_no_answer_about_realtime_means_there_is_none() -> None:
    async with running(Line(limits=SHORT)) as line:
        link = await line.dialer.dialled()
        await confirm(link)
        await start(link)
        await until(lambda: line.diary.ups == [Agreement("seed", realtime=False)])
        assert types(link).count(m.EnableRealtime) == 2
        assert line.diary.downs == []


async def test_a_flood_of_other_messages_does_not_stretch_the_time_limit() -> None:
    async with running(Line(limits=SHORT)) as line:
        link = await line.dialer.dialled()
        for _ in range(10):
            say(link, "session_status", session_id="s", data={})
            await asyncio.sleep(SHORT_S / 5)
        assert len(line.dialer.links) > 1


async def test_a_dial_that_nobody_answers_is_given_up_and_tried_again() -> None:
    dialer = HangingDialer()
    async with running(Line(dialer, connect_timeout_s=SHORT_S)) as line:
        await until(lambda: dialer.begun >= 3)
        assert line.diary.downs[:2] == [{"refused": False, "tell": False}] * 2


@pytest.mark.parametrize("step", [confirm, None])
async def test_a_backend_that_refuses_the_session_is_dialled_again(
    line: Line, step: Callable[[FakeLink], Awaitable[None]] | None
) -> None:
    link = await line.dialer.dialled()
    if step is not None:
        await step(link)
    say(link, "error", error="no session for you")
    await until(lambda: len(line.dialer.links) > 1)
    assert link.closed
    assert line.diary.ups == []


# -- the link breaks -----------------------------------------------------------------------------------------------


async def test_a_lost_link_is_told_and_dialled_again_under_the_same_session_id() -> None:
    async with running(Line(backs_off=True)) as line:
        first = await line.up()
        first.drop()
        await until(lambda: line.diary.downs == [{"refused": False, "tell": False}])
        assert line.connection.agreement is None
        assert line.connection.state is LinkState.OFFLINE
        second = await line.up()
        assert types(second) == [m.StartSession, m.EnableRealtime]
        assert len(set(line.session_ids)) == 1
        assert first.closed
        assert line.connection.reconnects == 1


async def test_only_a_link_whose_session_stood_is_lost_and_none_that_was_dropped_here() -> None:
    line = Line()
    line.dialer.refuse(LinkError("no network"), times=3)
    async with running(line):
        link = await line.up()
        assert (line.connection.reconnects, line.connection.counts.lost) == (3, 0)
        line.connection.redial("for this test")
        await until(lambda: link.closed)
        link = await line.up()
        assert (line.connection.reconnects, line.connection.counts.lost) == (4, 0)
        link.drop()
        (await line.dialer.dialled()).drop()
        await line.up()
        assert (line.connection.reconnects, line.connection.counts.lost) == (6, 1)


async def test_the_technician_is_told_at_the_third_failure_and_once() -> None:
    dialer = FakeDialer()
    dialer.refuse(LinkError("no road"), times=6)
    async with running(Line(dialer)) as line:
        await until(lambda: len(line.diary.downs) == 6)
        assert [down["tell"] for down in line.diary.downs] == [False, False, True, False, False, False]


async def test_an_open_door_is_no_success_but_a_session_is(line: Line) -> None:
    for _ in range(2):
        link = await line.dialer.dialled()
        await confirm(link)
        link.drop()
    link = await line.up()
    link.drop()
    await until(lambda: len(line.diary.downs) == 3)
    assert [down["tell"] for down in line.diary.downs] == [False, False, False]


async def test_it_backs_off_between_failures() -> None:
    dialer = FakeDialer()
    dialer.refuse(LinkError("no road"), times=100)
    line = Line(dialer)
    line.connection._backoff = Backoff(lambda: 0.9)
    async with running(line):
        await asyncio.sleep(0.3)
        assert len(dialer.addresses) == 1
        line.connection.dial_now()
        await until(lambda: len(dialer.addresses) == 2)


async def test_what_the_server_asked_for_is_waited() -> None:
    dialer = FakeDialer()
    dialer.refuse(LinkError("HTTP 429", retry_after_s=0.3))
    async with running(Line(dialer)):
        await asyncio.sleep(0.2)
        assert len(dialer.addresses) == 1
        await until(lambda: len(dialer.addresses) == 2, 0.4)


@pytest.mark.parametrize("refusal", [LinkRefused("HTTP 401"), ConfigError("token file /x: is empty")])
async def test_a_refused_token_is_told_as_such_and_not_dialled_harder(refusal: LinkRefused | ConfigError) -> None:
    line = Line()
    if isinstance(refusal, ConfigError):
        line.tokens.fail(refusal)
    else:
        line.dialer.refuse(refusal)
    async with running(line):
        await until(lambda: line.diary.downs == [{"refused": True, "tell": False}])
        await asyncio.sleep(0.1)
        assert len(line.diary.downs) == 1
        assert line.tokens.refusals == isinstance(refusal, LinkRefused), "only the backend can refuse one"
        line.tokens.put("another")
        line.connection.dial_now()
        await line.up()
        assert "token=another" in line.dialer.addresses[-1].url, "the token is read again before each dial"


NOT_YET_VALID = LinkError("the certificate is not yet valid", cause="clock")


def without_the_time() -> Line:
    """Its certificates are not yet valid, and nobody keeps its clock right; it stands still till it is moved."""
    clock = FakeClock(utc=datetime(2001, 1, 1, tzinfo=UTC))
    clock.lose_time()
    line = Line(clock=clock)
    line.dialer.refuse(NOT_YET_VALID)
    return line


async def test_a_certificate_from_the_future_is_waited_for_until_the_clock_is_set_and_told_once() -> None:
    async with running(without_the_time()) as line:
        await until(lambda: line.diary.downs == [{"refused": False, "tell": True}])
        assert line.connection.facts()["waits_for"] == "clock"
        assert "not yet valid" in line.connection.trouble
        await asyncio.sleep(LOOK_S + 0.2)
        assert len(line.dialer.addresses) == 1, "nobody dials harder than the clock runs"
        line.dialer.refuse(NOT_YET_VALID)
        assert isinstance(line.clock, FakeClock)
        line.clock.set_wall(datetime(2026, 1, 1, tzinfo=UTC))
        line.clock.lose_time()
        await until(lambda: len(line.diary.downs) == 2)
        assert line.diary.downs[1] == {"refused": False, "tell": False}
        line.clock.set_wall(line.clock.utc())
        await line.up()
        assert line.connection.facts()["waits_for"] is None


async def test_who_presses_while_the_clock_is_waited_for_is_dialled_for_at_once() -> None:
    async with running(without_the_time()) as line:
        await until(lambda: bool(line.diary.downs))
        line.connection.dial_now()
        await line.up()


async def test_a_certificate_from_the_future_by_a_right_clock_is_the_backends_matter() -> None:
    line = Line()
    line.dialer.refuse(NOT_YET_VALID)
    async with running(Line(line.dialer, clock=FakeClock())) as line:
        await line.up()
        assert line.diary.downs == [{"refused": False, "tell": False}]
        assert line.connection.waits_for == ""


@pytest.mark.parametrize("active", [False, True])
async def test_a_link_closed_for_the_token_is_a_refusal_too(line: Line, active: bool) -> None:
    link = await (line.up() if active else line.dialer.dialled())
    link.drop(LinkRefused("closed with code 4401"))
    await until(lambda: line.diary.downs == [{"refused": True, "tell": False}])
    await asyncio.sleep(0.05)
    assert len(line.dialer.links) == 1


async def test_a_refused_token_is_dialled_with_again_as_soon_as_it_is_another() -> None:
    line = Line()
    line.dialer.refuse(LinkRefused("HTTP 401", cause="refused"))
    async with running(line):
        await until(lambda: bool(line.diary.downs))
        await asyncio.sleep(LOOK_S + 0.2)
        assert len(line.dialer.addresses) == 1, "the same token is not tried again"
        line.tokens.put("another")
        await until(lambda: len(line.dialer.addresses) == 2, LOOK_S + 0.5)
        assert "token=another" in line.dialer.addresses[-1].url
        await line.up()
        assert line.connection.counts.causes == {"refused": 1}


async def test_a_press_dials_at_once_even_where_the_server_asked_for_patience() -> None:
    dialer = FakeDialer()
    dialer.refuse(LinkError("HTTP 429", retry_after_s=600.0, cause="busy"), times=2)
    async with running(Line(dialer)) as line:
        await until(lambda: len(line.diary.downs) == 1)
        line.connection.dial_now()
        await until(lambda: len(line.diary.downs) == 2)
        await asyncio.sleep(0.2)
        assert len(dialer.addresses) == 2, "one press is one dial"
        line.connection.dial_now()
        await line.up()
        assert line.connection.counts.causes == {"busy": 2}


async def test_a_press_begins_a_dial_anew_that_hangs_and_not_one_that_has_just_begun() -> None:
    dialer = HangingDialer()
    async with running(Line(dialer, connect_timeout_s=30.0)) as line:
        await until(lambda: dialer.begun == 1)
        line.connection.dial_now()
        await asyncio.sleep(0.05)
        assert dialer.begun == 1
        await asyncio.sleep(STALE_DIAL_S)
        line.connection.dial_now()
        await until(lambda: dialer.begun == 2, 0.2)
        await asyncio.sleep(STALE_DIAL_S + 0.2)
        line.connection.dial_now()
        await asyncio.sleep(0.05)
        assert dialer.begun == 2, "who presses again and again must not keep it from getting through"


async def test_it_is_told_whether_the_other_side_ended_a_link(line: Line) -> None:
    (await line.up()).drop()
    (await line.up()).drop(LinkError("closed with code 1012", 0.0, "busy"))
    await line.up()
    line.connection.redial("for this test")
    (await line.up()).drop(LinkError("no sign of life", cause="silent"))
    await line.up()
    assert line.diary.hung_up == [True, True, False, False]


GOODBYE = LinkError("closed with code 1001", by_backend=True)
AN_HOUR_S = 3600.0


async def test_a_session_that_the_backend_ended_while_nobody_used_it_is_dialled_for_in_no_hurry_until_a_press() -> None:
    async with running(Line(backs_off=True, reconnect_spread_s=AN_HOUR_S)) as line:
        (await line.up()).drop(GOODBYE)
        await until(lambda: bool(line.diary.downs))
        await asyncio.sleep(1.0)
        assert len(line.dialer.links) == 1, "2 in 1000 may come so soon"
        line.connection.dial_now()
        await line.up()


@pytest.mark.parametrize(
    ("error", "at_rest"), [(GOODBYE, False), (LinkError("no sign of life"), True)], ids=["in a turn", "the road broke"]
)
async def test_a_link_that_is_missed_or_that_the_road_cost_is_dialled_for_soon(error: LinkError, at_rest: bool) -> None:
    async with running(Line(backs_off=True, reconnect_spread_s=AN_HOUR_S)) as line:
        link = await line.up()
        line.diary.at_rest = at_rest
        link.drop(error)
        await until(lambda: len(line.dialer.links) == 2, 1.0)


async def test_a_message_that_was_too_big_is_told_as_such(line: Line) -> None:
    (await line.up()).drop(LinkTooBig("1009"))
    await until(lambda: line.diary.downs == [{"refused": False, "tell": False, "too_big": True}])


# -- health --------------------------------------------------------------------------------------------------------


def test_a_link_without_a_sign_of_life_is_found_in_ten_seconds_and_dialled_again() -> None:
    async def main() -> None:
        async with running(Line(clock=LoopClock())) as line:
            first = await line.up()
            await asyncio.sleep(300.0)
            assert not first.closed, "a working link is left alone"
            first.silent = True
            went_silent_at = line.clock.now()
            await until(lambda: first.closed, 20.0)
            assert 8.0 < line.clock.now() - went_silent_at <= 10.0
            await line.up()
            assert line.connection.counts.causes == {"silent": 1}

    in_virtual_time(main())


def test_a_bad_link_is_shown_and_replaced_once_a_minute_where_nobody_would_miss_it() -> None:
    async def main() -> None:
        async with running(Line(clock=LoopClock())) as line:
            line.diary.at_rest = False
            first = await line.up()
            first.rtt_s = 1.5
            await until(lambda: line.connection.health is not None and line.connection.health.degraded, 20.0)
            await asyncio.sleep(120.0)
            assert not first.closed, "somebody speaks on it"
            assert line.connection.counts.degraded == 1
            line.diary.at_rest = True
            await until(lambda: first.closed, 2.0)
            second = await line.up()
            second.rtt_s = 1.5
            opened_at = line.clock.now()
            await until(lambda: second.closed, 100.0)
            assert line.clock.now() - opened_at == pytest.approx(RECONNECT_EVERY_S, abs=2.0)
            assert line.connection.counts.causes == {"degraded": 2}
            assert line.connection.counts.degraded == 2
            assert [down["tell"] for down in line.diary.downs] == [False, False]

    in_virtual_time(main())


async def test_a_link_that_does_not_do_its_work_is_replaced_at_once(line: Line) -> None:
    first = await line.up()
    line.connection.redial("a test")
    second = await line.up()
    assert first.closed
    assert second is not first
    assert line.diary.downs == [{"refused": False, "tell": False}]
    assert len(set(line.session_ids)) == 1
    assert m.EndSession not in types(first)


async def test_a_press_while_the_link_is_made_does_not_dial_after_the_session_ended(line: Line) -> None:
    link = await line.dialer.dialled()
    line.connection.dial_now()
    await open_session(link)
    await until(lambda: bool(line.diary.ups))
    line.connection.end_session()
    await until(lambda: m.EndSession in types(link))
    say(link, "session_ended", session_id="s", status="ended")
    await asyncio.sleep(0.1)
    assert len(line.dialer.links) == 1


async def test_a_press_while_the_link_is_made_does_not_skip_the_back_off_of_a_later_break(line: Line) -> None:
    link = await line.dialer.dialled()
    line.connection.dial_now()
    await open_session(link)
    await until(lambda: bool(line.diary.ups))
    line.connection._backoff = Backoff(lambda: 0.9)
    link.drop()
    await asyncio.sleep(0.2)
    assert len(line.dialer.links) == 1


# -- speaking and listening ----------------------------------------------------------------------------------------


async def test_messages_and_sound_are_told_in_the_order_they_came(line: Line) -> None:
    link = await line.up()
    before = len(line.diary.told)
    say(link, "audio_processing", session_id="s", status="processing")
    link.say(b"\xff\xff\x00")
    link.say(b'{"type": "agent_response", "response": "json in a binary message"}')
    link.say(b"{ is how this sound begins")
    await until(lambda: len(line.diary.told) == before + 4)
    kinds = [type(told) for told in line.diary.told[before:]]
    assert kinds == [m.AudioProcessing, bytes, m.AgentResponse, bytes]


async def test_what_cannot_be_understood_is_counted_logged_once_and_skipped(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="hero365_edge")
    link = await line.up()
    before = len(line.diary.told)
    for junk in ("", "{", "[]", '{"type": "unknown"}', '{"type": "agent_response", "response": 7}', "{" * 5000):
        link.say(junk)
    say(link, "context_updated")
    await until(lambda: len(line.diary.told) == before + 1)
    assert line.connection.counts.rejected == 6
    levels = [record.levelno for record in caplog.records if "skipped" in record.message]
    assert levels == [logging.WARNING] + [logging.DEBUG] * 5
    assert line.diary.downs == []


async def test_posted_messages_go_up_in_order(line: Line) -> None:
    link = await line.up()
    for number in range(POSTED):
        line.connection.post(m.TextInput(text=str(number)))
    await until(lambda: types(link).count(m.TextInput) == POSTED)
    texts = [message.text for message in heard(link) if isinstance(message, m.TextInput)]
    assert texts == [str(number) for number in range(POSTED)]


async def test_without_a_session_sending_is_an_error_and_posting_is_dropped(line: Line) -> None:
    link = await line.dialer.dialled()
    with pytest.raises(LinkError, match="no session"):
        await line.connection.send(b"x")
    line.connection.post(m.TextInput(text="too early"))
    await open_session(link)
    await until(lambda: bool(line.diary.ups))
    await line.connection.send(b"now")
    assert heard(link)[-1] == b"now"
    link.drop()
    await until(lambda: bool(line.diary.downs))
    with pytest.raises(LinkError):
        await line.connection.send(b"too late")
    line.connection.post(m.TextInput(text="too late"))
    second = await line.up()
    await asyncio.sleep(0.02)
    assert m.TextInput not in types(link) + types(second)


async def test_what_a_broken_link_did_not_take_is_not_posted_on_the_next(line: Line) -> None:
    first = await line.up()
    for _ in range(3):
        line.connection.post(m.ResponseCancelled(response_id="of the old link", played_ms=0))
    first.drop()
    second = await line.up()
    await asyncio.sleep(0.02)
    assert m.ResponseCancelled not in types(second)


async def test_more_posts_than_can_wait_do_no_harm(line: Line) -> None:
    link = await line.up()
    for number in range(POSTED + 10):
        line.connection.post(m.TextInput(text=str(number)))
    await asyncio.sleep(0.02)
    assert types(link).count(m.TextInput) == POSTED


# -- the end of the session ----------------------------------------------------------------------------------------


async def say_goodbye(link: FakeLink) -> None:
    """The backend's side of it."""
    await until(lambda: m.EndSession in types(link) or link.closed)
    say(link, "session_ended", session_id="s", status="ended")
    await until(lambda: link.closed)


async def end(line: Line, link: FakeLink) -> None:
    line.connection.end_session()
    await say_goodbye(link)
    assert m.EndSession in types(link)


async def test_a_session_that_is_ended_is_ended_with_the_backend_and_the_next_is_a_new_one(line: Line) -> None:
    link = await line.up()
    await end(line, link)
    await asyncio.sleep(0.05)
    assert line.connection.state is LinkState.OFFLINE
    assert len(line.dialer.links) == 1, "nobody dials until somebody wants to"
    assert line.diary.downs == [], "it was wanted: nobody needs to be told"
    line.connection.dial_now()
    await line.up()
    assert len(set(line.session_ids)) == 2


class SlowDialer(FakeDialer):
    """Its links hand a message over at once, and are busy for a while then, as a full socket is."""

    async def dial(self, address: Address) -> FakeLink:
        link = await super().dial(address)
        hand_over = link.send

        async def send(message: str | bytes) -> None:
            await hand_over(message)
            await asyncio.sleep(0.01)

        link.send = send  # type: ignore[method-assign]  # one link, as slow as this test needs it
        return link


async def test_what_was_posted_just_before_the_end_of_the_session_goes_up_before_it() -> None:
    async with running(Line(SlowDialer())) as line:
        link = await line.up()
        for number in range(3):
            line.connection.post(m.ResponseCancelled(response_id=f"r{number}", played_ms=80))
        await end(line, link)
        assert types(link)[-4:] == [*[m.ResponseCancelled] * 3, m.EndSession]


async def test_a_session_that_is_ended_already_is_not_begun_by_ending_it_again(line: Line) -> None:
    link = await line.up()
    await end(line, link)
    await asyncio.sleep(0.02)
    line.connection.end_session()
    await asyncio.sleep(0.05)
    assert len(line.dialer.addresses) == 1
    line.connection.dial_now()
    await line.up()
    assert len(line.dialer.addresses) == 2


async def test_what_the_backend_says_during_the_goodbye_is_ignored(line: Line) -> None:
    link = await line.up()
    line.connection.end_session()
    await until(lambda: m.EndSession in types(link))
    before = len(line.diary.told)
    link.say("{")
    say(link, "agent_response", response="one more thing")
    say(link, "session_ended", session_id="s", status="ended")
    await until(lambda: link.closed)
    assert line.diary.told[before:] == []


async def test_a_press_during_the_goodbye_begins_a_new_session(line: Line) -> None:
    link = await line.up()
    line.connection.end_session()
    await until(lambda: m.EndSession in types(link))
    line.connection.dial_now()
    say(link, "session_ended", session_id="s", status="ended")
    await line.up()
    assert len(set(line.session_ids)) == 2
    assert line.diary.downs == []


async def test_a_press_right_after_the_session_was_ended_begins_a_new_session(line: Line) -> None:
    link = await line.up()
    line.connection.end_session()
    line.connection.dial_now()
    await until(lambda: m.EndSession in types(link))
    say(link, "session_ended", session_id="s", status="ended")
    await line.up()
    assert len(set(line.session_ids)) == 2


async def test_a_session_that_is_ended_while_the_link_is_down_is_not_taken_up_again() -> None:
    async with running(Line()) as line:
        link = await line.up()
        line.connection._backoff = Backoff(lambda: 0.9)
        link.drop()
        await until(lambda: bool(line.diary.downs))
        line.connection.end_session()
        await asyncio.sleep(0.01)
        line.connection.dial_now()
        await line.up()
        assert len(set(line.session_ids)) == 2


async def confirm_and_start(link: FakeLink) -> None:
    await confirm(link)
    await start(link)


OPENINGS: dict[str, Callable[[FakeLink], Awaitable[None]]] = {
    "connecting": nothing,
    "confirmed": confirm,
    "negotiating": confirm_and_start,
}


@pytest.mark.parametrize("opening", OPENINGS)
async def test_a_session_that_is_ended_while_it_is_opened_is_never_told_as_up(opening: str) -> None:
    async with running(Line()) as line:
        link = await line.dialer.dialled()
        await OPENINGS[opening](link)
        line.connection.end_session()
        say(link, "realtime_enabled", session_id="s", status="enabled")
        await say_goodbye(link)
        await asyncio.sleep(0.02)
        assert line.diary.ups == []
        assert len(line.dialer.links) == 1
        assert line.connection.state is LinkState.OFFLINE


@pytest.mark.parametrize("opening", OPENINGS)
async def test_a_press_after_the_session_was_ended_while_it_was_opened_gets_a_session_that_stays(
    line: Line, opening: str
) -> None:
    first = await line.dialer.dialled()
    await OPENINGS[opening](first)
    line.connection.end_session()
    line.connection.dial_now()
    await say_goodbye(first)
    await line.up()
    await asyncio.sleep(0.05)
    assert line.connection.agreement is not None
    assert line.diary.downs == []


async def test_closing_is_over_within_3_s_in_every_phase() -> None:
    async def close(line: Line) -> float:
        began_at = asyncio.get_running_loop().time()
        await line.connection.close()
        return asyncio.get_running_loop().time() - began_at

    async def ready(line: Line) -> None:
        await line.up()

    async def ended(line: Line) -> None:
        await end(line, await line.up())

    async def backing_off(line: Line) -> None:
        line.connection._backoff = Backoff(lambda: 0.99)
        (await line.dialer.dialled()).drop()
        await until(lambda: bool(line.diary.downs))

    async def dialling(line: Line) -> None:
        await asyncio.sleep(0.01)

    phases: list[tuple[Line, Callable[[Line], Awaitable[None]]]] = [
        (Line(HangingDialer()), dialling),
        (Line(), backing_off),
        (Line(), ready),
        (Line(), ended),
    ]
    for opening in OPENINGS.values():

        async def opened(line: Line, opening: Callable[[FakeLink], Awaitable[None]] = opening) -> None:
            await opening(await line.dialer.dialled())

        phases.append((Line(), opened))
    tasks = [asyncio.create_task(line.connection.run()) for line, _ in phases]
    for line, reach in phases:
        await reach(line)
    took = await asyncio.gather(*(close(line) for line, _ in phases))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert max(took) < 3.0
    assert took[3] < 0.1, "there is nothing to end"
    assert GOODBYE_S <= took[2] < 3.0, "this backend does not say goodbye"


async def test_closing_waits_no_longer_than_the_backends_goodbye(line: Line) -> None:
    link = await line.up()
    closing = asyncio.create_task(line.connection.close())
    await until(lambda: m.EndSession in types(link))
    say(link, "session_ended", session_id="s", status="ended")
    async with asyncio.timeout(0.2):
        await closing
    assert link.closed


@pytest.mark.parametrize("reached", [0, 1, 2, 3])
async def test_it_stops_cleanly_in_every_phase(reached: int) -> None:
    async with running(Line()) as line:
        link = await line.dialer.dialled()
        for step in (confirm, start)[: min(reached, 2)]:
            await step(link)
        if reached == 3:
            say(link, "realtime_enabled", session_id="s", status="enabled")
            await until(lambda: bool(line.diary.ups))


async def test_no_token_and_no_query_is_logged_whatever_happens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with running(Line(limits=SHORT)) as line:
        line.dialer.refuse(LinkError("no road"), times=2)
        link = await line.up()
        link.say("{")
        link.drop()
        await line.up()
        line.connection.redial("a test")
        await line.dialer.dialled()
    assert caplog.records
    for word in (TOKEN, "user_id", "business_id"):
        assert word not in caplog.text


async def test_a_session_that_the_backend_ends_is_followed_by_a_new_one(line: Line) -> None:
    link = await line.up()
    ended = line.connection.session_id
    link.say('{"type": "session_ended", "status": "ended"}')
    await until(lambda: len(line.dialer.links) == 2, 2)
    assert line.connection.session_id != ended
    assert ended not in str(line.dialer.addresses[-1])
