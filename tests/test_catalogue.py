"""The list of settings and the words for what each allows."""

from hero365_edge.catalogue import catalogue

ALLOWED = {
    "backend.user_id": "text",
    "backend.auth_transport": "one of both, header, query",
    "backend.tail_silence_ms": "a whole number from 0 to 5000",
    "audio.input.device": "text, not empty",
    "audio.input.channel": "average or a whole number from 0 to 31",
    "audio.output.volume": "a number from 0 to 1",
    "audio.period_ms": "one of 10, 20, 40, 60",
    "panel.lamp_pins": "a list of 1 to 3, each a whole number from 0 to 27",
    "backend.token_command": "a list of at most 32, each text",
    "panel.button_active_low": "true or false",
    "panel.profile": "text that matches ^[A-Za-z0-9][A-Za-z0-9._-]*$",
}


def test_each_kind_of_setting_has_words_for_what_it_allows() -> None:
    known = catalogue()
    assert {key: known[key].allowed for key in ALLOWED} == ALLOWED


def test_a_setting_is_found_below_two_sections() -> None:
    setting = catalogue()["audio.output.volume"]
    assert (setting.default, setting.is_text) == (0.8, False)


def test_text_and_choices_are_text_and_a_channel_is_not() -> None:
    texts = {key for key, setting in catalogue().items() if setting.is_text}
    assert {"backend.user_id", "speech.local_voice"} <= texts
    assert not {"audio.input.channel", "audio.period_ms", "log.transcripts"} & texts


def test_units_are_in_the_names() -> None:
    numbers = {key for key, setting in catalogue().items() if isinstance(setting.default, float)}
    assert {key for key in numbers if not key.endswith("_s")} == {"audio.output.volume"}
