"""How much sound a microphone's card holds for a callback that is late."""

import ctypes

import pyaudio

PERIODS = 3
"""PortAudio adds one. With more than four together it would choose a longer period by itself."""


class _DeviceInfo(ctypes.Structure):
    """The head of `PaDeviceInfo` (portaudio.h, version 2 of the structure)."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("host_api", ctypes.c_int),
        ("most_input_channels", ctypes.c_int),
        ("most_output_channels", ctypes.c_int),
        ("low_input_latency_s", ctypes.c_double),
    ]


_device_info = ctypes.CDLL(pyaudio.pa.__file__).Pa_GetDeviceInfo
_device_info.argtypes = [ctypes.c_int]
_device_info.restype = ctypes.POINTER(_DeviceInfo)


def deepen(index: int, period_s: float) -> None:
    """Let the microphone's card hold `PERIODS` periods, from the next opening on.

    A late callback then finds its samples still there; a punctual one has them as early as ever. PyAudio asks for the
    latency that PortAudio calls low, two periods in all, and has no word for another: so the card's entry is changed.
    """
    entry = _device_info(index)
    if entry and entry.contents.version == 2:
        entry.contents.low_input_latency_s = PERIODS * period_s
