"""A voice in memory: a tone for each text, as long as the text takes to be said."""

import asyncio

import numpy as np

from hero365_edge.core.pcm import RATE_HZ, Pcm
from hero365_edge.core.wav import wav_bytes
from hero365_edge.errors import DeviceError

CHARS_A_S = 15
"""As fast as espeak-ng speaks."""
TONE_HZ = 440


class FakeVoice:
    """The Voice port in memory; the verbs of the world are `fail`, `hold` and `let_go`. Nobody understands it.

    Its header tells the true length, and it speaks at 16 kHz; espeak-ng does neither.
    """

    def __init__(self) -> None:
        self.said: list[str] = []
        """The texts it was given."""
        self._error: DeviceError | None = None
        self._free = asyncio.Event()
        self._free.set()

    def fail(self, why: str) -> None:
        """From here on it is hoarse, for this reason."""
        self._error = DeviceError(why)

    def hold(self) -> None:
        """From here on a text takes until `let_go`."""
        self._free.clear()

    def let_go(self) -> None:
        """Texts take no time again."""
        self._free.set()

    async def say(self, text: str) -> bytes:
        """The text as a WAV file. Raises DeviceError once it is hoarse, and for no text at all."""
        self.said.append(text)
        await asyncio.sleep(0)  # a process takes its time: whoever asks has to wait
        await self._free.wait()
        if self._error is not None:
            raise self._error
        if not text:
            raise DeviceError("the local voice has nothing to say")
        return wav_bytes(spoken(text))


def spoken(text: str) -> Pcm:
    """What is heard of a text: 16 kHz, shape (n,)."""
    times = np.arange(len(text) * RATE_HZ // CHARS_A_S) / RATE_HZ
    return np.round(8000 * np.sin(2 * np.pi * TONE_HZ * times)).astype(np.int16)
