"""`hero365-edge provision` and `hero365-edge identity`, as a person types them."""

import argparse
import io
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hero365_edge.cli import main
from hero365_edge.cli.options import load_config
from hero365_edge.core.secret import Secret
from tests.fleet.test_lifetime import jwt

CANARY = "eyJcanary.canary.canary-0123456789"
GOOD = f"user_id: u1\nbusiness_id: b1\nvehicle: Van 12\ntoken: {CANARY}\n"


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def nothing(tmp_path: Path) -> Path:
    """A settings file in the place of the system's, which says nothing."""
    path = tmp_path / "config.yaml"
    path.write_text("")
    return path


def typed(text: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes on standard input."""
    content = text if isinstance(text, bytes) else text.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def provision(monkeypatch: pytest.MonkeyPatch, text: str = GOOD) -> None:
    typed(text, monkeypatch)
    assert main(["provision", "-"]) == 0


def shown(capsys: pytest.CaptureFixture[str], nothing: Path) -> dict[str, object]:
    capsys.readouterr()
    assert main(["identity", "show", "--json", "--config", str(nothing)]) == 0
    facts: dict[str, object] = json.loads(capsys.readouterr().out)
    return facts


@pytest.mark.parametrize("way", ["-", "--stdin", "file"])
def test_the_three_ways_in_end_in_the_same(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: Path
) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(GOOD)
    typed(GOOD, monkeypatch)
    assert main(["provision", str(file) if way == "file" else way]) == 0
    printed = capsys.readouterr()
    fingerprint = Secret(CANARY).fingerprint
    assert "user u1, business b1, vehicle Van 12, token's fingerprint " + fingerprint in printed.out
    assert "canary" not in printed.out + printed.err
    assert sorted(path.name.partition("-")[0] for path in state.iterdir()) == ["identity.json", "token"]
    assert file.exists() == (way != "file"), "what came on standard input is not ours to erase"


def test_a_file_with_mistakes_exits_78_and_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(f"user: u1\ntoken: {CANARY}")
    assert main(["provision", str(file)]) == 78
    assert f"hero365-edge: {file}: user is not known here; did you mean user_id?" in capsys.readouterr().err
    assert file.exists()


def test_without_a_file_the_boot_partition_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    if Path("/boot/firmware/hero365-edge.yaml").exists() or Path("/boot/hero365-edge.yaml").exists():
        pytest.fail("this computer waits for being provisioned")
    assert main(["provision"]) == 78
    assert "/boot/firmware/hero365-edge.yaml" in capsys.readouterr().err


def test_what_was_provisioned_is_settings_below_the_written_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: Path
) -> None:
    provision(monkeypatch, GOOD + "url: wss://fleet.example.com/v1\n")
    mine = tmp_path / "mine.yaml"
    mine.write_text("backend: {user_id: mine}")
    capsys.readouterr()
    assert main(["config", "show", "--json", "--config", str(mine)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["settings"]["backend"]["url"] == "wss://fleet.example.com/v1"
    assert told["origin"]["backend.url"] == str(state / "identity.json")
    assert told["settings"]["backend"]["user_id"] == "mine"
    assert told["origin"]["backend.user_id"] == str(mine)
    assert told["origin"]["backend.profile"] == "default"


def test_config_show_tells_where_the_token_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], nothing: Path, state: Path
) -> None:
    provision(monkeypatch)
    assert main(["config", "show", "--config", str(nothing)]) == 0
    assert f"hidden  # {state}/token-" in capsys.readouterr().out


def test_show_tells_who_it_is_and_how_long_the_token_lives(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], nothing: Path, state: Path
) -> None:
    ends = (datetime.now(UTC) + timedelta(days=30, hours=1)).replace(microsecond=0)
    token = jwt({"exp": ends.timestamp()})
    provision(monkeypatch, GOOD.replace(CANARY, token.reveal()))
    facts = shown(capsys, nothing)
    assert facts["vehicle"] == "Van 12"
    assert facts["user_id"] == "u1"
    assert facts["url"] == "wss://api.hero365.ai/v1/voice/ws"
    assert facts["origin"] == {
        "user_id": str(state / "identity.json"),
        "business_id": str(state / "identity.json"),
        "url": "default",
    }
    told = facts["token"]
    assert isinstance(told, dict)
    assert (told["fingerprint"], told["expires"]) == (token.fingerprint, ends.isoformat())
    assert main(["identity", "show", "--config", str(nothing)]) == 0
    printed = capsys.readouterr().out
    assert f"{token.fingerprint} (fingerprint), expires at {ends:%Y-%m-%d %H:%M:%S} UTC, in 30 days" in printed
    assert token.reveal() not in printed


def test_show_on_a_device_that_is_nobody_says_so(capsys: pytest.CaptureFixture[str], nothing: Path) -> None:
    assert main(["identity", "show", "--config", str(nothing)]) == 0
    assert "device      not provisioned" in capsys.readouterr().out


def test_show_tells_a_token_that_is_lost(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], nothing: Path, state: Path
) -> None:
    provision(monkeypatch)
    next(state.glob("token-*")).unlink()
    told = shown(capsys, nothing)["token"]
    assert isinstance(told, dict)
    assert "cannot be read" in told["problem"]


def test_show_does_not_run_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], nothing: Path
) -> None:
    provision(monkeypatch, "{user_id: u, business_id: b, token_command: [/no/such/program, argument]}")
    assert shown(capsys, nothing)["token"] == {"source": "command /no/such/program"}


@pytest.mark.parametrize("way", ["-", "--stdin", "file"])
def test_rotate_takes_a_new_token(
    way: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    nothing: Path,
    state: Path,
) -> None:
    provision(monkeypatch)
    file = tmp_path / "new-token"
    file.write_text("next-token\n")
    typed("next-token\n", monkeypatch)
    assert main(["identity", "rotate", "--config", str(nothing), str(file) if way == "file" else way]) == 0
    assert capsys.readouterr().err == ""
    [stored] = state.glob("token-*")
    assert stored.read_text() == "next-token\n"
    assert file.exists() == (way != "file")


def test_rotate_tells_when_the_settings_take_the_token_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    provision(monkeypatch)
    mine = tmp_path / "mine.yaml"
    mine.write_text("backend: {token_file: /etc/my-token}")
    typed("next-token\n", monkeypatch)
    assert main(["identity", "rotate", "--config", str(mine), "-"]) == 0
    assert capsys.readouterr().err == "it is not used: the settings take the token from /etc/my-token\n"


def test_rotate_without_a_token_is_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["identity", "rotate"])
    assert "name the file with the new token" in capsys.readouterr().err


def test_wipe_wants_a_yes_and_then_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("CACHE_DIRECTORY", str(cache))  # where systemd tells it, and no argument does
    provision(monkeypatch)
    with pytest.raises(SystemExit, match="2"):
        main(["identity", "wipe"])
    assert len(list(state.iterdir())) == 2
    (state / "session.json").write_text("{}")
    answer = cache / "phrases" / "abc.pcm"
    answer.parent.mkdir(parents=True)
    answer.write_bytes(bytes(2))
    assert main(["identity", "wipe", "--yes"]) == 0
    assert list(state.iterdir()) == list(cache.iterdir()) == []
    assert "wiped" in capsys.readouterr().out


def test_a_damaged_identity_is_a_wrong_configuration(capsys: pytest.CaptureFixture[str], state: Path) -> None:
    state.mkdir()
    (state / "identity.json").write_bytes(bytes(10))
    assert main(["status"]) == 78
    assert "provision this device again" in capsys.readouterr().err


def test_a_damaged_identity_does_not_stop_the_daemon_and_is_kept_for_whoever_wants_to_know(
    state: Path, nothing: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state.mkdir()
    (state / "identity.json").write_bytes(bytes(10))
    settings = load_config(argparse.Namespace(config=nothing), as_daemon=True).settings
    assert settings.backend.user_id == ""
    assert [path.name for path in state.iterdir()] == ["identity.json.damaged"]
    assert "provision this device again" in caplog.text
