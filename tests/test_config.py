"""Files and variables into settings, and what is said about each kind of mistake."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hero365_edge.config import Provisioned, load, schema, system_files, variable_of
from hero365_edge.errors import ConfigError
from hero365_edge.settings import Settings

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.yaml"
        path.write_text(text)
        return path

    return written


def refusal(paths: list[Path], environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(paths, environ or {})
    return str(caught.value)


def test_no_file_and_no_variable_is_all_defaults() -> None:
    loaded = load([], {"HOME": "/root"})
    assert loaded.settings == Settings()
    assert set(loaded.origin.values()) == {"default"}


def test_an_empty_file_and_an_empty_section_say_nothing(write: Write) -> None:
    assert load([write(""), write("backend:\naudio:\n  input:\n")], {}).settings == Settings()


def test_a_later_file_wins_key_by_key_and_the_origin_tells_which(write: Write) -> None:
    first = write("backend: {user_id: anna, business_id: b1}")
    second = write("backend: {user_id: bert}")
    loaded = load([first, second], {})
    assert (loaded.settings.backend.user_id, loaded.settings.backend.business_id) == ("bert", "b1")
    assert loaded.origin["backend.user_id"] == str(second)
    assert loaded.origin["backend.business_id"] == str(first)
    assert loaded.origin["backend.url"] == "default"


def test_what_was_provisioned_is_below_every_file_and_told_by_its_own(write: Write, tmp_path: Path) -> None:
    identity = Provisioned(tmp_path / "identity.json", {"backend": {"user_id": "fleet", "business_id": "b1"}})
    loaded = load([write("backend: {user_id: anna}")], {}, identity)
    assert (loaded.settings.backend.user_id, loaded.settings.backend.business_id) == ("anna", "b1")
    assert loaded.origin["backend.business_id"] == str(tmp_path / "identity.json")


def test_what_was_provisioned_wrongly_is_told_like_any_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"identity\.json: backend\.url has scheme 'http'"):
        load([], {}, Provisioned(tmp_path / "identity.json", {"backend": {"url": "http://x"}}))


def test_what_stands_where_the_tokens_source_belongs_is_not_repeated(write: Write) -> None:
    answer = refusal([write("backend: {token_file: [eyJcanary], token_source: eyJcanary, token_command: eyJcanary}")])
    assert "eyJcanary" not in answer
    assert "backend.token_command must be a list of at most 32, each text" in answer


def test_a_variable_wins_over_every_file(write: Write) -> None:
    loaded = load([write("audio: {output: {volume: 0.1}}")], {"HERO365_EDGE_AUDIO__OUTPUT__VOLUME": "0.5"})
    assert loaded.settings.audio.output.volume == 0.5
    assert loaded.origin["audio.output.volume"] == "variable HERO365_EDGE_AUDIO__OUTPUT__VOLUME"


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("backend.user_id", "00123", "00123"),
        ("backend.user_id", "true", "true"),
        ("backend.user_id", "", ""),
        ("backend.user_id", "a: [b", "a: [b"),
        ("speech.local_voice", "off", "off"),
        ("capture.echo_cancel", "true", True),
        ("panel.lamp_pins", "[5, 6]", (5, 6)),
        ("audio.input.channel", "1", 1),
        ("audio.input.channel", "average", "average"),
        ("session.idle_timeout_s", "60", 60.0),
    ],
)
def test_a_variable_is_read_as_its_setting_wants_it(key: str, text: str, value: object) -> None:
    found: object = load([], {variable_of(key): text}).settings
    for name in key.split("."):
        found = getattr(found, name)
    assert found == value
    assert type(found) is type(value)


def test_off_in_a_file_is_the_word_and_not_false(write: Write) -> None:
    assert load([write("speech: {local_voice: off}")], {}).settings.speech.local_voice == "off"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("backend: {tail_silence_ms: six}", "backend.tail_silence_ms is 'six'; it must be a whole number from 0 to"),
        ("backend: {tail_silence_ms: -1}", "backend.tail_silence_ms is -1; it must be a whole number from 0 to 5000"),
        ("backend: {tail_silence_ms: 6.5}", "backend.tail_silence_ms is 6.5; it must be a whole number from 0 to 5000"),
        ("backend: {tail_silence_ms: true}", "backend.tail_silence_ms is True; it must be a whole number"),
        ("backend: {profile: v2}", "backend.profile is 'v2'; it must be one of auto, seed, v1"),
        ("backend: {user_id: 123}", "backend.user_id is 123; it must be text, in quotes"),
        ("backend: {user_id: }", "backend.user_id is empty; it must be text"),
        ("audio: {input: {device: ''}}", "audio.input.device is ''; it must be text, not empty"),
        ("audio: {input: {channel: middle}}", "audio.input.channel is 'middle'; it must be average or a whole number"),
        ("audio: {period_ms: 30}", "audio.period_ms is 30; it must be one of 10, 20, 40, 60"),
        ("panel: {lamp_pins: [1, 2, 3, 4]}", "panel.lamp_pins is [1, 2, 3, 4]; it must be a list of 1 to 3"),
        ("panel: {lamp_pins: []}", "panel.lamp_pins is []; it must be a list of 1 to 3"),
        ("panel: {profile: ../secret}", "panel.profile is '../secret'; it must be text that matches"),
        ("backend: wss://example.com", "backend must hold settings"),
        ("- backend", "the file must hold settings"),
        ("backend: [", "line 1, column 11: "),
        ("backend: {url: a}\nbackend: {}", "line 2, column 1: backend stands in the same place twice"),
    ],
)
def test_a_mistake_is_told_by_file_key_value_and_what_is_allowed(text: str, said: str, write: Write) -> None:
    file = write(text)
    assert refusal([file]).startswith(f"{file}: {said}")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("backend: {ulr: x}", "backend.url (HERO365_EDGE_BACKEND__URL)"),
        ("url: x", "backend.url"),
        ("bakend: {url: x}", "backend.url"),
        ("session: {idle_timeout: 3}", "session.idle_timeout_s"),
        ("capture: {volume: 1}", "audio.output.volume"),
    ],
)
def test_an_unknown_key_is_answered_with_the_nearest(text: str, meant: str, write: Write) -> None:
    answer = refusal([write(text)])
    assert "is not a setting; did you mean " in answer
    assert meant in answer


@pytest.mark.parametrize("text", ["zzz: 1", "zzz: {}", "zzz:"])
def test_a_key_like_no_other_is_refused_without_a_guess(text: str, write: Write) -> None:
    assert refusal([write(text)]).endswith("zzz is not a setting")


def test_a_section_where_a_value_belongs_is_a_wrong_value(write: Write) -> None:
    assert "backend.url is {'host': 'a'}; it must be text" in refusal([write("backend: {url: {host: a}}")])


def test_the_value_of_an_unknown_key_is_not_repeated(write: Write) -> None:
    assert "eyJcanary" not in refusal([write("backend: {token: eyJcanary}")], {"HERO365_EDGE_TOKEN": "eyJcanary"})


def test_a_variable_that_is_no_setting_or_wrong_is_named() -> None:
    answer = refusal([], {"HERO365_EDGE_BACKEND_URL": "x", "HERO365_EDGE_LOG__LEVEL": "loud"})
    assert "variable HERO365_EDGE_BACKEND_URL: backend_url is not a setting" in answer
    assert "variable HERO365_EDGE_LOG__LEVEL: log.level is 'loud'; it must be one of debug, " in answer


def test_a_variable_of_broken_yaml_is_told_in_the_settings_words() -> None:
    assert "panel.lamp_pins is '[5'; it must be a list" in refusal([], {"HERO365_EDGE_PANEL__LAMP_PINS": "[5"})


def test_all_mistakes_are_told_at_once_a_line_each(write: Write) -> None:
    answer = refusal([write("a: 1\nb: 2"), write("c: ["), write("log: {level: loud}")])
    assert len(answer.splitlines()) == 4


def test_a_mistake_that_a_later_file_would_hide_is_told_all_the_same(write: Write) -> None:
    assert "volume is 3" in refusal([write("audio: {output: {volume: 3}}"), write("audio: {output: {volume: 1}}")])


def test_a_long_value_is_cut_short(write: Write) -> None:
    assert len(refusal([write(f"log: {{level: {'x' * 5000}}}")])) < 400


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.yaml"
    assert refusal([missing]) == f"{missing}: cannot be read (No such file or directory)"


def test_a_folder_instead_of_a_file_is_told(tmp_path: Path) -> None:
    assert refusal([tmp_path]) == f"{tmp_path}: cannot be read (Is a directory)"


def test_the_systems_files_are_the_main_one_and_then_its_pieces_in_order(tmp_path: Path) -> None:
    assert system_files(tmp_path) == []
    (tmp_path / "config.d").mkdir()
    for name in ("20-b.yaml", "10-a.yaml", "README", "30-c.yaml.dpkg-old"):
        (tmp_path / "config.d" / name).touch()
    pieces = [tmp_path / "config.d" / "10-a.yaml", tmp_path / "config.d" / "20-b.yaml"]
    assert system_files(tmp_path) == pieces
    (tmp_path / "config.yaml").touch()
    assert system_files(tmp_path) == [tmp_path / "config.yaml", *pieces]


def test_a_folder_that_may_not_be_read_is_not_taken_for_empty(tmp_path: Path) -> None:
    (tmp_path / "config.d").mkdir(mode=0)
    if os.access(tmp_path / "config.d", os.R_OK):
        pytest.skip("this user reads everything")
    with pytest.raises(ConfigError, match="cannot be read"):
        system_files(tmp_path)


def test_the_schema_tells_ranges_choices_and_meanings() -> None:
    described = schema()["$defs"]["Backend"]["properties"]
    assert described["tail_silence_ms"]["maximum"] == 5000
    assert described["profile"]["enum"] == ["auto", "seed", "v1"]
    assert all(each["description"] for each in described.values())
    assert schema()["$defs"]["Backend"]["additionalProperties"] is False
