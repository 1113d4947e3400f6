"""The single looks that `hero365-edge check` takes: each tries one thing for real and says what it found.

A probe returns a Finding or raises an EdgeError (or ImportError), which is a failure. What stands on a library of its
own is imported inside, so that a missing library fails its own probe and no other.
"""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata

import numpy as np

from hero365_edge.core import messages, wire
from hero365_edge.core.address import address
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, samples_of, silence
from hero365_edge.devices.clock import SystemClock, is_synchronised
from hero365_edge.devices.gpiochips import gpio_chips
from hero365_edge.errors import ConfigError, DeviceError, LinkError, WireError
from hero365_edge.fleet.token import read_token, token_file
from hero365_edge.settings import Settings

SOUND_WITHIN_S = 2.0
LISTEN_S = 0.5


class Verdict(StrEnum):
    """What came of a look; `not checked` is never a pass."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    verdict: Verdict
    text: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Probe:
    """One look."""

    name: str
    look: Callable[[Settings], Awaitable[Finding]]
    next_step: str
    """What to do when it fails."""
    needs_settings: bool = True
    needs_device: bool = False
    """It opens what a running daemon holds."""


async def identity(settings: Settings) -> Finding:
    """Who speaks, for whom."""
    missing = [name for name in ("user_id", "business_id") if not getattr(settings.backend, name)]
    if missing:
        text = f"{' and '.join(f'backend.{name}' for name in missing)} not set; the backend asks for both"
        return Finding(Verdict.WARN, text, "set them in /etc/hero365-edge/config.yaml")
    return Finding(Verdict.OK, f"user {settings.backend.user_id}, business {settings.backend.business_id}")


async def token(settings: Settings) -> Finding:
    """The token's file, never the token."""
    length = len(read_token(settings, os.environ))
    if not length:
        return Finding(Verdict.WARN, "none; the backend may refuse", "put it in a file, named by backend.token_file")
    return Finding(Verdict.OK, f"{length} characters in {token_file(settings, os.environ)}")


async def opus(_: Settings) -> Finding:
    """There and back."""
    from hero365_edge.devices.codec import OpusDecoder, OpusEncoder  # noqa: PLC0415  as above

    pcm = OpusDecoder().decode(OpusEncoder().encode(silence(FRAME_SAMPLES)))
    if len(pcm) != FRAME_SAMPLES:
        raise DeviceError(f"a frame of {FRAME_SAMPLES} samples came back from libopus as {len(pcm)}")
    return Finding(Verdict.OK, f"libopus through {_version('opuslib')}")


async def mp3(_: Settings) -> Finding:
    """That libmpg123 loads and makes a decoder."""
    from hero365_edge.devices.mp3 import Mp3Decoder  # noqa: PLC0415  as above

    Mp3Decoder()
    return Finding(Verdict.OK, "libmpg123 makes a decoder")


async def speech_detector(_: Settings) -> Finding:
    """Silence must not be speech: a detector that hears it everywhere never ends an utterance."""
    from hero365_edge.devices.detector import WebrtcDetector  # noqa: PLC0415  as above

    if WebrtcDetector().is_speech(silence(FRAME_SAMPLES)):
        raise DeviceError("webrtcvad hears speech in silence")
    return Finding(Verdict.OK, _version("webrtcvad-wheels", "webrtcvad"))


async def resampler(_: Settings) -> Finding:
    """A second of sound keeps its length."""
    from hero365_edge.devices.resampler import SoxrResampler  # noqa: PLC0415  as above

    stream = SoxrResampler(48_000, RATE_HZ)
    samples = len(stream.process(silence(48_000))) + len(stream.finish())
    if abs(samples - RATE_HZ) > 1:
        raise DeviceError(f"soxr made {samples} samples of a second at 16 kHz")
    return Finding(Verdict.OK, _version("soxr"))


async def portaudio(_: Settings) -> Finding:
    """PyAudio's version and PortAudio's."""
    from hero365_edge.devices.soundcards import portaudio_version  # noqa: PLC0415  as above

    return Finding(Verdict.OK, f"{_version('pyaudio')}, {portaudio_version().partition(',')[0]}")


async def microphone(settings: Settings) -> Finding:
    """Open it and listen for half a second."""
    from hero365_edge.devices.microphone import PortAudioMicrophone  # noqa: PLC0415  as above

    wanted, clock = settings.audio.input, SystemClock()
    device = PortAudioMicrophone(clock, wanted.device, wanted.rate_hz, settings.audio.period_ms)
    device.start()
    try:
        device.listen(clock.now())
        async with asyncio.timeout(SOUND_WITHIN_S):
            first = await device.read()
        blocks = [first.pcm]
        async with asyncio.timeout(SOUND_WITHIN_S):
            while sum(map(len, blocks)) < LISTEN_S * device.rate_hz:
                blocks.append((await device.read()).pcm)
    except TimeoutError as error:
        raise DeviceError(f"{wanted.device!r} opens, but no sound comes from it") from error
    finally:
        device.close()
    if isinstance(wanted.channel, int) and wanted.channel >= device.channels:
        raise ConfigError(f"audio.input.channel is {wanted.channel}; {wanted.device!r} has {device.channels} (from 0)")
    peak = int(np.abs(np.concatenate(blocks).astype(np.int32)).max())
    text = f"{wanted.device!r} at {device.rate_hz} Hz, {device.channels} channel(s)"
    if not peak:
        return Finding(Verdict.WARN, f"{text}: all zeros", "is it muted? `alsamixer`, or the switch on its cable")
    return Finding(Verdict.OK, f"{text}, peak {20 * np.log10(peak / 32768):.0f} dBFS in {LISTEN_S} s")


async def speaker(settings: Settings) -> Finding:
    """Open it and see whether it takes a moment of silence."""
    from hero365_edge.devices.speaker import PortAudioSpeaker  # noqa: PLC0415  as above

    wanted = settings.audio.output
    device = PortAudioSpeaker(SystemClock(), wanted.device, wanted.rate_hz, settings.audio.period_ms)
    device.start()
    try:
        device.write(silence(samples_of(100, device.rate_hz)))
        async with asyncio.timeout(SOUND_WITHIN_S):
            while not device.handed_over:
                await device.progress()
    except TimeoutError as error:
        raise DeviceError(f"{wanted.device!r} opens, but takes no sound") from error
    finally:
        device.close()
    return Finding(Verdict.OK, f"{wanted.device!r} at {device.rate_hz} Hz takes sound; `hero365-edge demo` is heard")


async def button(settings: Settings) -> Finding:
    """Take the lines, and see that the button is not down."""

    wanted = settings.panel
    if wanted.profile != "auto":
        return Finding(Verdict.NOT_CHECKED, f"panel.profile is {wanted.profile}")
    if not gpio_chips():
        return Finding(Verdict.WARN, "no GPIO chip here", "set panel.profile: none where no button is meant to be")
    from hero365_edge.devices.panel import GpioPanel  # noqa: PLC0415  as above

    panel = GpioPanel(
        SystemClock(),
        wanted.button_pin,
        wanted.lamp_pins,
        active_low=wanted.button_active_low,
        debounce_ms=wanted.debounce_ms,
    )
    panel.start()
    try:
        async with asyncio.timeout(0.1):
            await panel.edge()
    except TimeoutError:
        return Finding(Verdict.OK, f"button on GPIO{wanted.button_pin}, lamp on {list(wanted.lamp_pins)}")
    finally:
        panel.close()
    text = f"the button on GPIO{wanted.button_pin} is down"
    return Finding(Verdict.WARN, text, "let it go; if nobody presses it, turn panel.button_active_low around")


async def clock(_: Settings) -> Finding:
    """Certificates are judged by the wall clock."""

    now = f"{SystemClock().utc():%Y-%m-%d %H:%M:%S} UTC"
    try:
        right = is_synchronised()
    except DeviceError as error:
        return Finding(Verdict.NOT_CHECKED, f"{now}; {error}")
    if not right:
        return Finding(Verdict.WARN, f"{now}, not synchronised", "`timedatectl`; a wrong clock makes TLS fail")
    return Finding(Verdict.OK, f"{now}, synchronised")


async def backend(settings: Settings) -> Finding:
    """Dial, and wait to be confirmed. No session is started."""
    from hero365_edge.devices.link import WebSocketDialer  # noqa: PLC0415  as above

    wanted = settings.backend
    token = read_token(settings, os.environ)
    session_id = str(uuid.uuid4())
    target = address(wanted.url, session_id, wanted.user_id, wanted.business_id, token, wanted.auth_transport)
    doing = f"open a connection to {wanted.url}"
    try:
        async with asyncio.timeout(wanted.connect_timeout_s):
            link = await WebSocketDialer().dial(target)
        try:
            doing = "say connection_confirmed"
            async with asyncio.timeout(wanted.confirm_timeout_s):
                while not isinstance(said := _read(await link.receive()), messages.ConnectionConfirmed):
                    if isinstance(said, messages.Error):
                        raise LinkError(f"the backend says: {said.error}")
        finally:
            await link.close()
    except TimeoutError as error:
        raise LinkError(f"the backend did not {doing} in time") from error
    kind = "real-time" if said.realtime_available else "buffered"
    return Finding(Verdict.OK, f"{wanted.url} confirmed, {kind} audio")


def _read(message: str | bytes) -> object:
    try:
        return wire.read(message)
    except WireError:
        return None


def _version(*distributions: str) -> str:
    """Name and version of the first that is installed; Debian and PyPI call some differently."""
    for name in distributions:
        try:
            return f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
    return f"{distributions[-1]} (version unknown)"


_CARD = "plug it in, or set audio.{0}.device to one of `hero365-edge devices`; this user must be in the group audio"

PROBES = (
    Probe("identity", identity, ""),
    Probe("token", token, "put the token, and nothing else, in that file, readable for this user"),
    Probe("opus", opus, "apt install libopus0 python3-opuslib, or pip install opuslib", needs_settings=False),
    Probe("mp3", mp3, "apt install libmpg123-0t64 (Debian 12: libmpg123-0)", needs_settings=False),
    Probe("speech detector", speech_detector, "pip install webrtcvad-wheels", needs_settings=False),
    Probe("resampler", resampler, "apt install python3-soxr, or pip install soxr", needs_settings=False),
    Probe("portaudio", portaudio, "apt install python3-pyaudio, or pip install pyaudio", needs_settings=False),
    Probe("microphone", microphone, _CARD.format("input"), needs_device=True),
    Probe("speaker", speaker, _CARD.format("output"), needs_device=True),
    Probe("button", button, "look at the pins in panel; this user must be in the group gpio", needs_device=True),
    Probe("clock", clock, "", needs_settings=False),
    Probe("backend", backend, "check network, backend.url and token; the appliance itself goes on trying"),
)
"""In the order they are taken: what a later one stands on comes first."""
