"""What outlives the process: utterances that nobody accepted yet, and the session's id; over real files and SIGKILL."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from hero365_edge.core import messages as m
from hero365_edge.core.earcons import Earcon, earcon
from hero365_edge.core.lamp import Light
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.shelf import FolderShelf
from hero365_edge.errors import LinkTooBig
from hero365_edge.fakes.link import FakeLink
from hero365_edge.fakes.shelf import FakeShelf
from hero365_edge.fleet.session_memory import SessionMemory
from tests.appliance import QUICK, HangingDialer, Van, heard, kept_sent, running, say, sound_sent, until, words

REPOSITORY = Path(__file__).parents[1]
SECOND = 16_000

VICTIM = """
import asyncio, sys
from pathlib import Path
from hero365_edge.devices.shelf import FolderShelf
from tests.appliance import HangingDialer, Van, running, words

async def main():
    async with running(Van(dialer=HangingDialer(), shelf=FolderShelf(Path(sys.argv[1])))) as van:
        for number in range(int(sys.argv[2])):
            await van.hold_and_say(words(1_920, number * 3_000))
            await asyncio.sleep(0.4)
        van.panel.press()
        van.speak(words(20_000))
        print(van.clock.now(), flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


def killed_while_speaking(folder: Path, after_s: float, held: int = 0) -> float:
    """An appliance without a link that is killed in mid-sentence; for how long it had been spoken to."""
    command = [sys.executable, "-c", VICTIM, str(folder), str(held)]
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    victim = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=environ)  # noqa: S603  our own
    assert victim.stdout is not None
    with victim:
        began_at = float(victim.stdout.readline())
        time.sleep(max(0.0, began_at + after_s - time.monotonic()))
        victim.send_signal(signal.SIGKILL)
        return time.monotonic() - began_at


def spoken_in(pcm: np.ndarray) -> int:
    """How many samples of `words` in one piece from the first on."""
    [starts] = np.nonzero(pcm == words(1)[0])
    assert len(starts) == 1
    piece = pcm[starts[0] :]
    assert np.array_equal(piece, words(len(piece)))
    return len(piece)


def take(link: FakeLink, status: str = "processing") -> None:
    say(link, "audio_processing", session_id="s", status=status, audio_size=1, buffer_size=1)


@pytest.mark.parametrize("seed", [1, 2])
async def test_sigkill_in_mid_sentence_loses_at_most_200_ms_of_it(folder: Path, seed: int) -> None:
    after_s = random.Random(seed).uniform(0.4, 1.1)  # noqa: S311  a moment to be repeated, not a secret
    spoken_s = await asyncio.to_thread(killed_while_speaking, folder, after_s)
    async with running(Van(shelf=FolderShelf(folder))) as van:
        link = await van.session()
        await until(lambda: bool(kept_sent(link)))
        assert spoken_in(kept_sent(link)[0]) >= (spoken_s - 0.2) * SECOND
        take(link)
        await until(lambda: van.appliance.session.waiting == 0)
    assert FolderShelf(folder).leftovers() == [], "what was accepted is not kept"


async def test_what_was_held_goes_up_first_and_in_order_and_each_once(folder: Path) -> None:
    await asyncio.to_thread(killed_while_speaking, folder, 0.4, held=2)
    dialer = HangingDialer()
    async with running(Van(dialer=dialer, shelf=FolderShelf(folder))) as van:
        await van.shows(Light.HOLDING)
        assert van.appliance.session.waiting == 3
        await van.hold_and_say(words(1_920, 15_000))
        dialer.free.set()
        link = await van.session()
        for number in range(1, 5):
            await until(lambda number=number: len(kept_sent(link)) == number)  # type: ignore[misc]  # binds the number
            take(link)
            say(link, "agent_response", session_id="s", response="Yes.")
        await until(lambda: van.appliance.session.waiting == 0)
        firsts = [int(pcm[np.flatnonzero(pcm)[0]]) for pcm in kept_sent(link)]
        assert firsts == [int(words(1, first)[0]) for first in (0, 3_000, 0, 15_000)]
        assert van.appliance.session.utterances == {"accepted": 4, "resent": 0, "duplicate": 0, "expired": 0}


def left_on(shelf: FakeShelf, spoken_at: float) -> None:
    for number in range(10):
        shelf.add("0b5e0d6e", words(320, number * 320), spoken_at - 0.2 + number * 0.02)
    shelf.complete("0b5e0d6e")


async def test_an_order_that_is_too_old_is_not_executed_but_told() -> None:
    shelf = FakeShelf(lasts=True)
    left_on(shelf, SystemClock().now() - QUICK.outbox.max_age_s)
    async with running(Van(shelf=shelf)) as van:
        link = await van.session()
        expired = earcon(Earcon.EXPIRED)
        await until(lambda: np.array_equal(van.heard()[: len(expired)], expired))
        assert van.appliance.session.utterances["expired"] == 1
        assert kept_sent(link) == []
        assert sound_sent(link).size == 0
        assert shelf.leftovers() == []
        assert (await van.turn_last("expired")).utterance_id == "0b5e0d6e"


async def test_one_that_is_nearly_too_old_expires_in_time() -> None:
    shelf = FakeShelf(lasts=True)
    left_on(shelf, SystemClock().now() - QUICK.outbox.max_age_s + 0.5)
    async with running(Van(dialer=HangingDialer(), shelf=shelf)) as van:
        await van.shows(Light.HOLDING)
        await van.shows(Light.OFFLINE)
        assert van.appliance.session.utterances["expired"] == 1


async def test_a_copy_that_the_backend_knows_is_counted_and_not_answered_twice() -> None:
    shelf = FakeShelf(lasts=True)
    left_on(shelf, SystemClock().now() - 1.0)
    async with running(Van(shelf=shelf)) as van:
        link = await van.session("v1")
        await until(lambda: bool(kept_sent(link)))
        [sent] = [message for message in heard(link) if isinstance(message, m.AudioData)]
        assert sent.utterance_id == "0b5e0d6e"
        take(link, "skipped_duplicate")
        await van.shows(Light.READY)
        assert van.appliance.session.utterances["duplicate"] == 1
        assert shelf.leftovers() == []


async def test_what_is_too_big_for_one_message_goes_up_in_frames() -> None:
    shelf = FakeShelf(lasts=True)
    left_on(shelf, SystemClock().now() - 1.0)
    async with running(Van(shelf=shelf)) as van:
        first = await van.session()
        await until(lambda: bool(kept_sent(first)))
        first.drop(LinkTooBig("closed with code 1009"))
        second = await van.session()
        await until(lambda: sound_sent(second).size >= 3_200)
        assert np.array_equal(sound_sent(second)[:3_200], words(3_200))
        assert kept_sent(second) == []


# -- stopping ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def lasting() -> AsyncIterator[Van]:
    async with running(Van(shelf=FakeShelf(lasts=True))) as van:
        yield van


async def stop(van: Van) -> None:
    van.stop.set()
    await until(lambda: any(link.closed for link in van.dialer.links) or not van.dialer.links, 4.0)


async def test_stopping_keeps_what_was_not_accepted_and_the_session_for_the_next_start(lasting: Van) -> None:
    link = await lasting.session()
    await lasting.hold_and_say(words(1_600))
    await lasting.shows(Light.PROCESSING)
    await stop(lasting)
    assert m.EndSession not in [type(message) for message in heard(link)]
    assert isinstance(lasting.shelf, FakeShelf)
    assert len(lasting.shelf.leftovers()) == 1


async def test_stopping_with_nothing_held_ends_the_session(lasting: Van) -> None:
    link = await lasting.session()
    await lasting.shows(Light.READY)
    await stop(lasting)
    assert isinstance(heard(link)[-1], m.EndSession)


async def test_where_nothing_outlives_the_process_stopping_ends_the_session_in_any_case() -> None:
    async with running(Van()) as van:
        link = await van.session()
        await van.hold_and_say(words(1_600))
        await van.shows(Light.PROCESSING)
        await stop(van)
        assert isinstance(heard(link)[-1], m.EndSession)


# -- the session's id ----------------------------------------------------------------------------------------------


async def one_run(path: Path, end: bool) -> str:
    """A run to a session, killed or stopped; the session's id."""
    async with running(Van(session_file=path)) as van:
        await van.session()
        session_id = van.appliance.connection.session_id
        await until(lambda: SessionMemory(path, van.clock).recall(900.0) == session_id)
        if end:
            await stop(van)
            await until(lambda: van.appliance.connection.session_id != session_id, 4.0)
    return session_id


async def test_a_run_goes_on_with_the_session_of_the_one_before_unless_that_was_ended(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    first = await one_run(path, end=False)
    second = await one_run(path, end=True)
    third = await one_run(path, end=False)
    assert first == second != third


async def test_status_tells_what_is_kept_and_how_much_was_written() -> None:
    async with running(Van()) as van:
        await van.session()
        kept = van.appliance.status()["kept"]
        assert isinstance(kept, dict)
        assert kept["outlives_the_process"] is False
        assert kept["written_bytes"] >= 0
        assert msgspec.json.encode(van.appliance.status())
