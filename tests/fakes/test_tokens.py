"""The fake source of the token."""

from hero365_edge.core.secret import Secret
from hero365_edge.fakes.tokens import FakeTokens


async def test_it_has_none_until_one_is_put_there() -> None:
    tokens = FakeTokens()
    assert not await tokens.token()
    before = tokens.stamp()
    tokens.put("a-token")
    assert tokens.stamp() != before
    assert await tokens.token() == Secret("a-token")


async def test_it_counts_who_asked_and_who_refused() -> None:
    tokens = FakeTokens("a-token")
    await tokens.token()
    tokens.refused()
    assert (tokens.asked, tokens.refusals) == (1, 1)
