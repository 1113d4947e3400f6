"""The URL that is dialled, and what of it is ever shown."""

import pprint
import re
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.uri import parse_uri

from hero365_edge.core.address import Address, address
from hero365_edge.core.secret import Secret

BASE = "wss://api.hero365.ai/v1/voice/ws"
SESSION = "8f14e45f-ceea-467f-a83a-1d9d0c2c6b2a"
SECRET = "eyJhbGciOi.s3cr3t.-_~"  # noqa: S105  the canary to look for
HOSTILE = ["a&token=evil", "a#b", "a b", "a+b", "50%", "%26", "ü/ß/人/🔧", "a?b=c", "a/../b", "a;b", '"', "\\"]
HOSTILE += ["\r\nHost: evil", ""]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def to(transport: str = "both", token: str = SECRET, base: str = BASE) -> Address:
    return address(base, SESSION, "user", "business", Secret(token), transport)


def query(of: Address) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(of.url).query, keep_blank_values=True, strict_parsing=True)


# -- the seed's URL ---------------------------------------------------------------------------------------------


def test_it_is_the_seeds_url() -> None:
    assert to().url == f"{BASE}/{SESSION}?user_id=user&business_id=business&token={SECRET}"


@pytest.mark.parametrize("base", [BASE, f"{BASE}/", f"{BASE}//"])
def test_a_slash_at_the_bases_end_makes_no_difference(base: str) -> None:
    assert to(base=base) == to()


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_stay_values(value: str) -> None:
    made = address(BASE, value, value, value, Secret(value), "query")
    assert query(made) == [("user_id", value), ("business_id", value)] + [("token", value)] * bool(value)
    rest = made.url.removeprefix(f"{BASE}/")
    assert unquote(rest.partition("?")[0]) == value
    assert re.fullmatch(r"[\w%.~-]*\?user_id=[\w%.~-]*&business_id=[\w%.~-]*(&token=[\w%.~-]*)?", rest, re.ASCII)


@given(TEXTS, TEXTS)
def test_whatever_the_values_a_server_reads_them_back_and_nothing_else(user: str, business: str) -> None:
    made = address(BASE, SESSION, user, business, Secret(), "both")
    assert query(made) == [("user_id", user), ("business_id", business)]
    assert urlsplit(made.url).path == f"/v1/voice/ws/{SESSION}"


@pytest.mark.parametrize(
    ("base", "host", "port", "secure"),
    [
        ("ws://127.0.0.1:8000/api/v1/voice/ws", "127.0.0.1", 8000, False),
        ("ws://localhost/ws", "localhost", 80, False),
        ("wss://api.hero365.ai:8443/ws", "api.hero365.ai", 8443, True),
        ("ws://[::1]:8000/ws", "::1", 8000, False),
        ("wss://[2001:db8::1]/ws", "2001:db8::1", 443, True),
    ],
)
def test_hosts_and_ports_are_dialled_and_shown_as_written(base: str, host: str, port: int, secure: bool) -> None:
    made = to(base=base)
    dialled = parse_uri(made.url)
    assert (dialled.host, dialled.port, dialled.secure) == (host, port, secure)
    assert str(made) == f"{base}/{SESSION}"


# -- how the token travels --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("transport", "in_query", "in_header"), [("query", True, False), ("header", False, True), ("both", True, True)]
)
def test_the_token_travels_where_the_setting_says(transport: str, in_query: bool, in_header: bool) -> None:
    made = to(transport)
    assert (("token", SECRET) in query(made)) == in_query
    assert made.headers == ((("Authorization", f"Bearer {SECRET}"),) if in_header else ())
    assert (SECRET in made.url) == in_query


@pytest.mark.parametrize("transport", ["query", "header", "both"])
def test_without_a_token_there_is_no_trace_of_one(transport: str) -> None:
    made = to(transport, token="")
    assert "token" not in made.url
    assert made.headers == ()


# -- what is shown ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["query", "header", "both"])
@pytest.mark.parametrize("base", [BASE, "wss://technician:s3cr3t@api.hero365.ai/ws", "wss://s3cr3t@[::1]:1/ws"])
def test_no_text_of_an_address_holds_a_secret(transport: str, base: str) -> None:
    made = to(transport, base=base)
    texts = [str(made), repr(made), f"{made}", f"{made!r}", f"{[made]}", pprint.pformat(made)]
    assert not [text for text in texts if "s3cr3t" in text or "Bearer" in text or "?" in text]
    assert all("/ws/" in text for text in texts), "it still says where"


def test_what_is_shown_names_scheme_host_and_path() -> None:
    assert str(to()) == f"wss://api.hero365.ai/v1/voice/ws/{SESSION}"


def test_a_user_id_with_bytes_that_are_no_utf_8_travels_as_those_bytes() -> None:
    assert "user_id=caf%E9&" in address("ws://localhost/x", "s", "caf\udce9", "b", Secret(), "query").url
