"""The session's id across restarts: when it goes on, what a damaged file does, and how little is written."""

import asyncio
import contextlib
import json
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fleet import session_memory
from hero365_edge.fleet.session_memory import REFRESH_S, SessionMemory
from hero365_edge.fleet.wear import written_bytes

ID = "0b5e0d6e-1f0c-4f0e-9f8e-000000000001"
OTHER = "0b5e0d6e-1f0c-4f0e-9f8e-000000000002"
IDLE_S = 900.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "session.json"


def kept(path: Path, clock: FakeClock, session_id: str = ID) -> SessionMemory:
    memory = SessionMemory(path, clock)
    memory.active()
    memory.keep(session_id)
    return memory


@pytest.mark.parametrize(("age_s", "goes_on"), [(0.0, True), (899.0, True), (900.0, False), (1e6, False)])
def test_a_session_goes_on_within_its_idle_limit(path: Path, age_s: float, goes_on: bool) -> None:
    clock = FakeClock()
    kept(path, clock)
    clock.advance(age_s)
    assert SessionMemory(path, clock).recall(IDLE_S) == (ID if goes_on else None)


def test_a_wall_clock_that_is_set_changes_nothing_in_the_same_boot(path: Path) -> None:
    clock = FakeClock()
    kept(path, clock)
    clock.set_wall(clock.utc() + timedelta(days=3650))
    assert SessionMemory(path, clock).recall(IDLE_S) == ID


@pytest.mark.parametrize(("age_s", "goes_on"), [(60.0, True), (899.0, True), (901.0, False), (-60.0, False)])
def test_after_another_start_of_the_computer_the_wall_clock_tells(path: Path, age_s: float, goes_on: bool) -> None:
    before = FakeClock(now=50_000.0)
    kept(path, before)
    path.write_text(json.dumps({**json.loads(path.read_text()), "boot_id": "another"}))
    after = FakeClock(now=20.0, utc=before.utc() + timedelta(seconds=age_s))
    assert SessionMemory(path, after).recall(IDLE_S) == (ID if goes_on else None)


def test_without_a_file_there_is_nothing_to_say(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert SessionMemory(path, FakeClock()).recall(IDLE_S) is None
    assert caplog.text == ""


GOOD = {"session_id": ID, "boot_id": "x", "active_at": 1.0, "active_utc": "2024-01-15T10:30:00+00:00"}


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "null", "7", "\x00" * 200, "x" * 9_000, "[" * 9_000, "{}"),
        *(
            json.dumps({**GOOD, **wrong})
            for wrong in (
                *({"session_id": 7}, {"session_id": "../../etc/passwd"}, {"session_id": None}),
                *({"active_at": "soon"}, {"active_at": None}, {"active_utc": "yesterday"}, {"active_utc": 5}),
                {"active_utc": "2024-01-15T10:30:00"},
            )
        ),
        *(json.dumps({key: value for key, value in GOOD.items() if key != left_out}) for left_out in GOOD),
    ],
)
def test_a_file_that_makes_no_sense_is_set_aside_told_and_stops_nothing(
    path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_text(content)
    assert SessionMemory(path, FakeClock()).recall(IDLE_S) is None
    assert "set aside" in caplog.text
    assert [each.name for each in path.parent.iterdir()] == ["session.json.damaged"]
    kept(path, FakeClock())
    assert SessionMemory(path, FakeClock()).recall(IDLE_S) == ID


def test_no_time_at_all_is_no_age(path: Path) -> None:
    path.write_text(json.dumps({**GOOD, "boot_id": session_memory.BOOT_ID.read_text().strip(), "active_at": "nan"}))
    assert SessionMemory(path, FakeClock()).recall(IDLE_S) is None


def test_a_file_that_cannot_be_written_or_read_is_told_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.mkdir()
    memory = SessionMemory(path, FakeClock())
    assert memory.recall(IDLE_S) is None
    for _ in range(3):
        memory.keep(ID)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(path) in memory.trouble
    path.rmdir()
    memory.keep(ID)
    assert memory.trouble == ""


def test_the_same_session_is_written_again_only_now_and_then_and_another_at_once(path: Path) -> None:
    clock = FakeClock()
    memory = kept(path, clock)
    for _ in range(3600):
        clock.advance(1.0)
        memory.active()
        memory.keep(ID)
    assert memory.writes <= 3600 / REFRESH_S + 1
    before = memory.writes
    memory.keep(OTHER)
    assert memory.writes == before + 1
    assert SessionMemory(path, clock).recall(IDLE_S) == OTHER


def test_a_crash_loop_does_not_write_at_each_start(path: Path) -> None:
    clock = FakeClock()
    kept(path, clock)
    writes = 0
    for _ in range(60):
        clock.advance(2.0)
        memory = SessionMemory(path, clock)
        assert memory.recall(IDLE_S) == ID
        memory.active()
        memory.keep(ID)
        writes += memory.writes
    assert writes == 1, "after two minutes"


def test_a_process_that_is_started_anew_makes_no_session_younger(path: Path) -> None:
    clock = FakeClock()
    kept(path, clock)
    for _ in range(3):
        clock.advance(IDLE_S / 4)
        memory = SessionMemory(path, clock)
        assert memory.recall(IDLE_S) == ID
        memory.look()
        memory.keep(ID)
    clock.advance(IDLE_S / 4)
    assert SessionMemory(path, clock).recall(IDLE_S) is None


def test_a_session_that_nobody_uses_is_not_written(path: Path) -> None:
    clock = FakeClock()
    memory = kept(path, clock)
    clock.advance(5_000.0)
    memory.keep(ID)
    assert memory.writes == 1


async def test_it_writes_as_soon_as_it_is_told_and_once_more_on_the_way_out(path: Path) -> None:
    clock = FakeClock()
    memory, current = SessionMemory(path, clock), [ID]
    running = asyncio.create_task(memory.run(lambda: current[0]))
    memory.active()
    async with asyncio.timeout(2):
        while not memory.writes:  # noqa: ASYNC110  it has no event
            await asyncio.sleep(0.005)
    assert SessionMemory(path, clock).recall(IDLE_S) == ID
    current[0] = OTHER
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert SessionMemory(path, clock).recall(IDLE_S) == OTHER


def test_an_hour_of_use_wears_the_card_by_less_than_a_megabyte(path: Path) -> None:
    """What the kernel counts for this process; the journal of the file system comes on top, some 3 times as much."""
    before = written_bytes()
    assert before is not None
    clock = FakeClock()
    memory = SessionMemory(path, clock)
    for _ in range(int(3600 / REFRESH_S)):
        clock.advance(REFRESH_S)
        memory.active()
        memory.keep(ID)
    after = written_bytes()
    assert after is not None
    assert 0 <= after - before < 1e6 / 4
