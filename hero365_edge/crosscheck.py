"""What a single range cannot say about the settings: forms of addresses and paths, and pairs that contradict."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from hero365_edge.core.address import is_loopback
from hero365_edge.panel_settings import Panel
from hero365_edge.settings import Backend, Metrics, Settings, Tls

SOCKET_PATH_BYTES = 107
"""Linux: `sun_path` has 108 bytes, one of them the closing zero (unix(7))."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What is wrong with a setting, and which others have a part in it. Never shows what could hold a secret."""

    key: str
    why: str
    """Completes "KEY …"."""
    others: tuple[str, ...] = ()


def contradictions(settings: Settings) -> Iterator[Contradiction]:
    """Everything that does not fit."""
    yield from _url(settings.backend.url)
    yield from _token(settings.backend)
    yield from _tls(settings.tls)
    for key, rate_hz in (
        ("audio.input.rate_hz", settings.audio.input.rate_hz),
        ("audio.output.rate_hz", settings.audio.output.rate_hz),
    ):
        if 0 < rate_hz < 8000:
            yield Contradiction(key, f"is {rate_hz}; it must be 0 or at least 8000")
    if settings.capture.barge_in == "voice" and not settings.capture.echo_cancel:
        why = "is voice; that needs capture.echo_cancel: true, or answers interrupt themselves"
        yield Contradiction("capture.barge_in", why, ("capture.echo_cancel",))
    if settings.capture.barge_in == "voice" and not settings.capture.always_on:
        why = "is voice; that needs capture.always_on: true, or nobody listens while an answer is spoken"
        yield Contradiction("capture.barge_in", why, ("capture.always_on",))
    yield from _pins(settings.panel)
    yield from _second(settings.panel)
    yield from _metrics(settings.metrics)
    if settings.location.gpsd and not _is_host_and_port(settings.location.gpsd):
        yield Contradiction("location.gpsd", f"is {settings.location.gpsd!r}; it must be empty or ADDRESS:PORT")
    path = settings.control.socket
    if not PurePosixPath(path).is_absolute() or len(path.encode()) > SOCKET_PATH_BYTES:
        why = f"is {path!r}; it must be an absolute path of at most {SOCKET_PATH_BYTES} bytes"
        yield Contradiction("control.socket", why)


def _url(url: str) -> Iterator[Contradiction]:
    """Only scheme and host are ever shown: the rest is where people paste tokens."""
    key = "backend.url"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")  # what looking it up would do: a label is empty, or too long
    except ValueError:
        yield Contradiction(key, "is not a URL: its host or port cannot be read")
        return
    if "?" in url or "#" in url or "@" in parts.netloc:
        yield Contradiction(key, "must hold no query, no fragment and no password; they are added from other settings")
    elif parts.scheme not in ("ws", "wss") or not host:
        yield Contradiction(key, f"has scheme {parts.scheme!r}, host {host or ''!r}; it must be wss:// and a host")
    elif parts.scheme == "ws" and not is_loopback(host):
        yield Contradiction(
            key, f"has host {host!r} without TLS (ws://); only this computer can be dialled so: use wss://"
        )


def _token(backend: Backend) -> Iterator[Contradiction]:
    """No value is shown: it could be the token itself."""
    if backend.token_file and not PurePosixPath(backend.token_file).is_absolute():
        yield Contradiction("backend.token_file", "must be an absolute path (not shown: it could be the token itself)")
    if backend.token_command and not PurePosixPath(backend.token_command[0]).is_absolute():
        yield Contradiction("backend.token_command", "must begin with an absolute path; PATH is not searched")
    if backend.token_source == "command" and not backend.token_command:  # noqa: S105  the name of a source
        others = ("backend.token_command",)
        yield Contradiction("backend.token_source", "is command; that needs backend.token_command", others)


def _tls(tls: Tls) -> Iterator[Contradiction]:
    for name in ("ca_file", "client_cert_file", "client_key_file"):
        path = getattr(tls, name)
        if path and not PurePosixPath(path).is_absolute():
            yield Contradiction(f"tls.{name}", f"is {path!r}; it must be empty or an absolute path")
    if tls.client_key_file and not tls.client_cert_file:
        why = "is set without tls.client_cert_file, the certificate it belongs to"
        yield Contradiction("tls.client_key_file", why, ("tls.client_cert_file",))
    if len(set(tls.pins)) == 1 or len(set(tls.pins)) < len(tls.pins):
        why = "must hold at least two different keys: with one, the device is lost when that key is"
        yield Contradiction("tls.pins", why)
    if tls.pins_report_only and not tls.pins:
        yield Contradiction("tls.pins_report_only", "is true; that needs tls.pins", ("tls.pins",))


def _metrics(metrics: Metrics) -> Iterator[Contradiction]:
    if not metrics.listen:
        return
    if not _is_host_and_port(metrics.listen):
        yield Contradiction("metrics.listen", f"is {metrics.listen!r}; it must be empty or ADDRESS:PORT")
    elif not metrics.allow_remote and not is_loopback(urlsplit(f"//{metrics.listen}").hostname or ""):
        why = (
            f"is {metrics.listen!r}, which other computers may reach; it must be an address of this one "
            "(127.0.0.1:9365), or metrics.allow_remote: true"
        )
        yield Contradiction("metrics.listen", why, ("metrics.allow_remote",))


def _second(panel: Panel) -> Iterator[Contradiction]:
    if panel.second_does == "none":
        return
    own_lines = panel.lamp_kind == "leds" or (panel.lamp_kind == "apa102" and not panel.lamp_spi)
    for key, lines in (("panel.button_pin", (panel.button_pin,)), ("panel.lamp_pins", panel.lamp_pins * own_lines)):
        if panel.second_pin in lines:
            yield Contradiction("panel.second_pin", f"is {panel.second_pin}, which {key} has", (key,))


def _pins(panel: Panel) -> Iterator[Contradiction]:
    if panel.lamp_kind == "none" or (panel.lamp_kind == "apa102" and panel.lamp_spi):
        return  # nothing is done with the lines
    if panel.lamp_kind == "apa102" and len(panel.lamp_pins) != 2:
        why = f"is {list(panel.lamp_pins)}; of apa102 without panel.lamp_spi it must be two, clock and data"
        yield Contradiction("panel.lamp_pins", why, ("panel.lamp_kind",))
    if panel.button_pin in panel.lamp_pins:
        why = f"has {panel.button_pin}, which is panel.button_pin"
        yield Contradiction("panel.lamp_pins", why, ("panel.button_pin",))
    if len(set(panel.lamp_pins)) < len(panel.lamp_pins):
        yield Contradiction("panel.lamp_pins", f"is {list(panel.lamp_pins)}; it must not name a pin twice")


def _is_host_and_port(text: str) -> bool:
    try:
        parts = urlsplit(f"//{text}")
        return bool(parts.hostname and parts.port) and parts.netloc == text and "@" not in text
    except ValueError:
        return False
