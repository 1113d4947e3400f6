"""Tries the installed pywebrtc-audio: an echo goes, a voice over it stays, and how long it takes."""

import time

import numpy as np
from pywebrtc_audio import EchoCanceller

RATE_HZ = 16_000
FRAME_SAMPLES = RATE_HZ // 100
DELAY_SAMPLES = 40 * RATE_HZ // 1000


def level_db(sound: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    """Root mean square, against full scale."""
    return float(10 * np.log10(np.mean(np.square(sound / 32768)) + 1e-12))


def main() -> None:
    """Fail where too much of the echo is left, or too little of the voice."""
    noise = np.random.default_rng(1)
    t = np.arange(8 * RATE_HZ) / RATE_HZ
    # What is played rises and falls as speech does; the microphone hears it 40 ms later, through a little room.
    played = 6000 * noise.standard_normal(t.size) * np.clip(np.sin(2 * np.pi * 1.5 * t), 0, None)
    room = noise.standard_normal(800) * np.exp(-np.arange(800) / 120) / 6
    echo = np.convolve(np.concatenate([np.zeros(DELAY_SAMPLES), played]), room)[: t.size]
    voice = np.where(t >= 6, 3000 * np.sin(2 * np.pi * 440 * t) * (1 + np.sin(2 * np.pi * 4 * t)) / 2, 0)
    heard = np.clip(echo + voice, -32768, 32767).astype(np.int16)
    far = np.clip(played, -32768, 32767).astype(np.int16)

    canceller = EchoCanceller(sample_rate=RATE_HZ)
    since = time.process_time()
    clean = np.concatenate(
        [
            canceller.process(heard[start : start + FRAME_SAMPLES], far[start : start + FRAME_SAMPLES])
            for start in range(0, t.size, FRAME_SAMPLES)
        ]
    ).astype(float)
    took_s = time.process_time() - since

    alone, both = slice(3 * RATE_HZ, 6 * RATE_HZ), slice(6 * RATE_HZ, 8 * RATE_HZ)
    gone_db = level_db(heard[alone].astype(float)) - level_db(clean[alone])
    kept_db = level_db(clean[both]) - level_db(voice[both])
    told = f"{gone_db:.0f} dB of echo gone, voice at {kept_db:+.0f} dB; {took_s:.2f} s for {t[-1]:.0f} s of sound"
    if gone_db < 20 or abs(kept_db) > 6:
        raise SystemExit(f"pywebrtc-audio: {told}")
    print(f"pywebrtc-audio: {told}")


if __name__ == "__main__":
    main()
