"""The identity on the disk: stored in one step, whole or told as damaged, and wiped without a trace."""

import os
import pwd
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hero365_edge.core.secret import NO_SECRET, Secret
from hero365_edge.errors import ConfigError, EdgeError
from hero365_edge.fleet.identity import STATE, USER, Identity, IdentityStore, state_folder

NOBODY = Identity(device_id="d", user_id="u", business_id="b", provisioned_at="2026-01-01T00:00:00Z")


@pytest.fixture
def store(tmp_path: Path) -> IdentityStore:
    return IdentityStore(tmp_path / "state")


def put(store: IdentityStore, token: str, identity: Identity = NOBODY) -> Identity:
    with store.changing():
        return store.save(identity, Secret(token))


def stored_token(store: IdentityStore) -> str:
    path = store.token_path()
    assert path is not None
    return path.read_text()


def test_a_device_that_was_never_provisioned_has_none(store: IdentityStore) -> None:
    assert store.load() is None
    assert store.token_path() is None


def test_what_is_stored_is_read_back(store: IdentityStore) -> None:
    stored = put(store, "a-token")
    assert store.load() == stored
    assert stored_token(store) == "a-token\n"
    assert stored.token_fingerprint == Secret("a-token").fingerprint


def test_only_its_owner_may_look(store: IdentityStore) -> None:
    put(store, "a-token")
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (store.folder, *store.folder.iterdir())}
    assert modes.pop(store.folder) == 0o700
    assert set(modes.values()) == {0o600}
    assert len(modes) == 2


def test_root_gives_it_to_the_daemons_user(store: IdentityStore) -> None:
    try:
        user = pwd.getpwnam(USER)
    except KeyError:
        pytest.skip(f"there is no user {USER} here")
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    put(store, "a-token")
    assert {path.stat().st_uid for path in (store.folder, *store.folder.iterdir())} == {user.pw_uid}


def test_the_token_is_in_no_file_but_its_own(store: IdentityStore) -> None:
    put(store, "canary-token")
    assert "canary" not in store.path.read_text()


def test_another_token_leaves_nothing_of_the_one_before(store: IdentityStore) -> None:
    put(store, "first-token")
    old = store.token_path()
    assert old is not None
    (store.folder.parent / "blocks").hardlink_to(old)
    put(store, "second-token")
    assert stored_token(store) == "second-token\n"
    assert len(list(store.folder.iterdir())) == 2
    assert set((store.folder.parent / "blocks").read_bytes()) == {0}, "it was overwritten, not only deleted"


def test_an_identity_with_a_command_stores_no_token(store: IdentityStore) -> None:
    put(store, "first-token")
    with store.changing():
        store.save(NOBODY, NO_SECRET)
    assert store.token_path() is None
    assert [path.name for path in store.folder.iterdir()] == ["identity.json"]


def test_its_settings_are_those_it_has(store: IdentityStore) -> None:
    assert NOBODY.settings() == {"backend": {"user_id": "u", "business_id": "b"}}


def test_what_an_interrupted_write_left_is_gone_after_the_next(store: IdentityStore) -> None:
    put(store, "a-token")
    remains = ["token-deadbeef", ".token-deadbeef.12345678.new", ".identity.json.12345678.new"]
    for name in remains:
        (store.folder / name).write_text("canary")
    put(store, "another")
    assert not [name for name in remains if (store.folder / name).exists()]
    assert stored_token(store) == "another\n"


def test_others_files_in_the_folder_stay_until_it_is_wiped(store: IdentityStore) -> None:
    put(store, "a-token")
    others = [store.folder / ".session.json.1.new", store.folder / "session.json"]
    for path in others:
        path.write_text("x")
    put(store, "another")
    assert sorted(store.folder.glob("*session*")) == others
    store.wipe()
    assert list(store.folder.iterdir()) == []


def test_wiping_overwrites_and_deletes_everything_that_was_provisioned(store: IdentityStore) -> None:
    put(store, "a-token")
    files = list(store.folder.iterdir())
    blocks = [store.folder.parent / f"blocks {number}" for number in range(len(files))]
    for file, block in zip(files, blocks, strict=True):
        block.hardlink_to(file)
    assert store.wipe()
    assert list(store.folder.iterdir()) == []
    assert store.load() is None
    assert {byte for block in blocks for byte in block.read_bytes()} == {0}


def test_wiping_again_or_too_early_finds_nothing(store: IdentityStore) -> None:
    assert not store.wipe()
    put(store, "a-token")
    store.wipe()
    assert not store.wipe()


def test_a_wipe_that_was_interrupted_is_finished_by_the_next(store: IdentityStore) -> None:
    put(store, "a-token")
    store.path.rename(store.folder / ".identity.json.wiped.new")
    assert store.load() is None
    assert store.wipe()
    assert list(store.folder.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", bytes(100), b'{"device_id": 1}', b"\xff\xfe", b"null"])
def test_a_damaged_identity_is_told_with_what_to_do(content: bytes, store: IdentityStore) -> None:
    store.folder.mkdir()
    store.path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"is damaged .*; provision this device again") as caught:
        store.load()
    assert str(caught.value).startswith(f"{store.path}: ")


def test_a_later_versions_identity_is_read_as_far_as_it_is_known(store: IdentityStore) -> None:
    put(store, "a-token")
    store.path.write_text(store.path.read_text().replace("{", '{"later": [1],', 1))
    assert store.load() is not None


@pytest.mark.parametrize("do", [lambda store: put(store, "x"), lambda store: store.wipe()])
def test_a_folder_that_cannot_be_had_is_told(do: Callable[[IdentityStore], object], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = IdentityStore(tmp_path / "file" / "state")
    if not store.folder.is_dir() and do(IdentityStore(tmp_path / "nowhere")) is False:
        return  # there is nothing to wipe where there is nothing
    with pytest.raises(EdgeError, match="cannot be written"):
        do(store)


def test_the_folder_is_systemds_where_it_names_one() -> None:
    assert state_folder({}) == STATE
    assert state_folder({"STATE_DIRECTORY": ""}) == STATE
    assert state_folder({"STATE_DIRECTORY": "/var/lib/x:/var/lib/y"}) == Path("/var/lib/x")


def test_a_second_writer_waits_for_the_first(store: IdentityStore) -> None:
    """Else a rotation that began before a provisioning would put the old identity back."""
    with ThreadPoolExecutor(1) as threads:
        with store.changing():
            second = threads.submit(put, store, "second-token")
            with pytest.raises(TimeoutError):
                second.result(0.3)
            store.save(NOBODY, Secret("first-token"))
        second.result(10)
    assert stored_token(store) == "second-token\n"
