"""Sounds with a known answer, and encoders for them that are not ours."""

import io

import numpy as np
import soundfile

from hero365_edge.core.pcm import Pcm


def chirp(rate_hz: int, seconds: float = 1.0) -> Pcm:
    """From 300 to 1500 Hz, swelling: every place in it looks different."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    return (9000 * t / seconds * np.sin(2 * np.pi * (300 + 600 * t / seconds) * t)).astype(np.int16)


def ogg_opus(pcm: Pcm, rate_hz: int, channels: int = 1) -> bytes:
    """An Ogg/Opus file by libsndfile, the same on each channel."""
    return _encoded(np.repeat(pcm[:, None] / 32768, channels, axis=1), rate_hz, "OGG", "OPUS")


def mp3(pcm: Pcm, rate_hz: int, right_gain: float | None = None) -> bytes:
    """An MP3 file by LAME, with its header; `right_gain` adds a second channel that is so much louder."""
    left = pcm / 32768
    samples = left if right_gain is None else np.stack([left, right_gain * left], axis=1)
    return _encoded(samples, rate_hz, "MP3", "MPEG_LAYER_III")


def _encoded(samples: np.typing.NDArray[np.float64], rate_hz: int, container: str, codec: str) -> bytes:
    # Floats: libsndfile 1.2 spoils a stereo MP3 that is given to it as int16.
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=container, subtype=codec)
    return file.getvalue()


def likeness(original: Pcm, copy: Pcm, most_lag: int = 400) -> tuple[float, int]:
    """How well `copy` correlates with `original` at the best lag, and that lag: how many samples `copy` is late."""
    length = min(len(original), len(copy) - most_lag) - most_lag
    middle = original[most_lag : most_lag + length].astype(float)
    window = copy[: length + 2 * most_lag].astype(float)
    products = np.correlate(window, middle, mode="valid")
    energy = np.convolve(np.square(window), np.ones(length), mode="valid")
    correlation = products / np.sqrt(energy * np.square(middle).sum() + 1e-9)
    return float(correlation.max()), int(correlation.argmax()) - most_lag
