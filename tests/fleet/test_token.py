"""Which file the token is read from, and what is said when it cannot be."""

import os
from pathlib import Path

import pytest

from hero365_edge.core.secret import Secret
from hero365_edge.errors import ConfigError
from hero365_edge.fakes.clock import FakeClock
from hero365_edge.fleet.identity import Identity, IdentityStore
from hero365_edge.fleet.secrets import scrub
from hero365_edge.fleet.token import TokenFile, token_source
from hero365_edge.fleet.tokencommand import TokenCommand
from hero365_edge.settings import Backend, Settings
from tests.fleet.test_lifetime import jwt

PERSON = Identity(device_id="d", user_id="u", business_id="b", provisioned_at="2026-01-01T00:00:00Z")


def settings(path: Path | str = "", source: str = "auto", command: tuple[str, ...] = ()) -> Settings:
    return Settings(backend=Backend(token_file=str(path), token_source=source, token_command=command))  # type: ignore[arg-type]  # what it may be is what is tested


@pytest.fixture
def store(tmp_path: Path) -> IdentityStore:
    return IdentityStore(tmp_path / "state")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A service with a state folder and a credential's folder, both empty."""
    (tmp_path / "credentials").mkdir()
    return {"STATE_DIRECTORY": str(tmp_path / "state"), "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}


@pytest.fixture
def credential(environ: dict[str, str]) -> Path:
    path = Path(environ["CREDENTIALS_DIRECTORY"]) / "hero365-edge.token"
    path.write_text("credential-token\n")
    return path


def provision(store: IdentityStore, token: str = "provisioned-token") -> None:  # noqa: S107  nobody's
    with store.changing():
        store.save(PERSON, Secret(token))


def read(settings: Settings, environ: dict[str, str]) -> str:
    return TokenFile(settings, environ).read().reveal()


# -- which one -----------------------------------------------------------------------------------------------------


def test_the_configured_file_comes_before_the_credential_and_that_before_the_provisioned_one(
    tmp_path: Path, environ: dict[str, str], credential: Path, store: IdentityStore
) -> None:
    (tmp_path / "configured").write_text("configured-token\n")
    provision(store)
    assert read(settings(tmp_path / "configured"), environ) == "configured-token"
    assert read(settings(), environ) == "credential-token"
    credential.unlink()
    assert read(settings(), environ) == "provisioned-token"


def test_no_file_at_all_is_no_token_which_the_seed_allows(environ: dict[str, str]) -> None:
    assert read(settings(), environ) == ""
    assert TokenFile(settings(), environ).where() == "none"


def test_a_source_that_is_named_must_be_there(environ: dict[str, str], store: IdentityStore) -> None:
    with pytest.raises(ConfigError, match=r"neither backend\.token_file nor a provisioned one"):
        read(settings(source="file"), environ)
    with pytest.raises(ConfigError, match=r"hero365-edge.token: cannot be read"):
        read(settings(source="credential"), environ)
    with pytest.raises(ConfigError, match="only a service with LoadCredential= has one"):
        read(settings(source="credential"), {})
    provision(store)
    assert read(settings(source="file"), environ) == "provisioned-token"


def test_a_source_that_is_named_is_the_only_one(
    tmp_path: Path, environ: dict[str, str], credential: Path, store: IdentityStore
) -> None:
    (tmp_path / "configured").write_text("configured-token")
    provision(store)
    assert read(settings(tmp_path / "configured", "credential"), environ) == "credential-token"
    assert read(settings(source="file"), environ) == "provisioned-token"


def test_a_command_is_used_where_it_is_named_or_no_file_is(environ: dict[str, str]) -> None:
    def kind(settings: Settings) -> type:
        return type(token_source(settings, environ, FakeClock()))

    assert kind(settings(command=("/x",))) is TokenCommand
    assert kind(settings("/file", "command", ("/x",))) is TokenCommand
    assert kind(settings("/file", command=("/x",))) is TokenFile
    assert kind(settings(source="file", command=("/x",))) is TokenFile
    assert kind(settings(source="credential", command=("/x",))) is TokenFile


# -- while the daemon runs -----------------------------------------------------------------------------------------


async def test_it_is_read_again_each_time_so_that_a_new_one_counts(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first-token")
    source = TokenFile(settings(file), {})
    assert await source.token() == Secret("first-token")
    file.write_text("second-token")
    assert await source.token() == Secret("second-token")


async def test_a_device_that_is_provisioned_while_the_daemon_runs_has_its_token_at_once(
    environ: dict[str, str], store: IdentityStore
) -> None:
    source = TokenFile(settings(), environ)
    before = source.stamp()
    assert not await source.token()
    provision(store)
    assert source.stamp() != before
    assert await source.token() == Secret("provisioned-token")


def test_the_stamp_changes_with_the_file_and_only_with_it(
    tmp_path: Path, environ: dict[str, str], store: IdentityStore
) -> None:
    file = tmp_path / "token"
    source = TokenFile(settings(file), environ)
    stamps = [source.stamp(), source.stamp()]
    for content in ("first-token", "secnd-token", "third-token-longer"):
        fresh = tmp_path / "fresh"
        fresh.write_text(content)
        fresh.rename(file)
        stamps += [source.stamp(), source.stamp()]
    assert stamps[::2] == stamps[1::2]
    assert len(set(stamps)) == 4
    assert None not in stamps


def test_the_stamp_changes_when_a_provisioned_token_is_rotated(environ: dict[str, str], store: IdentityStore) -> None:
    provision(store, "first-token")
    source = TokenFile(settings(), environ)
    before = source.stamp()
    provision(store, "secnd-token")
    assert source.stamp() != before


def test_a_token_that_was_read_is_kept_out_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("canary-just-read")
    read(settings(tmp_path / "token"), {})
    assert scrub("canary-just-read") == "***"


# -- what is wrong with it -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"canary canary", "must hold the token only"),
        (b"canary\nsecond line", "must hold the token only"),
        (b"canary\x00", "must hold the token only"),
        (b"canary\xc3\xa9", "must hold the token only"),
        (b"canary\xff", "must hold the token only"),
        (b"canary" * 3000, "is longer than 16384 bytes"),
    ],
)
def test_a_file_that_holds_no_token_is_refused_by_path_and_never_quoted(
    content: bytes, why: str, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read(settings(file), {})
    assert str(caught.value).startswith(f"token file {file}: {why}")
    assert "canary" not in str(caught.value)


def test_a_configured_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"token: cannot be read \(No such file or directory\)"):
        read(settings(tmp_path / "token"), {})


def test_a_provisioned_token_that_is_lost_is_told(environ: dict[str, str], store: IdentityStore) -> None:
    provision(store)
    path = store.token_path()
    assert path is not None
    path.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        read(settings(), environ)


def test_a_file_that_may_not_be_read_is_told_and_not_skipped(environ: dict[str, str], credential: Path) -> None:
    credential.chmod(0)
    if os.access(credential, os.R_OK):
        pytest.skip("this user reads everything")
    with pytest.raises(ConfigError, match=r"cannot be read \(Permission denied\)"):
        read(settings(), environ)


def test_the_end_is_that_of_the_token_in_the_file_now(tmp_path: Path, environ: dict[str, str]) -> None:
    file = tmp_path / "token"
    source = TokenFile(settings(file), environ)
    assert source.expires_at() is None
    file.write_text(jwt({"exp": 2_000_000_000}).reveal())
    assert source.expires_at() == 2_000_000_000
    file.write_text(jwt({"exp": 2_100_000_000}).reveal() + "\n")
    assert source.expires_at() == 2_100_000_000
    file.write_text("says nothing about its end")
    assert source.expires_at() is None
    assert not source.renews


def test_the_end_is_looked_up_once_for_each_file(tmp_path: Path, environ: dict[str, str]) -> None:
    file = tmp_path / "token"
    file.write_text(jwt({"exp": 2_000_000_000}).reveal())
    source = TokenFile(settings(file), environ)
    source.expires_at()
    source.read = lambda: pytest.fail("the file did not change")  # type: ignore[method-assign]  # to see it called
    assert source.expires_at() == 2_000_000_000
