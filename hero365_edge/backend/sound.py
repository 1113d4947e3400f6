"""Answers as the bytes that are sent, and the client's WAV read back."""

import importlib
import io
import itertools
import struct
import wave

import numpy as np

from hero365_edge.backend.errors import SpeechUnavailable
from hero365_edge.backend.ogg import ogg_opus
from hero365_edge.backend.options import Kind, Pcm
from hero365_edge.backend.pacing import Chunk

RATE_HZ = 16_000


def whole(kind: Kind, pcm: Pcm) -> bytes:
    """The answer as one file (for `pcm`, bare samples). Raises SpeechUnavailable for `mp3` without soundfile."""
    match kind:
        case "pcm":
            return pcm.astype("<i2").tobytes()
        case "wav":
            return wav_of(pcm)
        case "opus":
            return b"".join(chunk.data for chunk in ogg_opus(pcm, 1000))
        case "mp3":
            return _mp3(pcm)


def stream(kind: Kind, pcm: Pcm, chunk_ms: int) -> list[Chunk]:
    """The answer cut as a server would send it, each chunk with its place in time."""
    if kind == "opus":
        return ogg_opus(pcm, chunk_ms)
    data = whole(kind, pcm)
    header = b""
    if kind == "wav":
        header, data = data[:WAV_HEADER_BYTES], data[WAV_HEADER_BYTES:]
    count = -(-len(pcm) * 1000 // (chunk_ms * RATE_HZ))
    if kind == "mp3":
        # Cut at even times, that is in the middle of MP3 frames: the client must not rely on whole ones.
        edges = [len(data) * index // count for index in range(count + 1)]
    else:
        edges = [min(index * chunk_ms * RATE_HZ // 1000 * 2, len(data)) for index in range(count + 1)]
    chunks = [
        Chunk(data[start:end], index * chunk_ms / 1000) for index, (start, end) in enumerate(itertools.pairwise(edges))
    ]
    return [Chunk(header, 0.0), *chunks] if header else chunks


WAV_HEADER_BYTES = 44
MP3_LEVEL = 0.7
"""libsndfile's scale from 0 (best) to 1 (smallest): 58 kbit/s."""


def wav_of(pcm: Pcm) -> bytes:
    """A RIFF file of 16 kHz mono PCM16, its header the classic 44 bytes."""
    data = pcm.astype("<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16)
    riff = struct.pack("<4sI4s", b"RIFF", WAV_HEADER_BYTES - 8 + len(data), b"WAVE")
    return riff + form + struct.pack("<4sI", b"data", len(data)) + data


def pcm_of(wav: bytes) -> Pcm:
    """The samples of a client's WAV. Raises ValueError, saying what is wrong, unless it is 16 kHz mono PCM16."""
    try:
        with wave.open(io.BytesIO(wav)) as file:
            shape = (file.getframerate(), file.getnchannels(), file.getsampwidth() * 8)
            frames, announced = file.readframes(file.getnframes()), file.getnframes()
    except (wave.Error, EOFError) as error:
        raise ValueError(f"not a WAV file: {error or 'it is cut short'}") from None
    if shape != (RATE_HZ, 1, 16):
        raise ValueError("a WAV of {} Hz, {} channels, {} bit; expected 16000 Hz, 1 channel, 16 bit".format(*shape))
    if len(frames) != announced * 2:
        raise ValueError(f"a WAV that announces {announced} samples and holds {len(frames) // 2}")
    return np.frombuffer(frames, dtype="<i2").astype(np.int16)


def _mp3(pcm: Pcm) -> bytes:
    try:
        soundfile = importlib.import_module("soundfile")
    except ImportError:
        raise SpeechUnavailable("answers in MP3 need soundfile: pip install 'hero365-edge[demo]'") from None
    file = io.BytesIO()
    # A constant bit rate, as speech services send it: so equal times are equal bytes, and `stream` can cut it.
    soundfile.write(
        file, pcm, RATE_HZ, format="MP3", subtype="MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=MP3_LEVEL
    )
    return file.getvalue()
