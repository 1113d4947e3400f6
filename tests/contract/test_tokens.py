"""What every source of the token does: the fake one, a file, and a command."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from hero365_edge.core.secret import Secret
from hero365_edge.errors import ConfigError, EdgeError
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fakes.tokens import FakeTokens
from hero365_edge.fleet.token import token_source
from hero365_edge.ports import Tokens
from hero365_edge.settings import Backend, Settings

Put: TypeAlias = Callable[[str], None]


@pytest.fixture(params=["fake", "file", "command"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Tokens, Put]:
    """A source that has "first-token", and how to put another one there."""
    if request.param == "fake":
        fake = FakeTokens("first-token")
        return fake, fake.put
    path = tmp_path / "token"

    def put(token: str) -> None:
        path.with_suffix(".new").write_text(f"{token}\n")
        path.with_suffix(".new").rename(path)

    put("first-token")
    if request.param == "file":
        return token_source(Settings(backend=Backend(token_file=str(path))), {}, FakeClock()), put
    command = tmp_path / "give-token"
    command.write_text(f"#!/bin/sh\nexec cat {path}\n")
    command.chmod(stat.S_IRWXU)
    return token_source(Settings(backend=Backend(token_command=(str(command),))), {}, FakeClock()), put


Source: TypeAlias = tuple[Tokens, Put]


async def test_the_token_is_given_as_a_secret(source: Source) -> None:
    tokens, _ = source
    assert await tokens.token() == Secret("first-token")
    assert await tokens.token() == Secret("first-token")


async def test_the_stamp_stays_as_long_as_nothing_happens_and_is_never_none(source: Source) -> None:
    tokens, _ = source
    stamps = [tokens.stamp()]
    await tokens.token()
    stamps += [tokens.stamp(), tokens.stamp()]
    assert len(set(stamps)) == 1
    assert None not in stamps


async def test_after_a_refusal_the_next_token_is_the_new_one(source: Source) -> None:
    tokens, put = source
    await tokens.token()
    put("second-token")
    tokens.refused()
    assert await tokens.token() == Secret("second-token")


async def test_a_refusal_before_any_token_does_no_harm(source: Source) -> None:
    tokens, _ = source
    tokens.refused()
    assert await tokens.token() == Secret("first-token")


async def test_what_is_no_token_is_an_error_with_a_text_for_people() -> None:
    tokens = FakeTokens()
    tokens.fail(ConfigError("token file /x: is empty"))
    with pytest.raises(EdgeError, match="is empty"):
        await tokens.token()
