"""A command as the token's source: when it is run, what it may print, and what becomes of one that fails."""

import asyncio
import json
import os
import signal
import stat
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from hero365_edge.core.secret import Secret
from hero365_edge.errors import ConfigError, LinkError
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fleet.secrets import scrub
from hero365_edge.fleet.token import token_of
from hero365_edge.fleet.tokencommand import AGAIN_S, TokenCommand
from tests.fleet.test_lifetime import jwt

Make = Callable[..., TokenCommand]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make(tmp_path: Path, clock: FakeClock) -> Make:
    """A source with a shell script as its command; each run is a line in `runs`."""

    def made(script: str, within_s: float = 5.0) -> TokenCommand:
        path = tmp_path / "give-token"
        path.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return TokenCommand((str(path), "argument-canary"), clock, token_of, within_s)

    return made


def runs(tmp_path: Path) -> int:
    return len((tmp_path / "runs").read_text().splitlines()) if (tmp_path / "runs").exists() else 0


def printing(token: str, expires: object = None) -> str:
    told = {"token": token} | ({} if expires is None else {"expires": expires})
    return f"cat <<'END'\n{json.dumps(told)}\nEND"


async def test_what_it_prints_is_the_token_and_it_is_run_once(make: Make, tmp_path: Path) -> None:
    source = make("echo canary-bare-token")
    assert await source.token() == Secret("canary-bare-token")
    assert await source.token() == Secret("canary-bare-token")
    assert runs(tmp_path) == 1
    assert scrub("canary-bare-token") == "***"


async def test_it_may_print_json_with_an_end(make: Make, tmp_path: Path, clock: FakeClock) -> None:
    ends = clock.utc() + timedelta(seconds=100)
    source = make(printing("canary-json-token", ends.isoformat()))
    assert await source.token() == Secret("canary-json-token")
    clock.advance(79)
    await source.token()
    assert runs(tmp_path) == 1
    clock.advance(2)
    await source.token()
    assert runs(tmp_path) == 2, "past 80 % of its life"


async def test_the_end_of_a_jwt_counts_where_the_command_says_nothing(
    make: Make, tmp_path: Path, clock: FakeClock
) -> None:
    now = clock.utc().timestamp()
    source = make(f"echo {jwt({'iat': now, 'exp': now + 1000}).reveal()}")
    assert source.expires_at() is None
    await source.token()
    assert (source.expires_at(), source.renews) == (now + 1000, True)
    clock.advance(799)
    await source.token()
    assert runs(tmp_path) == 1
    clock.advance(2)
    await source.token()
    assert runs(tmp_path) == 2


async def test_a_refused_token_is_asked_for_anew_and_worth_a_dial_at_once(
    make: Make, tmp_path: Path, clock: FakeClock
) -> None:
    source = make("echo some-token")
    await source.token()
    before = source.stamp()
    clock.advance(AGAIN_S + 1)
    assert source.stamp() == before
    source.refused()
    assert source.stamp() != before
    await source.token()
    assert runs(tmp_path) == 2


async def test_a_fresh_token_that_is_refused_makes_no_hot_loop(make: Make, clock: FakeClock) -> None:
    source = make("echo some-token")
    await source.token()
    before = source.stamp()
    source.refused()
    assert source.stamp() == before, "the dial waits its minute; then the command is asked again"


async def test_while_the_old_one_lives_a_failure_does_no_harm(make: Make, tmp_path: Path, clock: FakeClock) -> None:
    ends = (clock.utc() + timedelta(seconds=100)).timestamp()
    source = make(f"[ $(wc -l < {tmp_path}/runs) = 1 ] || exit 1\n{printing('old-token', ends)}")
    await source.token()
    clock.advance(90)
    assert await source.token() == Secret("old-token")
    clock.advance(11)
    with pytest.raises(LinkError, match="failed with exit status 1"):
        await source.token()
    assert runs(tmp_path) == 3


@pytest.mark.parametrize(
    ("script", "kind", "why"),
    [
        ("exit 3", LinkError, "failed with exit status 3"),
        ("echo canary-token; exit 1", LinkError, "failed with exit status 1"),
        ("echo canary >&2; kill -9 $$", LinkError, "exit status -9"),
        ("true", ConfigError, "is empty"),
        ("echo canary with words", ConfigError, "must hold the token only"),
        ('echo \'{"tok": "canary"}\'', ConfigError, "prints JSON that is not"),
        ("echo '{\"token\": 7}'", ConfigError, "prints JSON that is not"),
        ("echo '{canary'", ConfigError, "prints JSON that is not"),
        (printing("canary-token", "tomorrow"), ConfigError, "RFC 3339"),
        (printing(""), ConfigError, "is empty"),
        ("yes canary", LinkError, "failed with exit status"),
        ("head -c 20000 /dev/zero | tr '\\0' c", ConfigError, "is longer than"),
    ],
)
async def test_a_failure_is_told_by_the_command_and_never_by_what_it_printed(
    script: str, kind: type[Exception], why: str, make: Make
) -> None:
    with pytest.raises(kind, match=why) as caught:
        await make(script).token()
    assert str(caught.value).startswith("command /")
    assert "canary" not in f"{caught.value!r} {caught.value.__cause__!r}"


@pytest.mark.parametrize(("path", "why"), [("/no/such/program", "No such file"), ("/etc/passwd", "Permission denied")])
async def test_a_program_that_cannot_be_run_is_for_a_person_to_mend(path: str, why: str, clock: FakeClock) -> None:
    with pytest.raises(ConfigError, match=rf"command {path}: cannot be run \({why}"):
        await TokenCommand((path,), clock, token_of).token()


async def test_one_that_hangs_is_ended_with_everything_it_started(make: Make, tmp_path: Path) -> None:
    source = make(f"sleep 60 & echo $! > {tmp_path}/child; wait", within_s=0.3)
    began_at = time.monotonic()
    with pytest.raises(LinkError, match=r"no token within 0\.3 s"):
        await source.token()
    assert time.monotonic() - began_at < 3
    assert await ended(int((tmp_path / "child").read_text()))


async def test_an_agent_that_it_leaves_behind_does_not_hold_it_up(make: Make, tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    source = make(
        f"setsid sh -c 'echo $$ > {agent}; exec sleep 60' &\nuntil [ -s {agent} ]; do sleep 0.02; done; echo a-token"
    )
    began_at = time.monotonic()
    assert await source.token() == Secret("a-token")
    assert time.monotonic() - began_at < 4
    os.kill(int(agent.read_text()), signal.SIGKILL)  # it was left alone: it made itself no part of the command


async def test_giving_up_ends_the_command_too(make: Make, tmp_path: Path) -> None:
    source = make(f"echo $$ > {tmp_path}/self; exec sleep 60")
    asking = asyncio.create_task(source.token())
    async with asyncio.timeout(5):
        while not (tmp_path / "self").exists() or not (tmp_path / "self").read_text().strip():  # noqa: ASYNC110  a file has no event
            await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await ended(int((tmp_path / "self").read_text()))


async def test_the_event_loop_goes_on_meanwhile(make: Make) -> None:
    source = make("sleep 0.4; echo a-token")
    longest, before = 0.0, time.monotonic()
    asking = asyncio.create_task(source.token())
    while not asking.done():
        await asyncio.sleep(0.01)
        longest, before = max(longest, time.monotonic() - before), time.monotonic()
    assert await asking == Secret("a-token")
    assert longest < 0.3


async def test_it_gets_no_input_and_its_arguments_are_not_told(make: Make) -> None:
    source = make('[ -z "$(cat)" ] && echo "$1"')
    assert await source.token() == Secret("argument-canary")
    assert "argument-canary" not in source.where()


async def ended(process_id: int) -> bool:
    """Whether the process is gone, or is only waiting to be buried."""
    for _ in range(100):
        try:
            os.kill(process_id, 0)
        except OSError:
            return True
        if state_of(process_id) in "ZX":
            return True
        await asyncio.sleep(0.02)
    return False


def state_of(process_id: int) -> str:
    """A letter of proc_pid_stat(5); X when it is gone."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "X"


async def test_it_is_run_ahead_of_time_while_nobody_waits(make: Make, tmp_path: Path, clock: FakeClock) -> None:
    source = make(printing("canary-fresh-token", (clock.utc() + timedelta(seconds=100)).isoformat()))
    await source.refresh()
    assert runs(tmp_path) == 0, "nobody has asked for one yet"
    await source.token()
    clock.advance(79)
    await source.refresh()
    assert runs(tmp_path) == 1
    clock.advance(2)
    await source.refresh()
    assert runs(tmp_path) == 2, "past 80 % of its life"


async def test_one_that_fails_ahead_of_time_is_run_again_after_a_while_and_at_the_end_of_the_old_token(
    make: Make, tmp_path: Path, clock: FakeClock
) -> None:
    ends = (clock.utc() + timedelta(seconds=400)).isoformat()
    source = make(f"[ $(wc -l <{tmp_path}/runs) -gt 1 ] && exit 1\n" + printing("canary-old-token", ends))
    await source.token()
    clock.advance(321)
    for _ in range(5):
        await source.refresh()
    assert await source.token() == Secret("canary-old-token")
    assert runs(tmp_path) == 2
    clock.advance(80)
    with pytest.raises(LinkError, match="exit status 1"):
        await source.token()


async def test_two_who_ask_at_once_run_it_once(make: Make, tmp_path: Path) -> None:
    source = make("sleep 0.1; echo canary-slow-token")
    assert len({await each for each in [asyncio.ensure_future(source.token()) for _ in range(2)]}) == 1
    assert runs(tmp_path) == 1
