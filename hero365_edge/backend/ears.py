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
LEAST_WORDS = 3  # a word or two of the script are found in any cough
# How much the script's model leaves to sequences that are in no phrase. Tried from 0.5 to 0.02 on 40 questions by
# espeak-ng: 24 to 34 understood.
OTHER_SEQUENCES = 0.02
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
        self._nearest = nearest
        # One pass and a cap on the search: a quarter of the time, and no worse on clear speech.
        self._english = sphinx.Decoder(loglevel="FATAL", fwdflat=False, bestpath=False, maxhmmpf=3000)
        script = model.ArpaBoLM(
            text="\n".join(f"<s> {phrase} </s>" for phrase in phrases), discount_mass=OTHER_SEQUENCES
        )
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
        near, near_score = _hypothesis(self._script, sound)
        known = self._nearest(near) if len(near.split()) >= LEAST_WORDS else None
        if known == near:
            return known  # word by word: English, four times as slow, would say the same
        heard, heard_score = _hypothesis(self._english, sound)
        if near_score < heard_score:
            known = None  # the script was found in something else, which English fits better
        return self._nearest(heard) or known or heard or None


def _pronounced(dictionary: Path, phrases: Sequence[str]) -> str:
    """The lines of a dictionary (`word PH PH`, further ways to say it as `word(2) PH PH`) for these phrases."""
    wanted = {word for phrase in phrases for word in phrase.split()}
    with dictionary.open(encoding="utf-8") as lines:
        return "".join(line for line in lines if line.partition(" ")[0].partition("(")[0] in wanted)


def _hypothesis(decoder: Any, sound: bytes) -> tuple[str, float]:
    """What a decoder takes it for, and how well that fits the sound (more is better; both have one scale)."""
    decoder.start_utt()
    decoder.process_raw(sound, no_search=False, full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return (found.hypstr, found.score) if found else ("", 0.0)
