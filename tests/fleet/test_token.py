"""Which file the token is read from, and what is said when it cannot be."""

import os
from pathlib import Path

import pytest

from hero365_edge.errors import ConfigError
from hero365_edge.fleet.secrets import scrub
from hero365_edge.fleet.token import read_token, token_file
from hero365_edge.settings import Backend, Settings


def settings(path: Path | str) -> Settings:
    return Settings(backend=Backend(token_file=str(path)))


def test_the_configured_file_comes_before_the_credential_and_that_before_the_provisioned_one(tmp_path: Path) -> None:
    for name in ("configured", "hero365-edge.token", "provisioned"):
        (tmp_path / name).write_text(f"{name}-token\n")
    environ, provisioned = {"CREDENTIALS_DIRECTORY": str(tmp_path)}, tmp_path / "provisioned"
    assert read_token(settings(tmp_path / "configured"), environ, provisioned) == "configured-token"
    assert read_token(Settings(), environ, provisioned) == "hero365-edge.token-token"
    assert read_token(Settings(), {}, provisioned) == "provisioned-token"
    (tmp_path / "hero365-edge.token").unlink()
    assert read_token(Settings(), environ, provisioned) == "provisioned-token"


def test_no_file_at_all_is_no_token_which_the_seed_allows(tmp_path: Path) -> None:
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_token(Settings(), environ, tmp_path / "provisioned") == ""
    assert token_file(Settings(), environ, tmp_path / "provisioned") is None


def test_it_is_read_again_each_time_so_that_a_new_one_counts(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first-token")
    assert read_token(settings(file), {}) == "first-token"
    file.write_text("second-token")
    assert read_token(settings(file), {}) == "second-token"


def test_a_token_that_was_read_is_kept_out_of_the_log(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("canary-just-read")
    read_token(settings(tmp_path / "token"), {})
    assert scrub("canary-just-read") == "***"


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
        read_token(settings(file), {})
    assert str(caught.value).startswith(f"token file {file}: {why}")
    assert "canary" not in str(caught.value)


def test_a_configured_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"token: cannot be read \(No such file or directory\)"):
        read_token(settings(tmp_path / "token"), {})


def test_a_file_that_may_not_be_read_is_told_and_not_skipped(tmp_path: Path) -> None:
    provisioned = tmp_path / "token"
    provisioned.write_text("canary")
    provisioned.chmod(0)
    if os.access(provisioned, os.R_OK):
        pytest.skip("this user reads everything")
    with pytest.raises(ConfigError, match=r"cannot be read \(Permission denied\)"):
        read_token(Settings(), {}, provisioned)
