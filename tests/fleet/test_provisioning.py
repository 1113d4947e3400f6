"""The provisioning file: what it may say, what is said about mistakes, and that it is used once."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hero365_edge.core.secret import Secret
from hero365_edge.errors import ConfigError, EdgeError
from hero365_edge.fleet.identity import IdentityStore
from hero365_edge.fleet.provisioning import (
    LONGEST_BYTES,
    Provisioning,
    boot_file,
    provision,
    provision_from_file,
    read,
    read_file,
    rotate,
    use_up,
)
from hero365_edge.fleet.secrets import scrub

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CANARY = "eyJcanary.canary.canary-0123456789"
GOOD = f"user_id: u1\nbusiness_id: b1\ntoken: {CANARY}\n"


@pytest.fixture
def store(tmp_path: Path) -> IdentityStore:
    return IdentityStore(tmp_path / "state")


def written(tmp_path: Path, content: str | bytes = GOOD) -> Path:
    path = tmp_path / "hero365-edge.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def token(store: IdentityStore) -> str:
    path = store.token_path()
    return path.read_text().strip() if path else ""


# -- what it says --------------------------------------------------------------------------------------------------


def test_all_it_can_say_is_taken() -> None:
    text = f"{GOOD}url: wss://voice.example.com/v1\nvehicle: Van 12 (Zürich)\n"
    wanted = Provisioning("u1", "b1", "wss://voice.example.com/v1", "Van 12 (Zürich)", Secret(CANARY), ())
    assert read(text.encode(), "here") == wanted
    assert CANARY not in repr(wanted)


def test_a_command_takes_the_place_of_the_token() -> None:
    said = read(b'{user_id: "7", business_id: b, token_command: [/usr/bin/give-token, --device]}', "here")
    assert said.token_command == ("/usr/bin/give-token", "--device")
    assert not said.token


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.encode("utf-16"),
        b"#cloud-config's neighbour\n---\n" + GOOD.encode() + b"...\n",
    ],
    ids=["Windows' line ends", "a byte order mark", "UTF-16", "a comment and document marks"],
)
def test_what_editors_on_other_systems_make_of_it_is_taken(content: bytes) -> None:
    assert read(content, "here").token == Secret(CANARY)


def test_the_token_is_kept_out_of_the_log_from_here_on() -> None:
    read(b"user_id: u\nbusiness_id: b\ntoken: eyJcanary.another.one-of-them", "here")
    assert scrub("eyJcanary.another.one-of-them") == "***"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "must hold `name: value` lines; the names are url, user_id"),
        (CANARY, "must hold `name: value` lines"),
        ("- a", "must hold `name: value` lines"),
        ("business_id: b\ntoken: abc", "user_id is missing"),
        ("user_id: u\ntoken: abc", "business_id is missing"),
        ("user_id: ''\nbusiness_id: b\ntoken: abc", "user_id must not be empty"),
        ("user_id: 7\nbusiness_id: b\ntoken: abc", "user_id must be text, in quotes"),
        ("user_id:\nbusiness_id: b\ntoken: abc", "user_id must be text, in quotes"),
        ("user_id: u\nbusiness_id: b", "it holds neither token nor token_command; exactly one"),
        (f"{GOOD}token_command: [/x]", "it holds both token and token_command; exactly one"),
        (f"{GOOD}tokn: abc", "tokn is not known here; did you mean token?"),
        (f"{GOOD}zzz: abc", "zzz is not known here; known are url, user_id, business_id, vehicle, token"),
        (f"{GOOD}{CANARY}: abc", "*** is not known here"),
        (f"{GOOD}token: twice", "token stands in the same place twice"),
        (f"{GOOD}url: https://x.example", "url has scheme 'https'"),
        (f"{GOOD}url: ws://x.example/", "url has host 'x.example' without TLS (ws://)"),
        (f"{GOOD}url: wss://x.example/?token={CANARY}", "url must hold no query"),
        (f"{GOOD}vehicle: [1]", "vehicle must be text of at most 64 characters"),
        (f'{GOOD}vehicle: "a\\nb"', "vehicle must be text of at most 64 characters on one line"),
        (f"{GOOD}vehicle: {'x' * 65}", "vehicle must be text of at most 64 characters"),
        ("user_id: u\nbusiness_id: b\ntoken: 12345", "token must be text, in quotes"),
        ("user_id: u\nbusiness_id: b\ntoken:", "token must be text, in quotes"),
        ("user_id: u\nbusiness_id: b\ntoken: ''", "token is empty"),
        ("user_id: u\nbusiness_id: b\ntoken: canary canary", "token must hold the token only"),
        ("user_id: u\nbusiness_id: b\ntoken: cänary", "token must hold the token only"),
        (f"user_id: u\nbusiness_id: b\ntoken: [{CANARY}]", "token must be text, in quotes"),
        ("user_id: u\nbusiness_id: b\ntoken_command: /x", "token_command must be a list of at most 32"),
        ("user_id: u\nbusiness_id: b\ntoken_command: []", "token_command must not be empty"),
        (f"user_id: u\nbusiness_id: b\ntoken_command: [{CANARY}]", "token_command must begin with an absolute path"),
        ("user_id: [", "line 1, column 11: "),
        (f"user_id: !{CANARY} x", "line 1, column 10: could not determine a constructor for the tag ***"),
        (f"user_id: *{CANARY}", "line 1, column 20: "),
        ("\0\0\0\0", "not text in UTF-8"),
    ],
)
def test_a_mistake_is_told_by_where_and_what_and_never_by_the_token(content: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(content.encode(), "/boot/x.yaml")
    assert "canary" not in f"{caught.value!r}{caught.value.__cause__!r}".lower()
    lines = str(caught.value).splitlines()
    assert all(line.startswith("/boot/x.yaml: ") for line in lines)
    assert any(said in line for line in lines), lines


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read(b"user: u\nurl: http://x\ntoken: a b\nvehicle: 7", "here")
    assert len(str(caught.value).splitlines()) == 6


# -- what becomes of it --------------------------------------------------------------------------------------------


def test_a_device_keeps_its_id_and_gets_everything_else_anew(store: IdentityStore) -> None:
    first = provision(store, GOOD.encode(), "here", NOW)
    second = provision(store, b"user_id: u2\nbusiness_id: b2\ntoken: second-token\nvehicle: V", "here", NOW)
    assert first.device_id == second.device_id
    assert (second.user_id, second.business_id, second.vehicle) == ("u2", "b2", "V")
    assert token(store) == "second-token"
    assert second.provisioned_at == "2026-01-01T12:00:00Z"


def test_two_devices_have_two_ids(tmp_path: Path) -> None:
    stores = [IdentityStore(tmp_path / name) for name in ("a", "b")]
    assert len({provision(store, GOOD.encode(), "here", NOW).device_id for store in stores}) == 2


def test_a_mistake_changes_nothing(store: IdentityStore, tmp_path: Path) -> None:
    provision(store, GOOD.encode(), "here", NOW)
    wrong = written(tmp_path, "user_id: u2\ntoken: x")
    before = store.load()
    with pytest.raises(ConfigError):
        provision_from_file(store, wrong, NOW)
    assert store.load() == before
    assert wrong.exists(), "a person has to mend it"


def test_provisioning_mends_a_damaged_identity(store: IdentityStore) -> None:
    provision(store, GOOD.encode(), "here", NOW)
    store.path.write_bytes(bytes(200))
    provision(store, GOOD.encode(), "here", NOW)
    assert token(store) == CANARY


def test_the_file_is_overwritten_and_gone_once_it_is_stored(store: IdentityStore, tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "blocks").hardlink_to(path)
    provision_from_file(store, path, NOW)
    assert token(store) == CANARY
    assert not path.exists()
    assert set((tmp_path / "blocks").read_bytes()) == {0}


def test_a_file_that_was_used_does_not_undo_a_rotation(store: IdentityStore, tmp_path: Path) -> None:
    """The power was cut between storing and erasing, or the boot partition is read-only."""
    provision_from_file(store, written(tmp_path), NOW)
    rotate(store, b"rotated-token", "here")
    again = written(tmp_path)
    provision_from_file(store, again, NOW)
    assert token(store) == "rotated-token"
    assert not again.exists()


@pytest.mark.parametrize("left", [0, 5, len(GOOD) - 1])
def test_a_file_whose_erasing_was_interrupted_is_erased_to_its_end(
    left: int, store: IdentityStore, tmp_path: Path
) -> None:
    provision_from_file(store, written(tmp_path), NOW)
    half = written(tmp_path, GOOD[:left].encode() + bytes(len(GOOD) - left))
    provision_from_file(store, half, NOW)
    assert token(store) == CANARY
    assert not half.exists()


def test_a_file_that_cannot_be_erased_is_told_as_a_secret_that_lies_about(tmp_path: Path) -> None:
    with pytest.raises(EdgeError, match=r"cannot be erased \(Is a directory\); it holds a secret") as caught:
        use_up(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: its content is stored, but")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, "cannot be read (No such file"),
        (lambda path: path.mkdir(), "is not a regular file"),
        (lambda path: path.symlink_to("/etc/hostname"), "is not a regular file"),
        (os.mkfifo, "is not a regular file"),
        (lambda path: path.write_bytes(b"#" * (LONGEST_BYTES + 1)), "is longer than 65536 bytes"),
    ],
)
def test_only_a_small_regular_file_is_read(make: object, why: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    make(path)  # type: ignore[operator]  # one of the above
    with pytest.raises(ConfigError) as caught:
        read_file(path)
    assert f"{path}: {why}" in str(caught.value)


def test_the_boot_partition_is_where_this_or_the_former_system_has_it(tmp_path: Path) -> None:
    new, old = tmp_path / "firmware" / "x.yaml", tmp_path / "x.yaml"
    with pytest.raises(ConfigError, match=f"neither {new} nor {old}"):
        boot_file((new, old))
    old.touch()
    assert boot_file((new, old)) == old
    new.parent.mkdir()
    new.touch()
    assert boot_file((new, old)) == new


# -- rotating ------------------------------------------------------------------------------------------------------


def test_rotating_changes_the_token_and_nothing_else(store: IdentityStore) -> None:
    before = provision(store, GOOD.encode(), "here", NOW)
    after = rotate(store, b" next-token\n", "here")
    assert token(store) == "next-token"
    assert after.token_fingerprint == Secret("next-token").fingerprint
    assert (after.device_id, after.user_id, after.source_digest) == (
        before.device_id,
        before.user_id,
        before.source_digest,
    )


@pytest.mark.parametrize("content", [b"", b"canary canary", b"token: canary", b"\xff\xff"])
def test_what_is_no_token_leaves_the_old_one(content: bytes, store: IdentityStore) -> None:
    provision(store, GOOD.encode(), "here", NOW)
    with pytest.raises(ConfigError, match=r"^here: ") as caught:
        rotate(store, content, "here")
    assert "canary" not in str(caught.value)
    assert token(store) == CANARY


def test_a_device_that_is_not_provisioned_has_nothing_to_rotate(store: IdentityStore) -> None:
    with pytest.raises(ConfigError, match="provision` comes first"):
        rotate(store, b"next-token", "here")


def test_a_device_with_a_command_has_nothing_to_rotate(store: IdentityStore) -> None:
    provision(store, b"{user_id: u, business_id: b, token_command: [/x]}", "here", NOW)
    with pytest.raises(ConfigError, match="the token comes from token_command"):
        rotate(store, b"next-token", "here")


@given(st.binary(max_size=300) | st.text("abcdeu_i:{}[],&*!|>'\"#- \n0~", max_size=200).map(str.encode))
def test_whatever_the_file_holds_it_is_taken_or_told(content: bytes) -> None:
    told = "here: good"
    try:
        read(content, "here")
    except ConfigError as error:
        told = str(error)
    assert all(line.startswith("here: ") for line in told.splitlines())
