"""An answer that came without sound is heard too: from the phrase cache, else by a local voice, else as an earcon."""

import asyncio
import logging
from collections.abc import Callable, Sequence

import numpy as np

from hero365_edge.codec_ports import Codecs
from hero365_edge.core.earcons import Earcon, earcon
from hero365_edge.core.pcm import EMPTY, Pcm
from hero365_edge.core.wav import wav_bytes
from hero365_edge.core.wear import WearBudget
from hero365_edge.decoding import Answer
from hero365_edge.errors import DeviceError, EdgeError
from hero365_edge.speech_ports import PhraseBook, Voice, Whose

log = logging.getLogger(__name__)

MOST_WAITING = 4
"""So many phrases wait to be written; on a card that slow the next is not kept."""
HEARD_BYTES_AN_HOUR = 400_000
"""So much of what the agent said is written to the card at the most: of the megabyte that it may take in an hour
(PRODUCT section 4) the session's file needs the rest. What finds no room is kept when it is heard another time."""
FILE_BYTES = 20_000
"""What a file costs the card beside its content: its name, its place, the journal."""
NO_CACHE = "no phrase is kept: there is no cache folder (the service's unit has CacheDirectory=)"
NO_VOICE = "there is no local voice: install espeak-ng, and let speech.local_voice be auto"


class Spoken:
    """Says texts, and remembers how the backend's sounded."""

    def __init__(
        self,
        phrases: PhraseBook | None,
        voice: Voice | None,
        codecs: Codecs,
        play: Callable[[bytes, str], None],
        chime: Callable[[Pcm], None],
    ) -> None:
        """`play` takes a WAV file, and its kind by name."""
        self._phrases = phrases
        self._voice = voice
        self._codecs = codecs
        self._play = play
        self._chime = chime
        self._to_say: tuple[str, float, Callable[[], bool]] | None = None
        self._to_keep: list[tuple[str, Pcm]] = []
        self._woken = asyncio.Event()
        self._wear = WearBudget(HEARD_BYTES_AN_HOUR)
        self.usual: Sequence[str] = ()
        """The texts that `warm` makes known."""

    @property
    def figures(self) -> dict[str, int]:
        """Of the phrase cache; empty without one."""
        return self._phrases.figures if self._phrases is not None else {}

    def facts(self) -> dict[str, object]:
        """What `hero365-edge phrases` prints: the figures, why nothing can be kept, and who says the usual phrases."""
        if self._phrases is None:
            return {"trouble": NO_CACHE, "usual": dict.fromkeys(self.usual)}
        usual = {text: self._phrases.whose(text) for text in self.usual}
        return {**self.figures, "trouble": self._phrases.trouble, "usual": usual}

    def say(self, text: str, after_s: float, wanted: Callable[[], bool]) -> None:
        """Let this text be heard in `after_s`. It may take longer: whether it is still `wanted` is asked then."""
        if not wanted():
            self._chime(earcon(Earcon.TEXT))
        elif after_s or not self._play_known(text):
            self._to_say = (text, after_s, wanted)
            self._woken.set()

    def heard(self, text: str, pcm: Pcm) -> None:
        """This text was heard, and whole."""
        if self._phrases is not None and len(self._to_keep) < MOST_WAITING:
            self._to_keep.append((text, pcm))
            self._woken.set()

    async def warm(self) -> int:
        """Have the local voice say the usual phrases that are not known, into the cache; how many it said.

        Raises EdgeError where there is no cache or no voice, or one of them fails.
        """
        if self._phrases is None:
            raise EdgeError(NO_CACHE)
        unknown = [text for text in self.usual if self._phrases.whose(text) is None]
        for text in unknown:
            if self._voice is None:
                raise EdgeError(NO_VOICE)
            await self._phrases.keep(text, await self._samples_of(await self._voice.say(text)), Whose.LOCAL)
            if self._phrases.whose(text) is None:
                raise EdgeError(f"{text!r} cannot be kept: {self._phrases.trouble or 'it is empty or too long'}")
        return len(unknown)

    async def run(self) -> None:
        """Speak and write, for ever."""
        async with asyncio.TaskGroup() as tasks:
            speaking: asyncio.Task[None] | None = None
            while True:
                await self._woken.wait()
                self._woken.clear()
                if self._to_say is not None:
                    if speaking is not None:
                        speaking.cancel()  # the newest text counts
                    speaking = tasks.create_task(self._speak(*self._to_say), name="local voice")
                    self._to_say = None
                while self._to_keep and self._phrases is not None:
                    text, pcm = self._to_keep.pop(0)
                    new = self._phrases.whose(text) is not Whose.AGENT
                    if new and self._wear.take(pcm.nbytes + FILE_BYTES, asyncio.get_running_loop().time()):
                        await self._phrases.keep(text, pcm)

    def _play_known(self, text: str) -> bool:
        pcm = None if self._phrases is None else self._phrases.find(text)
        if pcm is not None:
            self._play(wav_bytes(pcm), "wav")
        return pcm is not None

    async def _speak(self, text: str, after_s: float, wanted: Callable[[], bool]) -> None:
        if after_s:
            await asyncio.sleep(after_s)
            if not wanted() or self._play_known(text):
                return
        audio = b""
        try:
            if self._voice is not None:
                audio = await self._voice.say(text)
        except DeviceError as error:
            log.warning("%s", error)
        if not wanted():
            return
        if audio:
            self._play(audio, "wav")
        else:
            self._chime(earcon(Earcon.TEXT))

    async def _samples_of(self, wav: bytes) -> Pcm:
        """A WAV file's samples at 16 kHz; none of what is no WAV file. Others have their turn meanwhile."""
        answer = Answer.of_file(self._codecs, log.warning, wav, "wav")
        pieces = [EMPTY]
        while answer.pending:
            pieces.append(answer.step())
            await asyncio.sleep(0)
        return np.concatenate(pieces)
