"""Real human speech, 16 kHz mono, from Debian's packages.

`pocketsphinx-testdata`: LibriVox clips in the public domain (`librivox/…-0870` to `-0930`), spoken playing cards
(`cards/001` to `cards/005`), `goforward`, `numbers`, `something`. `asterisk-core-sounds-en-g722`: studio prompts of
one speaker, CC-BY-SA 3.0, whose names say what they say (`vm-intro`, `all-circuits-busy-now`).
"""

import wave
from functools import cache
from pathlib import Path

import numpy as np

from hero365_edge.core.pcm import RATE_HZ, Pcm, from_bytes

PACKAGES = "pocketsphinx-testdata asterisk-core-sounds-en-g722"
_CLIPS = Path("/usr/share/pocketsphinx/test/data")
_PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")


def missing() -> str | None:
    """What has to be installed before there is speech; None when nothing has."""
    absent = [str(folder) for folder in (_CLIPS, _PROMPTS) if not folder.is_dir()]
    return f"{', '.join(absent)} missing: apt-get install {PACKAGES}" if absent else None


@cache
def speech(name: str) -> Pcm:
    """A clip by its name, or by the end of it (`0870`), read-only. Raises KeyError for one there is not."""
    for path, read in (
        (next(_CLIPS.glob(f"**/*{name}.wav"), None), _wav),
        (_CLIPS / f"{name}.raw", _raw),
        (_PROMPTS / f"{name}.g722", _g722),
    ):
        if path is not None and path.exists():
            pcm = read(path)
            pcm.flags.writeable = False
            return pcm
    raise KeyError(f"no speech called {name!r} in {_CLIPS} or {_PROMPTS}")


def _wav(path: Path) -> Pcm:
    with wave.open(str(path)) as clip:
        assert (clip.getframerate(), clip.getnchannels(), clip.getsampwidth()) == (RATE_HZ, 1, 2)
        return from_bytes(clip.readframes(clip.getnframes()))


def _raw(path: Path) -> Pcm:
    return np.fromfile(path, dtype="<i2")


def _g722(path: Path) -> Pcm:
    import av  # noqa: PLC0415  only these need it, and tests on another architecture do without them

    with av.open(str(path), format="g722") as clip:
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in clip.decode(audio=0)]).astype(np.int16)


def prompts() -> list[str]:
    """The names of all prompts."""
    return sorted(path.stem for path in _PROMPTS.glob("*.g722"))


def long_prompts() -> tuple[str, ...]:
    """The names of prompts of 3 s and more."""
    return tuple(sorted(path.stem for path in _PROMPTS.glob("*.g722") if path.stat().st_size > 24_000))
