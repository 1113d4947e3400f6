"""Tries the installed webrtcvad: its arithmetic is integer, so each architecture must hear the very same."""

import struct
from itertools import accumulate, groupby

import webrtcvad

RATE_HZ = 16_000
FRAME_SAMPLES = RATE_HZ * 30 // 1000
# What upstream's own amd64 wheel says of the sound below: by mode, how many frames are no speech, speech, no speech …
VERDICTS = {0: [1, 4, 28, 23, 10, 23, 44], 3: [33, 21, 12, 21, 46]}


def hiss(samples: int) -> list[int]:
    """Noise of 0 to 31 by a linear congruential generator, the same everywhere."""
    states = accumulate(range(samples), lambda state, _: (state * 1_103_515_245 + 12_345) % 2**31, initial=1)
    return [state >> 26 for state in states]


def buzz(samples: int) -> list[int]:
    """A voice without words: pulses at 125 Hz that ring at 760 Hz and fade, every other half second."""
    return [(9000 if n % 21 < 10 else -9000) * (128 - n % 128) // 128 * (n // 8000 % 2 == 0) for n in range(samples)]


def main() -> None:
    """Fail where a verdict differs."""
    words = [0] * RATE_HZ + buzz(2 * RATE_HZ) + [0] * RATE_HZ
    sound = [noise + word for noise, word in zip(hiss(len(words)), words, strict=False)]
    frames = [sound[start : start + FRAME_SAMPLES] for start in range(0, len(sound) - FRAME_SAMPLES, FRAME_SAMPLES)]
    for mode, expected in VERDICTS.items():
        vad = webrtcvad.Vad(mode)
        verdicts = [vad.is_speech(struct.pack(f"<{FRAME_SAMPLES}h", *frame), RATE_HZ) for frame in frames]
        heard = [len(list(run)) for _, run in groupby(verdicts)]
        if verdicts[0] or heard != expected:
            raise SystemExit(f"mode {mode}: heard {heard}, not {expected}")
    print(f"webrtcvad {webrtcvad.__version__}: {len(frames)} frames heard as they should be, in {len(VERDICTS)} modes")


if __name__ == "__main__":
    main()
