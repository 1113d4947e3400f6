"""An answer that came without sound is heard too: from the phrase cache, else by a local voice, else as an earcon."""

import asyncio
import logging
from collections.abc import Callable

from hero365_edge.core.earcons import Earcon, earcon
from hero365_edge.core.pcm import Pcm
from hero365_edge.core.wav import wav_bytes
from hero365_edge.errors import DeviceError
from hero365_edge.speech_ports import PhraseBook, Voice

log = logging.getLogger(__name__)

GRACE_S = 0.5
"""A backend that promised no stream may send one all the same: only a known phrase does not wait for it."""
MOST_WAITING = 4
"""So many phrases wait to be written; on a card that slow the next is not kept."""


class Spoken:
    """Says texts, and remembers how the backend's sounded."""

    def __init__(
        self,
        phrases: PhraseBook | None,
        voice: Voice | None,
        play: Callable[[bytes, str], None],
        chime: Callable[[Pcm], None],
        grace_s: float = GRACE_S,
    ) -> None:
        """`play` takes a WAV file, and its kind by name."""
        self._phrases = phrases
        self._voice = voice
        self._play = play
        self._chime = chime
        self._grace_s = grace_s
        self._to_say: tuple[str, Callable[[], bool]] | None = None
        self._to_keep: list[tuple[str, Pcm]] = []
        self._woken = asyncio.Event()

    @property
    def figures(self) -> dict[str, int]:
        """Of the phrase cache; empty without one."""
        return self._phrases.figures if self._phrases is not None else {}

    def say(self, text: str, wanted: Callable[[], bool]) -> None:
        """Let this text be heard. All but a known phrase takes a moment: whether it is still `wanted` is asked then."""
        if not wanted():
            self._chime(earcon(Earcon.TEXT))
        elif self._phrases is not None and (pcm := self._phrases.find(text)) is not None:
            self._play(wav_bytes(pcm), "wav")
        else:
            self._to_say = (text, wanted)
            self._woken.set()

    def heard(self, text: str, pcm: Pcm) -> None:
        """This text was heard, and whole."""
        if self._phrases is not None and len(self._to_keep) < MOST_WAITING:
            self._to_keep.append((text, pcm))
            self._woken.set()

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
                    await self._phrases.keep(*self._to_keep.pop(0))

    async def _speak(self, text: str, wanted: Callable[[], bool]) -> None:
        await asyncio.sleep(self._grace_s)
        audio = b""
        try:
            if self._voice is not None and wanted():
                audio = await self._voice.say(text)
        except DeviceError as error:
            log.warning("%s", error)
        if not wanted():
            return
        if audio:
            self._play(audio, "wav")
        else:
            self._chime(earcon(Earcon.TEXT))
