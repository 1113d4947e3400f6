"""What the USB sound stick says it is: Audio Class 1, full speed, 16 bit, mono microphone, stereo speaker, one rate.

Chapter and table numbers are those of "USB Device Class Definition for Audio Devices" 1.0 and of USB 2.0, chapter 9.
"""

from dataclasses import dataclass

SPEAKER_VOLUME, MICROPHONE_VOLUME = 2, 5
"""The feature units, by which the mixer sets mute and volume."""
SPEAKER_STREAM, MICROPHONE_STREAM = 1, 2
"""The interfaces."""
SPEAKER_ENDPOINT, MICROPHONE_ENDPOINT = 1, 2
SPEAKER_CHANNELS, MICROPHONE_CHANNELS = 2, 1
SAMPLE_BYTES = 2
LINUX_FOUNDATION = 0x1D6B
"""The id of a maker that no profile knows."""

_DEVICE, _CONFIGURATION, _STRING, _INTERFACE, _ENDPOINT = 1, 2, 3, 4, 5
_CS_INTERFACE, _CS_ENDPOINT = 0x24, 0x25
_HEADER, _INPUT, _OUTPUT, _FEATURE = 1, 2, 3, 6
_AUDIO, _CONTROL, _STREAMING = 1, 1, 2
_USB_STREAM, _MICROPHONE, _SPEAKER = 0x0101, 0x0201, 0x0301  # terminal types
_MUTE_AND_VOLUME = 3
_PCM = 1


@dataclass(frozen=True, slots=True)
class Descriptors:
    """The answers to GET_DESCRIPTOR, by kind; the strings by their number."""

    device: bytes
    configuration: bytes
    strings: tuple[bytes, ...]

    def get(self, kind: int, index: int) -> bytes | None:
        """None for one there is not."""
        match kind:
            case 1:
                return self.device
            case 2:
                return self.configuration
            case 3 if index < len(self.strings):
                return self.strings[index]
        return None


def sound_stick(rate_hz: int, name: str, maker: int) -> Descriptors:
    """A stick that ALSA lists as `name`, with this USB id of its maker."""
    terminals = (
        # speaker: 1 from USB -> 2 volume -> 3 speaker
        _described(_CS_INTERFACE, _INPUT, 1, *_word(_USB_STREAM), 0, SPEAKER_CHANNELS, 3, 0, 0, 0),
        _described(_CS_INTERFACE, _FEATURE, SPEAKER_VOLUME, 1, 1, _MUTE_AND_VOLUME, 0, 0, 0),
        _described(_CS_INTERFACE, _OUTPUT, 3, *_word(_SPEAKER), 0, SPEAKER_VOLUME, 0),
        # microphone: 4 microphone -> 5 volume -> 6 to USB
        _described(_CS_INTERFACE, _INPUT, 4, *_word(_MICROPHONE), 0, MICROPHONE_CHANNELS, 0, 0, 0, 0),
        _described(_CS_INTERFACE, _FEATURE, MICROPHONE_VOLUME, 4, 1, _MUTE_AND_VOLUME, 0, 0),
        _described(_CS_INTERFACE, _OUTPUT, 6, *_word(_USB_STREAM), 0, MICROPHONE_VOLUME, 0),
    )
    units = b"".join(terminals)
    streams = SPEAKER_STREAM, MICROPHONE_STREAM
    body = (
        _described(_INTERFACE, 0, 0, 0, _AUDIO, _CONTROL, 0, 0)
        + _described(_CS_INTERFACE, _HEADER, *_word(0x100), *_word(10 + len(units)), 2, *streams)
        + units
        + _stream(SPEAKER_STREAM, 1, SPEAKER_CHANNELS, SPEAKER_ENDPOINT, 0x09, rate_hz)  # adaptive
        + _stream(MICROPHONE_STREAM, 6, MICROPHONE_CHANNELS, 0x80 | MICROPHONE_ENDPOINT, 0x05, rate_hz)  # asynchronous
    )
    product, release = _word(0x0101), _word(0x100)
    return Descriptors(
        device=_described(_DEVICE, *_word(0x110), 0, 0, 0, 64, *_word(maker), *product, *release, 1, 2, 0, 1),
        configuration=_described(_CONFIGURATION, *_word(9 + len(body)), 3, 1, 0, 0x80, 50) + body,
        strings=(
            _described(_STRING, *_word(0x409)),
            *(_described(_STRING, *text.encode("utf-16-le")) for text in ("lab", name)),
        ),
    )


def _stream(interface: int, terminal: int, channels: int, endpoint: int, attributes: int, rate_hz: int) -> bytes:
    """Setting 0 is silent and takes no bandwidth; setting 1 streams a packet each millisecond."""
    packet = (rate_hz // 1000 + 2) * SAMPLE_BYTES * channels
    return (
        _described(_INTERFACE, interface, 0, 0, _AUDIO, _STREAMING, 0, 0)
        + _described(_INTERFACE, interface, 1, 1, _AUDIO, _STREAMING, 0, 0)
        + _described(_CS_INTERFACE, 1, terminal, 1, *_word(_PCM))
        + _described(_CS_INTERFACE, 2, 1, channels, SAMPLE_BYTES, 16, 1, *rate_hz.to_bytes(3, "little"))
        + _described(_ENDPOINT, endpoint, attributes, *_word(packet), 1, 0, 0)
        + _described(_CS_ENDPOINT, 1, 0, 0, 0, 0)
    )


def _described(*content: int) -> bytes:
    return bytes([len(content) + 1, *content])


def _word(value: int) -> bytes:
    return value.to_bytes(2, "little")
