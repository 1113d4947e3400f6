"""How sound is held everywhere inside: 16 kHz, mono, signed 16 bit, in frames of 20 ms.

The rate and the frame are the seed protocol's ("16kHz, mono"; binary PCM) and WebRTC VAD's and Opus's too, so
nothing between the microphone's resampler and the socket has to convert.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pcm: TypeAlias = NDArray[np.int16]
"""Samples of one channel, shape (n,), dtype int16, 16 kHz unless the holder says otherwise."""

RATE_HZ = 16_000
FRAME_MS = 20
FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1000
FRAME_BYTES = FRAME_SAMPLES * 2

EMPTY: Pcm = np.zeros(0, dtype=np.int16)
EMPTY.flags.writeable = False


def silence(samples: int) -> Pcm:
    """Digital silence of `samples` samples."""
    return np.zeros(samples, dtype=np.int16)


def from_bytes(data: bytes) -> Pcm:
    """The samples of PCM16LE bytes; a view, not a copy. An odd last byte is the caller's mistake (ValueError)."""
    return np.frombuffer(data, dtype="<i2")


def samples_of(duration_ms: float, rate_hz: int = RATE_HZ) -> int:
    """How many samples `duration_ms` lasts at `rate_hz`."""
    return round(duration_ms * rate_hz / 1000)


def duration_s(samples: int, rate_hz: int = RATE_HZ) -> float:
    """How many seconds `samples` samples last at `rate_hz`."""
    return samples / rate_hz
