"""The settings as the product document lists them, and the file that repeats them for people."""

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from hero365_edge.catalogue import Setting, catalogue
from hero365_edge.config import load
from hero365_edge.settings import Settings

SHIPPED = Path(__file__).parents[1] / "config" / "hero365-edge.yaml"

SECTION_11 = """
backend: {url: "wss://api.hero365.ai/v1/voice/ws", user_id: "", business_id: "", token_file: "",
          auth_transport: both, profile: auto, seed_uplink: pcm16, tail_silence_ms: 600, downlink: auto}
audio:
  input:  {device: default, channel: average}
  output: {device: default, volume: 0.8}
capture: {preroll_ms: 300, hangover_ms: 600, no_speech_timeout_s: 6, max_utterance_s: 60, echo_cancel: false,
          barge_in: button}
speech:  {local_voice: auto}
session: {idle_timeout_s: 900}
outbox:  {max_age_s: 120, max_utterances: 5}
panel:   {profile: auto}
metrics: {listen: ""}
control: {socket: /run/hero365-edge/control.sock}
"""


def test_the_defaults_are_the_product_documents(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(SECTION_11)
    assert load([file], {}).settings == Settings()


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(AttributeError):
        Settings().backend.url = "wss://elsewhere"  # type: ignore[misc]  # this is what must fail


@pytest.mark.parametrize("setting", catalogue().values(), ids=lambda setting: setting.key)
def test_every_default_is_within_its_own_range(setting: Setting) -> None:
    assert msgspec.convert(msgspec.to_builtins(setting.default), setting.annotation) == setting.default


def _uncommented(text: str) -> str:
    return re.sub(r"^( *)#([a-z_]+:)", r"\1\2", text, flags=re.MULTILINE)


def test_the_shipped_file_changes_nothing_as_it_is(tmp_path: Path) -> None:
    loaded = load([SHIPPED], {})
    assert loaded.settings == Settings()
    assert set(loaded.origin.values()) == {"default"}


def test_the_shipped_file_uncommented_holds_every_setting_once_with_its_default(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(_uncommented(SHIPPED.read_text()))
    loaded = load([file], {})  # which refuses a key that stands there twice
    assert loaded.settings == Settings()
    assert set(loaded.origin.values()) == {str(file)}


@pytest.mark.parametrize("setting", catalogue().values(), ids=lambda setting: setting.key)
def test_the_shipped_file_says_what_each_setting_does_and_allows(setting: Setting) -> None:
    comment = _comments(SHIPPED.read_text())[setting.key]
    assert setting.description in comment
    if setting.allowed != "text":
        assert setting.allowed.lower() in comment.lower()


def _comments(text: str) -> dict[str, str]:
    """By dotted key: the comment lines right above the setting, joined."""
    found: dict[str, str] = {}
    sections: list[tuple[int, str]] = []
    above: list[str] = []
    for line in text.splitlines():
        prose, key = re.match(r" *# (.*)", line), re.match(r"( *)#?([a-z_]+):", line)
        if prose:
            above.append(prose[1])
        elif key:
            sections = [section for section in sections if section[0] < len(key[1])]
            found[".".join([*(name for _, name in sections), key[2]])] = " ".join(above)
            sections.append((len(key[1]), key[2]))
            above = []
    return found


def test_the_shipped_file_is_yaml_for_any_reader() -> None:
    assert set(yaml.safe_load(_uncommented(SHIPPED.read_text()))) == set(Settings.__struct_fields__)
