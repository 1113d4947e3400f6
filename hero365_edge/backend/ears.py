"""Understands speech with pocketsphinx, whose model is in its wheel.

Two decoders hear the same sound. One knows English and is right about a clear voice. One knows only the script's
phrases: it still understands a robot's voice (espeak-ng) or a bad microphone, but hears the script in everything.
"""

import importlib
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hero365_edge.backend.errors import SpeechUnavailable
from hero365_edge.backend.options import Pcm

DICTIONARY = "en-us/cmudict-en-us.dict"
AROUND_SAMPLES = 3_200  # both decoders want a little silence before the first word and behind the last
SURE_WORDS = 3  # a single word of the script is found in any cough
LONGEST_SAMPLES = 16_000 * 20  # English costs a fifth of the sound's length


class Ears:
    """Hears an utterance. Raises SpeechUnavailable when pocketsphinx is not installed."""

    def __init__(self, phrases: Sequence[str], nearest: Callable[[str], str | None]) -> None:
        """`nearest` gives the phrase that a hypothesis stands for, or None when it is none of `phrases`."""
        try:
            sphinx = importlib.import_module("pocketsphinx")
            model = importlib.import_module("pocketsphinx.lm")
        except ImportError:
            raise SpeechUnavailable(
                "understanding speech needs pocketsphinx 5.1: pip install 'hero365-edge[demo]'"
            ) from None
        self._phrases = frozenset(phrases)
        self._nearest = nearest
        # One pass and a cap on the search: a quarter of the time, and no worse on clear speech.
        self._english = sphinx.Decoder(loglevel="FATAL", fwdflat=False, bestpath=False, maxhmmpf=3000)
        script = model.ArpaBoLM(text="\n".join(f"<s> {phrase} </s>" for phrase in phrases))
        script.compute()
        with tempfile.TemporaryDirectory() as folder:
            language, words = Path(folder) / "script.lm", Path(folder) / "script.dict"
            script.write_file(str(language))
            # The whole dictionary beside a model of thirty words takes ten seconds to load.
            words.write_text(_pronounced(Path(sphinx.get_model_path(DICTIONARY)), phrases), encoding="utf-8")
            self._script = sphinx.Decoder(loglevel="FATAL", lm=str(language), dict=str(words))

    def understand(self, pcm: Pcm) -> str | None:
        """What was said, in small letters; a phrase of the script when it is near one. None: no word at all."""
        around = np.zeros(AROUND_SAMPLES, dtype=np.int16)
        sound = np.concatenate([around, pcm[-LONGEST_SAMPLES:], around]).tobytes()
        near = _hypothesis(self._script, sound)
        if near in self._phrases and len(near.split()) >= SURE_WORDS:
            return near
        heard = _hypothesis(self._english, sound)
        return self._nearest(heard) or self._nearest(near) or heard or None


def _pronounced(dictionary: Path, phrases: Sequence[str]) -> str:
    """The lines of a dictionary (`word PH PH`, further ways to say it as `word(2) PH PH`) for these phrases."""
    wanted = {word for phrase in phrases for word in phrase.split()}
    with dictionary.open(encoding="utf-8") as lines:
        return "".join(line for line in lines if line.partition(" ")[0].partition("(")[0] in wanted)


def _hypothesis(decoder: Any, sound: bytes) -> str:
    decoder.start_utt()
    decoder.process_raw(sound, no_search=False, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return found.hypstr if found else ""
