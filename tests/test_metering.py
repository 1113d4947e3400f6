"""A running appliance, asked for its metrics as Prometheus asks."""

import asyncio
import base64
import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from prometheus_client import generate_latest

from hero365_edge.core import events as ev
from hero365_edge.core import gestures as g
from hero365_edge.core.health import LinkHealth, Vitals
from hero365_edge.core.lamp import STATES, Light
from hero365_edge.core.latency import STAGES
from hero365_edge.core.wav import wav_bytes
from hero365_edge.fakes.link import FakeLink
from hero365_edge.fleet.metric_table import METRICS, PING
from hero365_edge.fleet.phrases import Phrases
from hero365_edge.metering import Metering
from hero365_edge.settings import Metrics, Outbox
from tests.appliance import QUICK, Van, answer, running, say, until, words
from tests.fleet.test_host import raspberry_pi
from tests.scraping import fetched, free_port, series

EDGE = "hero365_edge_"


@pytest.fixture
def listen() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
async def van(listen: str, tmp_path: Path) -> AsyncIterator[Van]:
    settings = msgspec.structs.replace(QUICK, metrics=Metrics(listen=listen), outbox=Outbox(max_age_s=1.0))
    async with running(Van(settings, phrases=Phrases(tmp_path))) as van:
        yield van


class Scraper:
    """Asks a van."""

    def __init__(self, listen: str) -> None:
        self._listen = listen

    async def __call__(self) -> dict[str, float]:
        return {name.removeprefix(EDGE): value for name, value in series(await fetched(self._listen)).items()}


@pytest.fixture
def scrape(listen: str) -> Scraper:
    return Scraper(listen)


def say_whole(link: FakeLink, samples: int = 8000) -> None:
    """Answer with sound in one piece."""
    say(link, "audio_processing", status="processing", audio_size=1, buffer_size=1)
    sound = base64.b64encode(wav_bytes(answer(samples))).decode()
    say(link, "agent_response", response="Here.", audio_response=sound, audio_format="wav")


async def a_turn(van: Van, link: FakeLink) -> None:
    """One question and its answer, heard to its end."""
    await van.hold_and_say(words(8000))
    await until(lambda: bool(link.sent) and not van.appliance.uplink.open)
    say_whole(link)
    await van.turn_last("answered", 5.0)


async def test_a_turn_is_told_stage_by_stage(van: Van, scrape: Scraper) -> None:
    link = await van.session()
    before = await scrape()
    await a_turn(van, link)
    after = await scrape()
    turn = van.appliance.dialogue.last_turn
    assert turn is not None
    assert turn.speech_end is not None
    for stage in STAGES[2:]:
        assert after[f"turn_stage_seconds_count stage={stage}"] == 1
        took_s = getattr(turn, stage) - turn.speech_end
        assert after[f"turn_stage_seconds_sum stage={stage}"] == pytest.approx(took_s, abs=1e-6)
    assert after["press_to_capture_seconds_count"] == 1
    assert after["press_to_capture_seconds_bucket le=0.1"] == 1
    grown = {name: value - before.get(name, 0) for name, value in after.items() if value > before.get(name, 0)}
    assert grown["turns_total outcome=answered"] == 1
    assert grown["utterances_total outcome=accepted"] == 1
    assert grown["button_events_total gesture=pressed"] == 1
    assert grown["capture_recorded_seconds_total"] == pytest.approx(0.5, abs=0.4)
    assert 0.3 < grown["capture_speech_seconds_total"] <= grown["capture_recorded_seconds_total"]
    assert grown["playback_content_seconds_total"] == grown["playback_played_seconds_total"] == 0.5
    sent = sum(len(message) for message in link.sent if isinstance(message, bytes))
    assert grown["uplink_bytes_total kind=audio"] == sent > 16_000
    assert grown["downlink_bytes_total kind=agent_response"] > 16_000
    assert grown["last_answer_timestamp_seconds"] == pytest.approx(van.clock.utc().timestamp(), abs=5)


async def test_states_are_told_as_they_are(van: Van, scrape: Scraper) -> None:
    await van.session()
    found = await scrape()
    assert [light for light in STATES if found[f"state state={light}"]] == [Light.READY]
    assert found["link_state state=active"] == found["link_profile profile=seed"] == 1
    assert found["link_state state=offline"] == found["link_profile profile=none"] == 0
    assert found["device_up device=microphone"] == found["device_up device=speaker"] == 1
    assert found["speaker_volume_ratio"] == 1
    van.appliance.loudness.mute()
    assert (await scrape())["speaker_volume_ratio"] == 0


async def test_an_answer_that_is_cut_short_is_counted(van: Van, scrape: Scraper) -> None:
    link = await van.session()
    await van.hold_and_say(words(8000))
    say_whole(link, 48_000)
    await van.shows(Light.SPEAKING)
    van.appliance.dialogue.happen(g.Pressed(van.clock.now()))
    await van.turn_last("interrupted")
    assert (await scrape())["turns_total outcome=interrupted"] == 1


async def test_how_soon_a_press_is_captured_is_not_told_of_a_voice_that_began_without_one(
    van: Van, scrape: Scraper
) -> None:
    link = await van.session()
    await van.hold_and_say(words(8000))
    say_whole(link, 48_000)
    await van.shows(Light.SPEAKING)
    now = van.clock.now()
    van.appliance.dialogue.happen(ev.SpokenInto(now - 0.4, now))
    van.speak(words(8000))
    await until(lambda: not van.appliance.uplink.recording)
    found = await scrape()
    assert found["turns_total outcome=interrupted"] == 1
    assert found["press_to_capture_seconds_count"] == found["press_to_capture_seconds_bucket le=0.1"] == 1


async def test_an_utterance_that_nobody_takes_waits_and_expires(van: Van, scrape: Scraper) -> None:
    await van.hold_and_say(words(8000))
    assert (await scrape())["outbox_utterances"] == 1
    await van.turn_last("expired", 4.0)
    found = await scrape()
    assert found["utterances_total outcome=expired"] == found["turns_total outcome=expired"] == 1
    assert found["outbox_utterances"] == 0


async def test_a_link_that_breaks_is_counted_by_its_cause(van: Van, scrape: Scraper) -> None:
    link = await van.session()
    link.drop()
    await van.session()
    found = await scrape()
    assert found["reconnects_total cause=lost"] == found["links_lost_total"] == 1


async def test_a_deaf_microphone_and_a_missing_one_are_told_apart(van: Van, scrape: Scraper) -> None:
    van.appliance.cards._lose_microphone("it gives nothing but zeros", is_deaf=True)
    found = await scrape()
    assert (found["microphone_deaf"], found["device_up device=microphone"]) == (1, 0)
    van.appliance.cards._lose_microphone("it has given nothing", is_deaf=False)
    found = await scrape()
    assert (found["microphone_deaf"], found["device_up device=microphone"]) == (0, 0)


async def test_what_the_backend_says_is_wrong_is_counted(van: Van, scrape: Scraper) -> None:
    link = await van.session()
    say(link, "error", error="no such thing")
    link.say("{")
    await until(lambda: van.appliance.connection.counts.rejected == 1)
    found = await scrape()
    assert found["backend_errors_total"] == found["rejected_total what=message"] == 1
    assert found["downlink_bytes_total kind=other"] == 1


async def test_the_token_ends_when_it_says(van: Van, scrape: Scraper) -> None:
    assert "token_expires_timestamp_seconds" not in await scrape()
    van.appliance._world.tokens.ends_at = 2_000_000_000.0  # type: ignore[attr-defined]  # the fake's verb
    assert (await scrape())["token_expires_timestamp_seconds"] == 2_000_000_000


async def test_every_metric_of_the_table_is_told(van: Van, tmp_path: Path) -> None:
    link = await van.session()
    await a_turn(van, link)
    van.appliance._world.tokens.ends_at = 2_000_000_000.0  # type: ignore[attr-defined]  # the fake's verb
    metering = Metering(van.appliance, van.appliance._world, None, raspberry_pi(tmp_path, throttled=0x10001))
    metering.turn_closed(van.appliance.dialogue.last_turn)  # type: ignore[arg-type]  # there was one
    looking = asyncio.create_task(metering._look())
    await asyncio.sleep(1.1)
    looking.cancel()
    text = generate_latest(metering.metrics.registry).decode()
    assert {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")} == set(METRICS)
    found = series(text)
    assert found[f"{EDGE}event_loop_lag_seconds_count"] == 1
    assert found[f"{EDGE}under_voltage"] == found[f"{EDGE}under_voltage_seconds_total"] == 1


async def test_pings_and_segments_of_one_link_and_the_next_are_counted_once(van: Van) -> None:
    link = await van.session()
    metering = van.appliance.metering
    assert metering is not None
    call = van.appliance.connection._call
    assert call is not None
    before = series(generate_latest(metering.metrics.registry).decode())
    looks = [(0.05, 10, 1), (0.05, 12, 1), (0.07, 20, 3)]
    for each_link in (looks, [(0.07, 24, 1), (0.09, 29, 1)]):
        call.health = LinkHealth(van.clock.now())
        for rtt_s, segments, retransmits in each_link:
            call.health.vitals = Vitals(segments=segments, retransmits=retransmits)
            link.rtt_s = rtt_s
            metering._look_at_link()
    after = series(generate_latest(metering.metrics.registry).decode())
    grown = {name: value - before[name] for name, value in after.items()}
    assert grown[f"{PING}_count"] == 3
    assert grown[f"{EDGE}link_segments_total"] == 20 + 29
    assert grown[f"{EDGE}link_retransmits_total"] == 3 + 1


async def test_only_metrics_are_there(van: Van, listen: str) -> None:
    host, port = listen.split(":")
    for request, status in (
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"GET /metrics?name=a HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"\x00\xff garbage\r\n\r\n", b""),
    ):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request)
        assert status in (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n")[0]
        writer.close()
    assert "hero365_edge_state" in await fetched(listen)


async def test_scrapes_at_once_do_not_disturb_one_another(van: Van, listen: str) -> None:
    await van.session()
    await until(lambda: len(van.microphone.recent(1.0)) > 0)
    texts = await asyncio.gather(*(fetched(listen) for _ in range(10)))
    names = [{line.split(" ")[0] for line in text.splitlines()} for text in texts]
    assert all(each == names[0] for each in names)


async def test_a_port_that_is_taken_is_told_and_the_daemon_lives(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        settings = msgspec.structs.replace(QUICK, metrics=Metrics(listen=listen))
        async with running(Van(settings)) as van:
            await van.session()
            await van.shows(Light.READY)
    told = [record for record in caplog.records if "cannot be listened on" in record.message]
    assert [record.levelno for record in told] == [logging.WARNING]
    assert listen in told[0].message


async def test_scrapes_leave_nothing_in_the_log(van: Van, listen: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await fetched(listen)
    await asyncio.sleep(0.05)
    assert [record.message for record in caplog.records if "scrape" in record.name] == []


def test_a_daemon_without_metrics_does_not_load_the_library() -> None:
    code = "import sys, hero365_edge.cli.run; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603  our own


def test_none_are_served_unless_asked_for() -> None:
    assert QUICK.metrics.listen == ""
