"""Short sounds that say what the lamp says, for a technician who looks at the road."""

from enum import StrEnum

import numpy as np

from hero365_edge.core.pcm import RATE_HZ, Pcm, samples_of

LEVEL = 0.25
"""Peak, of full scale: audible in a van, gentle in a parked one."""
FADE_MS = 8
"""A raised-cosine fade at both ends of each tone: no click."""


class Earcon(StrEnum):
    """One thing to say by sound."""

    START = "start"
    """The recording began; where the settings ask for it, because the microphone hears it too."""
    END = "end"
    """The recording is over though nobody ended it: too long, or no speech."""
    HELD = "held"
    """The utterance is kept and will be sent later."""
    OFFLINE = "offline"
    """There is no link."""
    FAULT = "fault"
    """Something is broken, or nothing came of the turn."""
    EXPIRED = "expired"
    """A kept utterance became too old and was dropped."""
    LOUDNESS = "loudness"
    """So loud it is now."""
    TEXT = "text"
    """There is an answer, and no way to speak it: its text is in `status`, where transcripts are allowed."""


_TONES: dict[Earcon, tuple[tuple[int, int], ...]] = {
    # (frequency in Hz, length in ms); 0 Hz is a rest.
    Earcon.START: ((700, 60), (1050, 60)),
    Earcon.END: ((740, 70), (550, 70)),
    Earcon.HELD: ((660, 90), (0, 40), (660, 90)),
    Earcon.OFFLINE: ((520, 110), (390, 160)),
    Earcon.FAULT: ((300, 140), (0, 60), (300, 140), (0, 60), (300, 140)),
    Earcon.LOUDNESS: ((880, 110),),
    Earcon.TEXT: ((600, 60), (800, 60), (1000, 60)),
    Earcon.EXPIRED: ((520, 90), (440, 90), (330, 180)),
}


def earcon(name: Earcon) -> Pcm:
    """The sound, 16 kHz mono."""
    return np.concatenate([_tone(frequency_hz, duration_ms) for frequency_hz, duration_ms in _TONES[name]])


def _tone(frequency_hz: int, duration_ms: int) -> Pcm:
    samples = samples_of(duration_ms)
    fade = samples_of(FADE_MS)
    envelope = np.ones(samples)
    envelope[:fade] = 0.5 - 0.5 * np.cos(np.pi * np.arange(fade) / fade)
    envelope[-fade:] = envelope[:fade][::-1]
    wave = np.sin(2 * np.pi * frequency_hz * np.arange(samples) / RATE_HZ)
    return np.round(wave * envelope * LEVEL * 32767).astype(np.int16)
