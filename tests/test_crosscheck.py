"""Settings that are each in range and wrong all the same."""

from pathlib import Path

import pytest

from hero365_edge.config import load
from hero365_edge.crosscheck import contradictions
from hero365_edge.errors import ConfigError
from hero365_edge.settings import Backend, Settings

GOOD = [
    "backend: {url: 'wss://voice.example.com/v1'}",
    "backend: {url: 'ws://localhost:8000/ws'}",
    "backend: {url: 'ws://127.0.0.1:8000/ws'}",
    "backend: {url: 'ws://[::1]:8000/ws'}",
    "audio: {input: {rate_hz: 48000}}",
    "capture: {barge_in: voice, echo_cancel: true}",
    "panel: {lamp_pins: [5, 6, 13]}",
    "panel: {lamp_kind: apa102, lamp_pins: [6, 5]}",
    "panel: {lamp_kind: apa102, lamp_spi: '0.1', button_pin: 22}",
    "panel: {lamp_kind: none, button_pin: 22}",
    "panel: {second_does: mute}",
    "panel: {second_pin: 17}",
    "panel: {second_does: mute, second_pin: 22, lamp_kind: none}",
    "metrics: {listen: '127.0.0.1:9365'}",
    "metrics: {listen: '[::1]:9365'}",
    "metrics: {listen: '0.0.0.0:9365', allow_remote: true}",
    "metrics: {allow_remote: true}",
    "location: {gpsd: '127.0.0.1:2947'}",
    "backend: {token_source: command, token_command: [/usr/bin/give-token, argument]}",
    "backend: {token_source: credential}",
    "tls: {ca_file: /etc/ca.pem, client_cert_file: /etc/c.pem, client_key_file: /etc/k.pem}",
    f"tls: {{pins: ['{'A' * 43}=', '{'B' * 43}='], pins_report_only: true}}",
]

BAD = [
    ("backend: {url: 'https://api.hero365.ai'}", "backend.url", "must be wss://"),
    ("backend: {url: 'wss://'}", "backend.url", "wss:// and a host"),
    ("backend: {url: ''}", "backend.url", "must be wss://"),
    ("backend: {url: 'wss://host:port/'}", "backend.url", "not a URL"),
    ("backend: {url: 'wss://[half/'}", "backend.url", "not a URL"),
    ("backend: {url: 'wss://voice..example.com/'}", "backend.url", "not a URL"),
    (f"backend: {{url: 'wss://{'x' * 64}.example/'}}", "backend.url", "not a URL"),
    ("backend: {url: 'ws://api.hero365.ai/ws'}", "backend.url", "use wss://"),
    ("backend: {url: 'ws://10.0.0.1/ws'}", "backend.url", "use wss://"),
    ("backend: {url: 'ws://localhost.evil.example/ws'}", "backend.url", "use wss://"),
    ("backend: {token_source: command}", "backend.token_source", "needs backend.token_command"),
    ("backend: {token_command: [give-token]}", "backend.token_command", "must begin with an absolute path"),
    ("tls: {ca_file: ca.pem}", "tls.ca_file", "empty or an absolute path"),
    ("tls: {client_key_file: /k.pem}", "tls.client_key_file", "without tls.client_cert_file"),
    (f"tls: {{pins: ['{'A' * 43}=']}}", "tls.pins", "at least two different keys"),
    (f"tls: {{pins: ['{'A' * 43}=', '{'A' * 43}=']}}", "tls.pins", "at least two different keys"),
    ("tls: {pins_report_only: true}", "tls.pins_report_only", "needs tls.pins"),
    ("audio: {output: {rate_hz: 100}}", "audio.output.rate_hz", "0 or at least 8000"),
    ("capture: {barge_in: voice}", "capture.barge_in", "capture.echo_cancel: true"),
    (
        "capture: {barge_in: voice, echo_cancel: true, always_on: false}",
        "capture.barge_in",
        "capture.always_on: true",
    ),
    ("panel: {second_does: mute, second_pin: 17}", "panel.second_pin", "is 17, which panel.button_pin has"),
    ("panel: {second_does: volume, second_pin: 22}", "panel.second_pin", "is 22, which panel.lamp_pins has"),
    ("panel: {button_pin: 22}", "panel.lamp_pins", "has 22, which is panel.button_pin"),
    ("panel: {lamp_kind: apa102}", "panel.lamp_pins", "must be two, clock and data"),
    ("panel: {lamp_kind: apa102, lamp_pins: [6, 17]}", "panel.lamp_pins", "has 17, which is panel.button_pin"),
    ("panel: {lamp_pins: [5, 5]}", "panel.lamp_pins", "not name a pin twice"),
    ("location: {gpsd: '/run/gpsd.sock'}", "location.gpsd", "ADDRESS:PORT"),
    ("metrics: {listen: '9365'}", "metrics.listen", "ADDRESS:PORT"),
    ("metrics: {listen: '127.0.0.1:99999'}", "metrics.listen", "ADDRESS:PORT"),
    ("metrics: {listen: '127.0.0.1:9365/metrics'}", "metrics.listen", "ADDRESS:PORT"),
    ("metrics: {listen: '0.0.0.0:9365'}", "metrics.listen", "metrics.allow_remote: true"),
    ("metrics: {listen: '[::]:9365'}", "metrics.listen", "metrics.allow_remote: true"),
    ("metrics: {listen: '10.0.0.7:9365'}", "metrics.listen", "metrics.allow_remote: true"),
    ("metrics: {listen: 'van.example:9365'}", "metrics.listen", "metrics.allow_remote: true"),
    ("control: {socket: control.sock}", "control.socket", "absolute path"),
    (f"control: {{socket: /{'x' * 107}}}", "control.socket", "at most 107 bytes"),
]


def test_the_defaults_contradict_nothing() -> None:
    assert not list(contradictions(Settings()))


@pytest.mark.parametrize("text", GOOD)
def test_what_fits_together_is_taken(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    load([file], {})


@pytest.mark.parametrize(("text", "key", "why"), BAD)
def test_what_does_not_fit_is_refused_by_file_key_and_reason(text: str, key: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load([file], {})
    assert str(caught.value).startswith(f"{file}: {key} ")
    assert why in str(caught.value)


def test_of_two_settings_that_contradict_the_one_that_was_written_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^variable HERO365_EDGE_PANEL__BUTTON_PIN: panel\.lamp_pins has 22"):
        load([], {"HERO365_EDGE_PANEL__BUTTON_PIN": "22"})


@pytest.mark.parametrize(
    "backend",
    [
        Backend(url="wss://api.hero365.ai/ws?token=eyJcanary"),
        Backend(url="wss://me:eyJcanary@api.hero365.ai/ws"),
        Backend(url="wss://api.hero365.ai/ws#eyJcanary"),
        Backend(token_file="eyJcanary.canary.canary"),  # noqa: S106  a token where its file's path belongs
    ],
)
def test_a_token_in_the_wrong_place_is_refused_and_not_repeated(backend: Backend) -> None:
    problems = list(contradictions(Settings(backend=backend)))
    assert len(problems) == 1
    assert "canary" not in str(problems)
