"""No token in any line, wherever it came from."""

import io
import json
import logging
from collections.abc import Callable

import pytest

from hero365_edge.fleet.secrets import Scrubbed, keep_secret, scrub

CANARY = "canary+1/abc=="


@pytest.fixture
def said() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(said: io.StringIO) -> logging.Logger:
    keep_secret(CANARY)
    handler = logging.StreamHandler(said)
    handler.setFormatter(Scrubbed(logging.Formatter("%(message)s")))
    logger = logging.Logger("canary", logging.DEBUG)  # noqa: LOG001  one of its own, with no handler of pytest's
    logger.addHandler(handler)
    return logger


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ("> GET /ws/1?user_id=u&token=eyJa.b-c_d HTTP/1.1", "> GET /ws/1?user_id=u&token=*** HTTP/1.1"),
        ("wss://h/ws?token=eyJa&user_id=u", "wss://h/ws?token=***&user_id=u"),
        ("VAULT_TOKEN=hvs.canary api_token=x", "VAULT_TOKEN=*** api_token=***"),
        ("/opt/fetch --token hvs.x --vault-secret 'y'", "/opt/fetch --token *** --vault-secret '***'"),
        ('PASSWORD=x and DB_PASSWD="y"', 'PASSWORD=*** and DB_PASSWD="***"'),
        ("> Authorization: Bearer eyJa.b.c", "> Authorization: Bearer ***"),
        ("authorization: bearer eyJa.b.c", "authorization: bearer ***"),
        ("('Authorization', 'Bearer eyJa.b.c')", "('Authorization', 'Bearer ***')"),
        ('{"token": "eyJa.b.c", "a": 1}', '{"token": "***", "a": 1}'),
        ("replaced eyJhbGciOiJub25lIn0.eyJleHAiOjF9.c2ln-_a today", "replaced *** today"),
        ("eyJhbGciOiJub25lIn0 is no token, nor is eyJ.a.b", "eyJhbGciOiJub25lIn0 is no token, nor is eyJ.a.b"),
        ("token file /etc/token: is empty", "token file /etc/token: is empty"),
        ("the token was refused", "the token was refused"),
        ("hero365-edge run --token-file /etc/token", "hero365-edge run --token-file /etc/token"),
    ],
)
def test_the_forms_a_token_travels_in_are_masked_even_when_it_is_unknown(text: str, scrubbed: str) -> None:
    assert scrub(text) == scrubbed


@pytest.mark.parametrize("secret", [CANARY, "canary%2B1%2Fabc%3D%3D"])
def test_a_live_secret_is_masked_plain_and_percent_encoded(secret: str) -> None:
    keep_secret(CANARY)
    assert scrub(f"path /x/{secret}/y") == "path /x/***/y"


def test_a_secret_that_begins_like_another_is_masked_whole() -> None:
    keep_secret("canary-short")
    keep_secret("canary-short-and-long")
    assert scrub("it is canary-short-and-long!") == "it is ***!"


@pytest.mark.parametrize("word", ["", "a", "state"])
def test_what_is_too_short_to_be_a_secret_does_not_garble_words(word: str) -> None:
    keep_secret(word)
    assert scrub("a state") == "a state"


def test_message_and_arguments_are_scrubbed(log: logging.Logger, said: io.StringIO) -> None:
    log.warning("here %s and canary+1/abc==", {"it": CANARY})
    assert said.getvalue() == "here {'it': '***'} and ***\n"


def refuse(url: str) -> None:
    raise ValueError(url)


def test_an_exception_its_cause_and_the_stack_are_scrubbed(log: logging.Logger, said: io.StringIO) -> None:
    try:
        try:
            refuse(f"wss://host/?token={CANARY}")
        except ValueError as cause:
            raise OSError(CANARY) from cause
    except OSError:
        log.exception("failed", stack_info=True)
    assert "ValueError: wss://host/?token=***" in said.getvalue()
    assert "OSError: ***" in said.getvalue()
    assert "Stack (most recent call last)" in said.getvalue()
    assert CANARY not in said.getvalue()


def test_a_secret_that_was_cut_off_is_masked_where_the_line_ends() -> None:
    keep_secret(CANARY)
    assert scrub(f"the backend says: {CANARY[:9]}\nand on") == "the backend says: ***\nand on"
    assert scrub(f"{CANARY[:9]} is a word") == f"{CANARY[:9]} is a word"


@pytest.mark.parametrize("clothe", [repr, json.dumps, lambda secret: repr((secret,))])
def test_a_secret_is_masked_in_quotes_too(clothe: Callable[[str], str]) -> None:
    secret = "quoted'\"\\secret"  # noqa: S105  not one
    keep_secret(secret)
    assert "quoted" not in scrub(clothe(secret))
