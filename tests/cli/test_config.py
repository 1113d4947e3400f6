"""`hero365-edge config`."""

import json
from pathlib import Path

import pytest

from hero365_edge.cli import main
from hero365_edge.config import load
from hero365_edge.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "token").write_text("canary-of-config-show")
    path = tmp_path / "config.yaml"
    path.write_text(f"backend: {{user_id: '007', token_file: {tmp_path}/token}}\n")
    return path


def test_show_prints_every_setting_and_where_it_came_from(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", "--config", str(file)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert f'backend.user_id             = "007"  # {file}' in printed
    assert "backend.tail_silence_ms     = 600" in printed
    assert "panel.lamp_pins             = [22]" in printed
    assert f"(the token)                 = hidden  # {file.parent}/token" in printed
    assert "canary" not in str(printed)


def test_show_as_json_can_be_read_back_as_a_settings_file(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "show", "--json", "--config", str(file)]) == 0
    shown = json.loads(capsys.readouterr().out)
    again = tmp_path / "again.yaml"
    again.write_text(json.dumps(shown["settings"]))
    assert load([again], {}).settings == load([file], {}).settings
    assert shown["origin"]["backend.user_id"] == str(file)
    assert shown["origin"]["log.level"] == "default"


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_show_names_a_command_for_tokens_without_its_arguments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("backend: {token_command: [/usr/bin/fetch, --key, canary]}\n")
    assert main(["config", "show", *form, "--config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "/usr/bin/fetch" in shown
    assert "canary" not in shown


def test_show_tells_a_variable_as_the_origin(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERO365_EDGE_LOG__LEVEL", "debug")
    assert main(["config", "show", "--config", str(file)]) == 0
    assert '= "debug"  # variable HERO365_EDGE_LOG__LEVEL' in capsys.readouterr().out


def test_validate_says_good_and_never_the_token(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "validate", "--config", str(file)]) == 0
    assert capsys.readouterr().out == f"good: {file}; a token\n"


def test_validate_exits_78_with_every_mistake_on_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("backend: {ulr: x}\nlog: {level: loud}\n")
    assert main(["config", "validate", "--config", str(wrong)]) == 78
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"hero365-edge: {wrong}: backend.ulr is not a setting; did you mean backend.url")
    assert second.startswith(f"hero365-edge: {wrong}: log.level is 'loud'; it must be one of debug")


def test_validate_reads_the_token_file_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(f"backend: {{token_file: {tmp_path}/missing}}\n")
    assert main(["config", "validate", "--config", str(wrong)]) == 78
    assert f"token file {tmp_path}/missing: cannot be read" in capsys.readouterr().err


def test_schema_is_a_json_schema_of_every_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert set(printed["$defs"]["Settings"]["properties"]) == set(Settings.__struct_fields__)
