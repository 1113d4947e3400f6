"""A secret's text is never its text."""

import copy
import dataclasses
import json
import pickle
import pprint
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from hero365_edge.core.secret import NO_SECRET, Secret

CANARY = "canary-0123456789"
PACKAGE = Path(__file__).parents[2] / "hero365_edge"


@dataclasses.dataclass(frozen=True)
class Holder:
    token: Secret


@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        ascii,
        format,
        pprint.pformat,
        "{}".format,
        "{!r:>40}".format,
        lambda secret: f"{secret}{secret!s}{secret!r}{secret:>20}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031  logging does it so
        lambda secret: str([secret, {"token": (secret,)}]),
        lambda secret: repr(Holder(secret)),
        lambda secret: str(ValueError("refused", secret)),
        lambda secret: json.dumps({"token": secret}, default=str),
    ],
)
def test_whoever_makes_text_of_it_gets_three_stars(show: Callable[[Secret], str]) -> None:
    text = show(Secret(CANARY))
    assert "***" in text
    assert "canary" not in text


@pytest.mark.parametrize(
    "keep",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        msgspec.json.encode,
        msgspec.to_builtins,
        lambda secret: dataclasses.asdict(Holder(secret)),
        vars,
        list,
        bytes,
    ],
)
def test_whoever_would_store_it_is_refused(keep: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError) as caught:
        keep(Secret(CANARY))
    assert "canary" not in str(caught.value)


def test_it_is_revealed_by_name() -> None:
    assert Secret(CANARY).reveal() == CANARY


def test_only_three_places_ask_for_it_by_name() -> None:
    """The address that is dialled, the file that stores it, and the reading of its own end."""
    asking = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if ".reveal()" in path.read_text()}
    assert asking == {"core/address.py", "fleet/identity.py", "fleet/lifetime.py"}


def test_two_are_the_same_when_their_texts_are() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert hash(Secret(CANARY)) == hash(Secret(CANARY))
    assert Secret(CANARY) != Secret("another")
    assert Secret(CANARY) != CANARY


def test_no_secret_at_all_is_false_and_has_no_length() -> None:
    assert not NO_SECRET
    assert len(Secret(CANARY)) == len(CANARY)


def test_the_fingerprint_is_the_beginning_of_sha_256() -> None:
    assert Secret("abc").fingerprint == "ba7816bf8f01"  # FIPS 180-2, appendix B.1
