"""What sound cards there are: ALSA's devices as PortAudio sees them, and the kernel's list of cards."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hero365_edge.devices.quiet import quiet_stderr
from hero365_edge.errors import DeviceError

RATES_HZ = (8000, 16_000, 44_100, 48_000)
CHANNELS = (1, 2)


@dataclass(frozen=True, slots=True)
class Format:
    """Signed 16 bit samples at a rate, with so many channels."""

    rate_hz: int
    channels: int


@dataclass(frozen=True, slots=True)
class SoundDevice:
    """An ALSA PCM that can be opened by name."""

    name: str
    input_channels: int
    output_channels: int
    default_rate_hz: int
    input_opens: tuple[Format, ...]
    """Those of RATES_HZ x CHANNELS that opened just now; a busy device opens none."""
    output_opens: tuple[Format, ...]


def sound_devices() -> tuple[SoundDevice, ...]:
    """Every ALSA device PortAudio can name, each tried. Opens the devices for a moment, one after the other.

    Raises DeviceError when PyAudio is missing or cannot start.
    """
    pyaudio = _pyaudio()
    with quiet_stderr():
        try:
            audio = pyaudio.PyAudio()
        except OSError as error:
            raise DeviceError(f"PortAudio cannot start ({error})") from error
        try:
            return tuple(_looked_at(audio, pyaudio.paInt16, entry) for entry in _alsa_entries(audio, pyaudio.paALSA))
        finally:
            audio.terminate()


def portaudio_version() -> str:
    """As in `PortAudio V19.6.0-devel, revision …`. Raises DeviceError when PyAudio is missing."""
    return str(_pyaudio().get_portaudio_version_text())


def alsa_cards(listing: Path = Path("/proc/asound/cards")) -> tuple[str, ...]:
    """The kernel's sound cards, as in `1 Device: USB PnP Sound Device`; none where it has no sound."""
    try:
        text = listing.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ()
    found = re.findall(r"^ *(\d+) \[(\S+) *\]: .+? - (.*)$", text, re.MULTILINE)
    return tuple(f"{number} {name}: {title}" for number, name, title in found)


def _pyaudio() -> Any:
    try:
        import pyaudio  # noqa: PLC0415  where it is missing, the reader is told what to install
    except ImportError as error:
        raise DeviceError(f"PyAudio is missing ({error}): apt install python3-pyaudio, or pip install it") from error
    return pyaudio


def _alsa_entries(audio: Any, alsa: int) -> list[dict[str, Any]]:
    try:
        api = audio.get_host_api_info_by_type(alsa)
    except OSError:
        return []  # a PortAudio without ALSA
    return [
        audio.get_device_info_by_host_api_device_index(api["index"], number) for number in range(api["deviceCount"])
    ]


def _looked_at(audio: Any, sample_format: int, entry: dict[str, Any]) -> SoundDevice:
    return SoundDevice(
        name=entry["name"],
        input_channels=entry["maxInputChannels"],
        output_channels=entry["maxOutputChannels"],
        default_rate_hz=round(entry["defaultSampleRate"]),
        input_opens=_opening(audio, sample_format, entry, "input") if entry["maxInputChannels"] else (),
        output_opens=_opening(audio, sample_format, entry, "output") if entry["maxOutputChannels"] else (),
    )


def _opening(audio: Any, sample_format: int, entry: dict[str, Any], direction: str) -> tuple[Format, ...]:
    opening = []
    for channels in range(1, max(CHANNELS) + 1):
        for rate_hz in RATES_HZ:
            wanted = {
                f"{direction}_device": entry["index"],
                f"{direction}_channels": channels,
                f"{direction}_format": sample_format,
            }
            try:
                audio.is_format_supported(rate_hz, **wanted)
            except ValueError:  # PyAudio's way to say no
                continue
            opening.append(Format(rate_hz, channels))
    return tuple(opening)
